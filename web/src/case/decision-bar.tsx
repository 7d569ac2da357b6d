import type { Case, Deployment } from "../api/client";
import { useApi } from "../api/live";
import { PauseButton, RollbackButton, useDecision } from "../decisions";
import { LoopLine } from "../loop-picture";
import { needsDecision, place, plain, sentence } from "../words";
import { CaseBadge } from "./badge";

/** Where a case stands, and what a person can decide about it. */
export function DecisionBar({
  found,
  stopped,
  again,
}: {
  found: Case;
  stopped: boolean;
  again: () => void;
}) {
  const { ask, dialog } = useDecision(again);
  const promoted = found.outcome === "promoted";
  const deployment = useApi<Deployment | null>(
    promoted ? `projects/${found.project}/deployment` : null,
  );
  const path = `projects/${found.project}/cases/${found.id}`;
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
            : sentence(plain(found.reason))}
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
                  ask({
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
                  ask({
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
          <PauseButton project={found.project} stopped={stopped} ask={ask} />
          {found.stage !== "promote" && (
            <button
              type="button"
              onClick={() =>
                ask({
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
      {promoted && deployment.data?.champion.model === found.challenger && (
        <div className="row">
          <RollbackButton project={found.project} deployment={deployment.data ?? null} ask={ask} />
        </div>
      )}
      {dialog}
    </section>
  );
}
