import { useState } from "react";
import type { Model, Run, Version } from "../api/client";
import { Aliases } from "../aliases";
import { useApi } from "../api/live";
import { Compare } from "../models/Compare";
import { headline } from "../models/measures";
import { RunsCard } from "../models/Runs";
import { TrainDialog } from "../models/TrainDialog";
import { Card, Command, Empty, Shown } from "../parts";
import { go, Link } from "../router";
import { count, when } from "../words";

export function ModelsPage({ project }: { project: string }) {
  const models = useApi<Model[]>(`projects/${project}/models`);
  const runs = useApi<Run[]>(`projects/${project}/runs`, 5);
  const versions = useApi<Version[]>(`projects/${project}/versions`);
  const [asking, setAsking] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const frozen = versions.data ?? [];
  const [a, b] = (models.data ?? []).filter((m) => chosen.includes(m.id));

  function choose(id: string) {
    setChosen((now) => (now.includes(id) ? now.filter((n) => n !== id) : [...now.slice(-1), id]));
  }

  return (
    <>
      <div className="page-head">
        <h1>Models</h1>
        {frozen.length > 0 && (
          <button type="button" className="go" onClick={() => setAsking(true)}>
            Train a model
          </button>
        )}
      </div>
      <RunsCard project={project} runs={runs.data ?? []} />
      <Shown asked={models}>
        {(found) =>
          found.length ? (
            <>
              <ModelsTable project={project} models={found} chosen={chosen} choose={choose} />
              {a && b && <Compare project={project} a={b} b={a} />}
              <LookUp project={project} />
            </>
          ) : (
            <Card>
              <Empty title="No model yet">
                {frozen.length ? (
                  <p>Train one on a frozen version of your labelled images, with the button above.</p>
                ) : (
                  <>
                    <p>Freeze a version of your labelled images and train on it:</p>
                    <Command>{`autofocus --project ${project} data commit "first images"`}</Command>
                    <Command>{`autofocus --project ${project} train --promote`}</Command>
                  </>
                )}
              </Empty>
            </Card>
          )
        }
      </Shown>
      {asking && (
        <TrainDialog
          project={project}
          versions={frozen}
          models={models.data ?? []}
          close={(started) => {
            setAsking(false);
            if (started) runs.again();
          }}
        />
      )}
    </>
  );
}

function ModelsTable({
  project,
  models,
  chosen,
  choose,
}: {
  project: string;
  models: Model[];
  chosen: string[];
  choose: (id: string) => void;
}) {
  return (
    <Card>
      <div className="scroll">
        <table className="models-table">
          <thead>
            <tr>
              {models.length > 1 && <th>Compare</th>}
              <th>Model</th>
              <th>On its test images</th>
              <th>Made</th>
              <th>Because of</th>
              <th>Grew from</th>
            </tr>
          </thead>
          <tbody>
            {models.map((model) => {
              const known = headline(model);
              return (
                <tr key={model.id}>
                  {models.length > 1 && (
                    <td>
                      <input
                        type="checkbox"
                        aria-label={`Compare ${model.id}`}
                        checked={chosen.includes(model.id)}
                        onChange={() => choose(model.id)}
                      />
                    </td>
                  )}
                  <td>
                    <Link to={["p", project, "models", model.id]}>{model.id}</Link>{" "}
                    <Aliases names={model.aliases ?? []} />
                  </td>
                  <td>
                    {known.value} {known.words}
                    {model.metrics?.["n"] !== undefined && (
                      <span className="soft"> of {count(model.metrics["n"])}</span>
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
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
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
