import type { Overview } from "./api/client";
import { PauseButton, useDecision } from "./decisions";
import { Card, Command } from "./parts";
import { go, Link } from "./router";
import { needsDecision, plural, unanswered } from "./words";

/** What a person can do now, the most pressing first. */
export function NextActions({ view, again }: { view: Overview; again: () => void }) {
  const { ask, dialog } = useDecision(() => {
    again();
    go(["p", view.name]);
  });
  const { loop } = view;
  const open = unanswered(view.labels.tasks);
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
        <PauseButton project={view.name} stopped ask={ask} />
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
          <PauseButton project={view.name} stopped={false} ask={ask} small />
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
      {dialog}
    </Card>
  );
}
