import { useEffect, useState } from "react";
import { call, Problem, url, type Changes, type Report, type Version, type VersionChange } from "../api/client";
import { useApi } from "../api/live";
import { Card, Command, Empty, Failure, savedName, Shown, Term } from "../parts";
import { count, plural, sentence, when } from "../words";
import { picture } from "./Grid";
import { SPLITS } from "./Panel";

const KINDS = ["added", "removed", "relabelled", "moved", "replaced"] as const;
type Kind = (typeof KINDS)[number];
const TITLES: Record<Kind, string> = {
  added: "Added", removed: "Removed", relabelled: "Relabelled", moved: "Moved", replaced: "Replaced",
};
const MANY = 120;

function images(version: Version): number {
  return Object.values(version.images).reduce((a, b) => a + b, 0);
}

function shares(version: Version): string {
  return SPLITS.filter((split) => version.images[split])
    .map((split) => `${split} ${count(version.images[split] ?? 0)}`)
    .join(", ");
}

/** The frozen versions: what is in each, how two of them differ, and whether they are sound. */
export function Versions({ project }: { project: string }) {
  const asked = useApi<Version[]>(`projects/${project}/versions`);
  const [pair, setPair] = useState<[string, string]>();
  const [tested, setTested] = useState<string>();
  return (
    <Shown asked={asked}>
      {(versions) => {
        const [a, b] = pair ?? [versions[0] ? `v${versions[0].number}` : "none", "now"];
        const names = ["none", ...versions.map((v) => `v${v.number}`).reverse(), "now"];
        return (
          <>
            <Commit project={project} last={versions[0]} done={asked.again} />
            {versions.length === 0 ? (
              <Card>
                <Empty title="No version yet">
                  <p>
                    A version freezes images, labels and splits as they are now, so that a model can be traced
                    back to them. Freeze one above, or:
                  </p>
                  <Command>{`autofocus --project ${project} data commit "first images"`}</Command>
                </Empty>
              </Card>
            ) : (
              <Card title="Versions">
                <div className="scroll">
                  <table className="versions">
                    <thead>
                      <tr>
                        <th>Version</th>
                        <th>What</th>
                        <th>Images</th>
                        <th>Who, when</th>
                        <th />
                      </tr>
                    </thead>
                    <tbody>
                      {versions.map((v, i) => {
                        const name = `v${v.number}`;
                        return (
                          <tr key={name}>
                            <td>
                              <b>{name}</b> <code title={v.digest}>{v.digest.slice(0, 8)}</code>
                            </td>
                            <td>{v.message}</td>
                            <td className="number">
                              {count(images(v))}
                              <small> {shares(v)}</small>
                            </td>
                            <td>
                              {v.author} <small>{when(v.created_at)}</small>
                            </td>
                            <td>
                              <div className="row">
                                <button
                                  type="button"
                                  className="small"
                                  onClick={() =>
                                    setPair([versions[i + 1] ? `v${versions[i + 1]!.number}` : "none", name])
                                  }
                                >
                                  What changed
                                </button>
                                <button type="button" className="small" onClick={() => setTested(name)}>
                                  Test
                                </button>
                                <Export project={project} version={name} />
                              </div>
                            </td>
                          </tr>
                        );
                      })}
                    </tbody>
                  </table>
                </div>
              </Card>
            )}
            {tested && <Tests key={tested} project={project} version={tested} close={() => setTested(undefined)} />}
            <Card
              title="What changed"
              aside={
                <div className="row">
                  <Choice label="From" names={names.slice(0, -1)} value={a} set={(v) => setPair([v, b])} />
                  <Choice label="to" names={names.slice(1)} value={b} set={(v) => setPair([a, v])} />
                </div>
              }
            >
              <Difference key={`${a} ${b}`} project={project} a={a} b={b} />
            </Card>
          </>
        );
      }}
    </Shown>
  );
}

const WORDS: Record<string, string> = { none: "the beginning", now: "now, not frozen yet" };

