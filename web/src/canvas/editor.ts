/** What is being labelled and how: the label with its history, the selection, tools and view. */

import { useSyncExternalStore } from "react";
import { boxIou, boxOf, clamp, rectOf, round, tidy } from "./geometry";
import { NO_HISTORY, redone, remember, step, undone, type History } from "./history";
import { outbox } from "./outbox";
import { encode, type Patch } from "./rle";
import { bounds, hit, patchOf, sceneOf, type Scene } from "./scene";
import { asLabel, EMPTY, newId, newShape, type Geometry, type Label, type Mask, type Point, type Shape, type Value } from "./shapes";

export const TOOLS = [
  "select", "box", "extreme", "polygon", "brush", "eraser", "wand", "scissors", "cutout", "superpixels",
] as const;
export type ToolName = (typeof TOOLS)[number];
export type Suggestion = { shape: Shape; score: number };
export type Image = { project: string; key: string; sha256: string; width: number; height: number };
export type Loaded = { label: Label; history: History; seen: number; labelled: boolean };

/** What a person set and keeps from image to image. */
export type Settings = {
  tool: ToolName;
  again: ToolName;
  label: string;
  brush: number;
  tolerance: number;
  patch: number;
  result: "polygon" | "mask";
  crosshair: boolean;
  names: boolean;
  brightness: number;
  contrast: number;
};

const STORED = "autofocus.canvas.settings";
const CLIPBOARD = "autofocus.canvas.clipboard";
const ALIKE = 0.7; // intersection over union from which two boxes are about one object
const REJECTED = "autofocus.canvas.rejected";
const FRESH: Settings = {
  tool: "select", again: "box", label: "", brush: 12, tolerance: 24, patch: 24, result: "polygon",
  crosshair: true, names: true, brightness: 100, contrast: 100,
};

function stored<T>(name: string, fresh: T): T {
  const text = localStorage.getItem(name);
  if (text === null) return fresh;
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof SyntaxError) return fresh;
    throw error;
  }
}

export class Editor {
  image: Image | undefined;
  label: Label = EMPTY;
  history: History = NO_HISTORY;
  seen = 0;
  /** Whether somebody said what is in the image, if only that it is empty. */
  labelled = false;
  selection: ReadonlySet<string> = new Set();
  hover: string | undefined;
  hidden: ReadonlySet<string> = new Set();
  locked: ReadonlySet<string> = new Set();
  allHidden = false;
  /** What the model sees and nobody has decided on. */
  suggestions: readonly Suggestion[] = [];
  private offered: readonly Suggestion[] = [];
  settings: Settings;
  /** What a tool works on, in words; empty while none does. */
  busy = "";
  notice = "";
  snapshot = 0;
  private shownAt = Date.now();
  private listeners = new Set<() => void>();

