/** Work on single pixels: outlines drawn on them and found around them, strokes, colours. */

import { clamp, rectOf, signedArea, simplify } from "./geometry";
import { trimmed, type Patch } from "./rle";
import type { Part, Point } from "./shapes";

/** An image for the tools: RGBA, row by row. */
export type Picture = { width: number; height: number; data: Uint8ClampedArray };

/**
 * The pixels of an image whose centre is in one of the outlines, as `types/rle.py` draws them;
 * undefined if it is no pixel's centre.
 */
export function drawn(parts: readonly Part[], width: number, height: number): Patch | undefined {
  const all = rectOf(parts.flat());
  const x0 = clamp(Math.floor(all.left), 0, width);
  const y0 = clamp(Math.floor(all.top), 0, height);
  const x1 = clamp(Math.ceil(all.right), 0, width);
  const y1 = clamp(Math.ceil(all.bottom), 0, height);
  if (x1 <= x0 || y1 <= y0) return undefined;
  const patch: Patch = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, bits: new Uint8Array((x1 - x0) * (y1 - y0)) };
  for (const part of parts) {
    for (let column = x0; column < x1; column += 1) {
      const line = column + 0.5;
      const crossed: number[] = [];
      for (let i = 0; i < part.length; i += 1) {
        const [ax, ay] = part.at(i - 1)!;
        const [bx, by] = part[i]!;
        if (ax <= line !== bx <= line) crossed.push(ay + ((line - ax) / (bx - ax)) * (by - ay));
      }
      crossed.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossed.length; i += 2) {
        const from = clamp(Math.ceil(crossed[i]! - 0.5), y0, y1);
        const to = clamp(Math.ceil(crossed[i + 1]! - 0.5), y0, y1);
        for (let row = from; row < to; row += 1) patch.bits[(row - y0) * patch.width + column - x0] = 1;
      }
    }
  }
  return trimmed(patch);
}

/** The pixels of a stroke of a round brush. */
export function stroke(points: readonly Point[], radius: number, width: number, height: number): Patch | undefined {
  const all = rectOf(points);
  const x0 = clamp(Math.floor(all.left - radius), 0, width);
  const y0 = clamp(Math.floor(all.top - radius), 0, height);
  const x1 = clamp(Math.ceil(all.right + radius), 0, width);
  const y1 = clamp(Math.ceil(all.bottom + radius), 0, height);
  if (x1 <= x0 || y1 <= y0) return undefined;
  const patch: Patch = { x: x0, y: y0, width: x1 - x0, height: y1 - y0, bits: new Uint8Array((x1 - x0) * (y1 - y0)) };
  const square = Math.max(radius, 0.5) ** 2;
  points.forEach((b, i) => {
    const a = points[Math.max(0, i - 1)]!;
    const left = clamp(Math.floor(Math.min(a[0], b[0]) - radius - 1), x0, x1);
    const right = clamp(Math.ceil(Math.max(a[0], b[0]) + radius + 1), x0, x1);
    const top = clamp(Math.floor(Math.min(a[1], b[1]) - radius - 1), y0, y1);
    const bottom = clamp(Math.ceil(Math.max(a[1], b[1]) + radius + 1), y0, y1);
    const dx = b[0] - a[0];
    const dy = b[1] - a[1];
    const length = dx * dx + dy * dy;
    for (let row = top; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1) {
        const px = column + 0.5 - a[0];
        const py = row + 0.5 - a[1];
        const share = length ? clamp((px * dx + py * dy) / length, 0, 1) : 0;
        const ex = px - share * dx;
        const ey = py - share * dy;
        if (ex * ex + ey * ey <= square) patch.bits[(row - y0) * patch.width + column - x0] = 1;
      }
    }
  });
  return trimmed(patch);
}

/**
 * The outlines around the pixels of a patch, along the pixels' edges; `holes` are outlines inside
 * of others. Corners alone are kept, so that a rectangle has four points.
 */
export function contours(patch: Patch): { outer: Point[][]; holes: Point[][] } {
  const { width, height, bits } = patch;
  const at = (x: number, y: number) => x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x] === 1;
  // Edges with a pixel on their right, by the corner that they start from: one to the right of a
  // corner (top edges), one down, one left, one up.
  const stride = width + 1;
  const used = new Uint8Array(stride * (height + 1));
  const outer: Point[][] = [];
  const holes: Point[][] = [];
  const DX = [1, 0, -1, 0];
  const DY = [0, 1, 0, -1];
  /** Whether an edge leaves the corner in that direction: inside on its right, outside on its left. */
  const leaves = (x: number, y: number, way: number) => {
    if (way === 0) return at(x, y) && !at(x, y - 1);
    if (way === 1) return at(x - 1, y) && !at(x, y);
    if (way === 2) return at(x - 1, y - 1) && !at(x - 1, y);
    return at(x, y - 1) && !at(x - 1, y - 1);
  };
  for (let y = 0; y <= height; y += 1) {
    for (let x = 0; x <= width; x += 1) {
      if (used[y * stride + x]! & 1 || !leaves(x, y, 0)) continue;
      const points: Point[] = [];
      let cx = x;
      let cy = y;
      let way = 0;
      do {
        used[cy * stride + cx]! |= 1 << way;
        points.push([cx + patch.x, cy + patch.y]);
        do {
          cx += DX[way]!;
          cy += DY[way]!;
          const straight = leaves(cx, cy, way);
          const right = leaves(cx, cy, (way + 1) % 4);
          // Where two pixels touch at a corner alone, turn so that they stay apart.
          if (!right && straight) used[cy * stride + cx]! |= 1 << way;
          else break;
        } while (true);
        way = leaves(cx, cy, (way + 1) % 4) ? (way + 1) % 4 : (way + 3) % 4;
      } while (cx !== x || cy !== y || way !== 0);
      (signedArea(points) > 0 ? outer : holes).push(points);
    }
  }
  return { outer, holes };
}

