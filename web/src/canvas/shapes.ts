/** The label of an image as the canvas holds it: never changed in place, so that undo can keep it. */

export type Point = readonly [x: number, y: number];
export type Part = readonly Point[];
export type Box = { kind: "box"; x: number; y: number; width: number; height: number };
export type Polygon = { kind: "polygon"; parts: readonly Part[] };
/** Pixels as COCO's compressed run-length string, over the whole image. */
export type Mask = { kind: "mask"; height: number; width: number; counts: string };
export type Geometry = Box | Polygon | Mask;
export type Value = string | number | boolean | null;
export type Shape = {
  id: string;
  label: string;
  geometry: Geometry;
  attributes: Readonly<Record<string, Value>>;
  suggested_by: string | null;
  crowd: boolean;
};
export type Label = { shapes: readonly Shape[]; tags: readonly string[] };

export const EMPTY: Label = { shapes: [], tags: [] };

export function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `s${random[0]!.toString(36)}${random[1]!.toString(36)}`;
}

export function newShape(label: string, geometry: Geometry): Shape {
  return { id: newId(), label, geometry, attributes: {}, suggested_by: null, crowd: false };
}

// A shape never changes, so its text is made once: of thousands, one is new at each save.
const texts = new WeakMap<Shape, string>();

function shapeText(shape: Shape): string {
  let text = texts.get(shape);
  if (text === undefined) {
    text = JSON.stringify(shape);
    texts.set(shape, text);
  }
  return text;
}

/** The label as the API takes it. */
export function labelText(label: Label): string {
  return `{"kind":"shapes","shapes":[${label.shapes.map(shapeText).join(",")}],"tags":${JSON.stringify(label.tags)}}`;
}

/** A label from the API or from a draft; what is left out there has its default here. */
export function asLabel(told: unknown): Label {
  const { shapes = [], tags = [] } = (told ?? {}) as { shapes?: Partial<Shape>[]; tags?: string[] };
  return {
    shapes: shapes.map(
      (s): Shape => ({
        id: s.id!,
        label: s.label!,
        geometry: s.geometry!,
        attributes: s.attributes ?? {},
        suggested_by: s.suggested_by ?? null,
        crowd: s.crowd ?? false,
      }),
    ),
    tags,
  };
}

/** What of two labels is not the same, by the id of the shapes. */
export function difference(mine: Label, theirs: Label): { onlyMine: Shape[]; onlyTheirs: Shape[]; changed: [Shape, Shape][]; same: number } {
  const other = new Map(theirs.shapes.map((s) => [s.id, s]));
  const onlyMine: Shape[] = [];
  const changed: [Shape, Shape][] = [];
  let same = 0;
  for (const shape of mine.shapes) {
    const there = other.get(shape.id);
    other.delete(shape.id);
    if (!there) onlyMine.push(shape);
    else if (alike(shape, there)) same += 1;
    else changed.push([shape, there]);
  }
  return { onlyMine, onlyTheirs: [...other.values()], changed, same };
}

function alike(a: Shape, b: Shape): boolean {
  return a === b || canonical(a) === canonical(b);
}

/** A text that is the same for the same value: the server orders the fields its own way. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
}

export function sameLabel(a: Label, b: Label): boolean {
  if (a === b) return true;
  if (a.shapes.length !== b.shapes.length || a.tags.join("\0") !== b.tags.join("\0")) return false;
  return a.shapes.every((shape, i) => alike(shape, b.shapes[i]!));
}

/** Everything of both: what both changed differently is there twice. */
export function bothLabels(mine: Label, theirs: Label): Label {
  const { onlyMine, changed } = difference(mine, theirs);
  const added = [...onlyMine, ...changed.map(([own]) => ({ ...own, id: newId() }))];
  return {
    shapes: [...theirs.shapes, ...added],
    tags: [...theirs.tags, ...mine.tags.filter((t) => !theirs.tags.includes(t))],
  };
}
