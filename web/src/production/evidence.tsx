import type { Case, HarmHistory, MonitorStatus } from "../api/client";
import { HarmChart, readable } from "../charts";
import { Card, Fetched, Term } from "../parts";
import { Link } from "../router";
import { harmSentence, SCORE_NAMES } from "../words";

/** Which of the things that are watched carries the evidence. */
export function Scores({ monitor }: { monitor: MonitorStatus }) {
  const scores = Object.entries(monitor.scores ?? {});
  if (!scores.length || monitor.threshold === null || monitor.threshold === undefined) return null;
  const line = Math.log10(monitor.threshold);
  return (
    <dl className="mix scores">
      {scores.map(([name, e]) => (
        <div key={name}>
          <dt>{SCORE_NAMES[name] ?? name}</dt>
          <dd>
            <span className="mix-bar">
              <span
                style={{ width: `${Math.max(0, Math.min(100, (100 * Math.log10(Math.max(e, 1))) / line))}%` }}
              />
            </span>
            {readable(e)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Evidence of harm of the newest case, label by label. */
export function HarmCard({ project }: { project: string }) {
  return (
    <Card
      title={
        <Term means="Two bets, played with every label of an image of the new kind: that the model does harm there, and that it does none. Whichever wins first decides; the chance that it is wrong is bounded by the policy.">
          Evidence of harm
        </Term>
      }
    >
      <Fetched<Case[]> path={`projects/${project}/cases`} every={15}>
        {(cases) => {
          const newest = cases[0];
          if (!newest) {
            return (
              <p className="soft">
                No case has been opened. When the images change, a few labels show here whether that
                does harm.
              </p>
            );
          }
          return (
            <Fetched<HarmHistory> path={`projects/${project}/cases/${newest.id}/harm`} every={10}>
              {(history) => (
                <>
                  <p>
                    <Link to={["p", project, "cases", newest.id]}>{newest.id}</Link>:{" "}
                    {harmSentence(history)}
                  </p>
                  <HarmChart history={history} />
                </>
              )}
            </Fetched>
          );
        }}
      </Fetched>
    </Card>
  );
}
