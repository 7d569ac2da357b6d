// The canvas's plain mathematics, compiled by tests/web/test_units.py into the folder $UNITS.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const load = createRequire(`${process.env.UNITS}/`);
const geometry = load("./geometry.js");
const rle = load("./rle.js");
const pixels = load("./pixels.js");
const history = load("./history.js");
const shapes = load("./shapes.js");
const { contrast, classColour, inkOn } = load("./colours.js");

const box = (x, y, width, height) => ({ kind: "box", x, y, width, height });
const square = [[0, 0], [10, 0], [10, 10], [0, 10]];

/** Pixels from lines of signs: `#` is in. */
function patch(lines, x = 0, y = 0) {
  const width = lines[0].length;
  const bits = Uint8Array.from(lines.join(""), (sign) => (sign === "#" ? 1 : 0));
  return { x, y, width, height: lines.length, bits };
}

function text({ width, bits }) {
  const signs = Array.from(bits, (bit) => (bit ? "#" : ".")).join("");
  return signs.match(new RegExp(`.{${width}}`, "g"));
}

function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

function noise(seed, width, height, share) {
  const next = random(seed);
  return { x: 0, y: 0, width, height, bits: Uint8Array.from({ length: width * height }, () => (next() < share ? 1 : 0)) };
}

test("intersection over union of boxes", () => {
  const rows = [
    [box(0, 0, 2, 2), box(0, 0, 2, 2), 1],
    [box(0, 0, 2, 2), box(1, 0, 2, 2), 1 / 3],
    [box(0, 0, 2, 2), box(2, 0, 2, 2), 0], // they touch
    [box(0, 0, 4, 4), box(1, 1, 2, 2), 1 / 4],
  ];
  for (const [a, b, wanted] of rows) assert.ok(Math.abs(geometry.boxIou(a, b) - wanted) < 1e-12);
});

test("what is inside an outline", () => {
  assert.equal(geometry.inside(square, [5, 5]), true);
  assert.equal(geometry.inside(square, [15, 5]), false);
  const bay = [[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]];
  assert.equal(geometry.inside(bay, [5, 6]), false);
  assert.equal(geometry.inside(bay, [1, 5]), true);
});

test("the nearest side of an outline", () => {
  assert.deepEqual(geometry.nearestSide(square, [5, -3]), { side: 0, far: 3, at: [5, 0] });
  assert.deepEqual(geometry.nearestSide(square, [12, 5]), { side: 1, far: 2, at: [10, 5] });
});

test("simplifying keeps every point within the tolerance and drops what lies on a line", () => {
  const dense = [];
  for (let i = 0; i < 10; i += 1) dense.push([i, 0]);
  for (let i = 0; i < 10; i += 1) dense.push([10, i]);
  for (let i = 0; i < 10; i += 1) dense.push([10 - i, 10]);
  for (let i = 0; i < 10; i += 1) dense.push([0, 10 - i]);
  assert.equal(geometry.simplify(dense, 0.1).length, 4);
  const next = random(4);
  for (let round = 0; round < 30; round += 1) {
    const wild = Array.from({ length: 60 }, (_, i) => {
      const r = 20 + 10 * next();
      return [50 + r * Math.cos(i / 9.5), 50 + r * Math.sin(i / 9.5)];
    });
    const kept = geometry.simplify(wild, 2);
    assert.ok(kept.length >= 3 && kept.length <= wild.length);
    for (const point of wild) assert.ok(geometry.nearestSide(kept, point).far <= 2 + 1e-9);
  }
});

test("outlines are cut off at the image, and what is left is rounded", () => {
  const out = geometry.tidy([[[-5, 2], [5, 2], [5, 8], [-5, 8]]], 10, 10);
  assert.deepEqual(geometry.rectOf(out.parts[0]), { left: 0, top: 2, right: 5, bottom: 8 });
  assert.equal(geometry.tidy([[[-5, -5], [-1, -5], [-1, -1]]], 10, 10), undefined);
  assert.equal(geometry.boxBetween([-4, 3], [-1, 9], 10, 10), undefined);
  assert.deepEqual(geometry.boxBetween([12, 9], [4, 3.456], 10, 10), box(4, 3.46, 6, 5.54));
});

test("masks come back from their text as they were", () => {
  for (const [width, height, share] of [[1, 1, 1], [7, 5, 0.5], [33, 64, 0.02], [40, 3, 0.98]]) {
    for (let seed = 0; seed < 20; seed += 1) {
      const wanted = rle.trimmed(noise(seed, width, height, share));
      if (!wanted) continue;
      const mask = rle.encode(wanted, width, height);
      assert.deepEqual(rle.decode(mask), wanted);
      assert.equal(rle.writeCounts(rle.readCounts(mask.counts)), mask.counts);
    }
  }
  assert.equal(rle.encode(patch(["..", ".."]), 2, 2), undefined);
});

test("a stroke is added to a mask and taken from it", () => {
  const base = patch(["##", "##"], 1, 1);
  assert.deepEqual(text(rle.merged(base, patch(["#"], 3, 2), "add")), ["##.", "###"]);
  assert.deepEqual(text(rle.merged(base, patch(["##"], 1, 1), "remove")), ["##"]);
  assert.equal(rle.merged(base, patch(["##", "##"], 1, 1), "remove"), undefined);
  assert.equal(rle.patchIou(base, patch(["##", "##"], 2, 1)), 1 / 3);
});

