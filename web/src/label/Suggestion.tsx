import type { LabelTask } from "../api/client";
import { percent } from "../words";

/** What is suggested, by whom; in a review also what the label is now. */
export function Suggestion({ task, long = false }: { task: LabelTask; long?: boolean }) {
  const review = task.purpose === "review";
  const by = task.suggested_by ? `suggested by ${task.suggested_by}` : "suggested";
  if (!task.suggestion) {
    return <span className="suggestion none">{review && task.label ? `is ${task.label}` : "no suggestion"}</span>;
  }
  const sure = task.suggestion_confidence != null && percent(task.suggestion_confidence, 0);
  const other = !review && task.opinion && task.opinion !== task.suggestion ? task.opinion : undefined;
  return (
    <span className={`suggestion ${other ? "disputed" : ""}`} title={other ? `${by}; the assistant says ${other}` : by}>
      {review && task.label && (
        <>
          <s>{task.label}</s>{" "}
        </>
      )}
      {task.suggestion}? {sure}
      {other && ` · or ${other}?`}
      {long && task.suggested_by && <small> {by}</small>}
    </span>
  );
}
