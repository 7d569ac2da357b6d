import { useState } from "react";
import { url, type Case, type Disagreement, type DuelHistory, type ModelDetails } from "../api/client";
import { useApi } from "../api/live";
import { DuelChart, IntervalBar, readable } from "../charts";
import { Badge, Shown, Term } from "../parts";
import { Panel } from "../production/predictions";
import { Link } from "../router";
import { percent, plural } from "../words";
import type { Comparison } from "./evidence";

/** Champion and challenger: what was measured of each, and where they disagree. */
export function SideBySide({
  found,
  comparison,
}: {
  found: Case;
  comparison: Comparison | undefined;
}) {
  const challenger = found.challenger ?? "";
  const left = useApi<ModelDetails>(`projects/${found.project}/models/${found.model}`);
  const right = useApi<ModelDetails>(`projects/${found.project}/models/${challenger}`);
  const duel = useApi<DuelHistory>(`projects/${found.project}/cases/${found.id}/duel`, 6);
  return (
    <>
      <Measures
        project={found.project}
        pair={[
          { role: "Champion", id: found.model, details: left.data },
          { role: "Challenger", id: challenger, details: right.data },
        ]}
      />
      <Shown asked={duel}>
        {(history) =>
          history.pairs === 0 ? (
            <p className="soft">
              No request has been answered by both yet: that begins when the challenger runs in
              shadow.
            </p>
          ) : (
            <>
              <div className="split-view">
                <div>
                  <h3>On real requests</h3>
                  <Score history={history} comparison={comparison} />
                </div>
                <div>
                  <h3>Evidence that the challenger is better</h3>
                  <DuelChart duel={history} />
                </div>
              </div>
              <Disagreements project={found.project} history={history} />
            </>
          )
        }
      </Shown>
    </>
  );
}

type Side = { role: string; id: string; details: ModelDetails | undefined };

/** The same measure of both models in one row, on the champion's test images. */
function Measures({ project, pair }: { project: string; pair: [Side, Side] }) {
  const of = (side: Side, name: string, slice: string) =>
    side.details?.reports[0]?.metrics.find((m) => m.name === name && (m.slice ?? "") === slice);
  const classes = pair[0].details?.reports[0]?.classes ?? [];
  const rows = [
    { name: "accuracy", slice: "", title: "Right answers" },
    ...classes.map((c) => ({ name: "recall", slice: `class=${c}`, title: `Right where it is ${c}` })),
    { name: "robust_accuracy", slice: "", title: "Right on spoilt images" },
    { name: "calibration_error", slice: "", title: "How far its certainty is off" },
  ].filter((row) => pair.some((side) => of(side, row.name, row.slice)));
  return (
    <table className="versus">
      <thead>
        <tr>
          <th scope="col">
            <Term means="Measured by the model tests, on images that no model was trained on. Spoilt images are noisy, blurred, too bright, too dark, compressed or shifted.">
              On test images
            </Term>
          </th>
          {pair.map((side) => (
            <th key={side.role} scope="col">
              {side.role} <Link to={["p", project, "models", side.id]}>{side.id}</Link>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const values = pair.map((side) => of(side, row.name, row.slice));
          const [a, b] = values.map((m) => m?.value);
          const smaller = row.name === "calibration_error";
          return (
            <tr key={row.title}>
              <th scope="row">{row.title}</th>
              {values.map((metric, i) => {
                const other = i ? a : b;
                const better =
                  metric !== undefined &&
                  other !== undefined &&
                  metric.value !== other &&
                  (smaller ? metric.value < other : metric.value > other);
                return (
                  <td key={i}>
                    {metric ? (
                      <>
                        {!smaller && (
                          <IntervalBar
                            value={metric.value}
                            low={metric.low ?? null}
                            high={metric.high ?? null}
                            tone={i ? "accent" : "quiet"}
                          />
                        )}
                        <span className={better ? "better" : ""}>{percent(metric.value)}</span>
                      </>
                    ) : (
                      <span className="soft">not measured</span>
                    )}
                  </td>
                );
              })}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Score({
  history,
  comparison,
}: {
  history: DuelHistory;
  comparison: Comparison | undefined;
}) {
  const won = history.points.filter((p) => p.winner === "challenger").length;
  const lost = history.points.filter((p) => p.winner === "champion").length;
  const tied = history.points.filter((p) => p.winner === "neither").length;
  const total = won + lost + tied;
  const last = history.points.at(-1);
  return (
    <>
      <p>
        Both answered {plural(history.pairs, "request")} and disagreed on {history.differ}.
        {comparison &&
          comparison.disagreements < history.differ &&
          ` ${plural(comparison.disagreements, "of these was", "of these were")} of the new kind of image, where the challenger has to prove better.`}
      </p>
      {total > 0 ? (
        <>
          <p>
            Of {plural(total, "labelled disagreement")} the challenger was right{" "}
            {plural(won, "time")}, the champion {plural(lost, "time")}
            {tied > 0 && `, neither ${plural(tied, "time")}`}.
          </p>
          <div
            className="tug"
            role="img"
            aria-label={`${won} won by the challenger, ${lost} by the champion`}
          >
            <span className="won" style={{ flexGrow: won }}>
              {won > 0 && (won > total / 5 ? `challenger ${won}` : won)}
            </span>
            <span className="tied" style={{ flexGrow: tied }} />
            <span className="lost" style={{ flexGrow: lost }}>
              {lost > 0 && (lost > total / 5 ? `champion ${lost}` : lost)}
            </span>
          </div>
          <p>
            The evidence that the challenger is better is {readable(last?.e_better)} times what
            chance would explain; promotion needs {readable(history.bar)}.
          </p>
        </>
      ) : (
        <p className="soft">None of them has been labelled yet.</p>
      )}
    </>
  );
}

const FIRST = 12;

function Disagreements({ project, history }: { project: string; history: DuelHistory }) {
  const [all, setAll] = useState(false);
  const [open, setOpen] = useState<string>();
  const rows = history.disagreements;
  if (!rows.length) return null;
  const shown = all ? rows : rows.slice(0, FIRST);
  return (
    <>
      <h3>Where they disagree</h3>
      <ul className="disagreements">
        {shown.map((row) => (
          <li key={row.id}>
            <button type="button" onClick={() => setOpen(row.id)}>
              {row.image ? (
                <img
                  src={url(`projects/${project}/predictions/${row.id}/image`)}
                  alt="Image on which they disagree"
                  loading="lazy"
                />
              ) : (
                <span className="no-image">not kept</span>
              )}
              <span className="verdict-lines">
                <Line row={row} who="champion" />
                <Line row={row} who="challenger" />
                <span className="truth">
                  {row.truth === null ? (
                    <span className="soft">not labelled</span>
                  ) : (
                    <>
                      is <strong>{row.truth}</strong>
                    </>
                  )}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {rows.length > FIRST && (
        <button type="button" className="small" onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${rows.length}`}
          {!all && history.differ > rows.length && ` of ${history.differ}`}
        </button>
      )}
      {open !== undefined && <Panel project={project} id={open} close={() => setOpen(undefined)} />}
    </>
  );
}

function Line({ row, who }: { row: Disagreement; who: "champion" | "challenger" }) {
  const tone = row.truth === null ? "quiet" : row.truth === row[who] ? "good" : "bad";
  return (
    <span className="verdict-line">
      <span className="soft">{who}</span>
      <Badge tone={tone}>
        {row.truth !== null && <span aria-hidden="true">{tone === "good" ? "✓ " : "✕ "}</span>}
        {row[who]}
      </Badge>
    </span>
  );
}
