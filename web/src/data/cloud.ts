/** The map's points as they come, and what is drawn of them. */
import { ask } from "../api/client";

export type Cloud = {
  model: string;
  n: number;
  total: number;
  explained: number;
  labels: string[];
  splits: string[];
  classes: string[];
  ids: Float64Array;
  x: Float32Array;
  y: Float32Array;
  label: Int16Array;
  split: Int16Array;
  said: Int16Array;
};

export type View = { x: number; y: number; zoom: number };
export type Point = { x: number; y: number };
/** A group of points that share a colour. */
export type Group = { name: string; color: string; size: number };

export const WHOLE: View = { x: 0, y: 0, zoom: 1 };
const MARGIN = 0.94;

export async function fetchCloud(project: string, query: string): Promise<Cloud> {
  const answer = await ask(`projects/${project}/map?${new URLSearchParams({ q: query }).toString()}`);
  const data = await answer.arrayBuffer();
  const length = new DataView(data).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length))) as Cloud;
  const n = head.n;
  let at = 4 + length;
  const take = <T>(kind: new (b: ArrayBuffer, offset: number, n: number) => T, bytes: number): T => {
    const found = new kind(data, at, n);
    at += bytes * n;
    return found;
  };
  return {
    ...head,
    ids: take(Float64Array, 8),
    x: take(Float32Array, 4),
    y: take(Float32Array, 4),
    label: take(Int16Array, 2),
    split: take(Int16Array, 2),
    said: take(Int16Array, 2),
  };
}

export type ColorBy = "label" | "split" | "said" | "disputed";

// Told apart in both themes and by eyes that see fewer colours; what comes later shares the last.
const COLORS = ["#3b82d6", "#e08a00", "#12946b", "#d4553a", "#b765b0", "#7a6ff0", "#5f9ea0", "#a0772a"];
const NONE = "#8a94a6";

/** The group of each point, and the groups. */
export function grouped(cloud: Cloud, by: ColorBy): { of: Uint16Array; groups: Group[] } {
  const of = new Uint16Array(cloud.n);
  const names =
    by === "disputed"
      ? ["at odds with the label", "agrees with the label", "no label"]
      : [...(by === "label" ? cloud.labels : by === "split" ? cloud.splits : cloud.classes), by === "label" ? "no label" : "none"];
  const sizes = new Array<number>(names.length).fill(0);
  const codes = by === "split" ? cloud.split : by === "said" ? cloud.said : cloud.label;
  for (let i = 0; i < cloud.n; i += 1) {
    const code = codes[i]!;
    const group =
      by !== "disputed"
        ? code < 0
          ? names.length - 1
          : code
        : code < 0
          ? 2
          : cloud.labels[code] === cloud.classes[cloud.said[i]!]
            ? 1
            : 0;
    of[i] = group;
    sizes[group]! += 1;
  }
  const groups = names.map((name, i) => ({
    name: name === "(none)" ? "nothing in it" : name,
    size: sizes[i]!,
    color:
      i === names.length - 1
        ? NONE
        : by === "disputed"
          ? [COLORS[3]!, COLORS[0]!][i]!
          : COLORS[Math.min(i, COLORS.length - 1)]!,
  }));
  return { of, groups };
}

/** From the map to pixels of a picture of that size. */
export function onScreen(view: View, width: number, height: number) {
  const scale = (Math.min(width, height) / 2) * MARGIN * view.zoom;
  return {
    scale,
    left: width / 2 - view.x * scale,
    top: height / 2 + view.y * scale,
  };
}

let kept: ImageData | undefined;

/** Pixels to draw into; the same ones as long as the size stays. */
function blank(context: CanvasRenderingContext2D, width: number, height: number): ImageData {
  if (kept?.width !== width || kept.height !== height) kept = context.createImageData(width, height);
  return kept;
}

/** Draw all points into the pixels of a canvas; the chosen ones last, the others pale beside them. */
export function paint(
  canvas: HTMLCanvasElement,
  cloud: Cloud,
  of: Uint16Array,
  groups: Group[],
  view: View,
  chosen: Uint8Array | undefined,
  ratio: number,
  paper: string,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  const { scale, left, top } = onScreen(view, width, height);
  const image = blank(context, width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const ground = rgb(paper);
  pixels.fill(packed(ground));
  const full = groups.map((group) => packed(rgb(group.color)));
  const pale = groups.map((group) => packed(mixed(rgb(group.color), ground, 0.22)));
  const side = Math.max(2, Math.round((cloud.n > 20_000 ? 2 : cloud.n > 2_000 ? 3 : 5) * ratio));
  const half = side >> 1;
  for (let turn = chosen ? 0 : 1; turn < 2; turn += 1) {
    for (let i = 0; i < cloud.n; i += 1) {
      if (chosen && Boolean(chosen[i]) !== Boolean(turn)) continue;
      const x0 = Math.round(left + cloud.x[i]! * scale) - half;
      const y0 = Math.round(top - cloud.y[i]! * scale) - half;
      if (x0 < -side || y0 < -side || x0 >= width || y0 >= height) continue;
      const color = (turn ? full : pale)[of[i]!]!;
      const first = Math.max(0, x0);
      const x1 = Math.min(width, x0 + side);
      const y1 = Math.min(height, y0 + side);
      for (let y = Math.max(0, y0); y < y1; y += 1) {
        const row = y * width;
        for (let x = row + first; x < row + x1; x += 1) pixels[x] = color;
      }
    }
  }
  context.putImageData(image, 0, 0);
}

/** The point nearest to a place on the screen, within `reach` pixels. */
export function nearest(
  cloud: Cloud, view: View, width: number, height: number, at: Point, reach: number,
): number | undefined {
  const { scale, left, top } = onScreen(view, width, height);
  let best = reach * reach;
  let found: number | undefined;
  for (let i = 0; i < cloud.n; i += 1) {
    const dx = left + cloud.x[i]! * scale - at.x;
    const dy = top - cloud.y[i]! * scale - at.y;
    const far = dx * dx + dy * dy;
    if (far < best) {
      best = far;
      found = i;
    }
  }
  return found;
}

/** Which points lie inside a loop drawn on the screen (even-odd rule). */
export function inside(
  cloud: Cloud, view: View, width: number, height: number, loop: Point[],
): Uint8Array {
  const { scale, left, top } = onScreen(view, width, height);
  const found = new Uint8Array(cloud.n);
  const xs = loop.map((p) => p.x);
  const ys = loop.map((p) => p.y);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let i = 0; i < cloud.n; i += 1) {
    const x = left + cloud.x[i]! * scale;
    const y = top - cloud.y[i]! * scale;
    if (x < x0 || x > x1 || y < y0 || y > y1) continue;
    let odd = false;
    for (let a = 0, b = loop.length - 1; a < loop.length; b = a, a += 1) {
      if (ys[a]! > y !== ys[b]! > y && x < ((xs[b]! - xs[a]!) * (y - ys[a]!)) / (ys[b]! - ys[a]!) + xs[a]!) {
        odd = !odd;
      }
    }
    if (odd) found[i] = 1;
  }
  return found;
}

type Rgb = [number, number, number];

function rgb(hex: string): Rgb {
  // Built pages shorten `#ffffff` to `#fff`.
  const digits = hex.trim().slice(1);
  const long = digits.length === 3 ? [...digits].map((d) => d + d).join("") : digits;
  const value = parseInt(long, 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

function mixed(a: Rgb, b: Rgb, share: number): Rgb {
  return a.map((v, i) => Math.round(v * share + b[i]! * (1 - share))) as Rgb;
}

function packed([r, g, b]: Rgb): number {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
