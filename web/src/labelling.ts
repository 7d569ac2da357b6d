import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { call, Problem, type LabelQueue, type LabelTask } from "./api/client";
import { useBeat } from "./api/live";

const PAGE = 1000;

/** One step an annotator took, so that it can be taken back as one. */
type Action = { tasks: LabelTask[]; label: string | null };
type Unsent = { project: string; route: "answer" | "skip" | "reopen"; body: Record<string, unknown> };

/**
 * What was done and is not on the server yet, in order. Kept in the tab's session storage, so that
 * a reload or a dead server loses nothing; every answer has a request name of its own, so that
 * sending it twice is saving it once.
 */
class Outbox {
  private waiting: Unsent[] = JSON.parse(sessionStorage.getItem("autofocus.unsent") ?? "[]") as Unsent[];
  private listeners = new Set<() => void>();
  private running = false;
  state: "saved" | "saving" | "offline" = "saved";
  refused: { problem: Problem; at: number } | undefined;
  snapshot = 0;

  constructor() {
    if (this.waiting.length) void this.run();
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.length) event.preventDefault();
    });
  }

  get size(): number {
    return this.waiting.length;
  }

  add(entries: Unsent[]): void {
    this.waiting.push(...entries);
    this.tell("saving");
    void this.run();
  }

  holds(task: string): boolean {
    return this.waiting.some((entry) => entry.body["task"] === task);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  forgive(): void {
    this.refused = undefined;
    this.tell(this.state);
  }

  private tell(state: Outbox["state"]): void {
    this.state = state;
    this.snapshot += 1;
    sessionStorage.setItem("autofocus.unsent", JSON.stringify(this.waiting));
    this.listeners.forEach((listener) => listener());
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    for (let first = this.waiting[0]; first; first = this.waiting[0]) {
      try {
        await call(`projects/${first.project}/labels/${first.route}`, first.body);
      } catch (error) {
        const problem = error instanceof Problem ? error : new Problem(String(error), "", 400);
        if (problem.status === 0 || problem.status >= 500) {
          this.tell("offline");
          await new Promise((resolve) => setTimeout(resolve, 1500));
          continue;
        }
        this.refused = { problem, at: Date.now() };
      }
      this.waiting.shift();
      this.tell("saving");
    }
    this.running = false;
    this.tell("saved");
  }
}

export const outbox = new Outbox();

export function useOutbox(): Outbox {
  useSyncExternalStore(outbox.subscribe, () => outbox.snapshot);
  return outbox;
}

async function wholeQueue(project: string): Promise<LabelTask[]> {
  const tasks: LabelTask[] = [];
  let cursor: string | null = null;
  do {
    const page: LabelQueue = await call<LabelQueue>(
      `projects/${project}/labels/queue?limit=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`,
    );
    tasks.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return tasks;
}

function requestName(): string {
  return `page/${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

export type Labelling = {
  tasks: LabelTask[] | undefined;
  problem: Problem | undefined;
  done: number;
  canUndo: boolean;
  last: Action | undefined;
  answer: (tasks: LabelTask[], label: string) => void;
  accept: (tasks: LabelTask[]) => void;
  skip: (tasks: LabelTask[]) => void;
  undo: () => LabelTask[];
  again: () => void;
};

/** The open tasks of a project, and what can be done with them. */
export function useLabelling(project: string, author: string): Labelling {
  const [tasks, setTasks] = useState<LabelTask[]>();
  const [problem, setProblem] = useState<Problem>();
  const [turn, setTurn] = useState(0);
  const stored = `autofocus.done.${project}`;
  const [actions, setActions] = useState<Action[]>(
    () => JSON.parse(sessionStorage.getItem(stored) ?? "[]") as Action[],
  );
  const shownAt = useRef(Date.now());
  const beat = useBeat();

  useEffect(() => {
    sessionStorage.setItem(stored, JSON.stringify(actions.slice(-200)));
  }, [stored, actions]);

  useEffect(() => {
    let current = true;
    const load = () => {
      wholeQueue(project).then(
        (found) => {
          if (!current) return;
          setProblem(undefined);
          // Kept in their places: what is on screen must not move under the pointer. What was
          // answered here and is still on its way does not come back either.
          setTasks((before) => {
            const open = new Map(found.map((t) => [t.id, t]));
            const kept = (before ?? []).filter((t) => open.has(t.id));
            const known = new Set(kept.map((t) => t.id));
            return [...kept, ...found.filter((t) => !known.has(t.id))].filter(
              (t) => !outbox.holds(t.id),
            );
          });
        },
        (error: unknown) => {
          if (current && error instanceof Problem) setProblem(error);
        },
      );
    };
    // While answers are on their way the queue would come back as it was before them.
    if (outbox.size === 0) load();
    else {
      const stop = outbox.subscribe(() => {
        if (outbox.size === 0) {
          stop();
          if (current) load();
        }
      });
      return () => {
        current = false;
        stop();
      };
    }
    return () => {
      current = false;
    };
  }, [project, beat, turn]);

  const put = useCallback(
    (done: LabelTask[], label: string | null, entries: Unsent[]) => {
      if (!done.length) return;
      const gone = new Set(done.map((t) => t.id));
      setTasks((before) => before?.filter((t) => !gone.has(t.id)));
      setActions((before) => [...before, { tasks: done, label }]);
      outbox.add(entries);
      shownAt.current = Date.now();
    },
    [],
  );

  const entry = useCallback(
    (task: LabelTask, label: string, each: number): Unsent => ({
      project,
      route: "answer",
      body: { task: task.id, label, author, seconds: each, request: requestName() },
    }),
    [project, author],
  );

  return useMemo(() => {
    const each = (n: number) => Math.round((Date.now() - shownAt.current) / n) / 1000;
    return {
      tasks,
      problem,
      done: actions.reduce((sum, a) => sum + (a.label === null ? 0 : a.tasks.length), 0),
      canUndo: actions.length > 0,
      last: actions.at(-1),
      again: () => setTurn((n) => n + 1),
      answer: (chosen, label) =>
        put(chosen, label, chosen.map((t) => entry(t, label, each(chosen.length)))),
      accept: (chosen) => {
        const suggested = chosen.filter((t) => t.suggestion);
        put(
          suggested,
          "as suggested",
          suggested.map((t) => entry(t, t.suggestion ?? "", each(suggested.length))),
        );
      },
      skip: (chosen) =>
        put(
          chosen,
          null,
          chosen.map((t) => ({
            project,
            route: "skip" as const,
            body: { task: t.id, author, reason: "unsure" },
          })),
        ),
      undo: () => {
        const last = actions.at(-1);
        if (!last) return [];
        setActions((before) => before.slice(0, -1));
        setTasks((before) => [...last.tasks, ...(before ?? [])]);
        outbox.add(
          last.tasks.map((t) => ({
            project,
            route: "reopen" as const,
            body: { task: t.id, author },
          })),
        );
        return last.tasks;
      },
    };
  }, [tasks, problem, actions, put, entry, project, author]);
}