  constructor(
    readonly project: string,
    readonly author: string,
    readonly classes: readonly string[],
  ) {
    const kept = { ...FRESH, ...stored<Partial<Settings>>(STORED, {}) };
    const label = classes.includes(kept.label) ? kept.label : (classes[0] ?? "");
    this.settings = { ...kept, label, tool: TOOLS.includes(kept.tool) ? kept.tool : "select" };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  tell(): void {
    this.snapshot += 1;
    this.listeners.forEach((listener) => listener());
  }

  get scene(): Scene {
    return sceneOf(this.label, this.image?.width ?? 1, this.image?.height ?? 1);
  }

  classPlace(shape: Shape): number {
    return this.classes.indexOf(shape.label);
  }

  // -- opening ----------------------------------------------------------------------------

  open(image: Image, { label, history, seen, labelled }: Loaded): void {
    Object.assign(this, { image, label, history, seen, labelled });
    this.selection = new Set();
    this.hidden = new Set();
    this.locked = new Set();
    this.hover = undefined;
    this.suggestions = this.offered = [];
    this.notice = "";
    this.shownAt = Date.now();
    this.tell();
  }

  close(): void {
    this.image = undefined;
    this.label = EMPTY;
    this.history = NO_HISTORY;
    this.suggestions = this.offered = [];
    this.tell();
  }

  /** Another label is in force now; what this one was can be had back by undo. */
  replace(label: Label, seen: number, what: string): void {
    const made = step(this.label, label, what);
    if (made) this.history = remember(this.history, made);
    this.label = label;
    this.seen = seen;
    this.labelled = true;
    this.selection = this.still(this.selection);
    this.tell();
  }

  set(change: Partial<Settings>): void {
    this.settings = { ...this.settings, ...change };
    if (change.tool && change.tool !== "select") this.settings = { ...this.settings, again: change.tool };
    localStorage.setItem(STORED, JSON.stringify(this.settings));
    this.tell();
  }

  say(notice: string): void {
    this.notice = notice;
    this.tell();
  }

  // -- changing ---------------------------------------------------------------------------

  /** Every change goes through here: it is remembered, kept in the browser and on its way at once. */
  change(next: Label, what: string): void {
    const made = step(this.label, next, what);
    if (!made) return;
    this.label = next;
    this.history = remember(this.history, made);
    this.changed();
  }

  private changed(): void {
    this.sift();
    this.selection = this.still(this.selection);
    this.save();
    this.tell();
  }

  /** Put the label in force as it is: also an empty one, which says that there is nothing. */
  save(): void {
    const { image } = this;
    if (!image) return;
    const seconds = Math.round((Date.now() - this.shownAt) / 10) / 100;
    this.shownAt = Date.now();
    this.labelled = true;
    const where = { project: image.project, key: image.key, author: this.author, seconds, seen: this.seen };
    outbox.save(where, this.label, this.history).catch((error: unknown) => {
      this.say(`This browser could not keep the change: ${String(error)}`);
    });
  }

  undo(): void {
    const last = this.history.past.at(-1);
    if (!last) return;
    this.label = undone(this.label, last);
    this.history = { past: this.history.past.slice(0, -1), future: [last, ...this.history.future] };
    this.notice = `Undone: ${last.what}`;
    this.changed();
  }

  redo(): void {
    const [next, ...future] = this.history.future;
    if (!next) return;
    this.label = redone(this.label, next);
    this.history = { past: [...this.history.past, next], future };
    this.notice = `Done again: ${next.what}`;
    this.changed();
  }

  add(geometry: Geometry, what: string, label = this.settings.label): Shape {
    const shape = newShape(label, geometry);
    this.selection = new Set([shape.id]);
    this.change({ ...this.label, shapes: [...this.label.shapes, shape] }, what);
    return shape;
  }

  /** Each of some shapes as another one, or gone where `how` gives none. */
  edit(ids: ReadonlySet<string>, what: string, how: (shape: Shape) => Shape | undefined): void {
    if (!ids.size) return;
    const shapes = this.label.shapes.flatMap((shape) => {
      if (!ids.has(shape.id) || this.locked.has(shape.id)) return [shape];
      return how(shape) ?? [];
    });
    this.change({ ...this.label, shapes }, what);
  }

  reshape(id: string, geometry: Geometry | undefined, what: string): void {
    this.edit(new Set([id]), what, (shape) => geometry && { ...shape, geometry });
  }

  remove(): void {
    this.edit(this.selection, "delete", () => undefined);
  }

  /** The class of what is selected, and of what is drawn next. */
  classify(label: string): void {
    this.edit(this.selection, `class ${label}`, (shape) => (shape.label === label ? shape : { ...shape, label }));
    this.set({ label });
  }

  setAttribute(name: string, value: Value | undefined): void {
    this.edit(this.selection, `attribute ${name}`, (shape) => {
      const { [name]: before, ...rest } = shape.attributes;
      if (before === value) return shape;
      return { ...shape, attributes: value === undefined ? rest : { ...shape.attributes, [name]: value } };
    });
  }

  setCrowd(crowd: boolean): void {
    this.edit(this.selection, crowd ? "crowd" : "no crowd", (shape) => ({ ...shape, crowd }));
  }

  setTags(tags: readonly string[]): void {
    this.change({ ...this.label, tags }, "tags");
  }

  /** To the front or to the back, in the order that they have among themselves. */
  order(front: boolean): void {
    const chosen = this.label.shapes.filter((s) => this.selection.has(s.id));
    const rest = this.label.shapes.filter((s) => !this.selection.has(s.id));
    this.change(
      { ...this.label, shapes: front ? [...rest, ...chosen] : [...chosen, ...rest] },
      front ? "to the front" : "to the back",
    );
  }

  move(dx: number, dy: number): void {
    this.edit(this.selection, "move", (shape) => {
      const geometry = this.moved(shape.geometry, dx, dy);
      return geometry ? { ...shape, geometry } : shape;
    });
  }

  /** A geometry elsewhere, held inside the image. */
  moved(geometry: Geometry, dx: number, dy: number): Geometry | undefined {
    const { width, height } = this.image!;
    const rect = bounds(geometry);
    const x = clamp(dx, -rect.left, Math.max(-rect.left, width - rect.right));
    const y = clamp(dy, -rect.top, Math.max(-rect.top, height - rect.bottom));
    if (geometry.kind === "box") return { ...geometry, x: round(geometry.x + x), y: round(geometry.y + y) };
    if (geometry.kind === "polygon") {
      return tidy(geometry.parts.map((part) => part.map(([px, py]): Point => [px + x, py + y])), width, height);
    }
    const patch = patchOf(geometry);
    return encode({ ...patch, x: patch.x + Math.round(x), y: patch.y + Math.round(y) }, width, height);
  }

  copy(): void {
    const chosen = this.label.shapes.filter((s) => this.selection.has(s.id));
    if (!chosen.length || !this.image) return;
    const { width, height } = this.image;
    localStorage.setItem(CLIPBOARD, JSON.stringify({ width, height, shapes: chosen }));
    this.say(`${chosen.length === 1 ? "One object" : `${chosen.length} objects`} copied`);
  }

  paste(): void {
    const held = stored<{ width: number; height: number; shapes: Shape[] } | null>(CLIPBOARD, null);
    if (held) this.put(asLabel(held).shapes, held.width, held.height, "paste");
  }

  duplicate(): void {
    const { width, height } = this.image!;
    this.put(this.label.shapes.filter((s) => this.selection.has(s.id)), width, height, "duplicate");
  }

  private put(shapes: readonly Shape[], fromWidth: number, fromHeight: number, what: string): void {
    const { width, height } = this.image!;
    const taken = new Set(this.label.shapes.map((s) => JSON.stringify(s.geometry)));
    const made = shapes.flatMap((shape): Shape[] => {
      if (!this.classes.includes(shape.label)) return [];
      let geometry: Geometry | undefined = this.carried(shape.geometry, fromWidth, fromHeight);
      // On top of what it was copied from nobody would see it.
      const aside = Math.max(4, Math.round(width / 80));
      if (geometry && taken.has(JSON.stringify(geometry))) {
        const rect = bounds(geometry);
        geometry = this.moved(geometry, rect.right + aside > width ? -aside : aside, rect.bottom + aside > height ? -aside : aside);
      }
      return geometry ? [{ ...shape, id: newId(), geometry, suggested_by: null }] : [];
    });
    if (!made.length) return;
    this.selection = new Set(made.map((s) => s.id));
    this.change({ ...this.label, shapes: [...this.label.shapes, ...made] }, what);
  }

  /** A geometry of an image of another size, cut off where this one ends. */
  private carried(geometry: Geometry, fromWidth: number, fromHeight: number): Geometry | undefined {
    const { width, height } = this.image!;
    if (fromWidth === width && fromHeight === height) return geometry;
    if (geometry.kind === "mask") return encode(patchOf(geometry), width, height);
    const parts = geometry.kind === "polygon" ? geometry.parts : [this.corners(geometry)];
    const inside = tidy(parts, width, height);
    if (!inside || geometry.kind === "polygon") return inside;
    const { left, top, right, bottom } = rectOf(inside.parts.flat());
    return { kind: "box", x: left, y: top, width: right - left, height: bottom - top };
  }

  private corners({ x, y, width, height }: { x: number; y: number; width: number; height: number }): Point[] {
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
  }

  /** Pixels as a mask of the image; undefined if none of them lies in it. */
  maskOf(patch: Patch | undefined): Mask | undefined {
    const { width, height } = this.image!;
    return patch && encode(patch, width, height);
  }

  /** The mask of a shape after a stroke, or a new one. */
  putPatch(id: string | undefined, patch: Patch | undefined, what: string): string | undefined {
    const mask = this.maskOf(patch);
    if (id !== undefined) {
      this.reshape(id, mask, what);
      return mask && id;
    }
    return mask && this.add(mask, what).id;
  }

  // -- selecting --------------------------------------------------------------------------

  private still(ids: ReadonlySet<string>): ReadonlySet<string> {
    const here = new Set(this.label.shapes.map((s) => s.id));
    this.suggestions.forEach((s) => here.add(s.shape.id));
    return new Set([...ids].filter((id) => here.has(id)));
  }

  select(ids: Iterable<string>): void {
    this.selection = new Set(ids);
    this.tell();
  }

  setHover(id: string | undefined): void {
    if (this.hover === id) return;
    this.hover = id;
    this.tell();
  }

  /** The shape that stands alone in the selection. */
  get only(): Shape | undefined {
    if (this.selection.size !== 1) return undefined;
    return this.scene.get([...this.selection][0]!);
  }

  selectNext(by: number): void {
    const { shapes } = this.label;
    if (!shapes.length) return;
    const at = shapes.findIndex((s) => this.selection.has(s.id));
    const next = at < 0 ? (by > 0 ? 0 : shapes.length - 1) : (at + by + shapes.length) % shapes.length;
    this.select([shapes[next]!.id]);
  }

  toggle(which: "hidden" | "locked", ids: Iterable<string>): void {
    const all = [...ids];
    const next = new Set(this[which]);
    const on = all.some((id) => !next.has(id));
    for (const id of all) {
      if (on) next.add(id);
      else next.delete(id);
    }
    this[which] = next;
    this.tell();
  }

  visible(shape: Shape): boolean {
    return !this.allHidden && !this.hidden.has(shape.id);
  }

  // -- suggestions ------------------------------------------------------------------------

  suggest(found: readonly Suggestion[]): void {
    // What a person has marked already is not suggested to them once more.
    const there = (s: Suggestion) => {
      const box = boxOf(bounds(s.shape.geometry));
      return this.label.shapes.some(
        (own) => own.label === s.shape.label && boxIou(boxOf(bounds(own.geometry)), box) > ALIKE,
      );
    };
    this.offered = found.filter((s) => this.label.shapes.some((own) => own.id === s.shape.id) || !there(s));
    this.sift();
    this.tell();
  }

  /** Those that were neither accepted nor rejected; one whose acceptance is undone is back. */
  private sift(): void {
    if (!this.offered.length) return;
    const rejected = new Set(this.rejected());
    const known = new Set(this.label.shapes.map((s) => s.id));
    this.suggestions = this.offered.filter((s) => !rejected.has(s.shape.id) && !known.has(s.shape.id));
  }

  suggestionAt(place: Point, slack: number): Suggestion | undefined {
    return this.suggestions.findLast((s) => hit(s.shape.geometry, place, slack) !== undefined);
  }

  /** Of the suggestions those that are selected, or all if none is. */
  private meant(): readonly Suggestion[] {
    const chosen = this.suggestions.filter((s) => this.selection.has(s.shape.id));
    return chosen.length ? chosen : this.suggestions;
  }

  accept(which: readonly Suggestion[] = this.meant()): void {
    if (!which.length) return;
    const taken = new Set(which.map((s) => s.shape.id));
    const what = which.length === 1 ? "accept a suggestion" : `accept ${which.length} suggestions`;
    this.change({ ...this.label, shapes: [...this.label.shapes, ...which.map((s) => s.shape)] }, what);
    this.selection = which.length === 1 ? taken : new Set();
    this.tell();
  }

  reject(which: readonly Suggestion[] = this.meant()): void {
    if (!which.length || !this.image) return;
    const gone = new Set(which.map((s) => s.shape.id));
    const all = stored<Record<string, string[]>>(REJECTED, {});
    const doc = `${this.project}\n${this.image.key}`;
    const { [doc]: before = [], ...others } = all;
    // The newest thousand images: what was rejected longer ago was said by another model.
    const kept = Object.entries(others).slice(-1000);
    localStorage.setItem(REJECTED, JSON.stringify({ ...Object.fromEntries(kept), [doc]: [...before, ...gone] }));
    this.sift();
    this.selection = this.still(this.selection);
    this.tell();
  }

  private rejected(): string[] {
    return stored<Record<string, string[]>>(REJECTED, {})[`${this.project}\n${this.image?.key ?? ""}`] ?? [];
  }
}

export function useEditor(editor: Editor): Editor {
  useSyncExternalStore(editor.subscribe, () => editor.snapshot);
  return editor;
}
