import type { Case, LoopStatus, StoredEvent } from "../api/client";
import { useApi } from "../api/live";
import { DecisionBar } from "../case/decision-bar";
import { SideBySide } from "../case/duel";
import type { Evidence } from "../case/evidence";
import { NotYet, Sheet, WhatChanged, WhatHarm } from "../case/findings";
import { EventList } from "../events";
import { Gates } from "../gates";
import { Badge, Card, Fetched, Shown } from "../parts";
import { Link } from "../router";
import { plain, plural, sentence, VERDICTS, when } from "../words";

export function CasePage({ project, id }: { project: string; id: string }) {
  const asked = useApi<Case>(`projects/${project}/cases/${id}`, 5);
  const loop = useApi<LoopStatus>(`projects/${project}/loop`, 5);
  return (
    <>
      <p className="crumb">
        <Link to={["p", project, "cases"]}>Cases</Link>
      </p>
      <h1>{id}</h1>
      <Shown asked={asked}>
        {(found) => (
          <CaseStory
            found={found}
            stopped={!!loop.data && (loop.data.paused || loop.data.frozen !== "")}
            again={() => {
              asked.again();
              loop.again();
            }}
          />
        )}
      </Shown>
    </>
  );
}

function CaseStory({
  found,
  stopped,
  again,
}: {
  found: Case;
  stopped: boolean;
  again: () => void;
}) {
  const evidence = found.evidence as Evidence;
  const { diagnosis, harm, comparison } = evidence;
  const tests = evidence.model_tests;
  return (
    <div className="grid">
      <DecisionBar found={found} stopped={stopped} again={again} />
      <Card title="Why this case was opened">
        <p>{sentence(plain(found.trigger))}</p>
        <dl className="facts">
          <dt>Opened</dt>
          <dd>{when(found.opened_at)}</dd>
          <dt>About</dt>
          <dd>
            <Link to={["p", found.project, "models", found.model]}>{found.model}</Link>
          </dd>
        </dl>
      </Card>
      <Card title="What changed">
        {diagnosis ? <WhatChanged diagnosis={diagnosis} /> : <NotYet stage="diagnose" found={found} />}
      </Card>
      {diagnosis && (
        <Card className="wide" title="The drifted images beside usual ones">
          <Sheet project={found.project} id={found.id} />
          <p>
            <Link to={["p", found.project, "data"]} query={{ "like-case": found.id }}>
              More images like the drifted ones
            </Link>
          </p>
        </Card>
      )}
      <Card
        title="Does it do harm?"
        aside={
          found.verdict && (
            <Badge tone={VERDICTS[found.verdict].tone}>{VERDICTS[found.verdict].word}</Badge>
          )
        }
      >
        {harm ? <WhatHarm found={found} harm={harm} cost={evidence.cost} /> : <NotYet stage="verdict" found={found} />}
      </Card>
      <Card title="The cure">
        {found.challenger || evidence.run ? (
          <>
            <p>
              {found.challenger ? (
                <>
                  <Link to={["p", found.project, "models", found.challenger]}>
                    {found.challenger}
                  </Link>{" "}
                  was trained
                </>
              ) : (
                "A challenger is in training"
              )}
              {evidence.version && ` on version ${evidence.version.name} of the data`}.
            </p>
            {tests && (
              <>
                <p>
                  {tests.passed
                    ? `It passed all ${tests.gates.length} tests.`
                    : `It failed ${plural(tests.failed.length, "test")}.`}
                </p>
                <Gates gates={tests.gates} />
              </>
            )}
          </>
        ) : (
          <NotYet stage="train" found={found} />
        )}
      </Card>
      <Card className="wide" title="Champion beside challenger">
        {found.challenger ? (
          <SideBySide found={found} comparison={comparison} />
        ) : (
          <p className="soft">There is no challenger in this case{found.stage === "closed" ? "." : " yet."}</p>
        )}
      </Card>
      <Card className="wide" title="What happened">
        <Fetched<StoredEvent[]> path={`events/latest?project=${found.project}&limit=1000`}>
          {(events) => (
            <EventList
              events={events
                .filter((e) => e.subject === found.id || e.cause === found.id)
                // Every single answer would hide the story.
                .filter((e) => e.kind !== "labels.answered" && !/waits for \d+ label/.test(e.what))
                .reverse()}
            />
          )}
        </Fetched>
      </Card>
    </div>
  );
}