/**
 * Outlines of a patch that few points describe: those of its outside, the largest first, without
 * crumbs of less than a hundredth of the largest. `holes` says whether something is lost by that.
 */
export function outlines(patch: Patch, tolerance: number): { parts: Point[][]; holes: boolean } {
  const found = contours(patch);
  const size = (part: Part) => Math.abs(signedArea(part));
  const sorted = found.outer.sort((a, b) => size(b) - size(a));
  const least = Math.max(2, size(sorted[0] ?? []) / 100);
  const parts = sorted
    .filter((part, i) => i === 0 || size(part) >= least)
    .slice(0, 12)
    .map((part) => simplify(part, tolerance));
  return { parts, holes: found.holes.some((hole) => size(hole) >= least) };
}

/** Whether a colour is near another one, by the largest difference of a channel. */
function near(data: Uint8ClampedArray, at: number, r: number, g: number, b: number, tolerance: number): boolean {
  return (
    Math.abs(data[at]! - r) <= tolerance &&
    Math.abs(data[at + 1]! - g) <= tolerance &&
    Math.abs(data[at + 2]! - b) <= tolerance
  );
}

/** The pixels around a place that have its colour, up to `tolerance` grey levels in each channel. */
export function flood(picture: Picture, [px, py]: Point, tolerance: number): Patch | undefined {
  const { width, height, data } = picture;
  const x = Math.floor(px);
  const y = Math.floor(py);
  if (x < 0 || y < 0 || x >= width || y >= height) return undefined;
  // The colour of the place is that of the pixels around it: a single one may be noise.
  let r = 0;
  let g = 0;
  let b = 0;
  let n = 0;
  for (let dy = -1; dy <= 1; dy += 1) {
    for (let dx = -1; dx <= 1; dx += 1) {
      const at = 4 * (clamp(y + dy, 0, height - 1) * width + clamp(x + dx, 0, width - 1));
      r += data[at]!;
      g += data[at + 1]!;
      b += data[at + 2]!;
      n += 1;
    }
  }
  const start = 4 * (y * width + x);
  const [mr, mg, mb] = [r / n, g / n, b / n];
  const mean = near(data, start, mr, mg, mb, tolerance);
  const [cr, cg, cb] = mean ? [mr, mg, mb] : [data[start]!, data[start + 1]!, data[start + 2]!];
  const bits = new Uint8Array(width * height);
  const stack = [y * width + x];
  bits[y * width + x] = 1;
  // Line by line: a stack of single pixels would be as large as the image.
  for (let seed = stack.pop(); seed !== undefined; seed = stack.pop()) {
    const row = Math.floor(seed / width);
    let left = seed;
    let right = seed;
    while (left > row * width && near(data, 4 * (left - 1), cr, cg, cb, tolerance)) left -= 1;
    while (right < row * width + width - 1 && near(data, 4 * (right + 1), cr, cg, cb, tolerance)) right += 1;
    for (let at = left; at <= right; at += 1) bits[at] = 1;
    for (const by of [-width, width]) {
      let open = false;
      for (let at = left + by; at <= right + by; at += 1) {
        const free = at >= 0 && at < bits.length && !bits[at] && near(data, 4 * at, cr, cg, cb, tolerance);
        if (free && !open) {
          bits[at] = 1;
          stack.push(at);
        }
        open = free;
      }
    }
  }
  return trimmed({ x: 0, y: 0, width, height, bits });
}

/** Small holes closed and single pixels taken away: the middle of the 3 x 3 pixels around decides. */
export function smoothed(patch: Patch): Patch | undefined {
  const width = patch.width + 2;
  const height = patch.height + 2;
  const bits = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy += 1) {
        const row = y - 1 + dy;
        if (row < 0 || row >= patch.height) continue;
        for (let dx = -1; dx <= 1; dx += 1) {
          const column = x - 1 + dx;
          if (column >= 0 && column < patch.width) sum += patch.bits[row * patch.width + column]!;
        }
      }
      if (sum >= 5) bits[y * width + x] = 1;
    }
  }
  return trimmed({ x: patch.x - 1, y: patch.y - 1, width, height, bits });
}

/** A patch of a reduced picture, in an image that is larger by a factor each way. */
export function enlarged(patch: Patch, width: number, height: number, fromWidth: number, fromHeight: number): Patch | undefined {
  if (width === fromWidth && height === fromHeight) return patch;
  const sx = width / fromWidth;
  const sy = height / fromHeight;
  const x = Math.floor(patch.x * sx);
  const y = Math.floor(patch.y * sy);
  const right = Math.min(width, Math.ceil((patch.x + patch.width) * sx));
  const bottom = Math.min(height, Math.ceil((patch.y + patch.height) * sy));
  const made: Patch = { x, y, width: right - x, height: bottom - y, bits: new Uint8Array((right - x) * (bottom - y)) };
  for (let row = 0; row < made.height; row += 1) {
    const from = Math.floor((row + y + 0.5) / sy) - patch.y;
    if (from < 0 || from >= patch.height) continue;
    for (let column = 0; column < made.width; column += 1) {
      const place = Math.floor((column + x + 0.5) / sx) - patch.x;
      if (place >= 0 && place < patch.width) made.bits[row * made.width + column] = patch.bits[from * patch.width + place]!;
    }
  }
  return trimmed(made);
}
