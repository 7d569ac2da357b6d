import { useEffect, useRef, useState } from "react";
import { url, type LatestPrediction } from "../api/client";
import { useApi } from "../api/live";
import { PredictionStory } from "../lineage";
import { Card, Command, Shown } from "../parts";
import { Link } from "../router";
import { percent, ROLES, when } from "../words";

const SHOWN = 24;

/** The newest answers as pictures; each opens the chain behind it. */
export function PredictionsCard({ project }: { project: string }) {
  const [role, setRole] = useState("");
  const [held, setHeld] = useState(false);
  const [open, setOpen] = useState<string>();
  const path = `projects/${project}/predictions?limit=${SHOWN}${role && `&role=${role}`}`;
  const asked = useApi<LatestPrediction[]>(path, 4);
  const [kept, setKept] = useState<LatestPrediction[]>();
  const still = held || open !== undefined;
  const shown = still && kept ? { ...asked, data: kept } : asked;
  return (
    <Card
      className="wide"
      title="The latest answers"
      aside={
        <div className="row">
          <select
            aria-label="Answers of"
            value={role}
            onChange={(event) => {
              setRole(event.target.value);
              setKept(undefined);
              setHeld(false);
            }}
          >
            <option value="">All models</option>
            {Object.keys(ROLES).map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <button
            type="button"
            className="small"
            aria-pressed={held}
            onClick={() => {
              setKept(asked.data);
              setHeld(!held);
            }}
          >
            {held ? "Go on" : "Hold still"}
          </button>
        </div>
      }
    >
      <Shown asked={shown}>
        {(predictions) =>
          predictions.length ? (
            <ul className="answers">
              {predictions.map((found) => (
                <li key={found.id}>
                  <button
                    type="button"
                    onClick={() => {
                      setKept(predictions);
                      setOpen(found.id);
                    }}
                  >
                    {found.image ? (
                      <img
                        src={url(`projects/${project}/predictions/${found.id}/image`)}
                        alt=""
                        loading="lazy"
                      />
                    ) : (
                      <span className="no-image">not kept</span>
                    )}
                    <span className="answer-label">{found.label}</span>
                    <small>
                      {percent(found.confidence, 0)} sure
                      {found.role !== "champion" && `, ${found.role}`}
                    </small>
                    <span className="visually-hidden">
                      , {found.model}, {when(found.at)}: where it comes from
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <>
              <p>
                {role
                  ? `No ${role} has answered lately.`
                  : "No image has been answered yet. Send one to the inference server:"}
              </p>
              {!role && <Command>{`autofocus --project ${project} predict photo.jpg`}</Command>}
            </>
          )
        }
      </Shown>
      {open !== undefined && (
        <Panel project={project} id={open} close={() => setOpen(undefined)} />
      )}
    </Card>
  );
}

/** The story of one prediction, beside the page. */
export function Panel({ project, id, close }: { project: string; id: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      className="panel"
      onClose={close}
      aria-label="Where this answer comes from"
    >
      <header className="card-head">
        <h2>Where this answer comes from</h2>
        <button type="button" className="small" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </header>
      <PredictionStory project={project} id={id} />
      <p>
        <Link to={["p", project, "predictions", id]}>Open as a page</Link>
      </p>
    </dialog>
  );
}
