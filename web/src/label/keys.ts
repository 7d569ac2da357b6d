/** Class number n has the n-th of these keys. */
export const CLASS_KEYS = "1234567890qwertyuiop";

export type Deed =
  | "accept" | "acceptSight" | "keep" | "skip" | "unsure" | "flag" | "undo"
  | "right" | "left" | "down" | "up" | "toggle" | "all" | "none" | "mode" | "larger" | "smaller" | "help";

const KEYS: Record<string, Deed> = {
  enter: "accept", "shift+enter": "acceptSight", x: "keep", s: "skip", u: "unsure", f: "flag",
  z: "undo", "ctrl+z": "undo", arrowright: "right", arrowleft: "left", arrowdown: "down", arrowup: "up",
  d: "right", a: "left",
  " ": "toggle", "ctrl+a": "all", escape: "none", m: "mode", "+": "larger", "=": "larger", "-": "smaller", "?": "help",
};

/** The class or deed that a key stands for; keys of classes come first. */
export function meant(event: KeyboardEvent, classes: readonly string[]): { label: string } | { deed: Deed } | undefined {
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey) return undefined;
  if (!control && !event.shiftKey && key.length === 1) {
    const label = classes[CLASS_KEYS.indexOf(key)];
    if (CLASS_KEYS.includes(key) && label !== undefined) return { label };
  }
  const moves = key.startsWith("arrow");
  const name = `${control ? "ctrl+" : ""}${event.shiftKey && key.length > 1 && !moves ? "shift+" : ""}${key}`;
  const deed = KEYS[name];
  return deed ? { deed } : undefined;
}

export function keyList(classes: readonly string[], review: boolean): [string, string][] {
  return [
    ...classes.slice(0, CLASS_KEYS.length).map((c, i): [string, string] => [CLASS_KEYS[i]!, c]),
    ["Enter", review ? "correct to what is suggested" : "accept the suggestions"],
    ...(review ? [["x", "keep the label as it is"] as [string, string]] : []),
    ["Shift Enter", "accept all suggestions in sight"],
    ["s", "skip: not now"],
    ["u", "unsure: cannot be told"],
    ["f", "flag: something is wrong with it"],
    ["z", "undo"],
    ["arrows", "move; with Shift also select"],
    ["Space", "select or not"],
    ["Ctrl a", "select all that are here"],
    ["Esc", "select nothing"],
    ["m", "grid or one image"],
    ["+ -", "larger or smaller images"],
  ];
}
