/**
 * Masks as a cut-out of pixels and as COCO's compressed run-length string (`types/rle.py` says how
 * it is made; both give the same text). Runs go down the columns, from left to right.
 */

import type { Mask } from "./shapes";

/** The pixels of a mask in the smallest rectangle that holds them, row by row, 0 or 1. */
export type Patch = { x: number; y: number; width: number; height: number; bits: Uint8Array };

/** The runs of a compressed string; they begin with pixels outside. */
export function readCounts(counts: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < counts.length; ) {
    let value = 0;
    let place = 0;
    for (let more = true; more; place += 1) {
      if (at >= counts.length) throw new Error("The compressed mask ends in the middle of a number.");
      const group = counts.charCodeAt(at) - 48;
      if (group < 0 || group > 63) throw new Error("This is not a compressed COCO mask.");
      at += 1;
      more = (group & 32) !== 0;
      // Not by shifting: 32 bits are too few for the largest runs.
      value += (group & 31) * 2 ** (5 * place);
      if (!more && group & 16) value -= 2 ** (5 * (place + 1));
    }
    runs.push(runs.length > 2 ? value + runs[runs.length - 2]! : value);
  }
  return runs;
}

export function writeCounts(runs: readonly number[]): string {
  let text = "";
  runs.forEach((run, i) => {
    let value = i > 2 ? run - runs[i - 2]! : run;
    for (let more = true; more; ) {
      const group = ((value % 32) + 32) % 32;
      value = (value - group) / 32;
      more = group & 16 ? value !== -1 : value !== 0;
      text += String.fromCharCode(48 + group + (more ? 32 : 0));
    }
  });
  return text;
}

/** The pixels of a mask. */
export function decode(mask: Mask): Patch {
  const runs = readCounts(mask.counts);
  const spans: [from: number, to: number][] = [];
  const h = mask.height;
  let at = 0;
  let top = h;
  let bottom = 0;
  runs.forEach((run, i) => {
    if (i % 2 && run) {
      spans.push([at, at + run]);
      const oneColumn = Math.floor(at / h) === Math.floor((at + run - 1) / h);
      top = Math.min(top, oneColumn ? at % h : 0);
      bottom = Math.max(bottom, oneColumn ? ((at + run - 1) % h) + 1 : h);
    }
    at += run;
  });
  const first = spans[0];
  const last = spans.at(-1);
  if (!first || !last || at !== h * mask.width) throw new Error("The mask does not fit its size.");
  const x = Math.floor(first[0] / h);
  const width = Math.floor((last[1] - 1) / h) + 1 - x;
  const patch: Patch = { x, y: top, width, height: bottom - top, bits: new Uint8Array(width * (bottom - top)) };
  for (const [from, to] of spans) {
    let column = Math.floor(from / h);
    let row = from - column * h;
    for (let left = to - from; left > 0; column += 1, row = 0) {
      const here = Math.min(left, h - row);
      let place = (row - top) * width + column - x;
      for (let n = 0; n < here; n += 1, place += width) patch.bits[place] = 1;
      left -= here;
    }
  }
  return patch;
}

/** The mask of some pixels in an image; undefined if none is in it. */
export function encode(patch: Patch, imageWidth: number, imageHeight: number): Mask | undefined {
  const runs: number[] = [];
  let inside = 0;
  let from = 0; // where the run that goes on began
  const turn = (at: number) => {
    runs.push(at - from);
    from = at;
    inside ^= 1;
  };
  const left = Math.max(0, patch.x);
  const right = Math.min(imageWidth, patch.x + patch.width);
  const top = Math.max(0, patch.y);
  const bottom = Math.min(imageHeight, patch.y + patch.height);
  for (let column = left; column < right; column += 1) {
    const start = column * imageHeight;
    if (inside && top > 0) turn(start);
    let place = (top - patch.y) * patch.width + column - patch.x;
    for (let row = top; row < bottom; row += 1, place += patch.width) {
      if (patch.bits[place] !== inside) turn(start + row);
    }
    if (inside && bottom < imageHeight) turn(start + bottom);
  }
  if (inside && right < imageWidth) turn(right * imageHeight);
  if (runs.length === 0) return undefined;
  const total = imageWidth * imageHeight;
  if (from < total) runs.push(total - from);
  return { kind: "mask", height: imageHeight, width: imageWidth, counts: writeCounts(runs) };
}

/** Only the rectangle that holds pixels; undefined if there is none. */
export function trimmed(patch: Patch): Patch | undefined {
  let { width: left, height: top } = patch;
  let right = -1;
  let bottom = -1;
  for (let y = 0, at = 0; y < patch.height; y += 1) {
    for (let x = 0; x < patch.width; x += 1, at += 1) {
      if (!patch.bits[at]) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? undefined : cut(patch, patch.x + left, patch.y + top, right - left + 1, bottom - top + 1);
}

/** The pixels in another rectangle of the image; what the patch does not reach is 0. */
export function cut(patch: Patch, x: number, y: number, width: number, height: number): Patch {
  const bits = new Uint8Array(width * height);
  const left = Math.max(x, patch.x);
  const right = Math.min(x + width, patch.x + patch.width);
  const first = Math.max(y, patch.y);
  const end = Math.min(y + height, patch.y + patch.height);
  for (let row = first; row < end && left < right; row += 1) {
    const from = (row - patch.y) * patch.width + left - patch.x;
    bits.set(patch.bits.subarray(from, from + right - left), (row - y) * width + left - x);
  }
  return { x, y, width, height, bits };
}

export type Merge = "add" | "remove";

/** Pixels added to a mask or taken from it; undefined if none is left. */
export function merged(base: Patch | undefined, change: Patch, how: Merge): Patch | undefined {
  if (!base) return how === "add" ? trimmed(change) : undefined;
  const x = how === "add" ? Math.min(base.x, change.x) : base.x;
  const y = how === "add" ? Math.min(base.y, change.y) : base.y;
  const right = Math.max(base.x + base.width, how === "add" ? change.x + change.width : 0);
  const bottom = Math.max(base.y + base.height, how === "add" ? change.y + change.height : 0);
  const all = cut(base, x, y, right - x, bottom - y);
  const left = Math.max(x, change.x);
  const end = Math.min(right, change.x + change.width);
  for (let row = Math.max(y, change.y); row < Math.min(bottom, change.y + change.height); row += 1) {
    for (let column = left; column < end; column += 1) {
      if (change.bits[(row - change.y) * change.width + column - change.x]) {
        all.bits[(row - y) * all.width + column - x] = how === "add" ? 1 : 0;
      }
    }
  }
  return trimmed(all);
}

export function area(patch: Patch): number {
  return patch.bits.reduce((sum, bit) => sum + bit, 0);
}

/** Intersection over union of two masks, 0 to 1. */
export function patchIou(a: Patch, b: Patch): number {
  const other = cut(b, a.x, a.y, a.width, a.height);
  let shared = 0;
  for (let i = 0; i < a.bits.length; i += 1) shared += a.bits[i]! & other.bits[i]!;
  const all = area(a) + area(b) - shared;
  return all ? shared / all : 0;
}
