/** Tools that look at the picture: magic wand, cut-out, superpixels and scissors. */

import { channels } from "./colours";
import { distance, simplify, tidy } from "./geometry";
import { paintLine, useScreen, useView, type Context } from "./paint";
import { enlarged, outlines } from "./pixels";
import { merged, trimmed, type Merge, type Patch } from "./rle";
import { pathTo, type Paths } from "./segment";
import type { Geometry, Point, Shape } from "./shapes";
import type { Pointer, Stage, Tool } from "./stage";
import { BoxTool, colourOf, PolygonTool, pixelsOf } from "./tools";
import type { View } from "./view";

/** How far the outline of what a tool found may be from its pixels. */
const TOLERANCE = 1;

/** What a tool found as it is to be saved: few points that say the same, or the pixels. */
export function asGeometry(stage: Stage, patch: Patch | undefined): Geometry | undefined {
  const { editor } = stage;
  const image = editor.image;
  if (!patch || !image) return undefined;
  if (editor.settings.result === "polygon") {
    const { parts, holes } = outlines(patch, Math.max(TOLERANCE, Math.max(patch.width, patch.height) / 250));
    if (holes) editor.say("Its holes are filled: a polygon has none. Choose masks to keep them.");
    return tidy(parts, image.width, image.height);
  }
  return editor.maskOf(patch);
}

/**
 * Puts what was found into the label: as a new shape of the class that was set when the tool began,
 * or added to or taken from the chosen one.
 */
function put(stage: Stage, patch: Patch | undefined, how: Merge | "new", what: string, label?: string): Shape | undefined {
  const { editor } = stage;
  const target = how === "new" ? undefined : editor.only;
  if (!editor.image) return undefined;
  if (!target || editor.locked.has(target.id)) {
    const geometry = how === "remove" ? undefined : asGeometry(stage, patch);
    if (!geometry) editor.say("Nothing was found there");
    return geometry && editor.add(geometry, what, label);
  }
  if (!patch) return undefined;
  const { width, height } = editor.image;
  const all = merged(pixelsOf(target.geometry, width, height), patch, how === "add" ? "add" : "remove");
  editor.reshape(target.id, asGeometry(stage, all), what);
  return editor.scene.get(target.id);
}

function howFrom(p: Pointer): Merge | "new" {
  return p.alt ? "remove" : p.shift ? "add" : "new";
}

