import type { Case, Model } from "../api/client";
import { useApi } from "../api/live";
import { IntervalBar, readable } from "../charts";
import { Link } from "../router";
import { percent, plural } from "../words";
import type { Comparison } from "./evidence";

export function SideBySide({ found, comparison }: { found: Case; comparison: Comparison | undefined }) {
  const models = useApi<Model[]>(`projects/${found.project}/models`);
  const pair = [
    { role: "Champion", id: found.model },
    { role: "Challenger", id: found.challenger ?? "" },
  ];
  const total = comparison ? comparison.wins + comparison.losses + comparison.ties : 0;
  return (
    <>
      <div className="duel">
        {pair.map(({ role, id }) => {
          const model = models.data?.find((m) => m.id === id);
          const accuracy = model?.metrics?.["accuracy"];
          return (
            <div key={role}>
              <p className="soft">{role}</p>
              <p className="big">
                <Link to={["p", found.project, "models", id]}>{id}</Link>
              </p>
              {accuracy !== undefined && (
                <>
                  <IntervalBar value={accuracy} />
                  <p className="soft">{percent(accuracy)} right on its test images</p>
                </>
              )}
            </div>
          );
        })}
      </div>
      {comparison && (
        <>
          <p>
            On {plural(comparison.pairs, "real request")} both answered, they disagreed on{" "}
            {comparison.disagreements}. Of the {total} of these that were labelled, the challenger
            was right {plural(comparison.wins, "time")}, the champion{" "}
            {plural(comparison.losses, "time")}
            {comparison.ties > 0 && `, neither ${plural(comparison.ties, "time")}`}.
          </p>
          {total > 0 && (
            <div
              className="tug"
              role="img"
              aria-label={`${comparison.wins} won by the challenger, ${comparison.losses} by the champion`}
            >
              <span className="won" style={{ flexGrow: comparison.wins }}>
                {comparison.wins > 0 && `challenger ${comparison.wins}`}
              </span>
              <span className="tied" style={{ flexGrow: comparison.ties }} />
              <span className="lost" style={{ flexGrow: comparison.losses }}>
                {comparison.losses > 0 && `champion ${comparison.losses}`}
              </span>
            </div>
          )}
          <p className="soft">
            Evidence that the challenger is better: {readable(comparison.e_better)}.
          </p>
        </>
      )}
    </>
  );
}
