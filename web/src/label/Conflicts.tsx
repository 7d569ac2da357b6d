import { fromApi, Problem } from "../api/client";
import { outbox, useOutbox } from "../outbox";
import { Card, Failure } from "../parts";
import { plural } from "../words";
import { conflictsOf, insist, type Met } from "./share";

/** What was not saved, because somebody else had said something in between, or for another reason. */
export function Conflicts({ project, author }: { project: string; author: string }) {
  const refused = useOutbox().refusals.filter((r) => r.save.project === project && r.save.path.startsWith("labels/"));
  const first = refused[0];
  if (!first) return null;
  const met = conflictsOf(first.problem.context);
  const { message, hint, status, context } = first.problem;
  if (!met.length) {
    return <Failure problem={new Problem(message, hint, status, context)} again={() => void outbox.forgive(first.id)} />;
  }
  const mine = met.filter((m) => m.yours !== null && m.state !== "cancelled" && m.state !== "replaced");
  return (
    <Card
      className="conflicts"
      title={`${plural(met.length, "image was", "images were")} answered by somebody else meanwhile`}
      aside={
        <div className="row">
          <button type="button" onClick={() => void outbox.forgive(first.id)}>
            Keep theirs
          </button>
          {mine.length > 0 && (
            <button
              type="button"
              onClick={() => {
                for (const m of mine) insist(project, author, m);
                void outbox.forgive(first.id);
              }}
            >
              Use mine
            </button>
          )}
        </div>
      }
    >
      <p className="soft">Yours is not saved. Look at both; theirs is in force.</p>
      <ul className="conflict-list">
        {met.slice(0, 24).map((m) => (
          <Both key={m.task} project={project} met={m} />
        ))}
      </ul>
      {met.length > 24 && <p className="soft">And {met.length - 24} more.</p>}
    </Card>
  );
}

function Both({ project, met }: { project: string; met: Met }) {
  const theirs =
    met.state === "cancelled" ? "the question was withdrawn"
      : met.state === "replaced" ? "the image was replaced"
        : `${met.author ?? "somebody"}: ${met.label ?? met.state}`;
  const yours = met.do === "answer" ? `you: ${met.yours ?? ""}` : met.do === "skip" ? "you: set aside" : "you: taken back";
  return (
    <li>
      <img src={fromApi(`/api/projects/${project}/images/${met.sha256}?size=160`)} alt={met.key} />
      <span>
        <b>{theirs}</b>
        <span>{yours}</span>
      </span>
    </li>
  );
}
