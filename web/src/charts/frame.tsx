import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

export const WIDTH = 640;
export const HEIGHT = 150;

export type Line = { x: number; y: number }[];

export function path(line: Line): string {
  return line.map((p, i) => `${i ? "L" : "M"}${p.x.toFixed(1)} ${p.y.toFixed(1)}`).join("");
}

/** Where point `i` of `n` stands. */
export function across(i: number, n: number): number {
  return (WIDTH * i) / Math.max(n - 1, 1);
}

/** Height of a value between `bottom` and `top`. */
export function scale(bottom: number, top: number): (value: number) => number {
  return (value) => HEIGHT - 6 - ((HEIGHT - 12) * (value - bottom)) / (top - bottom || 1);
}

/** The area between two lines, drawn as one shape. */
export function area(upper: Line, lower: Line): string {
  return `${path(upper)}${path([...lower].reverse()).replace("M", "L")}Z`;
}

export type Tick = { at: number; text: string };
/** Something that happened at a point: a promotion, an alarm. */
export type Mark = { index: number; text: string };

/**
 * What all charts share: ticks, marks, and a cursor that reads the points out. The cursor follows
 * the pointer, or the arrow keys.
 */
export function Frame<T>({
  points,
  label,
  ticks,
  y,
  read,
  ends,
  marks = [],
  children,
}: {
  points: readonly T[];
  label: string;
  ticks: Tick[];
  y: (value: number) => number;
  read: (point: T) => string;
  ends: [string, string];
  marks?: Mark[];
  children: ReactNode;
}) {
  const [index, setIndex] = useState<number>();
  const last = points.length - 1;
  const shown = index === undefined ? undefined : points[Math.min(index, last)];
  function move(event: PointerEvent<SVGSVGElement>) {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    setIndex(Math.max(0, Math.min(last, Math.round(share * last))));
  }
  function step(event: KeyboardEvent<HTMLDivElement>) {
    const at = index ?? last;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setIndex(Math.max(0, Math.min(last, to)));
  }
  const x = index === undefined ? 0 : across(Math.min(index, last), points.length);
  const newest = points[last];
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
        <div
          className="canvas"
          role="slider"
          tabIndex={0}
          aria-label={label}
          aria-valuemin={0}
          aria-valuemax={last}
          aria-valuenow={index ?? last}
          aria-valuetext={shown ? read(shown) : newest === undefined ? "" : read(newest)}
          onKeyDown={step}
          onBlur={() => setIndex(undefined)}
        >
          <svg
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            aria-hidden="true"
            onPointerMove={move}
            onPointerLeave={() => setIndex(undefined)}
          >
            {ticks.map((tick) => (
              <line key={tick.text} className="grid" x1="0" x2={WIDTH} y1={y(tick.at)} y2={y(tick.at)} />
            ))}
            {children}
            {marks.map((mark) => (
              <line
                key={mark.index}
                className="event"
                x1={across(mark.index, points.length)}
                x2={across(mark.index, points.length)}
                y1="0"
                y2={HEIGHT}
              />
            ))}
            {shown !== undefined && <line className="cursor" x1={x} x2={x} y1="0" y2={HEIGHT} />}
          </svg>
          {marks.map((mark) => {
            const share = mark.index / Math.max(last, 1);
            return (
              <span
                key={mark.index}
                className={`mark-text ${share > 0.6 ? "left" : ""}`}
                style={{ left: `${100 * share}%` }}
                aria-hidden="true"
              >
                {mark.text}
              </span>
            );
          })}
        </div>
      </div>
      <figcaption>
        {shown !== undefined ? (
          <span>{read(shown)}</span>
        ) : (
          <>
            <span>{ends[0]}</span>
            <span>{ends[1]}</span>
          </>
        )}
      </figcaption>
    </figure>
  );
}

/** What the lines of a chart mean. */
export function Legend({ entries }: { entries: { name: string; swatch: string }[] }) {
  return (
    <ul className="legend">
      {entries.map((entry) => (
        <li key={entry.name}>
          <span className={`swatch ${entry.swatch}`} aria-hidden="true" />
          {entry.name}
        </li>
      ))}
    </ul>
  );
}
