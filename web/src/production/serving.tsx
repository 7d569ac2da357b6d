import type { Overview, ServicePoint, Traffic } from "../api/client";
import { useApi } from "../api/live";
import { RequestsChart, RolesChart } from "../charts";
import { PauseButton, RollbackButton, useDecision } from "../decisions";
import { Badge, Card, Fetched, Term } from "../parts";
import { Link } from "../router";
import { count, isFresh, percent, ROLES } from "../words";

/** Who answers, how much, and the way back. */
export function ServingCard({ view, again }: { view: Overview; again: () => void }) {
  const { ask, dialog } = useDecision(again);
  const { deployment, loop } = view;
  const traffic = useApi<Traffic>(`projects/${view.name}/traffic`, 10);
  const stopped = loop.paused || loop.frozen !== "";
  const rows = deployment
    ? [
        { role: "champion", model: deployment.champion.model, share: 1 - deployment.canary },
        ...(deployment.challenger && deployment.canary
          ? [{ role: "canary", model: deployment.challenger.model, share: deployment.canary }]
          : []),
        ...(deployment.challenger && deployment.shadow
          ? [{ role: "shadow", model: deployment.challenger.model, share: deployment.shadow }]
          : []),
      ]
    : [];
  return (
    <Card
      className="wide"
      title="Who answers"
      aside={
        <div className="row">
          <PauseButton project={view.name} stopped={stopped} ask={ask} small />
          <RollbackButton project={view.name} deployment={deployment} ask={ask} small />
        </div>
      }
    >
      <div className="split-view">
        <div>
          <dl className="mix roles">
            {rows.map(({ role, model, share }) => (
              <div key={role}>
                <dt>
                  <Term means={`${role}: ${ROLES[role] ?? ""}.`}>{role}</Term>
                </dt>
                <dd>
                  <Link to={["p", view.name, "models", model]}>{model}</Link>
                  <span className="mix-bar">
                    <span className={`fill-${role}`} style={{ width: `${100 * share}%` }} />
                  </span>
                  {percent(share, 0)}
                </dd>
              </div>
            ))}
          </dl>
          <Numbers view={view} traffic={traffic.data} />
        </div>
        {traffic.data && (
          <div>
            <RolesChart traffic={traffic.data} />
          </div>
        )}
      </div>
      {dialog}
    </Card>
  );
}

function Numbers({ view, traffic }: { view: Overview; traffic: Traffic | undefined }) {
  const requests = view.servers.reduce((sum, s) => sum + s.requests, 0);
  const failed = view.servers.reduce((sum, s) => sum + s.failed, 0);
  const now = view.monitor.images_per_second;
  const fresh = isFresh(traffic?.until);
  return (
    <dl className="facts">
      <dt>Traffic</dt>
      <dd>{fresh && now ? `${now.toFixed(1)} images a second` : "none at the moment"}</dd>
      <dt>Servers</dt>
      <dd>
        {view.servers.length
          ? view.servers.map((s) => s.server).join(", ")
          : "none is running: start one with autofocus up"}
      </dd>
      {view.servers.length > 0 && (
        <>
          <dt>Since their start</dt>
          <dd>
            {count(requests)} answered,{" "}
            {failed ? <Badge tone="bad">{count(failed)} failed</Badge> : "none failed"}
          </dd>
        </>
      )}
      {traffic?.latency && (
        <>
          <dt>
            <Term means="Of the latest answers: half are faster than the first number, 9 of 10 than the second, 99 of 100 than the third.">
              Speed
            </Term>
          </dt>
          <dd>
            {[traffic.latency.p50_ms, traffic.latency.p90_ms, traffic.latency.p99_ms]
              .map((ms) => ms.toFixed(1))
              .join(" / ")}{" "}
            ms
          </dd>
        </>
      )}
    </dl>
  );
}

/** Requests and failures of all servers over the last day. */
export function RequestsCard() {
  return (
    <Card
      title={
        <Term means="As the inference servers count them, over all projects of this workspace. A failed request is one that got no answer because of the server, not because of the image.">
          Requests and failures
        </Term>
      }
    >
      <Fetched<ServicePoint[]> path="service?hours=24&points=240" every={10}>
        {(points) => {
          const failed = points.reduce((sum, p) => sum + p.failed, 0);
          const requests = points.reduce((sum, p) => sum + p.requests, 0);
          return (
            <>
              <p className="big">
                {count(failed)}
                <small> failed of {count(requests)} in the last 24 hours</small>
              </p>
              <RequestsChart points={points} />
            </>
          );
        }}
      </Fetched>
    </Card>
  );
}
