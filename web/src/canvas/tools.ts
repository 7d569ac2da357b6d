/** The tools that a hand leads: choosing and changing, boxes, polygons, brush and eraser. */

import { classColour } from "./colours";
import type { Editor } from "./editor";
import { around, boxBetween, distance, nearestSide, overlap, rectOf, rectOfBox, round, simplify, tidy } from "./geometry";
import { HANDLE, handlesOf, paintHandle, paintLine, paintOne, tracePart, useScreen, useView, type Context, type Handle } from "./paint";
import { drawn, stroke } from "./pixels";
import { merged, type Patch } from "./rle";
import { bounds, partsOf, patchOf } from "./scene";
import type { Box, Geometry, Part, Point, Shape } from "./shapes";
import type { Pointer, Stage, Tool } from "./stage";
import { toImage, toScreen, type View } from "./view";

const GRIP = 9; // CSS pixels around a handle that still hold it
const FINGER = 18;
const CLICK = 4; // a pointer that moved less has clicked

export function colourOf(editor: Editor, label = editor.settings.label): string {
  return classColour(editor.classes.indexOf(label));
}

/** The pixels of any geometry. */
export function pixelsOf(geometry: Geometry, width: number, height: number): Patch | undefined {
  return geometry.kind === "mask" ? patchOf(geometry) : drawn(partsOf(geometry), width, height);
}

type Doing =
  | { what: "press"; shape: Shape; from: Point; shift: boolean; was: boolean }
  | { what: "move"; from: Point; by: Point; ids: ReadonlySet<string>; around: { left: number; top: number; right: number; bottom: number } }
  | { what: "pull"; shape: Shape; handle: Handle; now: Geometry; changed: boolean }
  | { what: "frame"; from: Point; to: Point; shift: boolean };

/** Choose, move, resize, and change single points. */
export class SelectTool implements Tool {
  cursor = "default";
  lifted: ReadonlySet<string> | undefined;
  private doing: Doing | undefined;
  private held: Handle | undefined;

  constructor(private readonly stage: Stage) {}

  get begun(): boolean {
    return this.doing !== undefined && this.doing.what !== "press";
  }

  private get editor(): Editor {
    return this.stage.editor;
  }

  private may = (shape: Shape): boolean => this.editor.visible(shape);

  private get changeable(): Shape | undefined {
    const shape = this.editor.only;
    return shape && !this.editor.locked.has(shape.id) && this.editor.visible(shape) ? shape : undefined;
  }

  private handleAt(p: Pointer): Handle | undefined {
    const shape = this.changeable;
    if (!shape) return undefined;
    let best: { handle: Handle; far: number } | undefined;
    for (const handle of handlesOf(shape.geometry, this.stage.view.scale)) {
      const far = distance(this.stage.onScreen(handle.at), p.screen) + (handle.kind === "middle" ? 2 : 0);
      if (far <= (p.touch ? FINGER : GRIP) && (!best || far < best.far)) best = { handle, far };
    }
    return best?.handle;
  }

  private shapeAt(p: Pointer): Shape | undefined {
    const slack = this.stage.reach(p.touch ? FINGER / 2 : 5);
    const { editor } = this;
    if (editor.allHidden) return undefined;
    // What is chosen stays in hand, also where another one lies on it.
    const chosen = editor.only;
    const found = editor.scene.at(p.at, slack, this.may);
    if (chosen && found && found.id !== chosen.id && editor.scene.at(p.at, slack, (s) => s.id === chosen.id)) {
      return p.shift ? found : chosen;
    }
    return found ?? editor.suggestionAt(p.at, slack)?.shape;
  }

  grips(p: Pointer): boolean {
    const found = this.shapeAt(p);
    return this.handleAt(p) !== undefined || (found !== undefined && this.editor.selection.has(found.id));
  }

  down(p: Pointer): void {
    const { editor } = this;
    const handle = this.handleAt(p);
    const shape = this.changeable;
    if (handle && shape) {
      if (p.alt && handle.kind === "corner" && shape.geometry.kind === "polygon") {
        this.dropPoint(shape, handle);
        return;
      }
      let pulled = handle;
      let now = shape.geometry;
      if (handle.kind === "middle" && now.kind === "polygon") {
        // The handle between two points is a point that is not there yet.
        now = insertPoint(now.parts, handle.part, handle.point + 1, handle.at);
        pulled = { ...handle, point: handle.point + 1, kind: "corner" };
      }
      this.doing = { what: "pull", shape, handle: pulled, now, changed: handle.kind === "middle" };
      this.lifted = new Set([shape.id]);
      return;
    }
    const found = this.shapeAt(p);
    if (!found) {
      this.doing = { what: "frame", from: p.at, to: p.at, shift: p.shift };
      return;
    }
    const was = editor.selection.has(found.id);
    if (!was) editor.select(p.shift ? [...editor.selection, found.id] : [found.id]);
    this.doing = { what: "press", shape: found, from: p.screen, shift: p.shift, was };
  }

