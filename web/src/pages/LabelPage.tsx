import { useState } from "react";
import type { Project } from "../api/client";
import { Desk } from "../label/Desk";
import { Card, savedName, saveName } from "../parts";

export function LabelPage({ project }: { project: Project }) {
  const [name, setName] = useState(savedName());
  const [typed, setTyped] = useState("");
  if (!name) {
    return (
      <>
        <h1>Label</h1>
        <Card title="Who is labelling?">
          <form
            className="row"
            onSubmit={(event) => {
              event.preventDefault();
              saveName(typed);
              setName(typed.trim());
            }}
          >
            <label className="grow">
              Your name, kept with every label
              <input required value={typed} onChange={(e) => setTyped(e.target.value)} autoComplete="name" />
            </label>
            <button type="submit" className="go">
              Start
            </button>
          </form>
        </Card>
      </>
    );
  }
  return <Desk key={`${project.name}/${name}`} project={project} author={name} rename={() => setName("")} />;
}
