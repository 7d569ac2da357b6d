/** What was done to a label, so that it can be undone: each step as what it took out and put in. */

import type { Label, Shape } from "./shapes";

export type Step = {
  what: string;
  at: number;
  removed: readonly Shape[];
  added: readonly Shape[];
  tags?: { before: readonly string[]; after: readonly string[] };
};

const MOST_STEPS = 500;

/** The step from one label to another; undefined if nothing changed. Shapes are told apart by being the same value. */
export function step(before: Label, after: Label, what: string): Step | undefined {
  const a = before.shapes;
  const b = after.shapes;
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  let end = 0;
  while (end < a.length - at && end < b.length - at && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const removed = a.slice(at, a.length - end);
  const added = b.slice(at, b.length - end);
  const tags = before.tags === after.tags ? undefined : { before: before.tags, after: after.tags };
  if (!removed.length && !added.length && !tags) return undefined;
  return { what, at, removed, added, ...(tags && { tags }) };
}

export function redone(label: Label, { at, removed, added, tags }: Step): Label {
  return {
    shapes: [...label.shapes.slice(0, at), ...added, ...label.shapes.slice(at + removed.length)],
    tags: tags ? tags.after : label.tags,
  };
}

export function undone(label: Label, { at, removed, added, tags }: Step): Label {
  return {
    shapes: [...label.shapes.slice(0, at), ...removed, ...label.shapes.slice(at + added.length)],
    tags: tags ? tags.before : label.tags,
  };
}

export type History = { past: readonly Step[]; future: readonly Step[] };
export const NO_HISTORY: History = { past: [], future: [] };

export function remember(history: History, made: Step): History {
  return { past: [...history.past.slice(-MOST_STEPS + 1), made], future: [] };
}

// A step never changes either: its text is made once.
const texts = new WeakMap<Step, string>();

export function stepTexts(steps: readonly Step[]): string[] {
  return steps.map((made) => {
    let text = texts.get(made);
    if (text === undefined) {
      text = JSON.stringify(made);
      texts.set(made, text);
    }
    return text;
  });
}
