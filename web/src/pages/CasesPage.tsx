import type { Case } from "../api/client";
import { CaseBadge } from "../case/badge";
import { LoopLine } from "../loop-picture";
import { Card, Command, Empty, Fetched } from "../parts";
import { Link } from "../router";
import { place, plain, sentence, when } from "../words";

export function CasesPage({ project }: { project: string }) {
  return (
    <>
      <h1>Cases</h1>
      <p className="lead">
        A case is opened when the images change. It finds out what changed, whether that does harm,
        and heals the model if it does.
      </p>
      <Fetched<Case[]> path={`projects/${project}/cases`} every={10}>
        {(cases) =>
          cases.length ? (
            <ul className="case-list">
              {cases.map((found) => (
                <li key={found.id}>
                  <Link className="card case-row" to={["p", project, "cases", found.id]}>
                    <span className="case-title">
                      <strong>{found.id}</strong> <CaseBadge found={found} />
                    </span>
                    <span>{sentence(plain(found.reason || found.trigger))}</span>
                    {found.stage !== "closed" && <LoopLine at={place(found.stage)} />}
                    <span className="soft">
                      opened {when(found.opened_at)}
                      {found.closed_at && `, closed ${when(found.closed_at)}`}
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          ) : (
            <Card>
              <Empty title="No case so far">
                <p>
                  The monitor opens one by itself when what the model sees has changed. You can also
                  ask for one on the latest answers:
                </p>
                <Command>{`autofocus --project ${project} loop run --why "a new camera"`}</Command>
              </Empty>
            </Card>
          )
        }
      </Fetched>
    </>
  );
}