/** Says that it works, and lets nothing that comes too late into another image. */
async function busy(stage: Stage, words: string, work: () => Promise<void>): Promise<void> {
  const { editor } = stage;
  editor.busy = words;
  editor.notice = "";
  editor.tell();
  try {
    await work();
  } catch (error) {
    editor.notice = `The tool failed: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    editor.busy = "";
    editor.tell();
    stage.touch();
  }
}

/** What has the colour of the place that is clicked; the tolerance can be changed afterwards. */
export class WandTool implements Tool {
  readonly cursor = "crosshair";
  private last: { id: string; at: Point; tolerance: number } | undefined;
  private readonly stop: () => void;

  constructor(private readonly stage: Stage) {
    const { editor } = stage;
    this.stop = editor.subscribe(() => {
      const { last } = this;
      if (last && editor.settings.tolerance !== last.tolerance && editor.only?.id === last.id) this.again(last);
    });
  }

  private again(last: { id: string; at: Point; tolerance: number }): void {
    const { editor } = this.stage;
    const tolerance = editor.settings.tolerance;
    last.tolerance = tolerance;
    void busy(this.stage, "", async () => {
      const patch = await this.stage.assist.flood(last.at, tolerance);
      // A later tolerance is on its way, or something else is chosen by now.
      if (last.tolerance !== tolerance || editor.only?.id !== last.id) return;
      const geometry = asGeometry(this.stage, patch);
      if (geometry) editor.reshape(last.id, geometry, "wand");
    });
  }

  up(p: Pointer): void {
    const { editor } = this.stage;
    const { image, settings } = editor;
    const how = howFrom(p);
    this.last = undefined;
    void busy(this.stage, "Looking for what has this colour", async () => {
      const patch = await this.stage.assist.flood(p.at, settings.tolerance);
      if (editor.image !== image) return;
      const made = put(this.stage, patch, how, "wand", settings.label);
      if (made && how === "new") this.last = { id: made.id, at: p.at, tolerance: settings.tolerance };
    });
  }

  leave(): void {
    this.stop();
  }
}

/** The object in a box that is dragged around it, or in a box that is chosen. */
export class CutoutTool extends BoxTool {
  constructor(stage: Stage) {
    super(stage, (box) => {
      const { editor } = stage;
      const { image, settings } = editor;
      void busy(stage, "Cutting the object out", async () => {
        const patch = await stage.assist.cutout(box);
        if (editor.image === image) put(stage, patch, "new", "cut out", settings.label);
      });
    });
  }
}

/** Patches of one look, painted over: they are the object. */
export class SuperpixelTool implements Tool {
  readonly cursor = "crosshair";
  private found: { picture: ImageBitmap; size: number; labels: Int32Array; width: number; height: number; lines: HTMLCanvasElement } | undefined;
  private asked = "";
  private chosen = new Set<number>();
  private how: Merge | "new" = "new";
  private shown: { n: number; canvas: HTMLCanvasElement } | undefined;
  private readonly stop: () => void;

  constructor(private readonly stage: Stage) {
    this.stop = stage.editor.subscribe(() => this.look());
    this.look();
  }

  get begun(): boolean {
    return this.chosen.size > 0;
  }

  private look(): void {
    const { picture, editor } = this.stage;
    const { image } = editor;
    const size = editor.settings.patch;
    if (!picture || !image) return;
    if (this.found && (this.found.picture !== picture || this.found.size !== size)) this.found = undefined;
    const name = `${image.sha256} ${size}`;
    if (this.found || this.asked === name) return;
    this.asked = name;
    void busy(this.stage, "Dividing the picture into patches", async () => {
      const { labels, width, height } = await this.stage.assist.superpixels(size);
      if (this.stage.picture !== picture || editor.settings.patch !== size) return;
      this.found = { picture, size, labels, width, height, lines: lines(labels, width, height) };
    });
  }

  private at(p: Pointer): number | undefined {
    const { found } = this;
    const { image } = this.stage.editor;
    if (!found || !image) return undefined;
    const x = Math.floor((p.at[0] * found.width) / image.width);
    const y = Math.floor((p.at[1] * found.height) / image.height);
    return x < 0 || y < 0 || x >= found.width || y >= found.height ? undefined : found.labels[y * found.width + x];
  }

  down(p: Pointer): void {
    this.how = howFrom(p);
    this.chosen = new Set();
    this.move(p, true);
  }

  move(p: Pointer, pressed: boolean): void {
    const patch = pressed ? this.at(p) : undefined;
    if (patch !== undefined) this.chosen.add(patch);
  }

  up(): void {
    const { found, chosen } = this;
    const { image } = this.stage.editor;
    this.chosen = new Set();
    if (!found || !image || !chosen.size) return;
    const bits = Uint8Array.from(found.labels, (n) => (chosen.has(n) ? 1 : 0));
    const patch = trimmed({ x: 0, y: 0, width: found.width, height: found.height, bits });
    put(this.stage, patch && enlarged(patch, image.width, image.height, found.width, found.height), this.how, "superpixels");
  }

  cancel(): void {
    this.chosen = new Set();
    this.stage.touch();
  }

  leave(): void {
    this.stop();
  }

  draw(context: Context, view: View): void {
    const { found } = this;
    const { image } = this.stage.editor;
    if (!found || !image) return;
    const ratio = context.getTransform().a;
    useView(context, view, ratio);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = 0.4;
    context.drawImage(found.lines, 0, 0, image.width, image.height);
    if (this.chosen.size) {
      if (this.shown?.n !== this.chosen.size) this.shown = { n: this.chosen.size, canvas: this.filled() };
      context.globalAlpha = 0.6;
      context.drawImage(this.shown.canvas, 0, 0, image.width, image.height);
    } else this.shown = undefined;
    context.globalAlpha = 1;
    useScreen(context, ratio);
  }

  private filled(): HTMLCanvasElement {
    const { labels, width, height } = this.found!;
    const [r, g, b] = this.how === "remove" ? [255, 255, 255] : channels(colourOf(this.stage.editor));
    const colour = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    return painted(width, height, (at) => (this.chosen.has(labels[at]!) ? colour : 0));
  }
}

function painted(width: number, height: number, colour: (at: number) => number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const data = new Uint32Array(image.data.buffer);
  for (let at = 0; at < data.length; at += 1) data[at] = colour(at);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The borders between patches. */
function lines(labels: Int32Array, width: number, height: number): HTMLCanvasElement {
  return painted(width, height, (at) => {
    const right = at % width < width - 1 && labels[at + 1] !== labels[at];
    const below = at < width * (height - 1) && labels[at + width] !== labels[at];
    return right || below ? 0xffffffff : 0;
  });
}

/** As a polygon, but between two clicks the line follows the edges of the picture. */
export class ScissorsTool extends PolygonTool {
  private wire: { from: Point; paths: Paths; sx: number; sy: number } | undefined;
  private anchors: number[] = [];

  override down(): void {
    // A drag does not draw by hand here.
  }

  override move(p: Pointer): void {
    this.pointer = p.at;
  }

  override up(p: Pointer): void {
    if (this.closes(p)) return this.finish();
    const path = this.path(p.at);
    this.anchors.push(this.points.length);
    this.points.push(...path);
    const at = this.points.at(-1)!;
    const { image } = this.stage.editor;
    this.wire = undefined;
    void busy(this.stage, "", async () => {
      const { paths, sx, sy } = await this.stage.assist.paths(at);
      if (this.stage.editor.image === image && this.points.at(-1) === at) this.wire = { from: at, paths, sx, sy };
    });
  }

  /** From the last point to a place, in the image's pixels; a straight line where none is known. */
  private path(to: Point): Point[] {
    const { wire } = this;
    const found = wire && pathTo(wire.paths, [to[0] * wire.sx, to[1] * wire.sy]);
    if (!wire || !found || found.length < 3) return [to];
    const points = found.map(([x, y]): Point => [x / wire.sx, y / wire.sy]);
    return [...simplify([wire.from, ...points.slice(1, -1), to], TOLERANCE).slice(1).filter((q) => distance(q, wire.from) > 0)];
  }

  override back(): boolean {
    const place = this.anchors.pop();
    if (place === undefined) return false;
    this.points = this.points.slice(0, place);
    const at = this.points.at(-1);
    this.wire = undefined;
    if (at) {
      void busy(this.stage, "", async () => {
        const { paths, sx, sy } = await this.stage.assist.paths(at);
        if (this.points.at(-1) === at) this.wire = { from: at, paths, sx, sy };
      });
    }
    return true;
  }

  override finish(): void {
    // The way home follows the edges too.
    const [first] = this.points;
    if (first && this.points.length > 2) this.points.push(...this.path(first).slice(0, -1));
    super.finish();
  }

  override cancel(): void {
    this.anchors = [];
    this.wire = undefined;
    super.cancel();
  }

  protected override line(): Point[] {
    return [...this.points, ...(this.pointer && this.points.length ? this.path(this.pointer) : [])];
  }

  override draw(context: Context, view: View): void {
    super.draw(context, view);
    if (this.points.length) paintLine(context, view, this.line(), colourOf(this.stage.editor));
  }
}
