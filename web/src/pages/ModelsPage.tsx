import { useState } from "react";
import type { Model } from "../api/client";
import { Aliases } from "../aliases";
import { Card, Command, Empty, Fetched } from "../parts";
import { go, Link } from "../router";
import { count, percent, when } from "../words";

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
