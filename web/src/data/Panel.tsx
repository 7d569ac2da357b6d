import { useEffect, useRef, useState } from "react";
import { call, fromApi, Problem, type Annotation, type Project, type Sample } from "../api/client";
import { useApi } from "../api/live";
import { Failure, savedName, Shown } from "../parts";
import { address, Link } from "../router";
import { isDrawn, labelWords, when } from "../words";
import { picture } from "./Grid";

export const SPLITS = ["train", "val", "test", "pool"] as const;

/** One image: large, with its label and its history, facts, metadata and where it comes from. */
export function Panel({
  project,
  sample,
  close,
  step,
  search,
  similar,
  changed,
}: {
  project: Project;
  sample: Sample;
  close: () => void;
  step: (by: number) => void;
  search: (text: string) => void;
  similar?: ((key: string) => void) | undefined;
  changed: () => void;
}) {
  const key = new URLSearchParams({ key: sample.key }).toString();
  const history = useApi<Annotation[]>(`projects/${project.name}/labels/history?${key}`);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const top = useRef<HTMLHeadingElement>(null);
  useEffect(() => setProblem(undefined), [sample.key]);

  async function change(path: string, body: object) {
    setBusy(true);
    setProblem(undefined);
    try {
      await call(`projects/${project.name}/samples/${path}`, { keys: [sample.key], ...body });
      history.again();
      changed();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    } finally {
      setBusy(false);
    }
  }

  const facts = sample.facts;
  const meta = Object.entries(sample.metadata ?? {});
  const prediction = sample.metadata?.["prediction"];
  const label = sample.label?.kind === "tag" ? sample.label.label : undefined;
  const cases = [
    ...new Set(
      [sample.metadata?.["case"], ...(history.data ?? []).map((a) => a.case)].filter(
        (c): c is string => typeof c === "string" && c !== "",
      ),
    ),
  ];
  return (
    <aside className="panel" aria-label={`Image ${sample.key}`}>
      <header>
        <h2 ref={top} title={sample.key}>
          {sample.key}
        </h2>
        <button type="button" className="small" onClick={() => step(-1)} aria-label="Previous image">
          ←
        </button>
        <button type="button" className="small" onClick={() => step(1)} aria-label="Next image">
          →
        </button>
        <button type="button" className="small" onClick={close} aria-label="Close">
          ✕
        </button>
      </header>
      <a
        href={fromApi(`/api/projects/${project.name}/images/${sample.sha256}`)}
        target="_blank"
        rel="noreferrer"
        className="panel-picture"
        title="The original file"
      >
        <img src={picture(project.name, sample.sha256, 1280)} alt={sample.key} />
      </a>
      {problem && <Failure problem={problem} />}
      {isDrawn(project) ? (
        <p>
          {sample.label ? <b>{labelWords(sample.label)}</b> : <span className="soft">Not labelled yet.</span>}
          {" "}
          <a href={`${address(["p", project.name, "label"])}?${new URLSearchParams({ image: sample.key }).toString()}`}>
            {sample.label ? "Change it on the canvas" : "Draw on the canvas"}
          </a>
        </p>
      ) : (
        <div className="row" role="group" aria-label="Label">
          {project.classes.map((name, i) => (
            <button
              key={name}
              type="button"
              className={`small class-button c${i % 8}`}
              aria-pressed={name === label}
              disabled={busy || name === label}
              onClick={() => void change("label", { label: name, author: savedName() })}
            >
              {name} {i < 9 && <kbd>{i + 1}</kbd>}
            </button>
          ))}
        </div>
      )}
      <div className="row">
        <label className="inline">
          Split{" "}
          <select
            value={sample.split}
            disabled={busy}
            onChange={(e) => void change("split", { split: e.target.value })}
          >
            {SPLITS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {similar && (
          <button type="button" className="small" onClick={() => similar(sample.key)}>
            Similar images
          </button>
        )}
      </div>
      <h3>Labels so far</h3>
      <Shown asked={history}>
        {(found) =>
          found.length === 0 ? (
            <p className="soft">
              None yet.{!isDrawn(project) && " Choose a class above, or press its number."}
            </p>
          ) : (
            <ol className="label-history">
              {found.map((a) => (
                <li key={a.id} className={a.rev_to == null ? "now" : ""}>
                  <b>{labelWords(a.label)}</b> by {a.author}
                  {a.source !== "human" && <> ({a.source})</>}
                  <small>
                    {when(a.created_at)}
                    {a.suggested_by && <>, suggested by {a.suggested_by}</>}
                    {a.rev_to == null ? ", in force" : ""}
                  </small>
                </li>
              ))}
            </ol>
          )
        }
      </Shown>
      <h3>Facts</h3>
      <dl className="facts">
        <dt>Size</dt>
        <dd>
          {facts.width} × {facts.height} pixels, {facts.format}
        </dd>
        <dt>Light</dt>
        <dd>
          brightness {facts.brightness.toFixed(0)}, contrast {facts.contrast.toFixed(0)}
        </dd>
        <dt>Sharpness</dt>
        <dd>
          blur {facts.blur.toFixed(0)}, entropy {facts.entropy.toFixed(1)}
        </dd>
        <dt>Source</dt>
        <dd>{sample.source}</dd>
        <dt>Content</dt>
        <dd>
          <code title={sample.sha256}>{sample.sha256.slice(0, 12)}</code>
        </dd>
        {cases.map((name) => (
          <Row key={name} title="Case">
            <Link to={["p", project.name, "cases", name]}>{name}</Link>
          </Row>
        ))}
        {typeof prediction === "string" && (
          <Row title="Came in as">
            <a href={address(["p", project.name, "predictions", prediction])}>a prediction</a>
          </Row>
        )}
      </dl>
      {meta.length > 0 && (
        <>
          <h3>Metadata</h3>
          <dl className="facts">
            {meta.map(([name, value]) => (
              <Row key={name} title={name}>
                <button
                  type="button"
                  className="link"
                  title="Search for images like that"
                  onClick={() => search(`"meta.${name}":"${String(value)}"`)}
                >
                  {String(value)}
                </button>
              </Row>
            ))}
          </dl>
        </>
      )}
    </aside>
  );
}

function Row({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </>
  );
}
