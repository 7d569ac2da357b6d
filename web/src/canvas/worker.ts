/** Runs what the assist tools compute, so that the page never waits for it. */

import { flood, smoothed, type Picture } from "./pixels";
import { cutout, pathsFrom, superpixels } from "./segment";
import type { Box, Point } from "./shapes";

export type Order =
  | { what: "open"; bitmap: ImageBitmap; width: number; height: number }
  | { what: "flood"; at: Point; tolerance: number }
  | { what: "cutout"; box: Box }
  | { what: "superpixels"; size: number }
  | { what: "paths"; at: Point };

let picture: Picture | undefined;

function work(order: Order): unknown {
  if (order.what === "open") {
    const { bitmap, width, height } = order;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    picture = { width, height, data: context.getImageData(0, 0, width, height).data };
    return null;
  }
  if (!picture) throw new Error("No picture was opened.");
  if (order.what === "flood") {
    const found = flood(picture, order.at, order.tolerance);
    return found && smoothed(found);
  }
  if (order.what === "cutout") {
    const found = cutout(picture, order.box);
    return found && smoothed(found);
  }
  if (order.what === "superpixels") return superpixels(picture, order.size);
  return pathsFrom(picture, order.at);
}

self.onmessage = (event: MessageEvent<{ id: number; order: Order }>) => {
  const { id, order } = event.data;
  try {
    self.postMessage({ id, result: work(order) ?? null });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
