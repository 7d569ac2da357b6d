/** The colour of each class: the same as the class buttons', then others around the wheel. */

const FIRST = ["#3b82f6", "#d97706", "#16a34a", "#c026d3", "#0d9488", "#dc2626", "#7c3aed", "#65a30d"];
const made = new Map<number, string>();

export function classColour(place: number): string {
  if (place < 0) return "#64748b";
  const known = FIRST[place] ?? made.get(place);
  if (known) return known;
  // The golden angle keeps neighbours far apart.
  const colour = fromHue((place * 137.508) % 360);
  made.set(place, colour);
  return colour;
}

function fromHue(hue: number): string {
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    const value = 0.46 - 0.75 * 0.46 * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

export function channels(colour: string): [number, number, number] {
  const value = parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function luminance(colour: string): number {
  const [r, g, b] = channels(colour).map((c) => {
    const s = c / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** WCAG's contrast of two colours, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

/** Black or white, whichever is read better on a colour: one of them always has 4.5. */
export function inkOn(colour: string): string {
  return contrast(colour, "#ffffff") >= contrast(colour, "#000000") ? "#ffffff" : "#000000";
}
