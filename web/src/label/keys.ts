import { actionOf, classOf, keysOf, type ActionName } from "../keys";

export type Meant = { place: number } | { action: ActionName; extend: boolean };

const MOVES: readonly ActionName[] = ["image.next", "image.previous", "image.up", "image.down"];

/**
 * The class or action that a key stands for; keys of classes come first. Shift with an arrow moves
 * and selects on the way, in every preset.
 */
export function meant(event: KeyboardEvent, classes: number): Meant | undefined {
  const place = classOf(event, classes, "classes");
  if (place !== undefined) return { place };
  const action = actionOf(event, "classes");
  if (action) return { action, extend: false };
  const arrow = event.key.toLowerCase();
  if (!event.shiftKey || !arrow.startsWith("arrow")) return undefined;
  const move = MOVES.find((name) => keysOf(name).includes(arrow));
  return move ? { action: move, extend: true } : undefined;
}
