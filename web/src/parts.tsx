import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { call, Problem } from "./api/client";
import { useApi, type Asked } from "./api/live";
import type { Tone } from "./words";

export function Card({
  title,
  aside,
  children,
  className = "",
}: {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`card ${className}`}>
      {title !== undefined && (
        <header className="card-head">
          <h2>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function Badge({ tone = "quiet", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** A word with its explanation: shown on hover, on focus and on tap. */
export function Term({ children, means }: { children: ReactNode; means: string }) {
  const id = useId();
  return (
    <span className="term">
      <button type="button" className="term-word" aria-describedby={id}>
        {children}
      </button>
      <span role="tooltip" id={id}>
        {means}
      </span>
    </span>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Ring />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

function Ring() {
  return (
    <svg width="44" height="44" viewBox="0 0 44 44" aria-hidden="true">
      <circle cx="22" cy="22" r="17" fill="none" stroke="var(--line)" strokeWidth="3" />
      <circle cx="22" cy="22" r="5" fill="var(--accent)" />
    </svg>
  );
}

export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="command">
      <code>{children}</code>
      <button
        type="button"
        className="small"
        onClick={() => {
          void navigator.clipboard.writeText(children).then(() => {
            setCopied(true);
            setTimeout(() => setCopied(false), 1500);
          });
        }}
      >
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}

export function Failure({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div className="failure" role="alert">
      <strong>{problem.message}</strong>
      {problem.hint && <p>{problem.hint}</p>}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">Loading</span>
      <div className="bone" />
      <div className="bone" />
      <div className="bone short" />
    </div>
  );
}

/** Loading, failed or there: the three states of everything that is asked. */
export function Shown<T>({
  asked,
  children,
}: {
  asked: Asked<T>;
  children: (data: T) => ReactNode;
}) {
  if (asked.data !== undefined) return <>{children(asked.data)}</>;
  if (asked.problem) return <Failure problem={asked.problem} again={asked.again} />;
  return <Loading />;
}

export function Fetched<T>({
  path,
  every,
  children,
}: {
  path: string;
  every?: number;
  children: (data: T) => ReactNode;
}) {
  return <Shown asked={useApi<T>(path, every)}>{children}</Shown>;
}

/** The name that labels and decisions are recorded under, kept in this browser. */
const NAME = "autofocus.name";

export function savedName(): string {
  return localStorage.getItem(NAME) ?? "";
}

export function saveName(name: string): void {
  localStorage.setItem(NAME, name.trim());
}

export type Decision = {
  title: string;
  explain: string;
  button: string;
  path: string;
  danger?: boolean;
  whyNeeded: boolean;
};

/** Asks who decides and why, and sends it; both are kept on record. */
export function DecisionDialog({
  decision,
  close,
}: {
  decision: Decision;
  close: (done: boolean) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [who, setWho] = useState(savedName());
  const [why, setWhy] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  async function send() {
    setBusy(true);
    setProblem(undefined);
    try {
      saveName(who);
      await call(decision.path, { who: who.trim(), why: why.trim() });
      close(true);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(String(error), "", 0));
      setBusy(false);
    }
  }

  return (
    <dialog ref={dialog} onClose={() => close(false)} aria-label={decision.title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <h2>{decision.title}</h2>
        <p>{decision.explain}</p>
        <label>
          Your name
          <input
            required
            value={who}
            onChange={(e) => setWho(e.target.value)}
            autoComplete="name"
            autoFocus={!who}
          />
        </label>
        <label>
          {decision.whyNeeded ? "Reason" : "Reason (optional)"}
          <textarea
            rows={3}
            required={decision.whyNeeded}
            value={why}
            autoFocus={!!who}
            onChange={(e) => setWhy(e.target.value)}
          />
        </label>
        <p className="soft">Both are kept on record with the decision.</p>
        {problem && <Failure problem={problem} />}
        <div className="row end">
          <button type="button" onClick={() => close(false)}>
            Back
          </button>
          <button type="submit" className={decision.danger ? "danger" : "go"} disabled={busy}>
            {decision.button}
          </button>
        </div>
      </form>
    </dialog>
  );
}
