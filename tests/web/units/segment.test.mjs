// What the assist tools find in pictures whose truth is known.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const load = createRequire(`${process.env.UNITS}/`);
const { cutout, pathsFrom, pathTo, superpixels } = load("./segment.js");
const { flood, outlines, smoothed, drawn } = load("./pixels.js");
const { area, patchIou, trimmed } = load("./rle.js");
const { nearestSide } = load("./geometry.js");

const WIDTH = 160;
const HEIGHT = 120;
const inDisc = (x, y) => (x - 70) ** 2 + (y - 60) ** 2 < 35 ** 2;

/** A coloured disc on a ground, both with noise. */
function picture(noise, disc = [60, 90, 190], ground = [150, 140, 110]) {
  let state = 12;
  const next = () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296 - 0.5;
  };
  const data = new Uint8ClampedArray(4 * WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const colour = inDisc(x + 0.5, y + 0.5) ? disc : ground;
      const at = 4 * (y * WIDTH + x);
      for (let c = 0; c < 3; c += 1) data[at + c] = colour[c] + noise * next();
      data[at + 3] = 255;
    }
  }
  return { width: WIDTH, height: HEIGHT, data };
}

function truth() {
  const bits = new Uint8Array(WIDTH * HEIGHT);
  for (let at = 0; at < bits.length; at += 1) bits[at] = inDisc((at % WIDTH) + 0.5, Math.floor(at / WIDTH) + 0.5) ? 1 : 0;
  return trimmed({ x: 0, y: 0, width: WIDTH, height: HEIGHT, bits });
}

test("a cut-out finds the object in a loose box, also in noise", () => {
  const box = { kind: "box", x: 27, y: 20, width: 84, height: 82 };
  for (const noise of [0, 30, 80]) {
    const found = cutout(picture(noise), box);
    assert.ok(patchIou(found, truth()) > 0.95, `noise ${noise}: ${patchIou(found, truth())}`);
  }
  assert.equal(cutout(picture(0), { kind: "box", x: -50, y: -50, width: 3, height: 3 }), undefined);
});

test("the magic wand finds the object, and its outline has few points", () => {
  const found = smoothed(flood(picture(20), [70, 60], 24));
  assert.ok(patchIou(found, truth()) > 0.95);
  const { parts, holes } = outlines(found, 1);
  assert.equal(holes, false);
  assert.ok(parts[0].length < 40, String(parts[0].length));
  assert.ok(patchIou(drawn(parts, WIDTH, HEIGHT), truth()) > 0.95);
});

test("superpixels keep to the edges, are connected and of the size that was asked", () => {
  const labels = superpixels(picture(20), 16);
  const count = Math.max(...labels) + 1;
  assert.ok(count > 30 && count < 160, String(count));
  const inside = new Map();
  labels.forEach((n, at) => {
    const [all, disc] = inside.get(n) ?? [0, 0];
    inside.set(n, [all + 1, disc + (inDisc((at % WIDTH) + 0.5, Math.floor(at / WIDTH) + 0.5) ? 1 : 0)]);
  });
  let right = 0;
  for (const [all, disc] of inside.values()) right += Math.max(disc, all - disc);
  assert.ok(right / labels.length > 0.97, String(right / labels.length));
  // Filled from any pixel of it, a patch is all there.
  const n = labels[60 * WIDTH + 70];
  const bits = labels.map((m) => (m === n ? 1 : 0));
  const data = new Uint8ClampedArray(4 * bits.length);
  bits.forEach((bit, at) => data.fill(255 * bit, 4 * at, 4 * at + 4));
  const whole = trimmed({ x: 0, y: 0, width: WIDTH, height: HEIGHT, bits: Uint8Array.from(bits) });
  assert.equal(area(flood({ width: WIDTH, height: HEIGHT, data }, [70, 60], 0)), area(whole));
});

test("a path between two places on an edge follows the edge", () => {
  const paths = pathsFrom(picture(10), [70, 25]);
  const path = pathTo(paths, [70, 95]);
  assert.deepEqual(path[0], [70.5, 25.5]);
  assert.deepEqual(path.at(-1), [70.5, 95.5]);
  const circle = Array.from({ length: 200 }, (_, i) => [70 + 35 * Math.cos(i / 31.83), 60 + 35 * Math.sin(i / 31.83)]);
  const off = path.filter((p) => nearestSide(circle, p).far > 3);
  assert.ok(off.length <= 0.05 * path.length, `${off.length} of ${path.length}`);
  assert.equal(pathTo(paths, [-4, 5]), undefined);
});
