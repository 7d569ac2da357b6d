/** Where shapes are: a grid of cells that says which of thousands are near, and what is hit. */

import { inside, nearestSide, overlap, rectOf, rectOfBox, within, type Rect } from "./geometry";
import { decode, type Patch } from "./rle";
import type { Geometry, Label, Mask, Part, Point, Shape } from "./shapes";

const rects = new WeakMap<Geometry, Rect>();
const patches = new WeakMap<Mask, Patch>();

export function patchOf(mask: Mask): Patch {
  let patch = patches.get(mask);
  if (!patch) {
    patch = decode(mask);
    patches.set(mask, patch);
  }
  return patch;
}

/** The smallest rectangle around a geometry, worked out once for each value. */
export function bounds(geometry: Geometry): Rect {
  let rect = rects.get(geometry);
  if (!rect) {
    if (geometry.kind === "box") rect = rectOfBox(geometry);
    else if (geometry.kind === "polygon") rect = rectOf(geometry.parts.flat());
    else {
      const { x, y, width, height } = patchOf(geometry);
      rect = { left: x, top: y, right: x + width, bottom: y + height };
    }
    rects.set(geometry, rect);
  }
  return rect;
}

/** The outlines of a box or polygon. */
export function partsOf(geometry: Geometry): readonly Part[] {
  if (geometry.kind === "polygon") return geometry.parts;
  if (geometry.kind === "mask") return [];
  const { left, top, right, bottom } = rectOfBox(geometry);
  return [[[left, top], [right, top], [right, bottom], [left, bottom]]];
}

/** How well a place hits a geometry: 0 on its outline within `slack`, 1 inside, undefined outside. */
export function hit(geometry: Geometry, place: Point, slack: number): 0 | 1 | undefined {
  const rect = bounds(geometry);
  if (!within(rect, place, slack)) return undefined;
  if (geometry.kind === "mask") {
    const patch = patchOf(geometry);
    const x = Math.floor(place[0]) - patch.x;
    const y = Math.floor(place[1]) - patch.y;
    if (x < 0 || y < 0 || x >= patch.width || y >= patch.height) return undefined;
    return patch.bits[y * patch.width + x] ? 1 : undefined;
  }
  const parts = partsOf(geometry);
  if (parts.some((part) => nearestSide(part, place).far <= slack)) return 0;
  return parts.some((part) => inside(part, place)) ? 1 : undefined;
}

const CELLS = 64;

/** An index over the shapes of a label, made anew when the label changes: milliseconds for thousands. */
export class Scene {
  private cells: number[][] = [];
  private readonly across: number;
  private readonly down: number;
  readonly places = new Map<string, number>();

  constructor(
    readonly shapes: readonly Shape[],
    width: number,
    height: number,
  ) {
    this.across = Math.max(1, width) / CELLS;
    this.down = Math.max(1, height) / CELLS;
    this.cells = Array.from({ length: CELLS * CELLS }, () => []);
    shapes.forEach((shape, place) => {
      this.places.set(shape.id, place);
      this.each(bounds(shape.geometry), (cell) => cell.push(place));
    });
  }

  private each(rect: Rect, work: (cell: number[]) => void): void {
    const at = (value: number, size: number) => Math.min(CELLS - 1, Math.max(0, Math.floor(value / size)));
    const right = at(rect.right, this.across);
    const bottom = at(rect.bottom, this.down);
    for (let row = at(rect.top, this.down); row <= bottom; row += 1) {
      for (let column = at(rect.left, this.across); column <= right; column += 1) {
        work(this.cells[row * CELLS + column]!);
      }
    }
  }

  get(id: string): Shape | undefined {
    const place = this.places.get(id);
    return place === undefined ? undefined : this.shapes[place];
  }

  /** The shapes whose rectangle meets another, in the order of drawing. */
  in(rect: Rect): Shape[] {
    const found = new Set<number>();
    this.each(rect, (cell) => cell.forEach((place) => found.add(place)));
    return [...found]
      .sort((a, b) => a - b)
      .map((place) => this.shapes[place]!)
      .filter((shape) => overlap(bounds(shape.geometry), rect));
  }

  /**
   * What is under a place: an outline before an inside, and of insides the smallest, so that what
   * lies in a large object can be reached.
   */
  at(place: Point, slack: number, may: (shape: Shape) => boolean): Shape | undefined {
    const [x, y] = place;
    let best: { shape: Shape; rank: number } | undefined;
    for (const shape of this.in({ left: x - slack, top: y - slack, right: x + slack, bottom: y + slack })) {
      if (!may(shape)) continue;
      const how = hit(shape.geometry, place, slack);
      if (how === undefined) continue;
      const { left, top, right, bottom } = bounds(shape.geometry);
      const rank = how === 0 ? 0 : (right - left) * (bottom - top);
      if (!best || rank <= best.rank) best = { shape, rank };
    }
    return best?.shape;
  }
}

let last: { label: Label; width: number; height: number; scene: Scene } | undefined;

export function sceneOf(label: Label, width: number, height: number): Scene {
  if (last?.label !== label || last.width !== width || last.height !== height) {
    last = { label, width, height, scene: new Scene(label.shapes, width, height) };
  }
  return last.scene;
}
