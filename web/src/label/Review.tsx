import { useCallback, useEffect, useRef, useState } from "react";
import { call, Problem, type Agreement, type EmbeddingStatus, type LabelQuality } from "../api/client";
import { Card, Failure, Fetched, Term } from "../parts";
import { count, percent, plural } from "../words";

const LOOK_MS = 1000;

/** How many labels are probably wrong, and how to look for them; how far people agree. */
export function Review({
  project, left, done, asked,
}: {
  project: string;
  left: number;
  done: number;
  asked: () => void;
}) {
  const [quality, setQuality] = useState<LabelQuality>();
  const [looking, setLooking] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [told, setTold] = useState("");
  const [people, setPeople] = useState(false);
  // What was done here when the estimate was made: corrections since then lower it.
  const before = useRef(done);
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);

  const look = useCallback(async () => {
    setProblem(undefined);
    setTold("");
    try {
      let seen = await call<EmbeddingStatus>(`projects/${project}/embeddings`);
      if (!seen.model) {
        throw new Problem(
          "There is no champion yet, through which labels are compared with one another.",
          `Train one with the labels as they are: autofocus --project ${project} train --promote`,
          404,
        );
      }
      seen = await call<EmbeddingStatus>(`projects/${project}/embeddings`, {});
      while (seen.running && alive.current) {
        setLooking(`The model looks at the images: ${count(seen.done)} of ${count(seen.total)}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        seen = await call<EmbeddingStatus>(`projects/${project}/embeddings`);
      }
      if (seen.error) throw new Problem(seen.error, "", 500);
      setLooking("Labels are compared with one another");
      const found = await call<LabelQuality>(`projects/${project}/labels/quality?limit=0`);
      const wanted = Math.min(10_000, Math.max(20, Math.round(2 * found.estimated_errors)));
      const { asked: fresh } = await call<{ asked: number }>(`projects/${project}/labels/review`, { limit: wanted });
      if (!alive.current) return;
      before.current = done;
      setQuality(found);
      setTold(fresh ? `${plural(fresh, "label")} to look at, the worst first.` : "Nothing new to look at.");
      asked();
    } catch (error) {
      if (alive.current) setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    }
    if (alive.current) setLooking("");
  }, [project, done, asked]);

  return (
    <Card className="review-card">
      <div className="row review-row">
        <span role="status">
          {looking || (
            <>
              {quality && (
                <>
                  About <b>{count(Math.round(quality.estimated_errors))}</b> of {count(quality.checked)} labels are wrong
                  by{" "}
                  <Term means="Every label is compared with what a classifier expects that has not seen it, through the model in charge. How often it contradicts surely, and between which classes, estimates how many are wrong.">
                    this estimate
                  </Term>
                  ; {done - before.current > 0 ? `${plural(done - before.current, "one")} reviewed since. ` : ""}
                  {quality.missing > 0 && `${count(quality.missing)} could not be looked at. `}
                </>
              )}
              {told}
              {!quality && !told && (left ? "The worst come first." : "Which labels are probably wrong? The model looks at all of them.")}
            </>
          )}
        </span>
        <div className="row">
          <button type="button" className={left ? "" : "go"} disabled={!!looking} onClick={() => void look()}>
            {quality ? "Look again" : "Look for wrong labels"}
          </button>
          <button type="button" aria-expanded={people} onClick={() => setPeople(!people)}>
            How far people agree
          </button>
        </div>
      </div>
      {problem && <Failure problem={problem} />}
      {people && <People project={project} />}
    </Card>
  );
}

function People({ project }: { project: string }) {
  return (
    <Fetched<Agreement[]> path={`projects/${project}/labels/agreement`}>
      {(pairs) =>
        pairs.length ? (
          <table className="agreement">
            <thead>
              <tr>
                <th scope="col">People</th>
                <th scope="col">Images of both</th>
                <th scope="col">Agree</th>
                <th scope="col">
                  <Term means="Cohen's kappa: agreement beyond what chance would give. 0 is chance, 1 is always; above 0.8 is very good, below 0.6 the classes need to be told apart more clearly.">
                    Kappa
                  </Term>
                </th>
              </tr>
            </thead>
            <tbody>
              {pairs.map((p) => (
                <tr key={`${p.first}/${p.second}`}>
                  <td>
                    {p.first} and {p.second}
                  </td>
                  <td>{count(p.images)}</td>
                  <td>{percent(p.agreed / p.images, 0)}</td>
                  <td>{p.kappa === null ? "–" : p.kappa.toFixed(2)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <p className="soft">No image was labelled by two people.</p>
        )
      }
    </Fetched>
  );
}
