import { lazy, Suspense, useEffect, useRef, useState } from "react";
import type { Project } from "../api/client";
import { dropped, useBringing } from "../data/bringing";
import "../data/data.css";
import { Images } from "../data/Images";
import { Import } from "../data/Import";
import { Versions } from "../data/Versions";
import { Loading } from "../parts";
import { go, Link } from "../router";

const ImageMap = lazy(() => import("../data/Map"));

const TABS: Record<string, string> = { images: "Images", map: "Map", versions: "Versions", import: "Import" };

/** The room of images: look at them, their versions, and bring more. */
export default function DataPage({ project, tab = "images" }: { project: Project; tab?: string | undefined }) {
  const { state, bring, again, discard } = useBringing(project.name);
  const [split, setSplit] = useState("");
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  const busy = state.stage === "sending" || state.stage === "importing";
  const to = (id: string) => ["p", project.name, "data", ...(id === "images" ? [] : [id])];

  // Files may be dropped anywhere; a browser would otherwise leave the page for the file.
  useEffect(() => {
    const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!files(event)) return;
      event.preventDefault();
      depth.current += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!files(event)) return;
      depth.current = Math.max(0, depth.current - 1);
      if (depth.current === 0) setOver(false);
    };
    const hover = (event: DragEvent) => files(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      if (!files(event) || !event.dataTransfer) return;
      event.preventDefault();
      depth.current = 0;
      setOver(false);
      void dropped(event.dataTransfer).then((found) => {
        go(["p", project.name, "data", "import"]);
        bring(found, split || null);
      });
    };
    const pairs = [["dragenter", enter], ["dragleave", leave], ["dragover", hover], ["drop", drop]] as const;
    for (const [name, listener] of pairs) window.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of pairs) window.removeEventListener(name, listener);
    };
  }, [project.name, bring, split]);

  // Leaving in the middle would stop the sending.
  useEffect(() => {
    if (!busy) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);

  return (
    <div className="data-page">
      <div className="data-head">
        <h1>Data</h1>
        <nav aria-label="Data" className="tabs">
          {Object.entries(TABS).map(([id, name]) => (
            <Link key={id} to={to(id)} aria-current={id === tab ? "page" : undefined}>
              {name}
              {id === "import" && busy && " …"}
            </Link>
          ))}
        </nav>
      </div>
      {over && (
        <div className="drop-here" aria-hidden="true">
          Drop to import into {project.name}
        </div>
      )}
      {tab === "map" ? (
        <Suspense fallback={<Loading />}>
          <ImageMap project={project} />
        </Suspense>
      ) : tab === "versions" ? (
        <Versions project={project.name} />
      ) : tab === "import" ? (
        <Import
          project={project}
          state={state}
          bring={(files) => bring(files, split || null)}
          again={again}
          discard={discard}
          split={split}
          setSplit={setSplit}
        />
      ) : (
        <Images project={project} bring={() => go(to("import"))} />
      )}
    </div>
  );
}
