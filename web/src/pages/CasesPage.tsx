import { useState } from "react";
import {
  url,
  type Case,
  type LoopStatus,
  type Model,
  type StoredEvent,
} from "../api/client";
import { useApi } from "../api/live";
import { IntervalBar, readable } from "../charts";
import { LoopLine } from "../loop-picture";
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
import { Link } from "../router";
import {
  needsDecision,
  OUTCOMES,
  percent,
  place,
  plain,
  plural,
  sentence,
  VERDICTS,
  when,
} from "../words";
import { EventList } from "./OverviewPage";

// Evidence is an open record: each stage of the loop adds its own part to it.
type Estimate = { value: number | null; low: number | null; high: number | null };
type Diagnosis = {
  p_value: number;
  images: number;
  drifted: number;
  share: number;
  share_low: number;
  share_high: number;
  differences: string[];
  estimate?: Estimate;
  estimate_on_drifted?: Estimate;
};
type Harm = {
  verdict: Case["verdict"];
  n: number;
  errors: number;
  margin: number;
  e_harm: number;
  e_harmless: number;
  labels_needed: number;
  error_rate: number | null;
};
type Gate = { name: string; passed: boolean; reason: string };
type Comparison = {
  decision: string;
  wins: number;
  losses: number;
  ties: number;
  e_better: number;
  pairs: number;
  disagreements: number;
};
type Evidence = {
  diagnosis?: Diagnosis;
  harm?: Harm;
  cost?: string;
  version?: { name: string; digest: string };
  run?: string;
  model_tests?: { passed: boolean; failed: string[]; gates: Gate[]; accuracy?: number };
  comparison?: Comparison;
};

export function CaseBadge({ found }: { found: Case }) {
  if (found.outcome) {
    const { word, tone } = OUTCOMES[found.outcome];
    return <Badge tone={tone}>{word}</Badge>;
  }
  if (needsDecision(found.waiting_for)) return <Badge tone="warn">Waits for a decision</Badge>;
  return <Badge tone="accent">Open</Badge>;
}

