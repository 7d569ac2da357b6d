import { useState } from "react";
import { call, Problem, type FoundSamples, type Project } from "../api/client";
import { useApi } from "../api/live";
import { Card, Command, Empty, Failure } from "../parts";
import { plural } from "../words";

type Asked = { found: number; asked: number };

/** An empty queue says what can fill it. */
export function Nothing({
  project, author, done, others, asked,
}: {
  project: Project;
  author: string;
  done: number;
  others: number;
  asked: () => void;
}) {
  const without = useApi<FoundSamples>(`projects/${project.name}/search?q=is:unlabelled&limit=1`);
  const [problem, setProblem] = useState<Problem>();
  const [told, setTold] = useState("");
  const [busy, setBusy] = useState(false);
  const total = without.data?.total ?? 0;

  async function ask() {
    setBusy(true);
    setProblem(undefined);
    try {
      const found = await call<Asked>(`projects/${project.name}/labels/ask`, { author });
      if (found.asked) asked();
      else setTold("They were all asked about before: look at what was set aside.");
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
    }
    setBusy(false);
  }

  return (
    <Card>
      <Empty title={others ? "Others have the rest" : done ? "All done, thank you" : "Nothing to label"}>
        {total > 0 && !others ? (
          <>
            <p>{plural(total, "image has", "images have")} no label. A model learns while you label them.</p>
            <p>
              <button type="button" className="go" disabled={busy} onClick={() => void ask()}>
                Label them
              </button>
            </p>
            {told && <p role="status">{told}</p>}
          </>
        ) : (
          <>
            <p>
              {others
                ? `${plural(others, "image is", "images are")} with other people. What they leave comes here.`
                : "The loop asks here when a few labels decide something. You can also bring labels you have:"}
            </p>
            {!others && <Command>{`autofocus --project ${project.name} labels import labels.csv`}</Command>}
          </>
        )}
        {problem && <Failure problem={problem} />}
      </Empty>
    </Card>
  );
}
