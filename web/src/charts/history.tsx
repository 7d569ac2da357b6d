import type { HistoryPoint } from "../api/client";
import { percent, when } from "../words";
import { across, area, Frame, Legend, path, scale, WIDTH, type Mark } from "./frame";
import { readable } from "./numbers";

type Known<K extends keyof HistoryPoint> = HistoryPoint & {
  [P in K]: NonNullable<HistoryPoint[P]>;
};

function having<K extends keyof HistoryPoint>(points: HistoryPoint[], name: K): Known<K>[] {
  return points.filter((p): p is Known<K> => p[name] !== null && p[name] !== undefined);
}

/** Where another model took over. */
function takeovers(points: HistoryPoint[]): Mark[] {
  return points.flatMap((p, index) =>
    index > 0 && points[index - 1]?.model !== p.model
      ? [{ index, text: `${p.model} took over` }]
      : [],
  );
}

function ends(points: HistoryPoint[]): [string, string] {
  return [when(points[0]?.at), when(points.at(-1)?.at)];
}

// Below a hundredth everything is the same: no evidence at all.
const FLOOR = -1.5;

/** Evidence that the images changed, on a logarithmic scale, with the alarm line. */
export function EvidenceChart({ points }: { points: HistoryPoint[] }) {
  const last = points.at(-1);
  if (points.length < 2 || !last) {
    return <p className="soft">The curve begins with the first predictions.</p>;
  }
  const line = Math.log10(last.threshold);
  const level = (p: HistoryPoint) => Math.max(FLOOR, Math.log10(Math.max(p.e_value ?? 0, 1e-9)));
  const y = scale(FLOOR, Math.max(line + 0.7, ...points.map(level)) + 0.2);
  const drawn = points.map((p, i) => ({ x: across(i, points.length), y: y(level(p)) }));
  return (
    <Frame
      points={points}
      label={`Evidence of change over time; the alarm line is ${readable(last.threshold)}`}
      ticks={[
        { at: line, text: readable(last.threshold) },
        { at: 0, text: "1" },
      ]}
      y={y}
      read={(p) =>
        `${when(p.at)} · evidence ${readable(p.e_value)}, alarm at ${readable(p.threshold)}`
      }
      ends={ends(points)}
      marks={takeovers(points)}
    >
      <rect className="alarm-zone" x="0" y="0" width={WIDTH} height={y(line)} />
      <line className="alarm-line" x1="0" x2={WIDTH} y1={y(line)} y2={y(line)} />
      <path className="curve" d={path(drawn)} />
    </Frame>
  );
}

/** Estimated accuracy over time with its band. */
export function AccuracyChart({ points }: { points: HistoryPoint[] }) {
  const known = having(points, "accuracy");
  if (known.length < 2) {
    return <p className="soft">The curve begins when enough answers have been given.</p>;
  }
  const low = Math.min(...known.map((p) => p.accuracy_low ?? p.accuracy));
  const bottom = Math.max(0, Math.floor(low * 20) / 20 - 0.05);
  const y = scale(bottom, 1);
  const x = (i: number) => across(i, known.length);
  const upper = known.map((p, i) => ({ x: x(i), y: y(p.accuracy_high ?? p.accuracy) }));
  const lower = known.map((p, i) => ({ x: x(i), y: y(p.accuracy_low ?? p.accuracy) }));
  return (
    <Frame
      points={known}
      label="Estimated accuracy over time with its band"
      ticks={[
        { at: 1, text: "100 %" },
        { at: (1 + bottom) / 2, text: percent((1 + bottom) / 2, 0) },
        { at: bottom, text: percent(bottom, 0) },
      ]}
      y={y}
      read={(p) =>
        `${when(p.at)} · ${percent(p.accuracy)}, between ${percent(p.accuracy_low)} and ${percent(p.accuracy_high)}`
      }
      ends={ends(known)}
      marks={takeovers(known)}
    >
      <path className="band" d={area(upper, lower)} />
      <path className="curve" d={path(known.map((p, i) => ({ x: x(i), y: y(p.accuracy) })))} />
    </Frame>
  );
}

