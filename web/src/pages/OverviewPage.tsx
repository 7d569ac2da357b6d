import type { Overview, StoredEvent, TimelinePoint } from "../api/client";
import { useApi } from "../api/live";
import { AccuracyChart, EvidenceChart, readable } from "../charts";
import { EventList } from "../events";
import { LoopPicture } from "../loop-picture";
import { NextActions } from "../next-actions";
import { Card, Fetched, Shown, Term } from "../parts";
import { AccuracyTerm, EvidenceTerm } from "../terms";
import { accuracySentence, besideSentence, changeSentence, count, isFresh, percent } from "../words";

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
  const history = useApi<TimelinePoint[]>(`projects/${view.name}/monitor/timeline?points=200`, 5);
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
          {besideSentence(deployment)}
        </p>
        <dl className="facts">
          <dt>Traffic</dt>
          <dd>
            {isFresh(view.monitor.updated_at) && view.monitor.images_per_second
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
      <Card title={<AccuracyTerm />}>
        <p className="big">{percent(estimate?.value)}</p>
        <p className="soft">{accuracySentence(estimate)}</p>
        <AccuracyChart points={points} />
      </Card>
      <Card title={<EvidenceTerm />}>
        <p className="big">
          {readable(view.monitor.e_value)}
          {view.monitor.threshold != null && <small> of {readable(view.monitor.threshold)}</small>}
        </p>
        <p className="soft">{changeSentence(view.monitor)}</p>
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
