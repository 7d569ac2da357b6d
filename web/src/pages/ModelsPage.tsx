import { useState } from "react";
import { url, type LineageOfPrediction, type Model, type ModelDetails, type Report } from "../api/client";
import { IntervalBar } from "../charts";
import { Badge, Card, Command, Empty, Fetched, Term } from "../parts";
import { go, Link } from "../router";
import { count, percent, plural, sentence, when, type Tone } from "../words";
import { Gates } from "../gates";

const ALIAS_TONES: Record<string, Tone> = { champion: "good", challenger: "accent", previous: "quiet" };

function Aliases({ names }: { names: readonly string[] }) {
  return names.map((name) => (
    <Badge key={name} tone={ALIAS_TONES[name] ?? "quiet"}>
      {name}
    </Badge>
  ));
}

export function ModelsPage({ project }: { project: string }) {
  return (
    <>
      <h1>Models</h1>
      <Fetched<Model[]> path={`projects/${project}/models`}>
        {(models) =>
          models.length ? (
            <>
              <Card>
                <div className="scroll">
                  <table className="models-table">
                    <thead>
                      <tr>
                        <th>Model</th>
                        <th>Right on its test images</th>
                        <th>Made</th>
                        <th>Because of</th>
                        <th>Grew from</th>
                      </tr>
                    </thead>
                    <tbody>
                      {models.map((model) => (
                        <tr key={model.id}>
                          <td>
                            <Link to={["p", project, "models", model.id]}>{model.id}</Link>{" "}
                            <Aliases names={model.aliases ?? []} />
                          </td>
                          <td>
                            {percent(model.metrics?.["accuracy"])}
                            {model.metrics?.["n"] !== undefined && (
                              <span className="soft"> of {count(model.metrics?.["n"])}</span>
                            )}
                          </td>
                          <td>{when(model.created_at)}</td>
                          <td>
                            {model.case ? (
                              <Link to={["p", project, "cases", model.case]}>{model.case}</Link>
                            ) : (
                              <span className="soft">a person's wish</span>
                            )}
                          </td>
                          <td>
                            {model.parent ? (
                              <Link to={["p", project, "models", model.parent]}>{model.parent}</Link>
                            ) : (
                              <span className="soft">nothing</span>
                            )}
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </Card>
              <LookUp project={project} />
            </>
          ) : (
            <Card>
              <Empty title="No model yet">
                <p>Freeze a version of your labelled images and train on it:</p>
                <Command>{`autofocus --project ${project} data commit "first images"`}</Command>
                <Command>{`autofocus --project ${project} train --promote`}</Command>
              </Empty>
            </Card>
          )
        }
      </Fetched>
    </>
  );
}

function LookUp({ project }: { project: string }) {
  const [id, setId] = useState("");
  return (
    <Card title="Where does an answer come from?">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim()) go(["p", project, "predictions", id.trim()]);
        }}
      >
        <label className="grow">
          Prediction id, as it is in every answer of the server
          <input value={id} onChange={(e) => setId(e.target.value)} placeholder="p-…" spellCheck={false} />
        </label>
        <button type="submit">Trace it</button>
      </form>
    </Card>
  );
}

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
                <Origin project={project} origin={lineage as Origin} />
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

type Origin = {
  model?: { id: string; created_at: string };
  run?: { id: string; state: string; spec?: { architecture?: string; seed?: number } } | null;
  version?: {
    number: number;
    message: string;
    author: string;
    counts: Record<string, Record<string, number>>;
  } | null;
  case?: { id: string } | null;
  authors?: Record<string, number>;
};

/** The chain behind a model: case, run, version, people. */
function Origin({ project, origin }: { project: string; origin: Origin }) {
  const images = Object.values(origin.version?.counts ?? {}).reduce(
    (sum, split) => sum + Object.values(split).reduce((a, b) => a + b, 0),
    0,
  );
  const authors = Object.entries(origin.authors ?? {}).sort((a, b) => b[1] - a[1]);
  return (
    <ol className="chain">
      {origin.model && (
        <li>
          <strong>Model</strong>
          <Link to={["p", project, "models", origin.model.id]}>{origin.model.id}</Link>, made{" "}
          {when(origin.model.created_at)}
        </li>
      )}
      {origin.case && (
        <li>
          <strong>Case</strong>
          <Link to={["p", project, "cases", origin.case.id]}>{origin.case.id}</Link> asked for it
        </li>
      )}
      {origin.run && (
        <li>
          <strong>Training</strong>
          {origin.run.id}: {origin.run.spec?.architecture ?? "model"}, {origin.run.state}
        </li>
      )}
      {origin.version && (
        <li>
          <strong>Data</strong>v{origin.version.number}, "{origin.version.message}", frozen by{" "}
          {origin.version.author}: {plural(images, "labelled image")}
        </li>
      )}
      {authors.length > 0 && (
        <li>
          <strong>People</strong>
          {authors.map(([name, n]) => `${name} (${plural(n, "label")})`).join(", ")}
        </li>
      )}
    </ol>
  );
}

export function PredictionPage({ project, id }: { project: string; id: string }) {
  return (
    <>
      <p className="crumb">
        <Link to={["p", project, "models"]}>Models</Link>
      </p>
      <h1>{id}</h1>
      <Fetched<LineageOfPrediction> path={`predictions/${encodeURIComponent(id)}/lineage`}>
        {(lineage) => {
          const row = lineage.prediction;
          const sha256 = typeof row["sha256"] === "string" ? row["sha256"] : "";
          const probabilities = Array.isArray(row["probabilities"])
            ? (row["probabilities"] as number[])
            : [];
          return (
            <div className="grid">
              <Card title="The answer">
                <p className="big">{lineage.label}</p>
                {probabilities.length > 0 && (
                  <p className="soft">{percent(Math.max(...probabilities))} sure</p>
                )}
                <dl className="facts">
                  <dt>Role of the model</dt>
                  <dd>{String(row["role"])}</dd>
                  <dt>Asked for a label</dt>
                  <dd>{lineage.asked.length ? "yes" : "no"}</dd>
                  <dt>People's answer</dt>
                  <dd>
                    {lineage.answered.length
                      ? lineage.answered
                          .map((a) => {
                            const label = a["label"] as { label?: string } | undefined;
                            return `${label?.label ?? "?"} (${String(a["author"])})`;
                          })
                          .join(", ")
                      : "none"}
                  </dd>
                </dl>
                {lineage.asked.length > 0 && sha256 && (
                  <img
                    className="asked-image"
                    src={url(`projects/${project}/images/${sha256}`)}
                    alt="The image of this prediction"
                  />
                )}
              </Card>
              <Card title="Where it comes from">
                <Origin project={project} origin={lineage as unknown as Origin} />
              </Card>
              {lineage.signal && (
                <Card>
                  <p>{sentence(`The model grew from signal ${String(lineage.signal["id"] ?? "")}`)}</p>
                </Card>
              )}
            </div>
          );
        }}
      </Fetched>
    </>
  );
}
