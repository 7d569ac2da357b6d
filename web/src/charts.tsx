import { useState, type PointerEvent } from "react";
import type { HistoryPoint } from "./api/client";
import { percent, when } from "./words";

const WIDTH = 640;
const HEIGHT = 150;
const FLOOR = -1.5;

type Line = { x: number; y: number }[];

function path(line: Line): string {
  return line.map((p, i) => `${i ? "L" : "M"}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join("");
}

function Frame({
  points,
  label,
  ticks,
  y,
  read,
  children,
}: {
  points: HistoryPoint[];
  label: string;
  ticks: { at: number; text: string }[];
  y: (value: number) => number;
  read: (point: HistoryPoint) => string;
  children: React.ReactNode;
}) {
  const [index, setIndex] = useState<number>();
  const shown = index === undefined ? undefined : points[index];
  function move(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    setIndex(Math.max(0, Math.min(points.length - 1, Math.round(share * (points.length - 1)))));
  }
  const x = index === undefined ? 0 : (WIDTH * index) / Math.max(points.length - 1, 1);
  return (
    <figure className="chart">
      <div className="plot">
        <div className="ticks" aria-hidden="true">
          {ticks.map((tick) => (
            <span key={tick.text} style={{ top: `${(100 * y(tick.at)) / HEIGHT}%` }}>
              {tick.text}
            </span>
          ))}
        </div>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={label}
          onPointerMove={move}
          onPointerLeave={() => setIndex(undefined)}
        >
          {ticks.map((tick) => (
            <line key={tick.text} className="grid" x1="0" x2={WIDTH} y1={y(tick.at)} y2={y(tick.at)} />
          ))}
          {children}
          {shown && <line className="cursor" x1={x} x2={x} y1="0" y2={HEIGHT} />}
        </svg>
      </div>
      <figcaption>
        {shown ? (
          <span>
            {when(shown.at)} · {read(shown)}
          </span>
        ) : (
          <>
            <span>{when(points[0]?.at)}</span>
            <span>{when(points.at(-1)?.at)}</span>
          </>
        )}
      </figcaption>
    </figure>
  );
}

/** Evidence that the images changed, on a logarithmic scale, with the alarm line. */
export function EvidenceChart({ points }: { points: HistoryPoint[] }) {
  const last = points.at(-1);
  if (points.length < 2 || !last) {
    return <p className="soft">The curve begins with the first predictions.</p>;
  }
  const line = Math.log10(last.threshold);
  const level = (p: HistoryPoint) => Math.max(FLOOR, Math.log10(Math.max(p.e_value ?? 0, 1e-9)));
  const top = Math.max(line + 0.7, ...points.map(level)) + 0.2;
  const y = (value: number) => HEIGHT - 6 - ((HEIGHT - 12) * (value - FLOOR)) / (top - FLOOR);
  const drawn = points.map((p, i) => ({ x: (WIDTH * i) / (points.length - 1), y: y(level(p)) }));
  return (
    <Frame
      points={points}
      label={`Evidence of change over time; now ${readable(last.e_value)}, the alarm line is ${readable(last.threshold)}`}
      ticks={[
        { at: line, text: readable(last.threshold) },
        { at: 0, text: "1" },
      ]}
      y={y}
      read={(p) => `evidence ${readable(p.e_value)}, alarm at ${readable(p.threshold)}`}
    >
      <rect className="alarm-zone" x="0" y="0" width={WIDTH} height={y(line)} />
      <line className="alarm-line" x1="0" x2={WIDTH} y1={y(line)} y2={y(line)} />
      <path className="curve" d={path(drawn)} />
    </Frame>
  );
}

/** Estimated accuracy over time with its band. */
export function AccuracyChart({ points }: { points: HistoryPoint[] }) {
  const known = points.filter((p) => p.accuracy !== null);
  if (known.length < 2) {
    return <p className="soft">The curve begins when enough answers have been given.</p>;
  }
  const low = Math.min(...known.map((p) => p.accuracy_low ?? p.accuracy ?? 1));
  const bottom = Math.max(0, Math.floor(low * 20) / 20 - 0.05);
  const y = (value: number) => 6 + ((HEIGHT - 12) * (1 - value)) / (1 - bottom);
  const x = (i: number) => (WIDTH * i) / (known.length - 1);
  const upper = known.map((p, i) => ({ x: x(i), y: y(p.accuracy_high ?? p.accuracy ?? 0) }));
  const lower = known.map((p, i) => ({ x: x(i), y: y(p.accuracy_low ?? p.accuracy ?? 0) }));
  const middle = known.map((p, i) => ({ x: x(i), y: y(p.accuracy ?? 0) }));
  return (
    <Frame
      points={known}
      label={`Estimated accuracy over time with its band; now ${percent(known.at(-1)?.accuracy)}`}
      ticks={[
        { at: 1, text: "100 %" },
        { at: (1 + bottom) / 2, text: percent((1 + bottom) / 2, 0) },
        { at: bottom, text: percent(bottom, 0) },
      ]}
      y={y}
      read={(p) =>
        `${percent(p.accuracy)}, between ${percent(p.accuracy_low)} and ${percent(p.accuracy_high)}`
      }
    >
      <path className="band" d={`${path(upper)}${path([...lower].reverse()).replace("M", "L")}Z`} />
      <path className="curve" d={path(middle)} />
    </Frame>
  );
}

export function readable(value: number | null | undefined): string {
  if (value === null || value === undefined) return "unknown";
  if (value >= 1e6) return "over a million";
  if (value >= 10) return Math.round(value).toLocaleString("en");
  if (value < 0.01) return "below 0.01";
  return value.toPrecision(2);
}

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
