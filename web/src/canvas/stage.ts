/**
 * The canvas: draws the image and the shapes in sight, and hands what the pointer does to the tool
 * in hand. Two layers: below the image with the shapes, above what is chosen, hovered or being
 * drawn, so that a move of the pointer never draws thousands of shapes.
 */

import { Assist } from "./assist";
import { classColour } from "./colours";
import type { Editor } from "./editor";
import { distance, type Rect } from "./geometry";
import { paintName, paintOne, paintShapes, useScreen, useView, type Context } from "./paint";
import { bounds } from "./scene";
import type { Point, Shape } from "./shapes";
import { fitted, kept, sight, toImage, toScreen, zoomed, type View } from "./view";

/** What the pointer did: where in the image and on the screen, and with which keys. */
export type Pointer = {
  at: Point;
  screen: Point;
  shift: boolean;
  ctrl: boolean;
  alt: boolean;
  touch: boolean;
};

export interface Tool {
  readonly cursor: string;
  /** Whether something was begun that Enter ends and Escape leaves. */
  readonly begun?: boolean;
  /** Shapes that the tool draws itself while it works on them. */
  readonly lifted?: ReadonlySet<string> | undefined;
  down?(p: Pointer): void;
  move?(p: Pointer, pressed: boolean): void;
  up?(p: Pointer): void;
  double?(p: Pointer): void;
  finish?(): void;
  cancel?(): void;
  /** Another tool is taken. */
  leave?(): void;
  /** Takes back the last point; false if there is none. */
  back?(): boolean;
  draw?(context: Context, view: View): void;
  /** Whether the pointer is on something that a finger moves instead of the image. */
  grips?(p: Pointer): boolean;
}

const HEAVY_MS = 12; // a picture of the shapes that took longer is moved as a picture first
const SHARP_MS = 120; // and drawn sharply when the view has been still for that long
const FULL = 2048; // pixels a side of the picture that is loaded first

export class Stage {
  view: View = { scale: 1, x: 0, y: 0 };
  tool: Tool = { cursor: "default" };
  picture: ImageBitmap | undefined;
  readonly assist = new Assist(this);
  /** Without room to draw, a drag moves the image and a tap chooses. */
  onlyLooks = false;
  pointer: Point | undefined;
  /** Milliseconds that the last drawing of all shapes in sight took. */
  cost = 0;
  private readonly under: HTMLCanvasElement;
  private readonly over: HTMLCanvasElement;
  private readonly layer = document.createElement("canvas");
  private layerView: View | undefined;
  private levels: (ImageBitmap | HTMLCanvasElement)[] = [];
  private filter = "";
  private width = 1;
  private height = 1;
  private ratio = 1;
  private dirty = { under: true, over: true };
  private frame = 0;
  private sharpen: ReturnType<typeof setTimeout> | undefined;
  private fitting = true;
  private pressed: { id: number; how: "tool" | "pan"; from: Point } | undefined;
  private fingers = new Map<number, Point>();
  private pinch: { far: number; middle: Point } | undefined;
  private spaceHeld = false;
  private readonly viewers = new Set<() => void>();
  private readonly ends: (() => void)[] = [];
  private readonly drawn: { label: unknown; hidden: unknown; all: boolean; lifted: unknown; image: unknown } = {
    label: undefined, hidden: undefined, all: false, lifted: undefined, image: undefined,
  };

  constructor(
    private readonly host: HTMLElement,
    readonly editor: Editor,
  ) {
    this.under = document.createElement("canvas");
    this.over = document.createElement("canvas");
    for (const canvas of [this.under, this.over]) {
      canvas.setAttribute("aria-hidden", "true");
      host.append(canvas);
    }
    const watch = new ResizeObserver(() => this.resize());
    watch.observe(host);
    this.ends.push(() => watch.disconnect(), editor.subscribe(() => this.look()));
    this.listen();
    this.resize();
  }

