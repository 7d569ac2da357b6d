/** A number between 0 and 1 with its interval, as a bar. */
export function IntervalBar({
  value,
  low,
  high,
  tone = "accent",
}: {
  value: number;
  low?: number | null;
  high?: number | null;
  tone?: "accent" | "quiet";
}) {
  return (
    <div className={`interval ${tone}`} aria-hidden="true">
      <div className="fill" style={{ width: `${100 * value}%` }} />
      {low !== null && low !== undefined && high !== null && high !== undefined && (
        <div className="range" style={{ left: `${100 * low}%`, width: `${100 * (high - low)}%` }} />
      )}
    </div>
  );
}
