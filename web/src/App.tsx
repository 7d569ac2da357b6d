import { lazy, Suspense, useEffect, useState } from "react";
import type { Overview, Project } from "./api/client";
import { useApi, useOnline } from "./api/live";
import { Card, Empty, Failure, Loading } from "./parts";
import { CasePage } from "./pages/CasePage";
import { CasesPage } from "./pages/CasesPage";
import { LabelPage } from "./pages/LabelPage";
import { ModelPage } from "./pages/ModelPage";
import { ModelsPage } from "./pages/ModelsPage";
import { ProjectPage } from "./pages/OverviewPage";
import { PredictionPage } from "./pages/PredictionPage";
import { ProductionPage } from "./pages/ProductionPage";
import { ProjectsPage } from "./pages/ProjectsPage";
import { SettingsPage } from "./pages/SettingsPage";
import { address, go, Link, useRoute } from "./router";
import { actor, isDrawn, unanswered } from "./words";

const CanvasPage = lazy(() => import("./canvas/CanvasPage"));
const DataPage = lazy(() => import("./pages/DataPage"));

type Theme = "system" | "light" | "dark";

function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(
    () => (localStorage.getItem("autofocus.theme") as Theme | null) ?? "system",
  );
  useEffect(() => {
    localStorage.setItem("autofocus.theme", theme);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const apply = () => {
      document.documentElement.dataset["theme"] =
        theme === "system" ? (dark.matches ? "dark" : "light") : theme;
    };
    apply();
    dark.addEventListener("change", apply);
    return () => dark.removeEventListener("change", apply);
  }, [theme]);
  return [theme, setTheme];
}

export function App() {
  const route = useRoute();
  const [theme, setTheme] = useTheme();
  const online = useOnline();
  const projects = useApi<Project[]>("projects", 30);
  const named = route[0] === "p" ? route[1] : undefined;
  const name = named ?? (projects.data?.length === 1 ? projects.data[0]?.name : undefined);
  const room = named ? (route[2] ?? "overview") : "overview";
  const title = [room === "overview" ? "" : room, name].filter(Boolean).join(" · ");
  useEffect(() => {
    document.title = title ? `${title} · Autofocus` : "Autofocus";
  }, [title]);
  return (
    <>
      <a className="skip-link" href="#main" onClick={(e) => {
        e.preventDefault();
        document.getElementById("main")?.focus();
      }}>
        Skip to the content
      </a>
      <header className="bar">
        <Link className="brand" to={[]}>
          <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
            <circle cx="11" cy="11" r="8.5" fill="none" stroke="currentColor" strokeWidth="2.5" />
            <circle cx="11" cy="11" r="3" fill="currentColor" />
          </svg>
          Autofocus
        </Link>
        {projects.data && projects.data.length > 1 && (
          <select
            aria-label="Project"
            value={name ?? ""}
            onChange={(event) => go(event.target.value ? ["p", event.target.value] : [])}
          >
            <option value="">All projects</option>
            {projects.data.map((p) => (
              <option key={p.name}>{p.name}</option>
            ))}
          </select>
        )}
        <span className={`live ${online ? "on" : "off"}`} role="status">
          {online ? "Live" : "No connection, trying again"}
        </span>
        <select
          aria-label="Colours"
          className="theme"
          value={theme}
          onChange={(event) => setTheme(event.target.value as Theme)}
        >
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </header>
      <div className="frame">
        {name && <Rooms project={name} room={room} />}
        <main id="main" tabIndex={-1}>
          {projects.data ? (
            <Room route={route} projects={projects.data} />
          ) : projects.problem ? (
            <Failure problem={projects.problem} again={projects.again} />
          ) : (
            <Loading />
          )}
        </main>
      </div>
    </>
  );
}

function Rooms({ project, room }: { project: string; room: string }) {
  const view = useApi<Overview>(`projects/${project}`);
  const open = view.data ? unanswered(view.data.labels.tasks) : 0;
  const decide = view.data !== undefined && actor(view.data.loop) === "person" && view.data.loop.case;
  const rooms: { id: string; name: string; to: string[]; mark?: string | undefined; says?: string }[] = [
    { id: "overview", name: "Overview", to: ["p", project] },
    { id: "data", name: "Data", to: ["p", project, "data"] },
    {
      id: "label",
      name: "Label",
      to: ["p", project, "label"],
      mark: open ? (open > 999 ? "999+" : String(open)) : undefined,
      says: "to label",
    },
    { id: "models", name: "Models", to: ["p", project, "models"] },
    { id: "production", name: "Production", to: ["p", project, "production"] },
    {
      id: "cases",
      name: "Cases",
      to: ["p", project, "cases"],
      mark: decide ? "!" : undefined,
      says: "waits for a decision",
    },
    { id: "settings", name: "Settings", to: ["p", project, "settings"] },
  ];
  const shown = room === "predictions" ? "production" : room;
  return (
    <nav className="rooms" aria-label="Rooms">
      {rooms.map(({ id, name, to, mark, says }) => (
        <Link key={id} to={to} aria-current={id === shown ? "page" : undefined}>
          <Icon of={id} />
          {name}
          {mark && (
            <span className="mark-count">
              {mark} <span className="visually-hidden">{says}</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const ICONS: Record<string, string> = {
  overview: "M10 3a7 7 0 1 1-6.3 4M3 3v4h4",
  data: "M3 3h6v6H3z M11 3h6v6h-6z M3 11h6v6H3z M11 11h6v6h-6z",
  label: "M3 10V3h7l7 7-7 7z M6.5 6.5h.01",
  models: "M10 2l7 4-7 4-7-4z M3 10l7 4 7-4 M3 14l7 4 7-4",
  settings: "M3 6h7 M14 6h3 M3 14h3 M10 14h7 M12 4v4 M8 12v4",
  production: "M3 16l4-6 3 3 6-8 M3 4v12h14",
  cases: "M4 3h12v14H4z M7 7h6 M7 10h6 M7 13h3",
};

function Icon({ of }: { of: string }) {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d={ICONS[of]} fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinejoin="round" strokeLinecap="round" />
    </svg>
  );
}

function Room({ route, projects }: { route: string[]; projects: Project[] }) {
  const [where, name, room, id] = route;
  if (where === undefined) return <ProjectsPage projects={projects} />;
  const project = where === "p" ? projects.find((p) => p.name === name) : undefined;
  if (!project) return <Nowhere />;
  if (room === undefined) return <ProjectPage name={project.name} />;
  if (room === "data") {
    return (
      <Suspense fallback={<Loading />}>
        <DataPage key={project.name} project={project} tab={id} />
      </Suspense>
    );
  }
  if (room === "label" && isDrawn(project)) {
    return (
      <Suspense fallback={<Loading />}>
        <CanvasPage key={project.name} project={project} />
      </Suspense>
    );
  }
  if (room === "label") return <LabelPage project={project} />;
  if (room === "settings") return <SettingsPage name={project.name} projects={projects} />;
  if (room === "production") return <ProductionPage name={project.name} />;
  if (room === "models") {
    return id ? <ModelPage project={project.name} id={id} /> : <ModelsPage project={project.name} />;
  }
  if (room === "cases") {
    return id ? <CasePage project={project.name} id={id} /> : <CasesPage project={project.name} />;
  }
  if (room === "predictions" && id) return <PredictionPage project={project.name} id={id} />;
  return <Nowhere />;
}

function Nowhere() {
  return (
    <Card>
      <Empty title="There is nothing at this address">
        <p>
          <a href={address([])}>Go to the overview</a>
        </p>
      </Empty>
    </Card>
  );
}
