import { useState } from "react";
import { fromApi, type LabelQueue, type LabelTask, type Project } from "../api/client";
import { useApi } from "../api/live";
import { useOutbox } from "../outbox";
import { Card, Empty, Shown } from "../parts";
import { plural } from "../words";
import { putBack } from "./share";

const REASONS: Record<string, string> = {
  skipped: "skipped", unsure: "cannot be told", flagged: "flagged",
};

/** What was skipped, unsure or flagged; each can be put back. */
export function Aside({ project, author }: { project: Project; author: string }) {
  const [reason, setReason] = useState("");
  const asked = useApi<LabelQueue>(`projects/${project.name}/labels/queue?state=skipped&limit=500`);
  const box = useOutbox();
  return (
    <Shown asked={asked}>
      {(found) => {
        const here = found.items.filter((t) => !box.holds(t.id));
        const reasons = [...new Set(here.map((t) => t.set_aside ?? ""))].sort();
        const shown = here.filter((t) => !reason || t.set_aside === reason);
        if (!here.length) {
          return (
            <Card>
              <Empty title="Nothing is set aside">
                <p>What is skipped, unsure or flagged while labelling waits here.</p>
              </Empty>
            </Card>
          );
        }
        return (
          <>
            <div className="desk-head second">
              <span className="soft">{plural(shown.length, "image")} set aside</span>
              <div className="row tools">
                <select aria-label="Reason" value={reason} onChange={(e) => setReason(e.target.value)}>
                  <option value="">All reasons</option>
                  {reasons.map((r) => (
                    <option key={r} value={r}>
                      {REASONS[r] ?? r}
                    </option>
                  ))}
                </select>
                <button type="button" onClick={() => putBack(project.name, author, shown)}>
                  Put all back
                </button>
              </div>
            </div>
            <ul className="aside-list">
              {shown.map((task) => (
                <Put key={task.id} task={task} back={() => putBack(project.name, author, [task])} />
              ))}
            </ul>
          </>
        );
      }}
    </Shown>
  );
}

function Put({ task, back }: { task: LabelTask; back: () => void }) {
  const why = task.set_aside ?? "";
  return (
    <li>
      <img src={`${fromApi(task.image_url ?? "")}?size=160`} alt={task.key} loading="lazy" />
      <span>
        {REASONS[why] ?? why}
        {task.assignee && <small> {task.assignee}</small>}
      </span>
      <button type="button" className="small" onClick={back}>
        Put back
      </button>
    </li>
  );
}
