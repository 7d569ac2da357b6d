import { useState } from "react";
import type { Project } from "../api/client";
import "../data/data.css";
import { Images } from "../data/Images";
import { Versions } from "../data/Versions";
import { go, Link } from "../router";

const TABS: Record<string, string> = { images: "Images", versions: "Versions" };

/** The room of images: look at them, their versions, and bring more. */
export default function DataPage({ project, tab = "images" }: { project: Project; tab?: string | undefined }) {
  const [brought] = useState(0);
  const to = (id: string) => ["p", project.name, "data", ...(id === "images" ? [] : [id])];
  return (
    <div className="data-page">
      <div className="data-head">
        <h1>Data</h1>
        <nav aria-label="Data" className="tabs">
          {Object.entries(TABS).map(([id, name]) => (
            <Link key={id} to={to(id)} aria-current={id === tab ? "page" : undefined}>
              {name}
            </Link>
          ))}
        </nav>
      </div>
      {tab === "versions" && <Versions project={project.name} />}
      {tab === "images" && <Images key={brought} project={project} bring={() => go(to("import"))} />}
    </div>
  );
}
