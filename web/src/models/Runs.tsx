import { useState } from "react";
import { call, Problem, type Run, type RunProgress } from "../api/client";
import { useApi } from "../api/live";
import { Badge, Card, Failure } from "../parts";
import { Link } from "../router";
import { count, when } from "../words";
import { TrainingCurves } from "./Curves";

/** Trainings that go on, live, and those that failed since the last good one. */
export function RunsCard({ project, runs }: { project: string; runs: Run[] }) {
  const going = runs.filter((run) => run.state === "running" || run.state === "queued");
  const lastGood = runs.findIndex((run) => run.state === "done");
  const failed = runs
    .slice(0, lastGood < 0 ? runs.length : lastGood)
    .filter((run) => run.state === "failed");
  return (
    <>
      {going.map((run) => (
        <Going key={run.id} project={project} run={run} />
      ))}
      {failed.map((run) => (
        <Card key={run.id} title="A training failed" aside={<Badge tone="bad">failed</Badge>}>
          <p>
            {run.id}, begun {when(run.created_at)}
          </p>
          <p className="run-error">{run.error}</p>
        </Card>
      ))}
    </>
  );
}

function Going({ project, run }: { project: string; run: Run }) {
  const asked = useApi<RunProgress>(`projects/${project}/runs/${run.id}/progress`, 2);
  const [problem, setProblem] = useState<Problem>();
  const { done = 0, steps = 0, curves = {} } = asked.data ?? {};

  async function stop() {
    try {
      await call<Run>(`projects/${project}/runs/${run.id}/cancel`, {});
      asked.again();
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    }
  }

  return (
    <Card
      title={
        run.case ? (
          <>
            Training for <Link to={["p", project, "cases", run.case]}>{run.case}</Link>
          </>
        ) : (
          "Training"
        )
      }
      aside={
        run.case ? (
          <Badge tone="accent">by the loop</Badge>
        ) : (
          <button type="button" className="small" onClick={() => void stop()}>
            Stop
          </button>
        )
      }
    >
      <p>
        {run.spec.architecture} on {run.spec.version.slice(0, 12)}, begun {when(run.created_at)}
      </p>
      <progress max={Math.max(steps, 1)} value={done} aria-label={`Steps of ${run.id}`} />
      <p className="soft">
        {steps ? `${count(done)} of ${count(steps)} steps` : "reading the images"}
      </p>
      {problem && <Failure problem={problem} />}
      <TrainingCurves curves={curves} />
    </Card>
  );
}
