/** Shapes on a canvas. Paths and mask pictures are made once for each value, since none changes. */

import { channels, classColour, inkOn } from "./colours";
import type { Editor } from "./editor";
import { rectOfBox, type Rect } from "./geometry";
import { bounds, partsOf, patchOf } from "./scene";
import type { Geometry, Mask, Part, Point, Shape } from "./shapes";
import { toScreen, type View } from "./view";

export type Context = CanvasRenderingContext2D;

const paths = new WeakMap<Geometry, Path2D>();
const pictures = new WeakMap<Mask, { colour: string; canvas: HTMLCanvasElement }>();

const DOT = 3; // CSS pixels below which a shape is a dot
const MANY = 400; // shapes in sight from which each is drawn in the plainest way

export function tracePart(path: Path2D | Context, part: Part, close = true): void {
  part.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (close) path.closePath();
}

export function pathOf(geometry: Geometry): Path2D {
  let path = paths.get(geometry);
  if (!path) {
    path = new Path2D();
    for (const part of partsOf(geometry)) tracePart(path, part);
    paths.set(geometry, path);
  }
  return path;
}

/** The mask's pixels in a colour, with the ones at its edge stronger. */
function pictureOf(mask: Mask, colour: string): HTMLCanvasElement {
  const known = pictures.get(mask);
  if (known?.colour === colour) return known.canvas;
  const { width, height, bits } = patchOf(mask);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const [r, g, b] = channels(colour);
  const data = new Uint32Array(image.data.buffer);
  const rgb = (b << 16) | (g << 8) | r;
  const within = ((110 << 24) | rgb) >>> 0;
  const edge = ((235 << 24) | rgb) >>> 0;
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      if (!bits[at]) continue;
      const inner =
        x > 0 && x < width - 1 && y > 0 && y < height - 1 &&
        bits[at - 1] && bits[at + 1] && bits[at - width] && bits[at + width];
      data[at] = inner ? within : edge;
    }
  }
  context.putImageData(image, 0, 0);
  pictures.set(mask, { colour, canvas });
  return canvas;
}

export function useView(context: Context, view: View, ratio: number): void {
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
}

export function useScreen(context: Context, ratio: number): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function size(rect: Rect): number {
  return Math.max(rect.right - rect.left, rect.bottom - rect.top);
}

