import { percent } from "../words";
import { Frame, HEIGHT, Legend, path, scale, WIDTH } from "./frame";

export type Curve = { name: string; points: { x: number; y: number }[] };

/** Lines over steps that need not stand at the same places. */
export function CurveChart({
  lines,
  label,
  share,
}: {
  lines: Curve[];
  label: string;
  share: boolean;
}) {
  const all = lines.flatMap((line) => line.points);
  const steps = [...new Set(all.map((p) => p.x))].sort((a, b) => a - b);
  const first = steps[0] ?? 0;
  const last = steps.at(-1) ?? 1;
  const values = all.map((p) => p.y).filter(Number.isFinite);
  const top = share ? 1 : Math.max(...values, 1e-9);
  const bottom = share ? Math.min(...values, 1) : 0;
  const y = scale(bottom, top);
  // The cursor moves by evenly spaced places, so the lines are read at these.
  const places = Array.from({ length: 101 }, (_, i) => first + ((last - first) * i) / 100);
  const words = (value: number) => (share ? percent(value) : value.toPrecision(3));
  const at = (line: Curve, x: number) =>
    line.points.reduce((best, p) => (Math.abs(p.x - x) < Math.abs(best.x - x) ? p : best)).y;
  return (
    <>
      <Frame
        points={places}
        label={label}
        ticks={[
          { at: top, text: share ? percent(top, 0) : words(top) },
          { at: bottom, text: share ? percent(bottom, 0) : words(bottom) },
        ]}
        y={y}
        read={(x) =>
          `step ${Math.round(x)} · ${lines.map((line) => `${words(at(line, x))} ${line.name}`).join(", ")}`
        }
        ends={[`step ${first}`, `step ${last}`]}
      >
        {lines.map((line, i) => (
          <path
            key={line.name}
            className={`curve line-${i}`}
            d={path(
              line.points
                .filter((p) => Number.isFinite(p.y))
                .map((p) => ({
                  x: (WIDTH * (p.x - first)) / Math.max(last - first, 1),
                  y: Math.max(0, Math.min(HEIGHT, y(p.y))),
                })),
            )}
          />
        ))}
      </Frame>
      {lines.length > 1 && (
        <Legend entries={lines.map((line, i) => ({ name: line.name, swatch: `line-${i}` }))} />
      )}
    </>
  );
}
