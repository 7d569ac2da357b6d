import type { Overview } from "./api/client";
import { actor, needsDecision, nowSentence, place, plural, STAGES, unanswered, WHO } from "./words";
import { Link } from "./router";

/** The loop as one picture: eight places on a ring, where it stands, and who must act. */
export function LoopPicture({ view }: { view: Overview }) {
  const { loop } = view;
  const here = loop.champion ? place(loop.stage) : -1;
  const who = actor(loop);
  const stopped = loop.paused || loop.frozen !== "";
  const open = unanswered(view.labels.tasks);
  return (
    <div className={`loop ${stopped ? "stopped" : ""}`}>
      <ol className="ring" aria-label="The loop">
        {STAGES.map((stage, i) => (
          <li
            key={stage.stage}
            className={`stage at-${i} ${i === here ? "here" : i < here ? "past" : ""}`}
            aria-current={i === here ? "step" : undefined}
            title={stage.means}
          >
            <span className="dot" aria-hidden="true">
              {i < here ? "✓" : i + 1}
            </span>
            <span className="stage-name">{stage.name}</span>
          </li>
        ))}
      </ol>
      <div className="loop-now" role="status">
        <p className={`who by-${loop.champion ? who : "loop"}`}>
          {loop.champion ? WHO[who] : "Waiting for a first model"}
        </p>
        <p className="loop-sentence">{nowSentence(view)}</p>
        {loop.case && (
          <div className="row centre">
            {needsDecision(loop.waiting_for) ? (
              <Link className="button go" to={["p", view.name, "cases", loop.case]}>
                Decide on {loop.case}
              </Link>
            ) : (
              <Link className="button" to={["p", view.name, "cases", loop.case]}>
                Open {loop.case}
              </Link>
            )}
            {who === "annotator" && open > 0 && (
              <Link className="button go" to={["p", view.name, "label"]}>
                Label {plural(open, "image")}
              </Link>
            )}
          </div>
        )}
      </div>
    </div>
  );
}

/** The same in one line, for lists and for the head of a case. */
export function LoopLine({ at }: { at: number }) {
  return (
    <ol className="loop-line" aria-label="Stage">
      {STAGES.map((stage, i) => (
        <li
          key={stage.stage}
          className={i === at ? "here" : i < at ? "past" : ""}
          aria-current={i === at ? "step" : undefined}
          title={stage.means}
        >
          <span>{stage.name}</span>
        </li>
      ))}
    </ol>
  );
}