function Choice({
  label, names, value, set,
}: {
  label: string;
  names: string[];
  value: string;
  set: (value: string) => void;
}) {
  return (
    <label className="inline">
      {label}
      <select value={value} onChange={(e) => set(e.target.value)}>
        {names.map((name) => (
          <option key={name} value={name}>
            {WORDS[name] ?? name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Commit({ project, last, done }: { project: string; last: Version | undefined; done: () => void }) {
  const [message, setMessage] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const pending = useApi<Changes>(
    `projects/${project}/changes?a=${last ? `v${last.number}` : "none"}&b=now&limit=1`,
  );
  const counts = pending.data?.counts;
  const total = counts ? Object.values(counts).reduce((a, b) => a + b, 0) : undefined;

  async function commit() {
    setBusy(true);
    setProblem(undefined);
    try {
      await call(`projects/${project}/versions`, { message: message.trim(), author: savedName() });
      setMessage("");
      done();
      pending.again();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Card
      title={
        <Term means="A version is never changed. Models name the version they were trained on.">
          Freeze a version
        </Term>
      }
    >
      <p>
        {total === undefined
          ? "…"
          : total === 0
            ? last
              ? `Nothing changed since v${last.number}.`
              : "There are no images to freeze yet."
            : `${sentence(
                Object.entries(counts ?? {}).map(([kind, n]) => `${count(n)} ${kind}`).join(", "),
              )} since ${last ? `v${last.number}` : "the beginning"}`.replace(/\. since/, " since") + "."}
      </p>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          void commit();
        }}
      >
        <label className="grow">
          What it is, in a few words
          <input required maxLength={200} value={message} onChange={(e) => setMessage(e.target.value)} />
        </label>
        <button type="submit" className="go" disabled={busy || !total}>
          Freeze
        </button>
      </form>
      {problem && <Failure problem={problem} />}
    </Card>
  );
}

function Export({ project, version }: { project: string; version: string }) {
  const formats = useApi<string[]>(`projects/${project}/export-formats`);
  return (
    <select
      className="small"
      aria-label={`Download ${version}`}
      value=""
      onChange={(e) => {
        if (e.target.value) {
          location.assign(url(`projects/${project}/versions/${version}/export?format=${e.target.value}`));
        }
      }}
    >
      <option value="">Download…</option>
      {(formats.data ?? []).map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** The data tests of a version: each condition with what was found. */
function Tests({ project, version, close }: { project: string; version: string; close: () => void }) {
  const [report, setReport] = useState<Report>();
  const [problem, setProblem] = useState<Problem>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    setProblem(undefined);
    call<Report>(`projects/${project}/data-tests?version=${version}`, {}).then(
      (found) => current && setReport(found),
      (error: unknown) =>
        current && setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0)),
    );
    return () => {
      current = false;
    };
  }, [project, version, turn]);
  const failed = report?.gates.filter((g) => !g.passed).length ?? 0;
  return (
    <Card
      title={`Data tests of ${version}`}
      aside={
        <button type="button" className="small" onClick={close} aria-label="Close the data tests">
          ✕
        </button>
      }
    >
      {problem ? (
        <Failure problem={problem} again={() => setTurn(turn + 1)} />
      ) : !report ? (
        <p role="status">Testing…</p>
      ) : (
        <>
          <p role="status">
            <b>{failed ? `${plural(failed, "test")} failed` : "All passed"}</b>
          </p>
          <ul className="gates">
            {report.gates.map((gate) => (
              <li key={gate.name} className={gate.passed ? "passed" : "failed"}>
                <span className="mark" aria-label={gate.passed ? "passed" : "failed"}>
                  {gate.passed ? "✓" : "✕"}
                </span>
                <span>
                  <b>{gate.name}</b>: {gate.reason}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Difference({ project, a, b }: { project: string; a: string; b: string }) {
  const [kind, setKind] = useState<Kind>();
  const [many, setMany] = useState(MANY);
  const all = useApi<Changes>(`projects/${project}/changes?a=${a}&b=${b}&limit=1`);
  const first = KINDS.find((k) => all.data?.counts[k]);
  const shown = kind && all.data?.counts[kind] ? kind : first;
  return (
    <Shown asked={all}>
      {(found) =>
        !shown ? (
          <p className="soft">{a === b ? "The same version twice." : "Both hold the same images, labels and splits."}</p>
        ) : (
          <>
            <div className="switch kinds" role="group" aria-label="Kind of change">
              {KINDS.filter((k) => found.counts[k]).map((k) => (
                <button
                  key={k}
                  type="button"
                  aria-pressed={k === shown}
                  onClick={() => {
                    setKind(k);
                    setMany(MANY);
                  }}
                >
                  {TITLES[k]} {count(found.counts[k] ?? 0)}
                </button>
              ))}
            </div>
            <Pictures project={project} a={a} b={b} kind={shown} many={many} />
            {(found.counts[shown] ?? 0) > many && (
              <p>
                <button type="button" onClick={() => setMany(many * 2)} disabled={many >= 1000}>
                  {many >= 1000 ? "The first 1,000 are shown" : "Show more"}
                </button>
              </p>
            )}
          </>
        )
      }
    </Shown>
  );
}

function Pictures({
  project, a, b, kind, many,
}: {
  project: string;
  a: string;
  b: string;
  kind: Kind;
  many: number;
}) {
  const asked = useApi<Changes>(
    `projects/${project}/changes?a=${a}&b=${b}&change=${kind}&limit=${Math.min(many, 1000)}`,
  );
  return (
    <Shown asked={asked}>
      {(found) => (
        <ul className={`changes ${kind}`}>
          {found.items.map((change) => (
            <li key={change.key} title={change.key}>
              {kind === "replaced" && change.before ? (
                <span className="both">
                  <img src={picture(project, change.before, 160)} alt={`${change.key} before`} loading="lazy" />
                  <img src={picture(project, change.sha256, 160)} alt={`${change.key} after`} loading="lazy" />
                </span>
              ) : (
                <img src={picture(project, change.sha256, 160)} alt={change.key} loading="lazy" />
              )}
              <Words change={change} kind={kind} />
            </li>
          ))}
        </ul>
      )}
    </Shown>
  );
}

function Words({ change, kind }: { change: VersionChange; kind: Kind }) {
  if (kind === "replaced") return <span>other content</span>;
  if (kind === "added") return <span>{change.after ?? "no label"}</span>;
  if (kind === "removed") return <span>{change.before ?? "no label"}</span>;
  return (
    <span>
      {change.before ?? "no label"} → <b>{change.after ?? "no label"}</b>
    </span>
  );
}
