/** The words of a search as text: what a click on a value adds or takes away. */

const FIELDS = new Set([
  "class", "split", "source", "author", "case", "predicted", "format", "key", "is", "label",
  "brightness", "contrast", "blur", "entropy", "width", "height", "confidence",
]);
const BARE = /^[A-Za-z0-9_./+@][A-Za-z0-9_./+@-]*$/;

function quote(value: string): string {
  if (BARE.test(value) && !value.includes("..")) return value;
  return `"${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;
}

/** How a field is written: columns of the metadata by their name, where that is not taken. */
export function written(field: string): string {
  if (!field.startsWith("meta.")) return field;
  const column = field.slice(5);
  return FIELDS.has(column.toLowerCase()) || column.startsWith("meta.") ? quote(field) : quote(column);
}

export function shown(field: string): string {
  return field.startsWith("meta.") ? field.slice(5) : field;
}

function split(text: string, at: RegExp): string[] {
  const parts: string[] = [""];
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i]!;
    if (quoted && char === "\\") {
      parts[parts.length - 1] += char + (text[i + 1] ?? "");
      i += 1;
    } else if (!quoted && at.test(char)) parts.push("");
    else {
      if (char === '"') quoted = !quoted;
      parts[parts.length - 1] += char;
    }
  }
  return parts;
}

export function words(text: string): string[] {
  return split(text, /\s/).filter(Boolean);
}

function word(field: string, value: string): [prefix: string, value: string] {
  return field === "class" && value === "" ? ["is:", "unlabelled"] : [`${written(field)}:`, quote(value)];
}

export function has(text: string, field: string, value: string): boolean {
  const [prefix, wanted] = word(field, value);
  return words(text).some((w) => w.startsWith(prefix) && split(w.slice(prefix.length), /,/).includes(wanted));
}

export function toggled(text: string, field: string, value: string): string {
  const [prefix, wanted] = word(field, value);
  const all = words(text);
  const place = all.findIndex((w) => w.startsWith(prefix));
  if (place < 0) return [...all, prefix + wanted].join(" ");
  const values = split(all[place]!.slice(prefix.length), /,/);
  const next = values.includes(wanted) ? values.filter((v) => v !== wanted) : [...values, wanted];
  all.splice(place, 1, ...(next.length ? [prefix + next.join(",")] : []));
  return all.join(" ");
}

export function range(text: string, field: string): [low: string, high: string] {
  const found = words(text).find((w) => w.startsWith(`${field}:`) && w.includes(".."));
  const [low = "", high = ""] = found?.slice(field.length + 1).split("..") ?? [];
  return [low, high];
}

export function withRange(text: string, field: string, low: string, high: string): string {
  const rest = words(text).filter((w) => !(w.startsWith(`${field}:`) && w.includes("..")));
  return (low || high ? [...rest, `${field}:${low}..${high}`] : rest).join(" ");
}