test("the outlines around pixels have corners only, holes apart", () => {
  const { outer, holes } = pixels.contours(patch(["###", "#.#", "###"], 5, 7));
  assert.deepEqual(outer, [[[5, 7], [8, 7], [8, 10], [5, 10]]]);
  assert.equal(holes.length, 1);
  // Pixels that touch at a corner alone are two objects.
  assert.equal(pixels.contours(patch(["#.", ".#"])).outer.length, 2);
});

test("pixels drawn from their own outlines are the same pixels", () => {
  for (let seed = 0; seed < 25; seed += 1) {
    const wanted = rle.trimmed(noise(seed, 18, 13, 0.4));
    const { outer, holes } = pixels.contours(wanted);
    let found;
    for (const part of outer) found = rle.merged(found, pixels.drawn([part], 18, 13), "add");
    // A hole may hold pixels of its own, which the outlines inside of it put back.
    for (const part of holes) found = rle.merged(found, pixels.drawn([part], 18, 13), "remove");
    for (const part of outer) {
      if (holes.some((hole) => geometry.inside(hole, [part[0][0] + 0.5, part[0][1] + 0.5]))) {
        found = rle.merged(found, pixels.drawn([part], 18, 13), "add");
      }
    }
    assert.ok(rle.patchIou(found, wanted) > 0.9);
  }
});

test("a stroke is as wide as its brush", () => {
  const dot = pixels.stroke([[10, 10]], 3, 40, 40);
  assert.deepEqual([dot.x, dot.y, dot.width, dot.height], [7, 7, 6, 6]);
  const line = pixels.stroke([[5, 5], [20, 5]], 2, 40, 40);
  assert.deepEqual([line.y, line.height, line.width], [3, 4, 19]);
  assert.equal(pixels.stroke([[100, 100]], 3, 40, 40), undefined);
});

test("the magic wand fills what has the colour and is connected", () => {
  const width = 12;
  const height = 6;
  const data = new Uint8ClampedArray(4 * width * height).fill(200);
  const dark = (x, y) => data.set([40, 50, 60, 255], 4 * (y * width + x));
  for (let y = 1; y < 5; y += 1) for (let x = 1; x < 5; x += 1) dark(x, y);
  for (let y = 1; y < 5; y += 1) for (let x = 7; x < 11; x += 1) dark(x, y);
  const picture = { width, height, data };
  assert.deepEqual(text(pixels.flood(picture, [2.5, 2.5], 10)), ["####", "####", "####", "####"]);
  const around = pixels.flood(picture, [0.5, 0.5], 10);
  assert.equal(rle.area(around), width * height - 32);
  assert.equal(rle.area(pixels.flood(picture, [2.5, 2.5], 255)), width * height);
  assert.equal(pixels.flood(picture, [-1, 2], 10), undefined);
});

test("every step can be undone and done again", () => {
  const shape = (id) => ({ id, label: "car", geometry: box(0, 0, 1, 1), attributes: {}, suggested_by: null, crowd: false });
  const next = random(9);
  let label = { shapes: [], tags: [] };
  const seen = [label];
  let past = history.NO_HISTORY;
  for (let i = 0; i < 60; i += 1) {
    const all = [...label.shapes];
    const place = Math.floor(next() * all.length);
    const what = next();
    if (what < 0.5 || !all.length) all.splice(place, 0, shape(`n${i}`));
    else if (what < 0.75) all.splice(place, 1);
    else all.push(...all.splice(place, 1));
    const after = { shapes: all, tags: what > 0.9 ? [...label.tags, `t${i}`] : label.tags };
    const made = history.step(label, after, "change");
    if (!made) continue;
    past = history.remember(past, JSON.parse(JSON.stringify(made)));
    label = after;
    seen.push(label);
  }
  for (let i = past.past.length - 1; i >= 0; i -= 1) {
    label = history.undone(label, past.past[i]);
    assert.deepEqual(label, seen[i]);
  }
  past.past.forEach((made, i) => {
    label = history.redone(label, made);
    assert.deepEqual(label, seen[i + 1]);
  });
  assert.equal(history.step(label, { ...label }, "nothing"), undefined);
});

test("two labels that meet are told apart by their shapes", () => {
  const shape = (id, x) => ({ id, label: "car", geometry: box(x, 0, 1, 1), attributes: {}, suggested_by: null, crowd: false });
  const mine = { shapes: [shape("a", 0), shape("b", 1), shape("c", 2)], tags: ["night"] };
  const theirs = { shapes: [shape("a", 0), shape("b", 5), shape("d", 3)], tags: ["rain"] };
  const { onlyMine, onlyTheirs, changed, same } = shapes.difference(mine, theirs);
  assert.deepEqual([onlyMine.map((s) => s.id), onlyTheirs.map((s) => s.id), changed.length, same], [["c"], ["d"], 1, 1]);
  const both = shapes.bothLabels(mine, theirs);
  assert.equal(both.shapes.length, 5);
  assert.equal(new Set(both.shapes.map((s) => s.id)).size, 5);
  assert.deepEqual(both.tags, ["rain", "night"]);
  assert.equal(shapes.sameLabel(mine, JSON.parse(shapes.labelText(mine))), true);
});

test("a name can be read on the colour of every class", () => {
  for (let place = 0; place < 60; place += 1) {
    const colour = classColour(place);
    assert.match(colour, /^#[0-9a-f]{6}$/);
    assert.ok(contrast(colour, inkOn(colour)) >= 4.5, `${place}: ${colour}`);
  }
});
