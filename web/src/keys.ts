import { useSyncExternalStore } from "react";

/**
 * The keys of the labelling pages in one table: what can be done, which keys do it in each preset,
 * and what a person changed, kept in this browser. A key is written as `ctrl+shift+z`; Command
 * counts as Ctrl, and Shift is named only with letters, digits and keys that have a name.
 */

export type Scope = "canvas" | "classes";
export type Group = "Images" | "Labels" | "Suggestions" | "Tools" | "Objects" | "View" | "Page";
type Keys = readonly string[];
type Row = {
  says: string;
  group: Group;
  scopes: readonly Scope[];
  keys: Keys;
  cvat?: Keys;
  labelStudio?: Keys;
};

const both = ["canvas", "classes"] as const;
const canvas = ["canvas"] as const;
const classes = ["classes"] as const;

const TABLE = {
  "image.next": { says: "Next image", group: "Images", scopes: both, keys: ["d", "arrowright"], cvat: ["f", "arrowright"], labelStudio: ["ctrl+arrowright", "shift+arrowdown"] },
  "image.previous": { says: "Previous image", group: "Images", scopes: both, keys: ["a", "arrowleft"], cvat: ["d", "arrowleft"], labelStudio: ["ctrl+arrowleft", "shift+arrowup"] },
  "image.up": { says: "The image above", group: "Images", scopes: classes, keys: ["arrowup"] },
  "image.down": { says: "The image below", group: "Images", scopes: classes, keys: ["arrowdown"] },
  "image.done": { says: "Done: save it as it is, and on to the next", group: "Images", scopes: canvas, keys: ["shift+enter"], cvat: ["ctrl+enter"], labelStudio: ["ctrl+enter", "alt+enter"] },
  "image.skip": { says: "Skip: cannot be told", group: "Images", scopes: both, keys: ["u"], labelStudio: ["ctrl+space"] },
  "image.later": { says: "Skip: not now", group: "Images", scopes: classes, keys: ["s"] },
  "image.flag": { says: "Flag for somebody else", group: "Images", scopes: classes, keys: ["shift+f"] },
  "suggestion.accept": { says: "Accept the suggestion, or all of them", group: "Suggestions", scopes: both, keys: ["enter"] },
  "suggestion.acceptNext": { says: "Accept all and on to the next", group: "Suggestions", scopes: canvas, keys: ["shift+space"] },
  "suggestion.acceptSight": { says: "Accept all suggestions in sight", group: "Suggestions", scopes: classes, keys: ["shift+enter"] },
  "suggestion.reject": { says: "Reject the suggestion", group: "Suggestions", scopes: both, keys: ["x"] },
  "edit.undo": { says: "Undo", group: "Labels", scopes: both, keys: ["ctrl+z", "z"], cvat: ["ctrl+z"], labelStudio: ["ctrl+z"] },
  "edit.redo": { says: "Redo", group: "Labels", scopes: both, keys: ["ctrl+shift+z", "ctrl+y"] },
  "select.all": { says: "Select all", group: "Labels", scopes: both, keys: ["ctrl+a"] },
  "select.none": { says: "Select nothing, or leave the drawing", group: "Labels", scopes: both, keys: ["escape"] },
  "select.toggle": { says: "Select the image or not", group: "Labels", scopes: classes, keys: ["space"] },
  "tool.select": { says: "Select and change", group: "Tools", scopes: canvas, keys: ["v"] },
  "tool.box": { says: "Box", group: "Tools", scopes: canvas, keys: ["r"] },
  "tool.extreme": { says: "Box by its four outermost points", group: "Tools", scopes: canvas, keys: ["t"] },
  "tool.polygon": { says: "Polygon", group: "Tools", scopes: canvas, keys: ["p"] },
  "tool.brush": { says: "Brush", group: "Tools", scopes: canvas, keys: ["b"] },
  "tool.eraser": { says: "Eraser", group: "Tools", scopes: canvas, keys: ["e"] },
  "tool.wand": { says: "Magic wand: what has this colour", group: "Tools", scopes: canvas, keys: ["w"] },
  "tool.scissors": { says: "Scissors: an outline that follows edges", group: "Tools", scopes: canvas, keys: ["i"] },
  "tool.cutout": { says: "Cut-out: the object in a box", group: "Tools", scopes: canvas, keys: ["g"] },
  "tool.superpixels": { says: "Superpixels: patches of one look", group: "Tools", scopes: canvas, keys: ["k"] },
  "tool.again": { says: "The last drawing tool again", group: "Tools", scopes: canvas, keys: ["n"] },
  "tool.smaller": { says: "Smaller brush, less tolerance", group: "Tools", scopes: canvas, keys: ["["] },
  "tool.larger": { says: "Larger brush, more tolerance", group: "Tools", scopes: canvas, keys: ["]"] },
  "shape.delete": { says: "Delete", group: "Objects", scopes: canvas, keys: ["delete", "backspace"] },
  "shape.duplicate": { says: "Duplicate", group: "Objects", scopes: canvas, keys: ["ctrl+d"] },
  "shape.copy": { says: "Copy", group: "Objects", scopes: canvas, keys: ["ctrl+c"] },
  "shape.paste": { says: "Paste, also into another image", group: "Objects", scopes: canvas, keys: ["ctrl+v"] },
  "shape.hide": { says: "Hide or show", group: "Objects", scopes: canvas, keys: ["h"], labelStudio: ["alt+h"] },
  "shape.lock": { says: "Lock or unlock", group: "Objects", scopes: canvas, keys: ["l"], labelStudio: ["alt+l"] },
  "shape.raise": { says: "To the front", group: "Objects", scopes: canvas, keys: ["pageup"] },
  "shape.lower": { says: "To the back", group: "Objects", scopes: canvas, keys: ["pagedown"] },
  "shape.next": { says: "Next object", group: "Objects", scopes: canvas, keys: ["."], labelStudio: ["alt+."] },
  "shape.previous": { says: "Object before", group: "Objects", scopes: canvas, keys: [","], labelStudio: ["alt+,"] },
  "nudge.left": { says: "Move left by a pixel", group: "Objects", scopes: canvas, keys: ["shift+arrowleft"] },
  "nudge.right": { says: "Move right by a pixel", group: "Objects", scopes: canvas, keys: ["shift+arrowright"] },
  "nudge.up": { says: "Move up by a pixel", group: "Objects", scopes: canvas, keys: ["shift+arrowup"], labelStudio: ["alt+arrowup"] },
  "nudge.down": { says: "Move down by a pixel", group: "Objects", scopes: canvas, keys: ["shift+arrowdown"], labelStudio: ["alt+arrowdown"] },
  "view.in": { says: "Larger", group: "View", scopes: both, keys: ["+", "="] },
  "view.out": { says: "Smaller", group: "View", scopes: both, keys: ["-"] },
  "view.fit": { says: "The whole image", group: "View", scopes: canvas, keys: ["f"], cvat: ["ctrl+0"], labelStudio: ["shift+1"] },
  "view.crosshair": { says: "Crosshair on or off", group: "View", scopes: canvas, keys: ["c"] },
  "view.all": { says: "Hide or show all objects", group: "View", scopes: canvas, keys: ["shift+h"] },
  "view.mode": { says: "Grid or one image", group: "View", scopes: classes, keys: ["m"] },
  "page.help": { says: "Keys", group: "Page", scopes: both, keys: ["?", "f1"] },
} as const satisfies Record<string, Row>;

