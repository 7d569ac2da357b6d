import { useEffect, useState } from "react";
import { call, Problem, type EmbeddingStatus, type SimilarSamples } from "../api/client";
import { useApi } from "../api/live";
import { Failure, Term } from "../parts";
import { count, plural } from "../words";

/** What images are to be like: some images by key, or those that drifted in a case. */
export type Like = { keys: string[] } | { case: string };

export function useSimilar(project: string, like: Like | undefined, query: string) {
  const named: [string, string][] =
    like === undefined ? [] : "case" in like ? [["case", like.case]] : like.keys.map((key) => ["key", key]);
  const asked = new URLSearchParams([...named, ["q", query], ["limit", "300"]]);
  const path = like ? `projects/${project}/similar?${asked.toString()}` : null;
  return useApi<SimilarSamples>(path);
}

/** What is shown is ordered by similarity; the champion may have to look at the images first. */
export function SimilarTo({
  project,
  like,
  problem,
  again,
  close,
}: {
  project: string;
  like: Like;
  problem: Problem | undefined;
  again: () => void;
  close: () => void;
}) {
  const status = useApi<EmbeddingStatus>(`projects/${project}/embeddings`, 1);
  const [failed, setFailed] = useState<Problem>();
  const found = status.data;
  const done = found?.done ?? 0;
  // More was looked at: ask again, and when it ends.
  useEffect(again, [done, again]);
  return (
    <div className="similar">
      <p>
        <b>Similar to {likeWords(like)}</b>, as{" "}
        <Term means="The images whose embedding by the champion points the same way (cosine).">
          {found?.model || "the champion"} sees it
        </Term>{" "}
        <button type="button" className="link" onClick={close}>
          back to all images
        </button>
      </p>
      {found && found.model && found.done < found.total && (
        <div className="row similar-work">
          <progress aria-label="Looked at" max={found.total} value={found.done} />
          <span role="status">
            It has looked at {count(found.done)} of {count(found.total)} images
          </span>
          {!found.running && (
            <button
              type="button"
              className="small go"
              onClick={() => {
                setFailed(undefined);
                call(`projects/${project}/embeddings`, {}).then(status.again, (error: unknown) =>
                  setFailed(error instanceof Problem ? error : new Problem(String(error), "", 0)),
                );
              }}
            >
              Look at the rest
            </button>
          )}
        </div>
      )}
      {found?.error && <Failure problem={new Problem(found.error, "", 0)} />}
      {failed && <Failure problem={failed} />}
      {problem && <Failure problem={problem} />}
    </div>
  );
}

function likeWords(like: Like): string {
  if ("case" in like) return `the drifted images of ${like.case}`;
  const [first = "", ...rest] = like.keys;
  return rest.length ? `${first} or ${plural(rest.length, "other image")}` : first;
}
