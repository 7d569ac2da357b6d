/** Plain geometry of points, boxes and outlines, in pixels of the image. */

import type { Box, Part, Point, Polygon } from "./shapes";

export type Rect = { left: number; top: number; right: number; bottom: number };

export const round = (value: number): number => Math.round(value * 100) / 100;
export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);
export const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

export function rectOf(points: readonly Point[]): Rect {
  const rect = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const [x, y] of points) {
    if (x < rect.left) rect.left = x;
    if (x > rect.right) rect.right = x;
    if (y < rect.top) rect.top = y;
    if (y > rect.bottom) rect.bottom = y;
  }
  return rect;
}

export function rectOfBox(box: Box): Rect {
  return { left: box.x, top: box.y, right: box.x + box.width, bottom: box.y + box.height };
}

export function boxOf({ left, top, right, bottom }: Rect): Box {
  return { kind: "box", x: left, y: top, width: right - left, height: bottom - top };
}

export function around(rects: readonly Rect[]): Rect {
  return rectOf(rects.flatMap((r): Point[] => [[r.left, r.top], [r.right, r.bottom]]));
}

export function overlap(a: Rect, b: Rect): boolean {
  return a.left <= b.right && a.right >= b.left && a.top <= b.bottom && a.bottom >= b.top;
}

export function within(rect: Rect, [x, y]: Point, slack = 0): boolean {
  return x >= rect.left - slack && x <= rect.right + slack && y >= rect.top - slack && y <= rect.bottom + slack;
}

/** The box between two corners inside an image; undefined where nothing of it is left. */
export function boxBetween(a: Point, b: Point, width: number, height: number): Box | undefined {
  const left = round(clamp(Math.min(a[0], b[0]), 0, width));
  const right = round(clamp(Math.max(a[0], b[0]), 0, width));
  const top = round(clamp(Math.min(a[1], b[1]), 0, height));
  const bottom = round(clamp(Math.max(a[1], b[1]), 0, height));
  if (right - left < 0.01 || bottom - top < 0.01) return undefined;
  return { kind: "box", x: left, y: top, width: round(right - left), height: round(bottom - top) };
}

/** Intersection over union of two boxes, 0 to 1. */
export function boxIou(a: Box, b: Box): number {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const shared = Math.max(across, 0) * Math.max(down, 0);
  return Math.min(1, shared / (a.width * a.height + b.width * b.height - shared));
}

export function signedArea(part: Part): number {
  let total = 0;
  const [x0, y0] = part[0] ?? [0, 0];
  let before = part.at(-1) ?? [0, 0];
  for (const point of part) {
    total += (before[0] - x0) * (point[1] - y0) - (point[0] - x0) * (before[1] - y0);
    before = point;
  }
  return total / 2;
}

/** Whether a line from the point to the outside crosses the outline an odd number of times. */
export function inside(part: Part, [x, y]: Point): boolean {
  let odd = false;
  for (let i = 0, j = part.length - 1; i < part.length; j = i, i += 1) {
    const [xi, yi] = part[i]!;
    const [xj, yj] = part[j]!;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

/** The nearest place on a side: how far, and at which share of it. */
export function onSide(p: Point, a: Point, b: Point): { far: number; at: Point } {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = dx * dx + dy * dy;
  const share = length ? clamp(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length, 0, 1) : 0;
  const at: Point = [a[0] + share * dx, a[1] + share * dy];
  return { far: distance(p, at), at };
}

export function nearestSide(part: Part, p: Point): { side: number; far: number; at: Point } {
  let best = { side: -1, far: Infinity, at: p };
  part.forEach((a, side) => {
    const found = onSide(p, a, part[(side + 1) % part.length]!);
    if (found.far < best.far) best = { side, ...found };
  });
  return best;
}

/** Douglas and Peucker's simplification of an open line: no point further away than `tolerance`. */
function simplifyLine(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const open: [number, number][] = [[0, points.length - 1]];
  for (let span = open.pop(); span; span = open.pop()) {
    const [first, last] = span;
    let worst = tolerance;
    let place = -1;
    for (let i = first + 1; i < last; i += 1) {
      const { far } = onSide(points[i]!, points[first]!, points[last]!);
      if (far > worst) {
        worst = far;
        place = i;
      }
    }
    if (place < 0) continue;
    keep[place] = 1;
    open.push([first, place], [place, last]);
  }
  return points.filter((_, i) => keep[i]);
}

/** The same of a closed outline, cut at its two points that are furthest apart. */
export function simplify(part: Part, tolerance: number): Point[] {
  if (part.length < 4) return [...part];
  let far = 0;
  let place = 0;
  part.forEach((p, i) => {
    const d = distance(part[0]!, p);
    if (d > far) {
      far = d;
      place = i;
    }
  });
  if (place === 0) return [...part];
  const there = simplifyLine(part.slice(0, place + 1), tolerance);
  const back = simplifyLine([...part.slice(place), part[0]!], tolerance);
  const found = [...there, ...back.slice(1, -1)];
  return found.length >= 3 ? found : [...part];
}

/** An outline cut off at the image's edges (Sutherland and Hodgman). */
export function clipped(part: Part, width: number, height: number): Point[] {
  const rect = rectOf(part);
  if (rect.left >= 0 && rect.top >= 0 && rect.right <= width && rect.bottom <= height) return [...part];
  let points: Point[] = [...part];
  const sides: [axis: 0 | 1, limit: number, keepBelow: boolean][] = [
    [0, 0, false], [0, width, true], [1, 0, false], [1, height, true],
  ];
  for (const [axis, limit, below] of sides) {
    const isIn = (p: Point) => (below ? p[axis] <= limit : p[axis] >= limit);
    const found: Point[] = [];
    points.forEach((p, i) => {
      const before = points.at(i - 1)!;
      if (isIn(p) !== isIn(before)) {
        const share = (limit - before[axis]) / (p[axis] - before[axis]);
        found.push([before[0] + share * (p[0] - before[0]), before[1] + share * (p[1] - before[1])]);
      }
      if (isIn(p)) found.push(p);
    });
    points = found;
  }
  return points;
}

/** A polygon that may be saved: inside the image, rounded, without parts that enclose nothing. */
export function tidy(parts: readonly Part[], width: number, height: number): Polygon | undefined {
  const kept = parts
    .map((part) =>
      clipped(part, width, height)
        .map(([x, y]): Point => [round(x), round(y)])
        .filter((p, i, all) => all.length < 2 || distance(p, all.at(i - 1)!) > 0),
    )
    .filter((part) => part.length >= 3 && Math.abs(signedArea(part)) > 0.01);
  return kept.length ? { kind: "polygon", parts: kept } : undefined;
}