  move(p: Pointer, pressed: boolean): void {
    const { editor, doing } = this;
    if (!pressed || !doing) {
      this.held = this.handleAt(p);
      const found = this.held ? undefined : this.shapeAt(p);
      editor.setHover(found?.id);
      this.cursor = this.held ? pullCursor(this.held, this.changeable) : found ? "pointer" : "default";
      return;
    }
    if (doing.what === "press") {
      if (distance(doing.from, p.screen) < CLICK || p.touch) return;
      const ids = new Set([...editor.selection].filter((id) => editor.scene.get(id) && !editor.locked.has(id)));
      if (!ids.size) return;
      const rects = [...ids].map((id) => bounds(editor.scene.get(id)!.geometry));
      this.doing = { what: "move", from: toImage(this.stage.view, doing.from), by: [0, 0], ids, around: around(rects) };
      this.lifted = ids;
      this.cursor = "move";
    }
    if (this.doing?.what === "move") {
      const { width, height } = editor.image!;
      const { around: all, from } = this.doing;
      const dx = Math.min(Math.max(p.at[0] - from[0], -all.left), Math.max(-all.left, width - all.right));
      const dy = Math.min(Math.max(p.at[1] - from[1], -all.top), Math.max(-all.top, height - all.bottom));
      this.doing.by = p.shift ? (Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy]) : [dx, dy];
    } else if (doing.what === "pull") {
      const next = this.pulled(doing.shape.geometry, doing.now, doing.handle, p);
      if (next) Object.assign(doing, { now: next, changed: true });
    } else if (doing.what === "frame") doing.to = p.at;
  }

  private pulled(before: Geometry, now: Geometry, handle: Handle, p: Pointer): Geometry | undefined {
    const { width, height } = this.editor.image!;
    const at: Point = [Math.min(Math.max(p.at[0], 0), width), Math.min(Math.max(p.at[1], 0), height)];
    if (before.kind === "box") {
      // Of a box, `part` and `point` say which way the handle lies from the middle.
      const { left, top, right, bottom } = rectOfBox(before);
      const x = handle.point < 0 ? right : left;
      const y = handle.part < 0 ? bottom : top;
      const a: Point = [handle.point === 0 ? left : x, handle.part === 0 ? top : y];
      const b: Point = [handle.point === 0 ? right : at[0], handle.part === 0 ? bottom : at[1]];
      return boxBetween(a, b, width, height);
    }
    if (now.kind !== "polygon") return undefined;
    return {
      kind: "polygon",
      parts: now.parts.map((part, i) => (i === handle.part ? part.map((q, n) => (n === handle.point ? at : q)) : part)),
    };
  }

  up(p: Pointer): void {
    const { editor, doing } = this;
    this.doing = undefined;
    this.lifted = undefined;
    if (!doing) return;
    if (doing.what === "press") {
      if (doing.shift && doing.was) editor.select([...editor.selection].filter((id) => id !== doing.shape.id));
      else if (!doing.shift && doing.was) editor.select([doing.shape.id]);
    } else if (doing.what === "move") {
      if (doing.by[0] || doing.by[1]) editor.move(...doing.by);
    } else if (doing.what === "pull") {
      if (!doing.changed) return;
      const { now } = doing;
      const { width, height } = editor.image!;
      const kept = now.kind === "polygon" ? tidy(now.parts, width, height) : now;
      if (kept) editor.reshape(doing.shape.id, kept, doing.shape.geometry.kind === "box" ? "resize" : "move a point");
    } else {
      const frame = rectOf([doing.from, doing.to]);
      if (distance(toScreen(this.stage.view, doing.from), p.screen) < CLICK) {
        if (!doing.shift && editor.selection.size) editor.select([]);
        return;
      }
      const found = editor.scene.in(frame).filter((s) => this.may(s) && framed(s, frame));
      editor.select([...(doing.shift ? editor.selection : []), ...found.map((s) => s.id)]);
    }
  }

  double(p: Pointer): void {
    const shape = this.changeable;
    if (shape?.geometry.kind !== "polygon") return;
    const handle = this.handleAt(p);
    if (handle?.kind === "corner") return this.dropPoint(shape, handle);
    // A double click on a side puts a point there.
    const { parts } = shape.geometry;
    const near = parts.map((part) => nearestSide(part, p.at));
    const part = near.reduce((best, side, i) => (side.far < near[best]!.far ? i : best), 0);
    const side = near[part]!;
    if (side.far > this.stage.reach(GRIP)) return;
    this.editor.reshape(shape.id, insertPoint(parts, part, side.side + 1, side.at), "insert a point");
  }

  private dropPoint(shape: Shape, handle: Handle): void {
    if (shape.geometry.kind !== "polygon") return;
    const { width, height } = this.editor.image!;
    const parts = shape.geometry.parts.map((part, i) =>
      i === handle.part ? part.filter((_, n) => n !== handle.point) : part,
    );
    const kept = tidy(parts, width, height);
    if (kept) this.editor.reshape(shape.id, kept, "delete a point");
  }

  cancel(): void {
    this.doing = undefined;
    this.lifted = undefined;
    this.held = undefined;
    this.stage.touch();
  }

  draw(context: Context, view: View): void {
    const { editor, doing } = this;
    const ratio = context.getTransform().a;
    if (doing?.what === "move") {
      for (const id of doing.ids) {
        const shape = editor.scene.get(id);
        if (!shape) continue;
        useView(context, view, ratio);
        context.translate(...doing.by);
        paintOne(context, shape.geometry, "chosen", colourOf(editor, shape.label), view);
      }
      useScreen(context, ratio);
      return;
    }
    if (doing?.what === "frame") {
      const [a, b] = [toScreen(view, doing.from), toScreen(view, doing.to)];
      context.fillStyle = "rgb(127 176 255 / 18%)";
      context.strokeStyle = "#7fb0ff";
      context.lineWidth = 1.5;
      context.fillRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
      context.strokeRect(a[0], a[1], b[0] - a[0], b[1] - a[1]);
      return;
    }
    const shape = doing?.what === "pull" ? doing.shape : this.changeable;
    if (!shape) return;
    const geometry = doing?.what === "pull" ? doing.now : shape.geometry;
    const colour = colourOf(editor, shape.label);
    if (doing?.what === "pull") {
      useView(context, view, ratio);
      paintOne(context, geometry, "chosen", colour, view);
      useScreen(context, ratio);
    }
    const held = doing?.what === "pull" ? doing.handle : this.held;
    for (const handle of handlesOf(geometry, view.scale)) {
      const strong = held !== undefined && held.part === handle.part && held.point === handle.point && held.kind === handle.kind;
      if (handle.kind === "middle" && !strong) context.globalAlpha = 0.55;
      paintHandle(context, view, handle.at, colour, geometry.kind !== "box", strong);
      context.globalAlpha = 1;
    }
  }
}

