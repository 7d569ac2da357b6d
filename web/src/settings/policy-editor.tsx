import { useEffect, useState } from "react";
import { call, Problem, type PolicyField, type PolicyInForce } from "../api/client";
import { Badge, Failure, savedName, saveName } from "../parts";

type FieldProblem = { field: string; message: string };

/** A value as it is written in YAML; JSON is YAML. */
function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value).replaceAll(",", ", ");
}

/** The policy to read and to change, as fields with plain words or as YAML. */
export function PolicyEditor({
  project,
  policy,
  saved,
}: {
  project: string;
  policy: PolicyInForce;
  saved: () => void;
}) {
  const [asYaml, setAsYaml] = useState(false);
  const [changes, setChanges] = useState<Record<string, string>>({});
  const [yaml, setYaml] = useState<string>();
  const [problems, setProblems] = useState<FieldProblem[]>([]);
  const [trouble, setTrouble] = useState<Problem>();
  const [done, setDone] = useState(false);
  const touched = asYaml ? yaml !== undefined : Object.keys(changes).length > 0;

  function check(): Promise<FieldProblem[]> {
    return asYaml
      ? call<FieldProblem[]>("policy/check", { yaml: yaml ?? policy.yaml })
      : call<FieldProblem[]>(`projects/${project}/policy/fields/check`, { changes });
  }

  // Looked at while a person types, and once more before it is saved.
  useEffect(() => {
    let current = true;
    const waiting = setTimeout(() => {
      check().then((found) => {
        if (current) setProblems(found);
      }, () => undefined);
    }, 400);
    return () => {
      current = false;
      clearTimeout(waiting);
    };
  }, [yaml, changes, asYaml]);

  function forget() {
    setChanges({});
    setYaml(undefined);
    setProblems([]);
    setTrouble(undefined);
  }

  async function save(who: string, why: string) {
    setTrouble(undefined);
    try {
      saveName(who);
      const found = await check();
      setProblems(found);
      if (found.length) return;
      const path = `projects/${project}/policy`;
      if (asYaml) await call(`${path}/text`, { yaml, author: who, why });
      else await call(`${path}/fields`, { changes, who, why });
      forget();
      setDone(true);
      saved();
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(String(error), "", 0);
      const fields = problem.context["fields"];
      if (Array.isArray(fields)) setProblems(fields as FieldProblem[]);
      else setTrouble(problem);
    }
  }

  return (
    <>
      <div className="switch" role="group" aria-label="How the policy is shown">
        <button type="button" aria-pressed={!asYaml} onClick={() => setAsYaml(false)}>
          In words
        </button>
        <button type="button" aria-pressed={asYaml} onClick={() => setAsYaml(true)}>
          As YAML
        </button>
      </div>
      {asYaml ? (
        <YamlText
          text={yaml ?? policy.yaml}
          complete={policy.complete}
          problems={problems}
          change={(text) => {
            setDone(false);
            setYaml(text);
          }}
        />
      ) : (
        policy.sections.map((section) => (
          <details key={section.name} className="policy-section" open={section.name === "autonomy" || undefined}>
            <summary>
              {section.means}{" "}
              <small>
                {section.name}
                {section.fields.some((f) => written(f.value) !== written(f.default)) && ", changed"}
              </small>
              {problems.some((p) => p.field.split(".")[0] === section.name) && (
                <Badge tone="bad">needs mending</Badge>
              )}
            </summary>
            {problems
              .filter((p) => p.field === section.name)
              .map((p) => (
                <p key={p.message} className="field-problem" role="alert">
                  {p.message}
                </p>
              ))}
            {section.fields.map((field) => (
              <FieldRow
                key={field.field}
                field={field}
                text={changes[field.field] ?? written(field.value)}
                touched={field.field in changes}
                problem={problems.find((p) => p.field === field.field)?.message}
                change={(text) => {
                  setDone(false);
                  setChanges((before) => {
                    const next = { ...before, [field.field]: text };
                    if (text === written(field.value)) delete next[field.field];
                    return next;
                  });
                }}
              />
            ))}
          </details>
        ))
      )}
      {!asYaml && policy.yaml.includes("#") && touched && (
        <p className="soft">Comments of the YAML text are not kept when you save from here.</p>
      )}
      {trouble && <Failure problem={trouble} />}
      {touched && (
        <SaveBar
          told={
            asYaml
              ? "The text was changed."
              : `${Object.keys(changes).length} changed: ${Object.keys(changes).join(", ")}.`
          }
          refused={problems.length > 0}
          save={save}
          forget={forget}
        />
      )}
      <p role="status" className="soft">
        {done && !touched ? "Saved. It is in force from the next step of the loop on." : ""}
      </p>
    </>
  );
}

