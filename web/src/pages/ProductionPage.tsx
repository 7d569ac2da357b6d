import type { Overview, TimelinePoint } from "../api/client";
import { useApi } from "../api/live";
import { AccuracyChart, ClassChart, EvidenceChart, LatencyChart } from "../charts";
import { Card, Command, Empty, Shown, Term } from "../parts";
import { HarmCard, Scores } from "../production/evidence";
import { MachinesCard } from "../production/machines";
import { PredictionsCard } from "../production/predictions";
import { RequestsCard, ServingCard } from "../production/serving";
import { AccuracyTerm, EvidenceTerm } from "../terms";
import { accuracySentence, changeSentence, percent } from "../words";

export function ProductionPage({ name }: { name: string }) {
  const view = useApi<Overview>(`projects/${name}`, 4);
  return (
    <>
      <h1>Production</h1>
      <Shown asked={view}>
        {(found) =>
          found.deployment ? (
            <Live view={found} again={view.again} />
          ) : (
            <Card>
              <Empty title="No model serves yet">
                <p>Train one on a version of your labelled images, and let it serve:</p>
                <Command>{`autofocus --project ${name} train --promote`}</Command>
              </Empty>
            </Card>
          )
        }
      </Shown>
    </>
  );
}

function Live({ view, again }: { view: Overview; again: () => void }) {
  const asked = useApi<TimelinePoint[]>(`projects/${view.name}/monitor/timeline?points=300`, 10);
  const { monitor } = view;
  return (
    <div className="grid">
      <ServingCard view={view} again={again} />
      <Card title={<AccuracyTerm />}>
        <p className="big">{percent(monitor.estimate?.value)}</p>
        <p className="soft">{accuracySentence(monitor.estimate)}</p>
        <Shown asked={asked}>{(points) => <AccuracyChart points={points} />}</Shown>
      </Card>
      <Card title={<EvidenceTerm />}>
        <p>{changeSentence(monitor)}</p>
        <Shown asked={asked}>{(points) => <EvidenceChart points={points} />}</Shown>
        <Scores monitor={monitor} />
      </Card>
      <HarmCard project={view.name} />
      <Card
        title={
          <Term means="Among the champion's answers. A mix that shifts can mean a new world, or a model that begins to favour one class.">
            Classes answered
          </Term>
        }
      >
        <Shown asked={asked}>
          {(points) => <ClassChart points={points} classes={[...view.classes]} />}
        </Shown>
      </Card>
      <Card
        title={
          <Term means="Time from the arrival of an image at the server to its answer, of the champion's answers.">
            Speed of the answers
          </Term>
        }
      >
        <Shown asked={asked}>{(points) => <LatencyChart points={points} />}</Shown>
      </Card>
      <RequestsCard />
      <MachinesCard view={view} />
      <PredictionsCard project={view.name} />
    </div>
  );
}
