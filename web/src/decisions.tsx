import { useState, type ReactNode } from "react";
import type { Deployment } from "./api/client";
import { DecisionDialog, type Decision } from "./parts";
import { isWatched } from "./words";

/**
 * Lets a person decide: `ask` opens the dialog for a decision, `dialog` is drawn somewhere on the
 * page, and `done` is called when the decision is on record.
 */
export function useDecision(done: () => void): {
  ask: (decision: Decision) => void;
  dialog: ReactNode;
} {
  const [decision, setDecision] = useState<Decision>();
  return {
    ask: setDecision,
    dialog: decision && (
      <DecisionDialog
        decision={decision}
        close={(decided) => {
          setDecision(undefined);
          if (decided) done();
        }}
      />
    ),
  };
}

function pauseOrResume(project: string, stopped: boolean): Decision {
  return stopped
    ? {
        title: "Resume the loop",
        explain: "It acts again as far as the policy lets it.",
        button: "Resume",
        path: `projects/${project}/loop/resume`,
        whyNeeded: false,
      }
    : {
        title: "Pause the loop",
        explain: "Serving and watching go on. Nothing is labelled, trained or swapped.",
        button: "Pause",
        path: `projects/${project}/loop/pause`,
        whyNeeded: true,
      };
}

export function PauseButton({
  project,
  stopped,
  ask,
  small = false,
}: {
  project: string;
  stopped: boolean;
  ask: (decision: Decision) => void;
  small?: boolean;
}) {
  return (
    <button
      type="button"
      className={small ? "small" : ""}
      onClick={() => ask(pauseOrResume(project, stopped))}
    >
      {stopped ? "Resume the loop" : "Pause the loop"}
    </button>
  );
}

/** The way back to the champion before; nothing where there is none. */
export function RollbackButton({
  project,
  deployment,
  ask,
  small = false,
}: {
  project: string;
  deployment: Deployment | null;
  ask: (decision: Decision) => void;
  small?: boolean;
}) {
  const previous = deployment?.previous?.model;
  if (!deployment || !previous) return null;
  const busy = !!deployment.challenger && !isWatched(deployment);
  return (
    <button
      type="button"
      className={small ? "small" : ""}
      disabled={busy}
      title={busy ? "A case is trying a challenger: cancel the case first." : undefined}
      onClick={() =>
        ask({
          title: `Roll back to ${previous}`,
          explain: `${previous} serves again within a second, and what it sees is watched anew. ${deployment.champion.model} stays in the list of models.`,
          button: "Roll back",
          path: `projects/${project}/rollback`,
          danger: true,
          whyNeeded: true,
        })
      }
    >
      Roll back to {previous}
    </button>
  );
}
