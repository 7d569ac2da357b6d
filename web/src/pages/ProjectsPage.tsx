import type { Overview, Project } from "../api/client";
import { LoopLine } from "../loop-picture";
import { Badge, Card, Command, Empty, Fetched } from "../parts";
import { Link } from "../router";
import { actor, nowSentence, percent, place, WHO } from "../words";
import { ProjectPage } from "./OverviewPage";

/** All projects; with one alone, that one. */
export function ProjectsPage({ projects }: { projects: Project[] }) {
  const only = projects.length === 1 ? projects[0] : undefined;
  if (only) return <ProjectPage name={only.name} />;
  if (!projects.length) {
    return (
      <>
        <h1>Welcome</h1>
        <Card>
          <Empty title="Make your first project">
            <p>
              A project is a question about images: a task and its classes. Make one on the command
              line, in this workspace:
            </p>
            <Command>autofocus init eyes --task classification --classes open,closed</Command>
            <p>
              Or watch the whole story first, with images that are drawn for you:
            </p>
            <Command>autofocus demo</Command>
          </Empty>
        </Card>
      </>
    );
  }
  return (
    <>
      <h1>Projects</h1>
      <div className="cards">
        {projects.map((project) => (
          <ProjectCard key={project.name} name={project.name} />
        ))}
      </div>
    </>
  );
}

function ProjectCard({ name }: { name: string }) {
  return (
    <Card title={<Link to={["p", name]}>{name}</Link>}>
      <Fetched<Overview> path={`projects/${name}`} every={5}>
        {(view) => (
          <>
            <LoopLine at={view.loop.champion ? place(view.loop.stage) : -1} />
            <p>
              {view.loop.champion ? (
                <Badge tone={actor(view.loop) === "person" ? "warn" : "quiet"}>
                  {WHO[actor(view.loop)]}
                </Badge>
              ) : (
                <Badge>Waiting for a first model</Badge>
              )}
            </p>
            <p>{nowSentence(view)}</p>
            <p className="soft">
              Estimated accuracy {percent(view.monitor.estimate?.value)} · champion{" "}
              {view.loop.champion ?? "none yet"}
            </p>
          </>
        )}
      </Fetched>
    </Card>
  );
}
