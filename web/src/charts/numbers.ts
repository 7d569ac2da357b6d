/** Evidence in figures that people can read. */
export function readable(value: number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  if (value >= 1e6) return "over a million";
  if (value >= 10) return Math.round(value).toLocaleString("en");
  if (value < 0.01) return "below 0.01";
  return value.toPrecision(2);
}