function insertPoint(parts: readonly Part[], part: number, place: number, at: Point): { kind: "polygon"; parts: Part[] } {
  const point: Point = [round(at[0]), round(at[1])];
  return {
    kind: "polygon",
    parts: parts.map((points, i) => (i === part ? [...points.slice(0, place), point, ...points.slice(place)] : points)),
  };
}

function framed(shape: Shape, frame: { left: number; top: number; right: number; bottom: number }): boolean {
  const rect = bounds(shape.geometry);
  // Touched by at least half: a frame in the middle of a large object does not mean that one.
  if (!overlap(rect, frame)) return false;
  const across = Math.min(rect.right, frame.right) - Math.max(rect.left, frame.left);
  const down = Math.min(rect.bottom, frame.bottom) - Math.max(rect.top, frame.top);
  return across * down >= 0.5 * (rect.right - rect.left) * (rect.bottom - rect.top);
}

function pullCursor(handle: Handle, shape: Shape | undefined): string {
  if (shape?.geometry.kind !== "box") return handle.kind === "middle" ? "copy" : "grab";
  if (handle.part === 0) return "ew-resize";
  if (handle.point === 0) return "ns-resize";
  return handle.part === handle.point ? "nwse-resize" : "nesw-resize";
}

/** Dragged from corner to corner, or clicked at both. */
export class BoxTool implements Tool {
  readonly cursor: string = "crosshair";
  protected from: Point | undefined;
  protected to: Point | undefined;
  private pressedAt: Point | undefined;