/** Shapes as they are when nobody looks at one of them; the transform is the view's. */
export function paintShapes(context: Context, editor: Editor, shapes: readonly Shape[], view: View): void {
  const plain = shapes.length > MANY;
  const line = 1 / view.scale;
  context.lineJoin = "round";
  for (const shape of shapes) {
    const colour = classColour(editor.classPlace(shape));
    const rect = bounds(shape.geometry);
    if (size(rect) * view.scale < DOT) {
      context.fillStyle = colour;
      context.globalAlpha = 1;
      context.fillRect(rect.left, rect.top, DOT * line, DOT * line);
      continue;
    }
    if (shape.geometry.kind === "mask") {
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = false;
      context.drawImage(pictureOf(shape.geometry, colour), rect.left, rect.top);
      continue;
    }
    const path = pathOf(shape.geometry);
    context.fillStyle = colour;
    context.globalAlpha = 0.14;
    context.fill(path);
    if (!plain) {
      // A dark edge keeps the colour readable on any picture.
      context.globalAlpha = 0.45;
      context.strokeStyle = "#000";
      context.lineWidth = 3.5 * line;
      context.stroke(path);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colour;
    context.lineWidth = (plain ? 1.5 : 2) * line;
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

export type Emphasis = "hover" | "chosen" | "suggested" | "suggested-chosen";

/** One shape that matters now: brighter, wider, dashed where it is only a suggestion. */
export function paintOne(context: Context, geometry: Geometry, how: Emphasis, colour: string, view: View): void {
  const line = 1 / view.scale;
  const suggested = how.startsWith("suggested");
  context.save();
  context.lineJoin = "round";
  if (geometry.kind === "mask") {
    const { left, top, right, bottom } = bounds(geometry);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = suggested ? 0.6 : how === "hover" ? 0.5 : 0.9;
    context.drawImage(pictureOf(geometry, colour), left, top);
    context.globalAlpha = 1;
    context.lineWidth = 1.5 * line;
    context.strokeStyle = "#fff";
    context.setLineDash([5 * line, 4 * line]);
    if (how !== "hover") context.strokeRect(left, top, right - left, bottom - top);
    context.restore();
    return;
  }
  const path = pathOf(geometry);
  context.fillStyle = colour;
  context.globalAlpha = suggested ? 0.06 : how === "hover" ? 0.22 : 0.26;
  context.fill(path);
  context.globalAlpha = 1;
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  context.lineWidth = 4.5 * line;
  context.stroke(path);
  if (suggested) {
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * line;
    context.stroke(path);
    context.setLineDash([6 * line, 5 * line]);
  }
  context.strokeStyle = how === "chosen" ? "#fff" : colour;
  context.lineWidth = (how === "chosen" || how === "suggested-chosen" ? 3 : 2.5) * line;
  context.stroke(path);
  if (how === "chosen") {
    context.strokeStyle = colour;
    context.lineWidth = 1.6 * line;
    context.stroke(path);
  }
  context.restore();
}

/** A small plate with a name at a shape's top left; the transform is the screen's. */
export function paintName(context: Context, text: string, rect: Rect, colour: string, view: View, width: number): void {
  const [left, top] = toScreen(view, [rect.left, rect.top]);
  context.font = "600 12px system-ui, sans-serif";
  const wide = Math.min(180, context.measureText(text).width + 10);
  const x = Math.min(Math.max(left - 1, 0), width - wide);
  const y = top - 19 < 0 ? Math.max(top, 0) + 1 : top - 19;
  context.fillStyle = colour;
  context.beginPath();
  context.roundRect(x, y, wide, 17, 4);
  context.fill();
  context.fillStyle = inkOn(colour);
  context.textBaseline = "middle";
  context.save();
  context.beginPath();
  context.rect(x, y, wide - 3, 17);
  context.clip();
  context.fillText(text, x + 5, y + 9);
  context.restore();
}

export const HANDLE = 7;

export function paintHandle(context: Context, view: View, place: Point, colour: string, round: boolean, strong = false): void {
  const [x, y] = toScreen(view, place);
  const half = (strong ? HANDLE + 3 : HANDLE) / 2;
  context.beginPath();
  if (round) context.arc(x, y, half + 0.5, 0, 2 * Math.PI);
  else context.rect(x - half, y - half, 2 * half, 2 * half);
  context.fillStyle = strong ? colour : "#fff";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = strong ? "#fff" : "rgb(0 0 0 / 80%)";
  context.stroke();
}

/** A line in the making: dark below, so that it is seen on every picture. */
export function paintLine(context: Context, view: View, points: Part, colour: string, close = false): void {
  if (points.length < 2) return;
  context.beginPath();
  tracePart(context, points.map((p) => toScreen(view, p)), close);
  context.lineJoin = context.lineCap = "round";
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
}

/** The places to pull at: eight of a box, the corners of an outline. */
export type Handle = { part: number; point: number; at: Point; kind: "corner" | "side" | "middle" };

export function handlesOf(geometry: Geometry, scale: number): Handle[] {
  if (geometry.kind === "mask") return [];
  if (geometry.kind === "box") {
    const { left, top, right, bottom } = rectOfBox(geometry);
    const xs = [left, (left + right) / 2, right];
    const ys = [top, (top + bottom) / 2, bottom];
    const found: Handle[] = [];
    ys.forEach((y, row) =>
      xs.forEach((x, column) => {
        if (row === 1 && column === 1) return;
        const kind = row === 1 || column === 1 ? "side" : "corner";
        if (kind === "side" && size(rectOfBox(geometry)) * scale < 40) return;
        found.push({ part: row - 1, point: column - 1, at: [x, y], kind });
      }),
    );
    return found;
  }
  return geometry.parts.flatMap((part, p) =>
    part.flatMap((at, i): Handle[] => {
      const next = part[(i + 1) % part.length]!;
      const corner: Handle = { part: p, point: i, at, kind: "corner" };
      const long = Math.hypot(next[0] - at[0], next[1] - at[1]) * scale > 28;
      const middle: Handle = { part: p, point: i, at: [(at[0] + next[0]) / 2, (at[1] + next[1]) / 2], kind: "middle" };
      return long ? [corner, middle] : [corner];
    }),
  );
}
