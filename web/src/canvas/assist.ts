/** The assist tools' worker: it has the picture, reduced where it is large, and answers in turn. */

import { enlarged } from "./pixels";
import type { Patch } from "./rle";
import type { Paths } from "./segment";
import type { Box, Point } from "./shapes";
import type { Stage } from "./stage";
import type { Order } from "./worker";

const LARGEST = 1400; // pixels a side that the tools look at

export class Assist {
  private worker: Worker | undefined;
  private waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  private next = 1;
  private opened: { picture: ImageBitmap; size: Promise<{ width: number; height: number }> } | undefined;

  constructor(private readonly stage: Stage) {}

  private send<T>(order: Order, transfer: Transferable[] = []): Promise<T> {
    if (!this.worker) {
      this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      this.worker.onmessage = (event: MessageEvent<{ id: number; result?: unknown; error?: string }>) => {
        const { id, result, error } = event.data;
        const asked = this.waiting.get(id);
        this.waiting.delete(id);
        if (error !== undefined) asked?.reject(new Error(error));
        else asked?.resolve(result);
      };
      this.worker.onerror = (event) => {
        for (const asked of this.waiting.values()) asked.reject(new Error(event.message || "The tool's worker failed."));
        this.waiting.clear();
      };
    }
    const id = this.next;
    this.next += 1;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.worker!.postMessage({ id, order }, transfer);
    });
  }

  /** Gives the picture on the stage to the worker, once; answers the size in which it looks at it. */
  private async open(): Promise<{ width: number; height: number }> {
    const { picture } = this.stage;
    const { image } = this.stage.editor;
    if (!picture || !image) throw new Error("There is no picture yet.");
    if (this.opened?.picture !== picture) {
      const scale = Math.min(1, LARGEST / Math.max(image.width, image.height));
      const width = Math.max(1, Math.round(image.width * scale));
      const height = Math.max(1, Math.round(image.height * scale));
      const size = createImageBitmap(picture).then(async (bitmap) => {
        await this.send({ what: "open", bitmap, width, height }, [bitmap]);
        return { width, height };
      });
      this.opened = { picture, size };
    }
    return this.opened.size;
  }

  /** A place of the image in the worker's picture. */
  private async scaled(): Promise<{ sx: number; sy: number; size: { width: number; height: number } }> {
    const size = await this.open();
    const image = this.stage.editor.image!;
    return { sx: size.width / image.width, sy: size.height / image.height, size };
  }

  private async patch(order: (sx: number, sy: number) => Order): Promise<Patch | undefined> {
    const image = this.stage.editor.image!;
    const { sx, sy, size } = await this.scaled();
    const found = await this.send<Patch | null>(order(sx, sy));
    return found ? enlarged(found, image.width, image.height, size.width, size.height) : undefined;
  }

  flood([x, y]: Point, tolerance: number): Promise<Patch | undefined> {
    return this.patch((sx, sy) => ({ what: "flood", at: [x * sx, y * sy], tolerance }));
  }

  cutout(box: Box): Promise<Patch | undefined> {
    return this.patch((sx, sy) => ({
      what: "cutout",
      box: { kind: "box", x: box.x * sx, y: box.y * sy, width: box.width * sx, height: box.height * sy },
    }));
  }

  async superpixels(size: number): Promise<{ labels: Int32Array; width: number; height: number }> {
    const { sx, size: picture } = await this.scaled();
    const labels = await this.send<Int32Array>({ what: "superpixels", size: Math.max(4, size * sx) });
    return { labels, ...picture };
  }

  async paths([x, y]: Point): Promise<{ paths: Paths; sx: number; sy: number }> {
    const { sx, sy } = await this.scaled();
    return { paths: await this.send<Paths>({ what: "paths", at: [x * sx, y * sy] }), sx, sy };
  }

  end(): void {
    this.worker?.terminate();
    for (const asked of this.waiting.values()) asked.reject(new Error("The page was left."));
    this.waiting.clear();
  }
}