export type ActionName = keyof typeof TABLE;
export const ACTIONS = Object.keys(TABLE) as ActionName[];
export const GROUPS: Group[] = ["Images", "Suggestions", "Tools", "Labels", "Objects", "View", "Page"];

export const PRESETS = { autofocus: "Autofocus", cvat: "CVAT", labelStudio: "Label Studio" } as const;
export type Preset = keyof typeof PRESETS;

export function described(action: ActionName): Row {
  return TABLE[action];
}

/** Class number n, from 0, has the n-th of these keys; letters only where a page has no tools. */
const DIGITS = "1234567890";
const LETTERS = "qwertyuiop";

export function classKey(place: number, scope: Scope): string | undefined {
  if (place < 10) return DIGITS[place];
  if (scope === "canvas") return place < 20 ? `shift+${DIGITS[place - 10]}` : undefined;
  return LETTERS[place - 10];
}

// -- what a person chose ------------------------------------------------------------------

type Choice = { preset: Preset; own: Partial<Record<ActionName, Keys>> };
const STORED = "autofocus.keys";
const listeners = new Set<() => void>();
let choice = read();

function read(): Choice {
  const fresh: Choice = { preset: "autofocus", own: {} };
  try {
    const told = JSON.parse(localStorage.getItem(STORED) ?? "null") as Partial<Choice> | null;
    if (!told || !(told.preset! in PRESETS)) return fresh;
    const own = Object.entries(told.own ?? {}).filter(
      ([name, keys]) => name in TABLE && Array.isArray(keys) && keys.every((k) => typeof k === "string"),
    );
    return { preset: told.preset!, own: Object.fromEntries(own) };
  } catch (error) {
    if (error instanceof SyntaxError) return fresh;
    throw error;
  }
}

