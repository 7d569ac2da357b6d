/** From the image's pixels to the screen's, and back. */

import { clamp, type Rect } from "./geometry";
import type { Point } from "./shapes";

/** A place of the image stands at `scale * place + (x, y)` on the canvas, in CSS pixels. */
export type View = { scale: number; x: number; y: number };

const LARGEST = 64;

export const toScreen = (view: View, [x, y]: Point): Point => [view.scale * x + view.x, view.scale * y + view.y];
export const toImage = (view: View, [x, y]: Point): Point => [(x - view.x) / view.scale, (y - view.y) / view.scale];

/** The whole image in the middle of the canvas, or a part of it; never larger than it makes sense. */
export function fitted(width: number, height: number, part: Rect, margin = 24): View {
  const across = Math.max(1, part.right - part.left);
  const down = Math.max(1, part.bottom - part.top);
  const scale = clamp(
    Math.min((width - 2 * margin) / across, (height - 2 * margin) / down),
    0.01,
    LARGEST / 2,
  );
  return {
    scale,
    x: (width - scale * (part.left + part.right)) / 2,
    y: (height - scale * (part.top + part.bottom)) / 2,
  };
}

/** Zoomed by a factor, so that what is under the pointer stays there. */
export function zoomed(view: View, factor: number, [px, py]: Point, smallest: number): View {
  const scale = clamp(view.scale * factor, smallest, LARGEST);
  const by = scale / view.scale;
  return { scale, x: px - by * (px - view.x), y: py - by * (py - view.y) };
}

/** Kept so that some of the image always stays in sight. */
export function kept(view: View, width: number, height: number, imageWidth: number, imageHeight: number): View {
  const edge = Math.min(80, width / 3, height / 3);
  return {
    scale: view.scale,
    x: clamp(view.x, edge - view.scale * imageWidth, width - edge),
    y: clamp(view.y, edge - view.scale * imageHeight, height - edge),
  };
}

export function sight(view: View, width: number, height: number): Rect {
  const [left, top] = toImage(view, [0, 0]);
  const [right, bottom] = toImage(view, [width, height]);
  return { left, top, right, bottom };
}