  end(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.sharpen);
    this.ends.forEach((end) => end());
    this.tool.leave?.();
    this.assist.end();
    this.under.remove();
    this.over.remove();
  }

  // -- the picture ------------------------------------------------------------------------

  /** The picture of the image that is open; a sharper one of the same keeps the view. */
  setPicture(bitmap: ImageBitmap | undefined, sharper = false): void {
    this.picture = bitmap;
    this.levels = bitmap ? [bitmap] : [];
    this.filter = "";
    if (sharper) return this.redraw();
    this.fitting = true;
    this.fit();
  }

  /** Halved again and again, so that a large image shrinks well and fast. */
  private level(scale: number): CanvasImageSource & { width: number; height: number } | undefined {
    const image = this.editor.image;
    const first = this.levels[0];
    if (!image || !first) return undefined;
    const wanted = scale * this.ratio * image.width;
    let at = 0;
    while (first.width / 2 ** (at + 1) >= wanted && first.width / 2 ** (at + 1) >= 64) {
      at += 1;
      if (!this.levels[at]) {
        const from = this.levels[at - 1]!;
        const half = document.createElement("canvas");
        half.width = Math.max(1, Math.round(from.width / 2));
        half.height = Math.max(1, Math.round(from.height / 2));
        half.getContext("2d")!.drawImage(from, 0, 0, half.width, half.height);
        this.levels[at] = half;
      }
    }
    return this.levels[at];
  }

  /** Brightness and contrast, put on the picture once and not at every drawing. */
  private refilter(): void {
    const { brightness, contrast } = this.editor.settings;
    const wanted = brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    const original = this.picture;
    if (wanted === this.filter || !original) return;
    this.filter = wanted;
    if (!wanted) {
      this.levels = [original];
      return;
    }
    const made = document.createElement("canvas");
    made.width = original.width;
    made.height = original.height;
    const context = made.getContext("2d")!;
    context.filter = wanted;
    context.drawImage(original, 0, 0);
    this.levels = [made];
  }

  // -- the view ---------------------------------------------------------------------------

  /** Called at every change of the view, and once at the start. */
  onView(viewer: () => void): () => void {
    this.viewers.add(viewer);
    viewer();
    return () => this.viewers.delete(viewer);
  }

  private get smallest(): number {
    const { image } = this.editor;
    return image ? Math.min(0.5, (0.25 * this.width) / image.width) : 0.1;
  }

  setView(view: View): void {
    const { image } = this.editor;
    this.view = image ? kept(view, this.width, this.height, image.width, image.height) : view;
    this.fitting = false;
    this.dirty = { under: true, over: true };
    this.ask();
    this.viewers.forEach((viewer) => viewer());
  }

  fit(part?: Rect): void {
    const { image } = this.editor;
    if (!image) return this.redraw();
    const all = { left: 0, top: 0, right: image.width, bottom: image.height };
    this.setView(fitted(this.width, this.height, part ?? all, part ? 80 : 16));
    this.fitting = part === undefined;
  }

  zoom(factor: number, at: Point = [this.width / 2, this.height / 2]): void {
    this.setView(zoomed(this.view, factor, at, this.smallest));
  }

  /** Moves the view only if a shape is not in sight. */
  show(rect: Rect): void {
    const seen = sight(this.view, this.width, this.height);
    if (rect.left >= seen.left && rect.right <= seen.right && rect.top >= seen.top && rect.bottom <= seen.bottom) return;
    const x = (rect.left + rect.right) / 2;
    const y = (rect.top + rect.bottom) / 2;
    const fits = (rect.right - rect.left) * this.view.scale < this.width && (rect.bottom - rect.top) * this.view.scale < this.height;
    if (!fits) return this.fit(rect);
    this.setView({ ...this.view, x: this.width / 2 - x * this.view.scale, y: this.height / 2 - y * this.view.scale });
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.host;
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.width = Math.max(1, clientWidth);
    this.height = Math.max(1, clientHeight);
    for (const canvas of [this.under, this.over, this.layer]) {
      canvas.width = Math.round(this.width * this.ratio);
      canvas.height = Math.round(this.height * this.ratio);
    }
    this.layerView = undefined;
    if (this.fitting) this.fit();
    this.redraw();
  }

  // -- drawing ----------------------------------------------------------------------------

  /** What of the editor changed decides which layer is drawn again. */
  private look(): void {
    const { editor, drawn } = this;
    const before = { ...drawn };
    Object.assign(drawn, { label: editor.label, hidden: editor.hidden, all: editor.allHidden, image: editor.image });
    const { brightness, contrast } = editor.settings;
    const filter = brightness === 100 && contrast === 100 ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    if (before.label !== drawn.label || before.hidden !== drawn.hidden || before.all !== drawn.all || before.image !== drawn.image) {
      this.layerView = undefined;
      this.dirty.under = true;
    }
    if (filter !== this.filter) this.dirty.under = true;
    this.dirty.over = true;
    this.ask();
  }

  redraw(): void {
    this.dirty = { under: true, over: true };
    this.ask();
  }

  /** Only what is above the shapes changed. */
  touch(): void {
    if (this.tool.lifted !== this.drawn.lifted) {
      this.drawn.lifted = this.tool.lifted;
      this.layerView = undefined;
      this.dirty.under = true;
    }
    this.dirty.over = true;
    this.ask();
  }

  private ask(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.dirty.under) this.drawUnder();
      if (this.dirty.over) this.drawOver();
      this.dirty = { under: false, over: false };
    });
  }

  private drawUnder(): void {
    const { view, ratio, editor } = this;
    const context = this.under.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.under.width, this.under.height);
    const { image } = editor;
    if (!image) return;
    this.refilter();
    const level = this.level(view.scale);
    const seen = sight(view, this.width, this.height);
    if (level) {
      // The part in sight alone: the rest would be scaled for nothing.
      const left = Math.max(0, Math.floor(seen.left));
      const top = Math.max(0, Math.floor(seen.top));
      const right = Math.min(image.width, Math.ceil(seen.right));
      const bottom = Math.min(image.height, Math.ceil(seen.bottom));
      if (right > left && bottom > top) {
        const sx = level.width / image.width;
        const sy = level.height / image.height;
        useView(context, view, ratio);
        context.imageSmoothingEnabled = (view.scale * ratio) / sx < 2;
        context.drawImage(level, left * sx, top * sy, (right - left) * sx, (bottom - top) * sy, left, top, right - left, bottom - top);
      }
    }
    if (editor.allHidden || !editor.label.shapes.length) return;
    this.drawLayer(context, seen);
  }

  private drawLayer(context: Context, seen: Rect): void {
    const { view, ratio } = this;
    const old = this.layerView;
    const moved = old && (old.scale !== view.scale || old.x !== view.x || old.y !== view.y);
    if (!old || (moved && this.cost <= HEAVY_MS)) this.drawSharp(seen);
    else if (moved) {
      clearTimeout(this.sharpen);
      this.sharpen = setTimeout(() => {
        this.layerView = undefined;
        this.dirty.under = true;
        this.ask();
      }, SHARP_MS);
    }
    const made = this.layerView!;
    const by = view.scale / made.scale;
    context.imageSmoothingEnabled = by !== 1;
    context.setTransform(by, 0, 0, by, ratio * (view.x - by * made.x), ratio * (view.y - by * made.y));
    context.drawImage(this.layer, 0, 0);
  }

  private drawSharp(seen: Rect): void {
    const { view, ratio, editor } = this;
    clearTimeout(this.sharpen);
    const began = performance.now();
    const context = this.layer.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.layer.width, this.layer.height);
    useView(context, view, ratio);
    const lifted = this.tool.lifted;
    const shapes = editor.scene.in(seen).filter((s) => editor.visible(s) && !lifted?.has(s.id));
    paintShapes(context, editor, shapes, view);
    this.layerView = view;
    // The canvas draws when it is read: without this only the orders for it would be timed.
    if (shapes.length > 200) context.getImageData(0, 0, 1, 1);
    this.cost = performance.now() - began;
  }

  private colour(shape: Shape): string {
    return classColour(this.editor.classPlace(shape));
  }

  private drawOver(): void {
    const { view, ratio, editor } = this;
    const context = this.over.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.over.width, this.over.height);
    const { image, settings } = editor;
    if (!image) return;
    useView(context, view, ratio);
    const named: [Shape, string][] = [];
    if (!editor.allHidden) {
      for (const { shape, score } of editor.suggestions) {
        const chosen = editor.selection.has(shape.id) || editor.hover === shape.id;
        paintOne(context, shape.geometry, chosen ? "suggested-chosen" : "suggested", this.colour(shape), view);
        named.push([shape, `${shape.label} ${Math.round(100 * score)} %`]);
      }
      const { scene } = editor;
      const hovered = editor.hover === undefined ? undefined : scene.get(editor.hover);
      if (hovered && !editor.selection.has(hovered.id) && editor.visible(hovered)) {
        paintOne(context, hovered.geometry, "hover", this.colour(hovered), view);
        named.push([hovered, hovered.label]);
      }
      if (editor.selection.size <= 300) {
        for (const id of editor.selection) {
          const shape = scene.get(id);
          if (!shape || !editor.visible(shape) || this.tool.lifted?.has(id)) continue;
          paintOne(context, shape.geometry, "chosen", this.colour(shape), view);
          named.push([shape, shape.label]);
        }
      } else {
        for (const id of editor.selection) {
          const shape = scene.get(id);
          const rect = shape && bounds(shape.geometry);
          if (!rect) continue;
          context.strokeStyle = "#fff";
          context.lineWidth = 1.5 / view.scale;
          context.strokeRect(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top);
        }
      }
    }
    useScreen(context, ratio);
    if (settings.names && named.length <= 100) {
      for (const [shape, text] of named) {
        if (this.tool.lifted?.has(shape.id)) continue;
        paintName(context, text, bounds(shape.geometry), this.colour(shape), view, this.width);
      }
    }
    this.tool.draw?.(context, view);
    useScreen(context, ratio);
    if (settings.crosshair && this.pointer && this.tool.cursor === "crosshair") this.drawCrosshair(context);
  }

  private drawCrosshair(context: Context): void {
    const [x, y] = this.pointer!;
    context.setLineDash([]);
    for (const [colour, wide] of [["rgb(0 0 0 / 55%)", 3], ["rgb(255 255 255 / 90%)", 1]] as const) {
      context.strokeStyle = colour;
      context.lineWidth = wide;
      context.beginPath();
      context.moveTo(Math.round(x) + 0.5, 0);
      context.lineTo(Math.round(x) + 0.5, this.height);
      context.moveTo(0, Math.round(y) + 0.5);
      context.lineTo(this.width, Math.round(y) + 0.5);
      context.stroke();
    }
  }

  // -- the pointer ------------------------------------------------------------------------

  setTool(tool: Tool): void {
    this.tool.cancel?.();
    this.tool.leave?.();
    this.tool = tool;
    this.pressed = undefined;
    this.touch();
    this.point();
  }

  private point(): void {
    this.host.style.cursor = this.spaceHeld || this.pressed?.how === "pan" ? "grab" : this.tool.cursor;
  }

  private read(event: PointerEvent | MouseEvent): Pointer {
    const frame = this.host.getBoundingClientRect();
    const screen: Point = [event.clientX - frame.left, event.clientY - frame.top];
    return {
      at: toImage(this.view, screen),
      screen,
      shift: event.shiftKey,
      ctrl: event.ctrlKey || event.metaKey,
      alt: event.altKey,
      touch: "pointerType" in event && event.pointerType === "touch",
    };
  }

  private listen(): void {
    const { host } = this;
    const on = <K extends keyof HTMLElementEventMap>(name: K, work: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions) => {
      host.addEventListener(name, work, options);
      this.ends.push(() => host.removeEventListener(name, work, options));
    };
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moved(event));
    on("pointerup", (event) => this.released(event));
    on("pointercancel", (event) => this.released(event, true));
    on("pointerleave", () => {
      this.pointer = undefined;
      this.editor.setHover(undefined);
      this.touch();
    });
    on("dblclick", (event) => {
      this.tool.double?.(this.read(event));
      this.touch();
    });
    on("contextmenu", (event) => event.preventDefault());
    on("wheel", (event) => {
      event.preventDefault();
      const { screen } = this.read(event);
      const lines = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 200 : 1;
      if (event.shiftKey && !event.ctrlKey) {
        return this.setView({ ...this.view, x: this.view.x - lines * (event.deltaX || event.deltaY) });
      }
      // A pinch on a touchpad comes as a wheel with Ctrl and small steps.
      const speed = event.ctrlKey ? 0.01 : 0.0018;
      this.zoom(Math.exp(-lines * event.deltaY * speed), screen);
    }, { passive: false });
    const space = (event: KeyboardEvent) => {
      if (event.code !== "Space" || event.shiftKey || event.ctrlKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, button, a, dialog, [role=option]")) return;
      event.preventDefault();
      this.spaceHeld = event.type === "keydown";
      this.point();
    };
    for (const name of ["keydown", "keyup"] as const) {
      window.addEventListener(name, space);
      this.ends.push(() => window.removeEventListener(name, space));
    }
  }

  private down(event: PointerEvent): void {
    this.host.focus({ preventScroll: true });
    const p = this.read(event);
    this.pointer = p.screen;
    if (p.touch) {
      this.fingers.set(event.pointerId, p.screen);
      if (this.fingers.size === 2) {
        // The second finger makes it a pinch, and what the first one began is left.
        if (this.pressed?.how === "tool") this.tool.cancel?.();
        this.pressed = undefined;
        this.pinch = this.twoFingers();
        return;
      }
    }
    if (this.pressed || event.button > 1) return;
    if (event.isTrusted) this.host.setPointerCapture(event.pointerId);
    const draws = this.tool.cursor === "crosshair" || this.tool.cursor === "none" || this.tool.grips?.(p);
    const pan = event.button === 1 || this.spaceHeld || (p.touch && (this.onlyLooks || !draws));
    this.pressed = { id: event.pointerId, how: pan ? "pan" : "tool", from: p.screen };
    if (event.button === 1) event.preventDefault();
    if (!pan) this.tool.down?.(p);
    this.point();
    this.touch();
  }

  private moved(event: PointerEvent): void {
    const p = this.read(event);
    if (p.touch && this.fingers.has(event.pointerId)) {
      this.fingers.set(event.pointerId, p.screen);
      if (this.pinch && this.fingers.size === 2) return this.pinched();
    }
    const before = this.pointer ?? p.screen;
    this.pointer = p.screen;
    if (this.pressed?.how === "pan" && this.pressed.id === event.pointerId) {
      this.setView({ ...this.view, x: this.view.x + p.screen[0] - before[0], y: this.view.y + p.screen[1] - before[1] });
      return;
    }
    // Between two pictures the pointer may have been at several places: a brush wants them all.
    const steps = this.pressed ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const step of steps.length > 1 ? steps : [event]) this.tool.move?.(this.read(step), this.pressed?.how === "tool");
    this.point();
    this.touch();
  }

  private released(event: PointerEvent, cancelled = false): void {
    const p = this.read(event);
    this.fingers.delete(event.pointerId);
    if (this.fingers.size < 2) this.pinch = undefined;
    const { pressed } = this;
    if (pressed?.id !== event.pointerId) return;
    this.pressed = undefined;
    if (pressed.how === "tool") {
      if (cancelled) this.tool.cancel?.();
      else this.tool.up?.(p);
    } else if (p.touch && !cancelled && distance(pressed.from, p.screen) < 8) {
      // A tap that moved nothing chooses what is under it.
      this.tool.down?.(p);
      this.tool.up?.(p);
    }
    if (p.touch) this.pointer = undefined;
    this.point();
    this.touch();
  }

  private twoFingers(): { far: number; middle: Point } {
    const [a, b] = [...this.fingers.values()] as [Point, Point];
    return { far: Math.max(1, distance(a, b)), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  }

  private pinched(): void {
    const now = this.twoFingers();
    const before = this.pinch!;
    this.pinch = now;
    const moved = { ...this.view, x: this.view.x + now.middle[0] - before.middle[0], y: this.view.y + now.middle[1] - before.middle[1] };
    this.setView(zoomed(moved, now.far / before.far, now.middle, this.smallest));
  }

  /** How far in the image `pixels` of the screen are. */
  reach(pixels: number): number {
    return pixels / this.view.scale;
  }

  onScreen(place: Point): Point {
    return toScreen(this.view, place);
  }

  /** Whether a larger picture than the one that was loaded would be seen. */
  get wantsOriginal(): boolean {
    const { image } = this.editor;
    const first = this.picture;
    if (!image || !first || Math.max(image.width, image.height) <= FULL || first.width >= image.width) return false;
    return (this.view.scale * this.ratio * image.width) / first.width > 1.5;
  }
}