export function CasesPage({ project }: { project: string }) {
  return (
    <>
      <h1>Cases</h1>
      <p className="lead">
        A case is opened when the images change. It finds out what changed, whether that does harm,
        and heals the model if it does.
      </p>
      <Fetched<Case[]> path={`projects/${project}/cases`} every={10}>
        {(cases) =>
          cases.length ? (
            <ul className="case-list">
              {cases.map((found) => (
                <li key={found.id}>
                  <Link className="card case-row" to={["p", project, "cases", found.id]}>
                    <span className="case-title">
                      <strong>{found.id}</strong> <CaseBadge found={found} />
                    </span>
                    <span>{sentence(plain(found.reason || found.trigger))}</span>
                    {found.stage !== "closed" && <LoopLine at={place(found.stage)} />}
                    <span className="soft">
                      opened {when(found.opened_at)}
                      {found.closed_at && `, closed ${when(found.closed_at)}`}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          ) : (
            <Card>
              <Empty title="No case so far">
                <p>
                  The monitor opens one by itself when what the model sees has changed. You can also
                  ask for one on the latest answers:
                </p>
                <Command>{`autofocus --project ${project} loop run --why "a new camera"`}</Command>
              </Empty>
            </Card>
          )
        }
      </Fetched>
    </>
  );
}

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
        {harm ? <WhatHarm harm={harm} cost={evidence.cost} /> : <NotYet stage="verdict" found={found} />}
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

function DecisionBar({
  found,
  stopped,
  again,
}: {
  found: Case;
  stopped: boolean;
  again: () => void;
}) {
  const [decision, setDecision] = useState<Decision>();
  const path = `projects/${found.project}/cases/${found.id}`;
  const loop = `projects/${found.project}/loop`;
  const waits = needsDecision(found.waiting_for);
  const step = found.waiting_for.match(/to ([a-z ]+)/)?.[1]?.trim() ?? "go on";
  const open = found.stage !== "closed";
  return (
    <section className={`card wide decision ${waits ? "waits" : ""}`}>
      {open && <LoopLine at={place(found.stage)} />}
      <div className="decision-text">
        <CaseBadge found={found} />
        <p>
          {open
            ? stopped
              ? "The loop is paused: nothing goes on until it is resumed."
              : found.waiting_for
                ? `Waiting for ${found.waiting_for}.`
                : "The loop works on it by itself."
            : sentence(found.reason)}
        </p>
      </div>
      {open && (
        <div className="row">
          {waits && (
            <>
              <button
                type="button"
                className="go"
                onClick={() =>
                  setDecision({
                    title: `Approve: ${step}`,
                    explain: `You say yes to the step that ${found.id} waits for: ${step}.`,
                    button: "Approve",
                    path: `${path}/approve`,
                    whyNeeded: false,
                  })
                }
              >
                Approve
              </button>
              <button
                type="button"
                onClick={() =>
                  setDecision({
                    title: `Reject: ${step}`,
                    explain: `You say no. ${found.id} ends, ${found.model} goes on serving.`,
                    button: "Reject",
                    path: `${path}/reject`,
                    danger: true,
                    whyNeeded: true,
                  })
                }
              >
                Reject
              </button>
            </>
          )}
          <button
            type="button"
            onClick={() =>
              setDecision(
                stopped
                  ? {
                      title: "Resume the loop",
                      explain: "It acts again as far as the policy lets it.",
                      button: "Resume",
                      path: `${loop}/resume`,
                      whyNeeded: false,
                    }
                  : {
                      title: "Pause the loop",
                      explain:
                        "Serving and watching go on. Nothing is labelled, trained or swapped.",
                      button: "Pause",
                      path: `${loop}/pause`,
                      whyNeeded: true,
                    },
              )
            }
          >
            {stopped ? "Resume the loop" : "Pause the loop"}
          </button>
          {found.stage !== "promote" && (
            <button
              type="button"
              onClick={() =>
                setDecision({
                  title: `Cancel ${found.id}`,
                  explain: "The case ends where it stands; the champion goes on serving.",
                  button: "Cancel the case",
                  path: `${path}/cancel`,
                  danger: true,
                  whyNeeded: true,
                })
              }
            >
              Cancel the case
            </button>
          )}
        </div>
      )}
      {decision && (
        <DecisionDialog
          decision={decision}
          close={(done) => {
            setDecision(undefined);
            if (done) again();
          }}
        />
      )}
    </section>
  );
}

function NotYet({ stage, found }: { stage: Case["stage"]; found: Case }) {
  const words = { diagnose: "Being looked into", verdict: "Not weighed yet", train: "None yet" };
  return (
    <p className="soft">
      {found.stage === "closed"
        ? "The case ended before."
        : (words[stage as keyof typeof words] ?? "Not yet") + "."}
    </p>
  );
}

function WhatChanged({ diagnosis }: { diagnosis: Diagnosis }) {
  const on = diagnosis.estimate_on_drifted;
  return (
    <>
      <p>
        About <strong>{percent(diagnosis.share, 0)}</strong> of the images since the change are of a
        new kind (between {percent(diagnosis.share_low, 0)} and {percent(diagnosis.share_high, 0)});{" "}
        {plural(diagnosis.drifted, "image")} of {diagnosis.images} can be named.
      </p>
      {diagnosis.differences.length > 0 && (
        <>
          <p>Compared with usual images they are:</p>
          <ul className="plain-list">
            {diagnosis.differences.map((difference) => (
              <li key={difference}>{inWords(difference)}</li>
            ))}
          </ul>
        </>
      )}
      {on && (
        <p className="soft">
          Estimated accuracy on them: {percent(on.value)}
          {on.low !== null && `, between ${percent(on.low)} and ${percent(on.high)}`}.
        </p>
      )}
    </>
  );
}

/** `Higher in contrast (+1.2 sd)` without the unit that only statisticians know. */
function inWords(difference: string): string {
  return difference.replace(/\(([+-]?)([\d.]+) sd\)/, (_, _sign: string, size: string) => {
    const n = Number(size);
    return n >= 2 ? "(very clearly)" : n >= 1 ? "(clearly)" : n >= 0.5 ? "(somewhat)" : "(slightly)";
  });
}

function WhatHarm({ harm, cost }: { harm: Harm; cost: string | undefined }) {
  const rate = harm.error_rate ?? (harm.n ? harm.errors / harm.n : 0);
  const wrong = Math.round(harm.errors);
  return (
    <>
      <p>
        <strong>
          {wrong} of {plural(harm.n, "labelled image")}
        </strong>{" "}
        {wrong === 1 ? "was" : "were"} answered wrongly: {percent(rate)}. Up to{" "}
        {percent(harm.margin)} would count as no harm.
      </p>
      <div className="bars">
        <span>Wrong on the new images</span>
        <IntervalBar value={Math.min(rate, 1)} />
        <span>Limit</span>
        <IntervalBar value={harm.margin} tone="quiet" />
      </div>
      <p className="soft">
        <Term means="A bet that there is no harm, played with every label. 20 means: so many errors would be seen in less than 1 of 20 cases if there were no harm.">
          Evidence
        </Term>{" "}
        of harm {readable(harm.e_harm)}, of harmlessness {readable(harm.e_harmless)}.
        {harm.labels_needed > 0 && ` About ${plural(harm.labels_needed, "more label")} needed.`}
      </p>
      {cost && <p className="soft">{sentence(cost)}</p>}
    </>
  );
}

export function Gates({ gates }: { gates: Gate[] }) {
  return (
    <ul className="gates">
      {gates.map((gate) => (
        <li key={gate.name} className={gate.passed ? "passed" : "failed"}>
          <span className="mark" aria-hidden="true">
            {gate.passed ? "✓" : "✕"}
          </span>
          <span>
            <span className="visually-hidden">{gate.passed ? "Passed: " : "Failed: "}</span>
            {sentence(gate.reason)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Sheet({ project, id }: { project: string; id: string }) {
  const [missing, setMissing] = useState(false);
  if (missing) return <p className="soft">The images of this case are not kept any more.</p>;
  return (
    <img
      className="sheet"
      src={url(`projects/${project}/cases/${id}/drifted.png`)}
      alt="Contact sheet: drifted images beside usual ones"
      onError={() => setMissing(true)}
    />
  );
}

function SideBySide({ found, comparison }: { found: Case; comparison: Comparison | undefined }) {
  const models = useApi<Model[]>(`projects/${found.project}/models`);
  const pair = [
    { role: "Champion", id: found.model },
    { role: "Challenger", id: found.challenger ?? "" },
  ];
  const total = comparison ? comparison.wins + comparison.losses + comparison.ties : 0;
  return (
    <>
      <div className="duel">
        {pair.map(({ role, id }) => {
          const model = models.data?.find((m) => m.id === id);
          const accuracy = model?.metrics?.["accuracy"];
          return (
            <div key={role}>
              <p className="soft">{role}</p>
              <p className="big">
                <Link to={["p", found.project, "models", id]}>{id}</Link>
              </p>
              {accuracy !== undefined && (
                <>
                  <IntervalBar value={accuracy} />
                  <p className="soft">{percent(accuracy)} right on its test images</p>
                </>
              )}
            </div>
          );
        })}
      </div>
      {comparison && (
        <>
          <p>
            On {plural(comparison.pairs, "real request")} both answered, they disagreed on{" "}
            {comparison.disagreements}. Of the {total} of these that were labelled, the challenger
            was right {plural(comparison.wins, "time")}, the champion{" "}
            {plural(comparison.losses, "time")}
            {comparison.ties > 0 && `, neither ${plural(comparison.ties, "time")}`}.
          </p>
          {total > 0 && (
            <div
              className="tug"
              role="img"
              aria-label={`${comparison.wins} won by the challenger, ${comparison.losses} by the champion`}
            >
              <span className="won" style={{ flexGrow: comparison.wins }}>
                {comparison.wins > 0 && `challenger ${comparison.wins}`}
              </span>
              <span className="tied" style={{ flexGrow: comparison.ties }} />
              <span className="lost" style={{ flexGrow: comparison.losses }}>
                {comparison.losses > 0 && `champion ${comparison.losses}`}
              </span>
            </div>
          )}
          <p className="soft">
            Evidence that the challenger is better: {readable(comparison.e_better)}.
          </p>
        </>
      )}
    </>
  );
}
