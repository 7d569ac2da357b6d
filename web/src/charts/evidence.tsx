import type { DuelHistory, HarmHistory } from "../api/client";
import { plural, when } from "../words";
import { across, Frame, Legend, path, scale, WIDTH } from "./frame";
import { readable } from "./numbers";

const FLOOR = -2;
const level = (value: number) => Math.max(FLOOR, Math.log10(Math.max(value, 1e-9)));

/** Evidence of harm and of harmlessness, label by label; whichever reaches the line decides. */
export function HarmChart({ history }: { history: HarmHistory }) {
  const { points } = history;
  if (points.length < 2 || history.bar === null) {
    return <p className="soft">The curve begins with the first label.</p>;
  }
  const bar = Math.log10(history.bar);
  const top = Math.max(bar + 0.5, ...points.map((p) => level(p.e_harm)), ...points.map((p) => level(p.e_harmless)));
  const y = scale(FLOOR, top + 0.2);
  const line = (name: "e_harm" | "e_harmless") =>
    points.map((p, i) => ({ x: across(i, points.length), y: y(level(p[name])) }));
  return (
    <>
      <Frame
        points={points}
        label="Evidence of harm and of harmlessness after every label"
        ticks={[
          { at: bar, text: readable(history.bar) },
          { at: 0, text: "1" },
        ]}
        y={y}
        read={(p) =>
          `after ${plural(p.labels, "label")}, ${Math.round(p.wrong)} wrong · harm ${readable(p.e_harm)}, no harm ${readable(p.e_harmless)}`
        }
        ends={["no label", plural(points.length - 1, "label")]}
      >
        <line className="alarm-line" x1="0" x2={WIDTH} y1={y(bar)} y2={y(bar)} />
        <path className="curve harmless" d={path(line("e_harmless"))} />
        <path className="curve harmful" d={path(line("e_harm"))} />
      </Frame>
      <Legend
        entries={[
          { name: "that it does harm", swatch: "harmful" },
          { name: "that it does none", swatch: "harmless" },
          { name: `${readable(history.bar)} decides`, swatch: "bar" },
        ]}
      />
    </>
  );
}

/** Evidence that the challenger is better, one labelled disagreement after the other. */
export function DuelChart({ duel }: { duel: DuelHistory }) {
  const { points } = duel;
  if (points.length < 2) {
    return <p className="soft">The curve begins with the first labelled disagreement.</p>;
  }
  const bar = Math.log10(duel.bar);
  const y = scale(FLOOR, Math.max(bar + 0.5, ...points.map((p) => level(p.e_better))) + 0.2);
  const drawn = points.map((p, i) => ({ x: across(i, points.length), y: y(level(p.e_better)) }));
  return (
    <Frame
      points={points}
      label="Evidence that the challenger is better, after every labelled disagreement"
      ticks={[
        { at: bar, text: readable(duel.bar) },
        { at: 0, text: "1" },
      ]}
      y={y}
      read={(p) =>
        `${p.at ? `${when(p.at)} · ` : ""}after ${plural(p.labels, "label")}: ${readable(p.e_better)}${p.winner ? `, ${p.winner === "neither" ? "neither was" : `the ${p.winner} was`} right` : ""}`
      }
      ends={["no label", plural(points.length - 1, "labelled disagreement")]}
    >
      <line className="alarm-line good" x1="0" x2={WIDTH} y1={y(bar)} y2={y(bar)} />
      <path className="curve" d={path(drawn)} />
    </Frame>
  );
}