function FieldRow({
  field,
  text,
  touched,
  problem,
  change,
}: {
  field: PolicyField;
  text: string;
  touched: boolean;
  problem: string | undefined;
  change: (text: string) => void;
}) {
  const id = `policy-${field.field}`;
  const name = field.field.split(".")[1] ?? field.field;
  const standard = written(field.default);
  return (
    <div className={`policy-field ${problem ? "wrong" : ""}`}>
      <div>
        <label htmlFor={id}>
          {name.replaceAll("_", " ")}
          <span className="visually-hidden">, {field.field.split(".")[0]}</span>
        </label>
        <p className="soft" id={`${id}-means`}>
          {field.means}
        </p>
      </div>
      <div>
        {field.choices?.length ? (
          <select
            id={id}
            value={text}
            aria-describedby={`${id}-means`}
            onChange={(event) => change(event.target.value)}
          >
            {field.choices.map((choice) => (
              <option key={choice}>{choice}</option>
            ))}
          </select>
        ) : (
          <input
            id={id}
            value={text}
            spellCheck={false}
            inputMode={typeof field.default === "number" ? "decimal" : "text"}
            aria-invalid={problem !== undefined}
            aria-describedby={`${id}-means ${id}-problem`}
            onChange={(event) => change(event.target.value)}
          />
        )}
        <small>
          {touched
            ? `was ${written(field.value) || "empty"}`
            : text === standard
              ? "the default"
              : `default ${standard || "empty"}`}
          {text !== standard && (
            <>
              {" "}
              <button type="button" className="link" onClick={() => change(standard)}>
                use it
                <span className="visually-hidden">: {name} {standard}</span>
              </button>
            </>
          )}
        </small>
        <p className="field-problem" id={`${id}-problem`} role="alert">
          {problem ?? ""}
        </p>
      </div>
    </div>
  );
}

function YamlText({
  text,
  complete,
  problems,
  change,
}: {
  text: string;
  complete: string;
  problems: FieldProblem[];
  change: (text: string) => void;
}) {
  return (
    <>
      <label>
        The policy as YAML; what is not named has its default
        <textarea
          className="code"
          rows={Math.min(24, Math.max(8, text.split("\n").length + 1))}
          value={text}
          spellCheck={false}
          aria-invalid={problems.length > 0}
          onChange={(event) => change(event.target.value)}
        />
      </label>
      <ul className="plain-list field-problems" aria-live="polite">
        {problems.map((p) => (
          <li key={p.field + p.message} className="field-problem">
            {p.field && <code>{p.field}</code>} {p.message}
          </li>
        ))}
      </ul>
      <details className="policy-section">
        <summary>With every default</summary>
        <pre className="code" tabIndex={0} aria-label="The policy with every default">
          {complete}
        </pre>
      </details>
    </>
  );
}

function SaveBar({
  told,
  refused,
  save,
  forget,
}: {
  told: string;
  refused: boolean;
  save: (who: string, why: string) => Promise<void>;
  forget: () => void;
}) {
  const [who, setWho] = useState(savedName());
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <form
      className="save-bar"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        void save(who.trim(), why.trim()).finally(() => setBusy(false));
      }}
    >
      <p>
        {told} {refused && <strong>Mend what is marked, then save again.</strong>}
      </p>
      <div className="row">
        <label className="grow">
          Your name
          <input required value={who} onChange={(e) => setWho(e.target.value)} autoComplete="name" />
        </label>
        <label className="grow">
          Reason
          <input required value={why} onChange={(e) => setWhy(e.target.value)} />
        </label>
        <button type="button" onClick={forget}>
          Discard
        </button>
        <button type="submit" className="go" disabled={busy}>
          Save
        </button>
      </div>
    </form>
  );
}