  constructor(
    protected readonly stage: Stage,
    private readonly done?: (box: Box) => void,
  ) {}

  get begun(): boolean {
    return this.from !== undefined;
  }

  down(p: Pointer): void {
    this.pressedAt = p.screen;
    this.to = p.at;
    this.from ??= p.at;
  }

  move(p: Pointer): void {
    if (this.from) this.to = p.at;
  }

  up(p: Pointer): void {
    const { from } = this;
    if (!from) return;
    const dragged = distance(this.stage.onScreen(from), p.screen) >= CLICK;
    // The first click sets one corner; the second one comes.
    if (!dragged && this.pressedAt) return;
    const { width, height } = this.stage.editor.image!;
    const box = boxBetween(from, p.at, width, height);
    this.cancel();
    if (!box || box.width * this.stage.view.scale < 2 || box.height * this.stage.view.scale < 2) return;
    if (this.done) this.done(box);
    else this.stage.editor.add(box, "draw a box");
  }

  cancel(): void {
    this.from = this.to = this.pressedAt = undefined;
    this.stage.touch();
  }

  draw(context: Context, view: View): void {
    const { from, to } = this;
    const image = this.stage.editor.image;
    if (!from || !to || !image) return;
    const box = boxBetween(from, to, image.width, image.height);
    if (!box) return;
    const { left, top, right, bottom } = rectOfBox(box);
    paintLine(context, view, [[left, top], [right, top], [right, bottom], [left, bottom]], colourOf(this.stage.editor), true);
    const [x, y] = toScreen(view, [right, bottom]);
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "top";
    const text = `${Math.round(box.width)} × ${Math.round(box.height)}`;
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 75%)";
    context.strokeText(text, x + 6, y + 6);
    context.fillStyle = "#fff";
    context.fillText(text, x + 6, y + 6);
  }
}

/** The topmost, leftmost, lowest and rightmost point of the object, in any order. */
export class ExtremeTool implements Tool {
  readonly cursor = "crosshair";
  private points: Point[] = [];

  constructor(private readonly stage: Stage) {}

  get begun(): boolean {
    return this.points.length > 0;
  }

  up(p: Pointer): void {
    const { editor } = this.stage;
    this.points.push(p.at);
    if (this.points.length < 4) return editor.say(`${4 - this.points.length} more of the outermost points`);
    const { left, top, right, bottom } = rectOf(this.points);
    const { width, height } = editor.image!;
    this.points = [];
    const box = boxBetween([left, top], [right, bottom], width, height);
    if (box) editor.add(box, "draw a box");
    editor.say("");
  }

  back(): boolean {
    return this.points.pop() !== undefined;
  }

  cancel(): void {
    this.points = [];
    this.stage.touch();
  }

  draw(context: Context, view: View): void {
    const colour = colourOf(this.stage.editor);
    if (this.points.length > 1) {
      const { left, top, right, bottom } = rectOf(this.points);
      context.globalAlpha = 0.7;
      paintLine(context, view, [[left, top], [right, top], [right, bottom], [left, bottom]], colour, true);
      context.globalAlpha = 1;
    }
    for (const point of this.points) paintHandle(context, view, point, colour, true, true);
  }
}

/** A point at each click, or many along a drag; closed at the first one, by Enter or a double click. */
export class PolygonTool implements Tool {
  readonly cursor = "crosshair";
  protected points: Point[] = [];
  protected pointer: Point | undefined;
  private free: Point[] = [];

  constructor(protected readonly stage: Stage) {}

  get begun(): boolean {
    return this.points.length > 0;
  }

  protected closes(p: { screen: Point; touch: boolean }): boolean {
    const [first] = this.points;
    return this.points.length >= 3 && first !== undefined && distance(this.stage.onScreen(first), p.screen) <= (p.touch ? FINGER : GRIP + 2);
  }

  down(p: Pointer): void {
    if (this.closes(p)) return;
    this.free = [p.at];
  }

  move(p: Pointer, pressed: boolean): void {
    this.pointer = p.at;
    const last = this.free.at(-1);
    if (pressed && last && distance(this.stage.onScreen(last), p.screen) > 3) this.free.push(p.at);
  }

  up(p: Pointer): void {
    if (this.closes(p) && this.free.length < 4) return this.finish();
    if (this.free.length > 3) {
      // What was drawn by hand is kept as closely as the eye sees it.
      this.points.push(...simplify(this.free, this.stage.reach(1.5)).filter((_, i, all) => i === 0 || distance(all[i - 1]!, all[i]!) > 0));
      if (this.closes(p)) this.finish();
    } else if (this.points.length === 0 || distance(this.stage.onScreen(this.points.at(-1)!), p.screen) > 2) {
      this.points.push(p.at);
    }
    this.free = [];
  }