/** How long answers take: half are below the first line, 99 of 100 below the second. */
export function LatencyChart({ points }: { points: HistoryPoint[] }) {
  const known = having(having(points, "p50_ms"), "p99_ms") as Known<"p50_ms" | "p99_ms">[];
  if (known.length < 2) return <p className="soft">The curve begins with the first predictions.</p>;
  // On a linear scale one slow second would flatten all the others.
  const level = (ms: number) => Math.log10(Math.max(ms, 0.1));
  const top = Math.ceil(Math.max(...known.map((p) => level(p.p99_ms))) * 2) / 2;
  const bottom = Math.floor(Math.min(...known.map((p) => level(p.p50_ms))) * 2) / 2;
  const y = scale(bottom, top);
  const line = (name: "p50_ms" | "p99_ms") =>
    known.map((p, i) => ({ x: across(i, known.length), y: y(level(p[name])) }));
  const ticks = [];
  for (let at = Math.ceil(bottom); at <= top; at += 1) {
    ticks.push({ at, text: `${10 ** at} ms` });
  }
  return (
    <>
      <Frame
        points={known}
        label="Speed of the answers over time"
        ticks={ticks}
        y={y}
        read={(p) =>
          `${when(p.at)} · half within ${p.p50_ms.toFixed(1)} ms, 99 of 100 within ${p.p99_ms.toFixed(1)} ms`
        }
        ends={ends(known)}
        marks={takeovers(known)}
      >
        <path className="curve second" d={path(line("p99_ms"))} />
        <path className="curve" d={path(line("p50_ms"))} />
      </Frame>
      <Legend
        entries={[
          { name: "half of the answers are faster", swatch: "s0" },
          { name: "99 of 100 are faster", swatch: "s1" },
        ]}
      />
    </>
  );
}

/** Which classes were answered, as shares that fill the height. */
export function ClassChart({ points, classes }: { points: HistoryPoint[]; classes: string[] }) {
  const known = points.filter((p) => p.images > 0);
  if (known.length < 2) return <p className="soft">The curve begins with the first predictions.</p>;
  // Few images in a point make it jump; a running mean over a few shows the mix.
  const reach = Math.max(1, Math.round(known.length / 40));
  const smooth = known.map((_, i) => {
    const near = known.slice(Math.max(0, i - reach), i + reach + 1);
    const images = near.reduce((sum, p) => sum + p.images, 0);
    return classes.map(
      (name) => near.reduce((sum, p) => sum + p.images * (p.classes[name] ?? 0), 0) / images,
    );
  });
  const y = scale(0, 1);
  const edge = (upTo: number) =>
    smooth.map((shares, i) => ({
      x: across(i, known.length),
      y: y(Math.min(1, shares.slice(0, upTo).reduce((a, b) => a + b, 0))),
    }));
  return (
    <>
      <Frame
        points={known.map((p, i) => ({ at: p.at, shares: smooth[i] ?? [] }))}
        label="Classes answered over time"
        ticks={[
          { at: 1, text: "100 %" },
          { at: 0.5, text: "50 %" },
          { at: 0, text: "0 %" },
        ]}
        y={y}
        read={(p) =>
          `${when(p.at)} · ${classes.map((name, c) => `${name} ${percent(p.shares[c], 0)}`).join(", ")}`
        }
        ends={ends(known)}
        marks={takeovers(known)}
      >
        {classes.map((name, c) => (
          <path key={name} className={`layer l${c % 8}`} d={area(edge(c + 1), edge(c))} />
        ))}
      </Frame>
      <Legend entries={classes.map((name, c) => ({ name, swatch: `l${c % 8}` }))} />
    </>
  );
}
