import { url, type ModelDetails, type Report } from "../api/client";
import { Aliases } from "../aliases";
import { IntervalBar } from "../charts";
import { Gates } from "../gates";
import { Chain, type Origin } from "../lineage";
import { Card, Command, Fetched, Term } from "../parts";
import { Link } from "../router";
import { count, percent } from "../words";

export function ModelPage({ project, id }: { project: string; id: string }) {
  return (
    <>
      <p className="crumb">
        <Link to={["p", project, "models"]}>Models</Link>
      </p>
      <h1>{id}</h1>
      <Fetched<ModelDetails> path={`projects/${project}/models/${id}`}>
        {({ model, lineage, reports }) => {
          const report = reports[0];
          return (
            <div className="grid">
              <Card title="In short" aside={<Aliases names={model.aliases ?? []} />}>
                <p className="big">{percent(model.metrics?.["accuracy"])}</p>
                <p className="soft">
                  of {count(model.metrics?.["n"] ?? 0)} test images right, {count(model.metrics?.["errors"] ?? 0)} wrong
                </p>
              </Card>
              <Card title="Where it comes from">
                <Chain project={project} origin={lineage as Origin} />
              </Card>
              {report ? (
                <ReportCards project={project} report={report} />
              ) : (
                <Card>
                  <p>No tests are on record for this model.</p>
                  <Command>{`autofocus --project ${project} models test ${model.id}`}</Command>
                </Card>
              )}
            </div>
          );
        }}
      </Fetched>
    </>
  );
}

function ReportCards({ project, report }: { project: string; report: Report }) {
  const overall = Object.entries(MEASURES).flatMap(([name, title]) =>
    report.metrics.filter((m) => !m.slice && m.name === name).map((m) => ({ ...m, title })),
  );
  const slices = report.metrics.filter((m) => m.slice && m.name === "accuracy");
  return (
    <>
      <Card title="Measured">
        <MetricTable rows={overall} />
        {slices.length > 0 && (
          <>
            <h3>Right answers by kind of image</h3>
            <MetricTable rows={slices.map((m) => ({ ...m, title: (m.slice ?? "").replace("=", ": ") }))} />
          </>
        )}
      </Card>
      <Card title="Tests">
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
                  is {String(failure["truth"])}, was called {String(failure["predicted"])} (
                  {percent(Number(failure["confidence"]), 0)} sure)
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

/** What is worth a person's look, in plain words; everything else is in the report itself. */
const MEASURES: Record<string, string> = {
  accuracy: "Right answers",
  balanced_accuracy: "Right answers, all classes counting the same",
  calibration_error: "How far its certainty is off",
  auc: "Pairs put in the right order",
};

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
              {report.classes.map((name) => (
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
                <tr key={report.classes[i]}>
                  <th scope="row">{report.classes[i]}</th>
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
