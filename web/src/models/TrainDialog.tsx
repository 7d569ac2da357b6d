import { useEffect, useRef, useState } from "react";
import { call, Problem, type Model, type Run, type Version } from "../api/client";
import { Failure } from "../parts";
import { plural } from "../words";

/** Asks what to learn from and how, and starts a training. */
export function TrainDialog({
  project,
  versions,
  models,
  close,
}: {
  project: string;
  versions: Version[];
  models: Model[];
  close: (started: boolean) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const champion = models.find((m) => m.aliases?.includes("champion"));
  const [version, setVersion] = useState(String(versions[0]?.number ?? ""));
  const [from, setFrom] = useState("");
  const [architecture, setArchitecture] = useState("");
  const [seed, setSeed] = useState("0");
  const [told, setTold] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  async function send() {
    setBusy(true);
    setProblem(undefined);
    try {
      await call<Run>(`projects/${project}/runs`, {
        version: `v${version}`,
        seed: Number(seed),
        from_model: from || null,
        parameters: parametersOf(told),
        ...(architecture.trim() ? { architecture: architecture.trim() } : {}),
      });
      close(true);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} onClose={() => close(false)} aria-label="Train a model">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <h2>Train a model</h2>
        <p>
          It goes on in the background, beside serving. When it is done the model is tested on images
          it has not seen; nothing is promoted by itself.
        </p>
        <label>
          Learn from
          <select value={version} onChange={(e) => setVersion(e.target.value)}>
            {versions.map((v) => (
              <option key={v.number} value={v.number}>
                v{v.number}: {v.message} (
                {plural(
                  Object.values(v.images ?? {}).reduce((a, b) => a + b, 0),
                  "image",
                )}
                )
              </option>
            ))}
          </select>
        </label>
        <label>
          Begin with
          <select value={from} onChange={(e) => setFrom(e.target.value)}>
            <option value="">nothing: from scratch</option>
            {champion && <option value={champion.id}>{champion.id}, the champion</option>}
            {models
              .filter((m) => m.id !== champion?.id)
              .map((m) => (
                <option key={m.id}>{m.id}</option>
              ))}
          </select>
        </label>
        <details>
          <summary>More</summary>
          <label>
            Architecture
            <input
              value={architecture}
              onChange={(e) => setArchitecture(e.target.value)}
              placeholder="the built-in one, hf:FOLDER or module:function"
              spellCheck={false}
            />
          </label>
          <label>
            Seed
            <input value={seed} onChange={(e) => setSeed(e.target.value)} inputMode="numeric" pattern="[0-9]+" required />
          </label>
          <label>
            Parameters, one name=value a line
            <textarea
              rows={3}
              value={told}
              onChange={(e) => setTold(e.target.value)}
              placeholder={"steps=600\nlearning_rate=0.004"}
              spellCheck={false}
            />
          </label>
        </details>
        {problem && <Failure problem={problem} />}
        <div className="row end">
          <button type="button" onClick={() => close(false)}>
            Back
          </button>
          <button type="submit" className="go" disabled={busy}>
            Train
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** `name=value` lines as the API takes them; values that are no JSON are text. */
function parametersOf(text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const line of text.split("\n").map((l) => l.trim()).filter(Boolean)) {
    const [name, ...rest] = line.split("=");
    const value = rest.join("=").trim();
    if (!name?.trim() || !value) {
      throw new Problem(`"${line}" is not name=value.`, "For example: steps=600", 422);
    }
    try {
      found[name.trim()] = JSON.parse(value) as unknown;
    } catch {
      found[name.trim()] = value;
    }
  }
  return found;
}
