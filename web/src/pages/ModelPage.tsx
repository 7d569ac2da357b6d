import { Fragment, useState } from "react";
import { call, Problem, url, type ModelDetails, type Report, type RunProgress, type Work } from "../api/client";
import { Aliases } from "../aliases";
import { useApi } from "../api/live";
import { IntervalBar } from "../charts";
import { useDecision } from "../decisions";
import { Gates } from "../gates";
import { Chain, type Origin } from "../lineage";
import { settingsOf } from "../models/Compare";
import { TrainingCurves } from "../models/Curves";
import { bySlice, headline, overall } from "../models/measures";
import { Card, Failure, Fetched, Shown, Term } from "../parts";
import { Link } from "../router";
import { count, percent } from "../words";

export function ModelPage({ project, id }: { project: string; id: string }) {
  const asked = useApi<ModelDetails>(`projects/${project}/models/${id}`);
  return (
    <>
      <p className="crumb">
        <Link to={["p", project, "models"]}>Models</Link>
      </p>
      <h1>{id}</h1>
      <Shown asked={asked}>
        {(details) => (
          <div className="grid">
            <InShort project={project} details={details} again={asked.again} />
            <Card title="Where it comes from">
              <Chain project={project} origin={details.lineage as Origin} />
            </Card>
            <Tested project={project} details={details} again={asked.again} />
            {details.model.run && (
              <Card className="wide" title="How it learnt">
                <Fetched<RunProgress> path={`projects/${project}/runs/${details.model.run}/progress`}>
                  {(run) => <TrainingCurves curves={run.curves} />}
                </Fetched>
              </Card>
            )}
          </div>
        )}
      </Shown>
    </>
  );
}

function InShort({
  project,
  details,
  again,
}: {
  project: string;
  details: ModelDetails;
  again: () => void;
}) {
  const { model } = details;
  const { ask, dialog } = useDecision(again);
  const known = headline(model);
  const errors = model.metrics?.["errors"];
  const champion = model.aliases?.includes("champion");
  const tried = model.aliases?.includes("challenger");
  const report = details.reports[0];
  const failed = report?.gates.filter((gate) => !gate.passed).length ?? 0;
  return (
    <Card title="In short" aside={<Aliases names={model.aliases ?? []} />}>
      <p className="big">{known.value}</p>
      <p className="soft">
        {known.words} on {count(model.metrics?.["n"] ?? 0)} test images
        {errors !== undefined && `, ${count(errors)} wrong`}
      </p>
      <dl className="facts">
        {Object.entries(settingsOf(details)).map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
        <dt>
            <Term means="Names the weights: the same inputs give the same weights, bit by bit. `autofocus reproduce` checks it.">
              Weights
            </Term>
          </dt>
          <dd>
            <code>{model.weights_digest.slice(0, 12)}</code>
          </dd>
      </dl>
      {!champion && (
        <button
          type="button"
          disabled={tried}
          title={tried ? "A case is trying it: let the case decide, or cancel it." : undefined}
          onClick={() =>
            ask({
              title: `Make ${model.id} the champion`,
              explain: `It serves every request within a second, without a trial in shadow. ${
                report
                  ? failed
                    ? `${failed} of its tests failed.`
                    : "Its tests passed."
                  : "It has not been tested."
              } The champion of now stays ready for the way back.`,
              button: "Promote",
              path: `projects/${project}/models/${model.id}/promote`,
              danger: failed > 0 || !report,
              whyNeeded: true,
            })
          }
        >
          Promote
        </button>
      )}
      {dialog}
    </Card>
  );
}

function Tested({
  project,
  details,
  again,
}: {
  project: string;
  details: ModelDetails;
  again: () => void;
}) {
  const path = `projects/${project}/models/${details.model.id}/test`;
  const [started, setStarted] = useState(false);
  const work = useApi<Work>(path, started ? 2 : 0);
  const [problem, setProblem] = useState<Problem>();
  const running = work.data?.running ?? false;
  const report = details.reports[0];

  async function test() {
    setProblem(undefined);
    try {
      await call<Work>(path, {});
      setStarted(true);
      work.again();
      again();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    }
  }

  const button = (
    <button type="button" className="small" disabled={running} onClick={() => void test()}>
      {running ? "Testing…" : report ? "Test again" : "Test it now"}
    </button>
  );
  const trouble = problem ?? (work.data?.error ? new Problem(work.data.error, "", 0) : undefined);
  return (
    <>
      {trouble && (
        <Card className="wide">
          <Failure problem={trouble} />
        </Card>
      )}
      {report ? (
        <ReportCards project={project} report={report} button={button} />
      ) : (
        <Card title="Tests" aside={button}>
          <p>No tests are on record for this model.</p>
        </Card>
      )}
    </>
  );
}

function ReportCards({
  project,
  report,
  button,
}: {
  project: string;
  report: Report;
  button: React.ReactNode;
}) {
  const slices = bySlice(report);
  return (
    <>
      <Card title="Measured">
        <MetricTable rows={overall(report)} />
        {slices.length > 0 && (
          <>
            <h3>By kind of image</h3>
            <MetricTable rows={slices} />
          </>
        )}
      </Card>
      <Card title="Tests" aside={button}>
        <Gates gates={[...report.gates]} />
        <Confusion report={report} />
      </Card>
      {(report.failures ?? []).length > 0 && (
        <Card className="wide" title="Wrong answers">
          <ul className="failures">
            {(report.failures ?? []).map((failure) => (
              <li key={String(failure["key"])}>
                <img
                  src={url(`projects/${project}/images/${String(failure["sha256"])}`)}
                  alt={String(failure["key"])}
                  loading="lazy"
                />
                <span>
                  is {String(failure["truth"])}, was called {String(failure["predicted"])}{" "}
                  {failure["loss"] === undefined
                    ? `(${percent(Number(failure["confidence"]), 0)} sure)`
                    : `(${percent(Number(failure["loss"]), 0)} wrong)`}
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

type Row = { title: string; value: number; low?: number | null; high?: number | null; n?: number | null };

function MetricTable({ rows }: { rows: Row[] }) {
  return (
    <table className="metrics">
      <tbody>
        {rows.map((row) => (
          <tr key={row.title}>
            <th scope="row">{row.title}</th>
            <td>
              <IntervalBar value={row.value} low={row.low ?? null} high={row.high ?? null} />
            </td>
            <td className="number">
              {percent(row.value)}
              {row.low != null && row.high != null && (
                <small className="soft">
                  {" "}
                  {percent(row.low)} to {percent(row.high)}
                </small>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Confusion({ report }: { report: Report }) {
  const table = report.confusion ?? [];
  if (!table.length) return null;
  // Boxes and masks have one row and one column more: nothing is there, nothing was seen.
  const names = table.map((_, i) => report.classes[i] ?? "(nothing)");
  return (
    <>
      <h3>
        <Term means="Each row is a true class; the columns are what the model answered. Right answers are on the diagonal.">
          Answers by true class
        </Term>
      </h3>
      <div className="scroll">
        <table className="confusion">
          <thead>
            <tr>
              <td />
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.map((row, i) => {
              const sum = row.reduce((a, b) => a + b, 0) || 1;
              return (
                <tr key={names[i]}>
                  <th scope="row">{names[i]}</th>
                  {row.map((n, j) => (
                    <td
                      key={j}
                      className={i === j ? "right" : "wrong"}
                      style={{ "--share": n / sum } as React.CSSProperties}
                    >
                      {count(n)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}
