import { useState } from "react";
import type { HistoryPoint, Overview, Project, StoredEvent } from "../api/client";
import { useApi } from "../api/live";
import { AccuracyChart, EvidenceChart, readable } from "../charts";
import { LoopLine, LoopPicture } from "../loop-picture";
import {
  Badge,
  Card,
  Command,
  DecisionDialog,
  Empty,
  Fetched,
  Shown,
  Term,
  type Decision,
} from "../parts";
import { go, Link } from "../router";
import {
  actor,
  count,
  needsDecision,
  nowSentence,
  percent,
  place,
  plain,
  plural,
  SCORES,
  when,
  WHO,
} from "../words";

export function EvidenceTerm() {
  return (
    <Term means="A bet that nothing changed, played on every answer. Its winnings grow only if the images really differ; above the alarm line the chance that it is a false alarm is below the policy's limit.">
      Evidence of change
    </Term>
  );
}

/** All projects; with one alone, that one. */
export function ProjectsPage({ projects }: { projects: Project[] }) {
  const only = projects.length === 1 ? projects[0] : undefined;
  if (only) return <ProjectPage name={only.name} />;
  if (!projects.length) {
    return (
      <>
        <h1>Welcome</h1>
        <Card>
          <Empty title="Make your first project">
            <p>
              A project is a question about images: a task and its classes. Make one on the command
              line, in this workspace:
            </p>
            <Command>autofocus init eyes --task classification --classes open,closed</Command>
            <p>
              Or watch the whole story first, with images that are drawn for you:
            </p>
            <Command>autofocus demo</Command>
          </Empty>
        </Card>
      </>
    );
  }
  return (
    <>
      <h1>Projects</h1>
      <div className="cards">
        {projects.map((project) => (
          <ProjectCard key={project.name} name={project.name} />
        ))}
      </div>
    </>
  );
}

function ProjectCard({ name }: { name: string }) {
  return (
    <Card title={<Link to={["p", name]}>{name}</Link>}>
      <Fetched<Overview> path={`projects/${name}`} every={5}>
        {(view) => (
          <>
            <LoopLine at={view.loop.champion ? place(view.loop.stage) : -1} />
            <p>
              {view.loop.champion ? (
                <Badge tone={actor(view.loop) === "person" ? "warn" : "quiet"}>
                  {WHO[actor(view.loop)]}
                </Badge>
              ) : (
                <Badge>Waiting for a first model</Badge>
              )}
            </p>
            <p>{nowSentence(view)}</p>
            <p className="soft">
              Estimated accuracy {percent(view.monitor.estimate?.value)} · champion{" "}
              {view.loop.champion ?? "none yet"}
            </p>
          </>
        )}
      </Fetched>
    </Card>
  );
}

export function ProjectPage({ name }: { name: string }) {
  const view = useApi<Overview>(`projects/${name}`, 3);
  return (
    <>
      <h1>{name}</h1>
      <Shown asked={view}>{(found) => <Story view={found} again={view.again} />}</Shown>
    </>
  );
}

function Story({ view, again }: { view: Overview; again: () => void }) {
  const history = useApi<HistoryPoint[]>(`projects/${view.name}/monitor/history?limit=400`, 5);
  const points = history.data ?? [];
  const estimate = view.monitor.estimate;
  const deployment = view.deployment;
  const requests = view.servers.reduce((sum, s) => sum + s.requests, 0);
  const failed = view.servers.reduce((sum, s) => sum + s.failed, 0);
  return (
    <div className="grid">
      <Card className="wide" title="The loop">
        <LoopPicture view={view} />
      </Card>
      <NextActions view={view} again={again} />
      <Card title="Serving">
        <p className="big">{deployment?.champion.model ?? "nobody yet"}</p>
        <p className="soft">
          {deployment?.challenger
            ? `Challenger ${deployment.challenger.model}: silent on ${percent(deployment.shadow, 0)} of the requests, answering ${percent(deployment.canary, 0)}.`
            : "No challenger."}
        </p>
        <dl className="facts">
          <dt>Traffic</dt>
          <dd>
            {view.monitor.images_per_second
              ? `${view.monitor.images_per_second.toFixed(1)} images a second`
              : "none at the moment"}
          </dd>
          <dt>Answered</dt>
          <dd>
            {view.servers.length
              ? `${count(requests)} since the server's start, ${count(failed)} failed`
              : "no inference server is running"}
          </dd>
          <dt>
            <Term means="Half of the answers are faster than the first number, 99 of 100 faster than the second.">
              Speed
            </Term>
          </dt>
          <dd>
            {view.monitor.p50_ms != null
              ? `${view.monitor.p50_ms.toFixed(1)} ms / ${(view.monitor.p99_ms ?? 0).toFixed(1)} ms`
              : "unknown"}
          </dd>
        </dl>
        <ClassMix classes={view.monitor.classes ?? {}} />
      </Card>
      <Card
        title={
          <Term means="Computed from the model's own certainty, corrected by what labels showed. The band is where the true value lies with high probability; labels make it narrow.">
            Estimated accuracy
          </Term>
        }
      >
        <p className="big">{percent(estimate?.value)}</p>
        <p className="soft">
          {estimate?.low !== null && estimate?.low !== undefined
            ? `between ${percent(estimate.low)} and ${percent(estimate.high)}, ${
                estimate.labels ? `resting on ${plural(estimate.labels, "label")}` : "without labels"
              }`
            : "A band appears with the first predictions."}
        </p>
        <AccuracyChart points={points} />
      </Card>
      <Card title={<EvidenceTerm />}>
        <p className="big">
          {readable(view.monitor.e_value)}
          {view.monitor.threshold !== null && view.monitor.threshold !== undefined && (
            <small> of {readable(view.monitor.threshold)}</small>
          )}
        </p>
        <p className="soft">
          {view.monitor.alarmed
            ? "Above the alarm line: the images have changed."
            : view.monitor.calibrating
              ? `Still learning what normal looks like: ${plural(view.monitor.calibration_needed ?? 0, "more image")} needed.`
              : view.loop.champion
                ? `No alarm. Most of it lies in ${SCORES[view.monitor.leading_score ?? ""] ?? "no single measure"}.`
                : "Begins with the first champion."}
        </p>
        <EvidenceChart points={points} />
      </Card>
      <Card className="wide" title="What happened">
        <Fetched<StoredEvent[]> path={`events/latest?project=${view.name}&limit=9`}>
          {(events) => <EventList events={events} />}
        </Fetched>
      </Card>
    </div>
  );
}