  double(): void {
    if (this.points.length >= 3) this.finish();
  }

  finish(): void {
    const { editor } = this.stage;
    const { width, height } = editor.image!;
    const polygon = this.points.length >= 3 ? tidy([this.points], width, height) : undefined;
    if (!polygon) return editor.say("A polygon needs three points that enclose something");
    this.cancel();
    editor.add(polygon, "draw a polygon");
  }

  back(): boolean {
    return this.points.pop() !== undefined;
  }

  cancel(): void {
    this.points = [];
    this.free = [];
    this.stage.touch();
  }

  protected line(): Point[] {
    return [...this.points, ...this.free, ...(this.pointer && this.free.length < 2 ? [this.pointer] : [])];
  }

  draw(context: Context, view: View): void {
    if (!this.points.length && this.free.length < 2) return;
    const colour = colourOf(this.stage.editor);
    const line = this.line();
    const ratio = context.getTransform().a;
    if (line.length > 2) {
      useView(context, view, ratio);
      context.beginPath();
      tracePart(context, line);
      context.fillStyle = colour;
      context.globalAlpha = 0.15;
      context.fill();
      context.globalAlpha = 1;
      useScreen(context, ratio);
    }
    paintLine(context, view, line, colour);
    const snaps = this.stage.pointer !== undefined && this.closes({ screen: this.stage.pointer, touch: false });
    this.points.forEach((point, i) => paintHandle(context, view, point, colour, true, i === 0 && snaps));
  }
}

/** Paints a mask or takes from it; a stroke goes on the mask that is chosen. */
export class BrushTool implements Tool {
  readonly cursor = "none";
  private points: Point[] = [];

  constructor(
    private readonly stage: Stage,
    private readonly how: "add" | "remove",
  ) {}

  get begun(): boolean {
    return this.points.length > 0;
  }

  private get radius(): number {
    // A brush has the size that it has on the screen: close up it draws finely.
    return this.stage.reach(this.stage.editor.settings.brush);
  }

  down(p: Pointer): void {
    this.points = [p.at];
  }

  move(p: Pointer, pressed: boolean): void {
    const last = this.points.at(-1);
    if (pressed && last && distance(last, p.at) > this.radius / 8) this.points.push(p.at);
  }

  up(p: Pointer): void {
    const { editor } = this.stage;
    const { width, height } = editor.image!;
    const points = this.points;
    this.points = [];
    const change = points.length ? stroke(points, this.radius, width, height) : undefined;
    if (!change) return;
    const may = (s: Shape) => !editor.locked.has(s.id) && editor.visible(s);
    let target = editor.only;
    if (target && !may(target)) target = undefined;
    if (this.how === "remove") {
      target ??= editor.scene.at(points[0]!, this.radius, may);
      if (!target) return editor.say("There is nothing here to take away from");
    } else if (p.shift || target?.geometry.kind === "box") target = undefined;
    const before = target && pixelsOf(target.geometry, width, height);
    const after = merged(before, change, this.how);
    const id = editor.putPatch(target?.id, after, this.how === "add" ? "brush" : "erase");
    if (id !== undefined) editor.select([id]);
  }

  cancel(): void {
    this.points = [];
    this.stage.touch();
  }

  draw(context: Context, view: View): void {
    const radius = this.stage.editor.settings.brush;
    const colour = this.how === "add" ? colourOf(this.stage.editor) : "#ffffff";
    if (this.points.length) {
      context.beginPath();
      tracePart(context, this.points.map((p) => toScreen(view, p)), false);
      if (this.points.length === 1) context.lineTo(...toScreen(view, this.points[0]!));
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = 2 * radius;
      context.strokeStyle = colour;
      context.globalAlpha = 0.45;
      context.stroke();
      context.globalAlpha = 1;
    }
    const at = this.stage.pointer;
    if (!at) return;
    for (const [style, wide] of [["rgb(0 0 0 / 70%)", 3], [colour, 1.5]] as const) {
      context.beginPath();
      context.arc(at[0], at[1], Math.max(radius, HANDLE / 2), 0, 2 * Math.PI);
      context.strokeStyle = style;
      context.lineWidth = wide;
      context.stroke();
    }
  }
}