function choose(next: Choice): void {
  choice = next;
  localStorage.setItem(STORED, JSON.stringify(next));
  listeners.forEach((listener) => listener());
}

// Another tab changed them.
window.addEventListener("storage", (event) => {
  if (event.key !== STORED) return;
  choice = read();
  listeners.forEach((listener) => listener());
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The choice in force; a component that uses it is drawn again when a key changes. */
export function useKeys(): Choice {
  return useSyncExternalStore(subscribe, () => choice);
}

export function keysOf(action: ActionName): Keys {
  const row: Row = TABLE[action];
  return choice.own[action] ?? (choice.preset === "autofocus" ? undefined : row[choice.preset]) ?? row.keys;
}

/** A preset takes the place of everything that was changed by hand. */
export function setPreset(preset: Preset): void {
  choose({ preset, own: {} });
}

/**
 * Give an action a key, first among its own, and take it from others on the same page; returns
 * those that lost it.
 */
export function setKey(action: ActionName, key: string): ActionName[] {
  const own = { ...choice.own };
  const losers = ACTIONS.filter(
    (other) =>
      other !== action &&
      TABLE[other].scopes.some((s) => (TABLE[action].scopes as Keys).includes(s)) &&
      keysOf(other).includes(key),
  );
  for (const other of losers) own[other] = keysOf(other).filter((k) => k !== key);
  own[action] = [key];
  choose({ ...choice, own });
  return losers;
}

// -- from the keyboard --------------------------------------------------------------------

const NAMED: Record<string, string> = { " ": "space", esc: "escape", del: "delete" };

/** What an event may be called: `!` on one keyboard is `shift+1` on another. */
export function namesOf(event: KeyboardEvent): string[] {
  const told = event.key.toLowerCase();
  const key = NAMED[told] ?? told;
  const before = (event.ctrlKey || event.metaKey ? "ctrl+" : "") + (event.altKey ? "alt+" : "");
  const shift = event.shiftKey ? "shift+" : "";
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  const names = [];
  if (digit !== undefined && event.shiftKey && key !== digit) names.push(`${before}shift+${digit}`);
  // Alt makes other signs of letters on some systems.
  const letter = event.altKey ? /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase() : undefined;
  if (letter) names.push(before + shift + letter);
  const sign = key.length === 1 && key.toLowerCase() === key.toUpperCase();
  names.push(before + (sign ? "" : shift) + key);
  return names;
}

export function actionOf(event: KeyboardEvent, scope: Scope): ActionName | undefined {
  const names = namesOf(event);
  return ACTIONS.find(
    (action) =>
      (TABLE[action].scopes as readonly Scope[]).includes(scope) &&
      keysOf(action).some((key) => names.includes(key)),
  );
}

/** The place of the class whose key it is, or undefined. */
export function classOf(event: KeyboardEvent, count: number, scope: Scope): number | undefined {
  const names = namesOf(event);
  for (let place = 0; place < count; place += 1) {
    const key = classKey(place, scope);
    if (key === undefined) return undefined;
    if (names.includes(key)) return place;
  }
  return undefined;
}

const SHOWN: Record<string, string> = {
  arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", escape: "Esc", delete: "Del",
  backspace: "⌫", pageup: "Page ↑", pagedown: "Page ↓", space: "Space", enter: "Enter",
  ctrl: "Ctrl", shift: "Shift", alt: "Alt",
};

/** A key as people read it: `Ctrl Shift Z`. */
export function shownKey(key: string): string {
  const parts = key === "+" ? ["+"] : key.endsWith("++") ? [...key.slice(0, -2).split("+"), "+"] : key.split("+");
  return parts.map((p) => SHOWN[p] ?? (p.length === 1 ? p.toUpperCase() : p)).join(" ");
}

export function firstKey(action: ActionName): string {
  const key = keysOf(action)[0];
  return key === undefined ? "" : shownKey(key);
}