export function EventList({ events }: { events: StoredEvent[] }) {
  if (!events.length) return <p className="soft">Nothing yet.</p>;
  return (
    <ol className="events">
      {events.map((event) => (
        <li key={event.id}>
          <time dateTime={event.at}>{when(event.at)}</time>
          <span>
            {plain(event.what)} <span className="soft">{event.actor}</span>
          </span>
        </li>
      ))}
    </ol>
  );
}

function ClassMix({ classes }: { classes: Record<string, number> }) {
  const entries = Object.entries(classes);
  if (!entries.length) return null;
  return (
    <dl className="mix" aria-label="Classes answered lately">
      {entries.map(([name, share]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <span className="mix-bar">
              <span style={{ width: `${100 * share}%` }} />
            </span>
            {percent(share, 0)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** What a person can do now, the most pressing first. */
function NextActions({ view, again }: { view: Overview; again: () => void }) {
  const [decision, setDecision] = useState<Decision>();
  const { loop } = view;
  const open = view.labels.tasks["open"] ?? 0;
  const labelled = Object.values(view.labels.classes).reduce((a, b) => a + b, 0);
  const actions = [];
  if (loop.case && needsDecision(loop.waiting_for)) {
    actions.push(
      <li key="decide">
        <p>
          {loop.case} waits for {loop.waiting_for}.
        </p>
        <Link className="button go" to={["p", view.name, "cases", loop.case]}>
          Look and decide
        </Link>
      </li>,
    );
  }
  if (open) {
    actions.push(
      <li key="label">
        <p>{plural(open, "image waits", "images wait")} for a label.</p>
        <Link className="button go" to={["p", view.name, "label"]}>
          Label now
        </Link>
      </li>,
    );
  }
  if (loop.paused || loop.frozen) {
    actions.push(
      <li key="resume">
        <p>The loop stands still until somebody resumes it.</p>
        <button
          type="button"
          onClick={() =>
            setDecision({
              title: "Resume the loop",
              explain: "It acts again as far as the policy lets it.",
              button: "Resume",
              path: `projects/${view.name}/loop/resume`,
              whyNeeded: false,
            })
          }
        >
          Resume the loop
        </button>
      </li>,
    );
  }
  if (!loop.champion) {
    actions.push(
      <li key="first">
        {labelled === 0 ? (
          <>
            <p>Bring images: a folder per class, a CSV or a COCO file.</p>
            <Command>{`autofocus --project ${view.name} data import photos/`}</Command>
          </>
        ) : (
          <p>{plural(labelled, "labelled image")} are here. Freeze a version and train:</p>
        )}
        <Command>{`autofocus --project ${view.name} data commit "first images"`}</Command>
        <Command>{`autofocus --project ${view.name} train --promote`}</Command>
      </li>,
    );
  } else if (!view.monitor.images) {
    actions.push(
      <li key="traffic">
        <p>Send images to the inference server; everything it answers is watched.</p>
        <Command>{`autofocus --project ${view.name} predict photo.jpg`}</Command>
      </li>,
    );
  }
  return (
    <Card
      title="Next"
      aside={
        !loop.paused &&
        !loop.frozen &&
        loop.champion && (
          <button
            type="button"
            className="small"
            onClick={() =>
              setDecision({
                title: "Pause the loop",
                explain: "Serving and watching go on. Nothing is labelled, trained or swapped.",
                button: "Pause",
                path: `projects/${view.name}/loop/pause`,
                whyNeeded: true,
              })
            }
          >
            Pause the loop
          </button>
        )
      }
    >
      {actions.length ? (
        <ul className="actions">{actions}</ul>
      ) : (
        <p>
          Nothing to do. <span className="soft">You will be asked here when the loop needs you.</span>
        </p>
      )}
      {loop.cases_closed > 0 && (
        <p className="soft">
          {plural(loop.cases_closed, "case")} closed, {plural(loop.promotions, "promotion")}.{" "}
          <Link to={["p", view.name, "cases"]}>See their stories</Link>
        </p>
      )}
      {decision && (
        <DecisionDialog
          decision={decision}
          close={(done) => {
            setDecision(undefined);
            if (done) {
              again();
              go(["p", view.name]);
            }
          }}
        />
      )}
    </Card>
  );
}
