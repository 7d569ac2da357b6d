import { useRef, useState } from "react";
import type { Project } from "../api/client";
import { Card, Command, Failure } from "../parts";
import { Link } from "../router";
import { count, plural } from "../words";
import { chosen, type Bringing, type Brought } from "./bringing";
import { SPLITS } from "./Panel";

/** Bring images: choose or drop them, watch them arrive, read what was taken and what was not. */
export function Import({
  project,
  state,
  bring,
  again,
  discard,
  split,
  setSplit,
}: {
  project: Project;
  state: Bringing;
  bring: (files: Brought[]) => void;
  again: () => void;
  discard: () => void;
  split: string;
  setSplit: (split: string) => void;
}) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (list: FileList | null) => {
    if (list?.length) bring(chosen(list));
    for (const input of [files.current, folder.current]) if (input) input.value = "";
  };
  const idle = state.stage === "idle" || state.stage === "done";
  return (
    <>
      {idle && (
        <Card title={state.stage === "done" ? "Bring more" : "Bring images"}>
          <div className="drop-zone">
            <p>
              <b>Drop a folder, a zip archive or files here</b>, or anywhere on this page.
            </p>
            <p className="soft">
              A folder for each class ({project.classes.slice(0, 3).join(", ")}
              {project.classes.length > 3 ? ", …" : ""}), with folders train, val and test around them if you
              have a split. A table labels.csv or a COCO file may lie beside the images. Images without a class
              come in unlabelled.
            </p>
            <div className="row centre">
              <button type="button" className="go" onClick={() => folder.current?.click()}>
                Choose a folder
              </button>
              <button type="button" onClick={() => files.current?.click()}>
                Choose files or a zip
              </button>
              <label className="inline">
                Split
                <select value={split} onChange={(e) => setSplit(e.target.value)}>
                  <option value="">by folder, else drawn</option>
                  {SPLITS.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </label>
            </div>
            <input
              ref={folder}
              type="file"
              hidden
              aria-label="A folder"
              // React has no name for it; every browser does.
              {...{ webkitdirectory: "" }}
              onChange={(e) => take(e.target.files)}
            />
            <input
              ref={files}
              type="file"
              hidden
              multiple
              aria-label="Files"
              onChange={(e) => take(e.target.files)}
            />
          </div>
          <p className="soft">Millions of images, or images that are on the server already:</p>
          <Command>{`autofocus --project ${project.name} data import FOLDER`}</Command>
        </Card>
      )}
      {state.stage !== "idle" && <Progress state={state} again={again} discard={discard} />}
      {state.stage === "done" && <Report project={project.name} state={state} />}
    </>
  );
}

function Progress({ state, again, discard }: { state: Bringing; again: () => void; discard: () => void }) {
  if (state.stage === "done") return null;
  const stopped = state.stage === "broken" || state.stage === "failed";
  const sending = state.stage === "sending" || state.stage === "broken";
  return (
    <Card title={state.stage === "importing" ? "Importing" : stopped ? "Stopped" : "Sending"}>
      <progress
        aria-label={sending ? "Sent" : "Imported"}
        max={sending ? Math.max(1, state.bytes) : Math.max(1, state.total)}
        value={sending ? state.sentBytes : state.total ? state.done : undefined}
      />
      <p role="status">
        {sending
          ? `${count(state.sent)} of ${plural(state.files, "file")}, ${(state.sentBytes / 1e6).toFixed(1)} of ${(state.bytes / 1e6).toFixed(1)} MB`
          : state.total
            ? `${count(state.done)} of ${plural(state.total, "image")} looked at`
            : "Looking at what has come…"}
      </p>
      {state.problem && <Failure problem={state.problem} />}
      {stopped && (
        <div className="row">
          <button type="button" className="go" onClick={again}>
            {state.stage === "broken" ? "Go on" : "Try again"}
          </button>
          <button type="button" onClick={discard}>
            Discard
          </button>
          <span className="soft">Nothing that has arrived is lost.</span>
        </div>
      )}
    </Card>
  );
}

function Report({ project, state }: { project: string; state: Bringing }) {
  const [all, setAll] = useState(false);
  const reports = state.reports.map((r) => r.report).filter((r) => r != null);
  const sum = (what: "accepted" | "unchanged" | "labelled" | "duplicates") =>
    reports.reduce((n, r) => n + r[what], 0);
  const skipped = [
    ...state.refused,
    ...reports.flatMap((r) => r.skipped.map(({ path, reason }) => ({ path, reason }))),
  ];
  const unmatched = reports.flatMap((r) => r.unmatched_labels);
  const notices = reports.flatMap((r) => r.notices ?? []);
  return (
    <Card title="What came in">
      <dl className="report">
        <div>
          <dt>accepted</dt>
          <dd>{count(sum("accepted"))}</dd>
        </div>
        <div>
          <dt>labelled</dt>
          <dd>{count(sum("labelled"))}</dd>
        </div>
        <div>
          <dt>there before</dt>
          <dd>{count(sum("unchanged"))}</dd>
        </div>
        <div>
          <dt>the same picture twice</dt>
          <dd>{count(sum("duplicates"))}</dd>
        </div>
        <div className={skipped.length ? "bad" : ""}>
          <dt>skipped</dt>
          <dd>{count(skipped.length)}</dd>
        </div>
      </dl>
      {notices.map((notice) => (
        <p key={notice} className="notice">
          {notice}
        </p>
      ))}
      {skipped.length > 0 && (
        <>
          <h3>Skipped, and why</h3>
          <div className="scroll">
            <table>
              <tbody>
                {(all ? skipped.slice(0, 2000) : skipped.slice(0, 10)).map(({ path, reason }) => (
                  <tr key={path + reason}>
                    <td>
                      <code>{path}</code>
                    </td>
                    <td>{reason}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {skipped.length > 10 && !all && (
            <button type="button" className="link" onClick={() => setAll(true)}>
              all {count(skipped.length)}
            </button>
          )}
        </>
      )}
      {unmatched.length > 0 && (
        <p>
          {plural(unmatched.length, "label")} without an image: {unmatched.slice(0, 5).join(", ")}
          {unmatched.length > 5 ? ", …" : ""}
        </p>
      )}
      <p className="row">
        <Link className="button go" to={["p", project, "data"]}>
          Look at them
        </Link>
        <Link className="button" to={["p", project, "data", "versions"]}>
          Freeze a version
        </Link>
      </p>
    </Card>
  );
}
