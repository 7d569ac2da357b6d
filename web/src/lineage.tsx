import { useState } from "react";
import { url, type Label, type LineageOfPrediction } from "./api/client";
import { Badge, Fetched } from "./parts";
import { Link } from "./router";
import { labelWords, percent, plural, ROLES, when } from "./words";

type LabelRow = {
  id: number;
  key: string;
  label: Label;
  author: string;
  created_at: string;
};

export type Origin = {
  model?: { id: string; created_at: string; parent?: string | null };
  run?: {
    id: string;
    state: string;
    spec?: { architecture?: string; seed?: number };
    hardware?: { usage?: { seconds?: number } };
  } | null;
  version?: {
    number: number;
    message: string;
    author: string;
    images: Record<string, number>;
  } | null;
  case?: { id: string; outcome?: string | null } | null;
  signal?: { id: string } | null;
  authors?: Record<string, number>;
  labels?: LabelRow[];
  aliases?: { name: string; model: string | null; actor: string; reason: string; at: string }[];
};

/** The chain behind a model: promotion, case, run, version, labels, people. */
export function Chain({ project, origin }: { project: string; origin: Origin }) {
  const images = Object.entries(origin.version?.images ?? {}).reduce(
    (sum, [split, n]) => (split === "pool" ? sum : sum + n),
    0,
  );
  const authors = Object.entries(origin.authors ?? {}).sort((a, b) => b[1] - a[1]);
  const crowned = origin.aliases?.find(
    (move) => move.name === "champion" && move.model === origin.model?.id,
  );
  const seconds = origin.run?.hardware?.usage?.seconds;
  return (
    <ol className="chain">
      {origin.model && (
        <li>
          <strong>Model</strong>
          <Link to={["p", project, "models", origin.model.id]}>{origin.model.id}</Link>, made{" "}
          {when(origin.model.created_at)}
          {origin.model.parent && (
            <>
              , grown from{" "}
              <Link to={["p", project, "models", origin.model.parent]}>{origin.model.parent}</Link>
            </>
          )}
        </li>
      )}
      {crowned && (
        <li>
          <strong>Became champion</strong>
          {when(crowned.at)}, by {crowned.actor}
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
          {seconds ? ` after ${Math.round(seconds)} seconds` : ""}
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
          {authors.map(([name, n]) => `${name || "nobody named"} (${plural(n, "label")})`).join(", ")}
        </li>
      )}
      {origin.labels && origin.labels.length > 0 && (
        <li>
          <strong>Labels that its case asked for</strong>
          <AskedLabels project={project} labels={origin.labels} />
        </li>
      )}
    </ol>
  );
}

const SHOWN = 12;

/** Labels as pictures; each comes from a prediction of its own and leads there. */
function AskedLabels({ project, labels }: { project: string; labels: LabelRow[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? labels : labels.slice(0, SHOWN);
  return (
    <>
      <ul className="label-strip">
        {shown.map((row) => {
          const from = row.key.match(/^production\/(.+)$/)?.[1];
          const told = `${labelWords(row.label)}, ${row.author}, ${when(row.created_at)}`;
          const words = (
            <>
              {labelWords(row.label)} <small>{row.author}</small>
            </>
          );
          return (
            <li key={row.id} title={told}>
              {from ? (
                <Link to={["p", project, "predictions", from]}>
                  <img
                    src={url(`projects/${project}/predictions/${from}/image`)}
                    alt={`Image that was labelled ${told}`}
                    loading="lazy"
                  />
                  {words}
                </Link>
              ) : (
                words
              )}
            </li>
          );
        })}
      </ul>
      {labels.length > SHOWN && !all && (
        <button type="button" className="small" onClick={() => setAll(true)}>
          Show all {labels.length}
        </button>
      )}
    </>
  );
}

/** One prediction from its image back to the people behind its model. */
export function PredictionStory({ project, id }: { project: string; id: string }) {
  return (
    <Fetched<LineageOfPrediction> path={`predictions/${encodeURIComponent(id)}/lineage`}>
      {(lineage) => (
        <div className="prediction-story">
          <Answer project={project} lineage={lineage} />
          <section>
            <h3>Where it comes from</h3>
            <Chain project={project} origin={lineage as unknown as Origin} />
          </section>
        </div>
      )}
    </Fetched>
  );
}

function Answer({ project, lineage }: { project: string; lineage: LineageOfPrediction }) {
  const [missing, setMissing] = useState(false);
  const row = lineage.prediction;
  const id = String(row["id"]);
  const probabilities = Array.isArray(row["probabilities"])
    ? (row["probabilities"] as number[])
    : [];
  const at = new Date(Number(row["time_us"]) / 1000).toISOString();
  const truths = lineage.answered.map((a) => ({
    label: labelWords(a["label"] as Label),
    author: String(a["author"]),
    at: String(a["created_at"]),
  }));
  return (
    <section>
      {missing ? (
        <p className="soft">The server did not keep this image.</p>
      ) : (
        <img
          className="asked-image"
          src={url(`projects/${project}/predictions/${encodeURIComponent(id)}/image`)}
          alt="The image of this prediction"
          onError={() => setMissing(true)}
        />
      )}
      <p className="big">{lineage.label}</p>
      {probabilities.length > 0 && (
        <p className="soft">{percent(Math.max(...probabilities))} sure</p>
      )}
      <dl className="facts">
        <dt>Answered</dt>
        <dd>
          {when(at)} in {Number(row["latency_ms"]).toFixed(1)} ms
        </dd>
        <dt>By</dt>
        <dd>
          {String(row["model"])} as {String(row["role"])}
          {ROLES[String(row["role"])] && <span className="soft"> ({ROLES[String(row["role"])]})</span>}
        </dd>
        <dt>The truth</dt>
        <dd>
          {truths.length ? (
            truths.map((truth) => (
              <span key={truth.at}>
                <Badge tone={truth.label === lineage.label ? "good" : "bad"}>{truth.label}</Badge> told
                by {truth.author}, {when(truth.at)}
              </span>
            ))
          ) : lineage.asked.length ? (
            "asked for, not answered yet"
          ) : (
            <span className="soft">nobody was asked</span>
          )}
        </dd>
        <dt>Id</dt>
        <dd>
          <code>{id}</code>
        </dd>
      </dl>
    </section>
  );
}
