import { PredictionStory } from "../lineage";
import { Card } from "../parts";
import { Link } from "../router";

export function PredictionPage({ project, id }: { project: string; id: string }) {
  return (
    <>
      <p className="crumb">
        <Link to={["p", project, "production"]}>Production</Link>
      </p>
      <h1>An answer and where it comes from</h1>
      <Card>
        <PredictionStory project={project} id={id} />
      </Card>
    </>
  );
}
