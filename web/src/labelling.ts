import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call, Problem, type LabelQueue, type LabelTask } from "./api/client";
import { useBeat } from "./api/live";
import { outbox, requestName, type Save } from "./outbox";

const PAGE = 1000;

/** One step an annotator took, so that it can be taken back as one. */
type Action = { tasks: LabelTask[]; label: string | null };
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
    let stop = () => {};
    void outbox.ready.then(() => {
      if (!current) return;
      if (outbox.size === 0) load();
      else {
        stop = outbox.subscribe(() => {
          if (outbox.size > 0) return;
          stop();
          load();
        });
      }
    });
    return () => {
      current = false;
      stop();
    };
  }, [project, beat, turn]);

  const put = useCallback(
    (done: LabelTask[], label: string | null, entries: Save[]) => {
      if (!done.length) return;
      const gone = new Set(done.map((t) => t.id));
      setTasks((before) => before?.filter((t) => !gone.has(t.id)));
      setActions((before) => [...before, { tasks: done, label }]);
      void outbox.add(entries);
      shownAt.current = Date.now();
    },
    [],
  );

  const entry = useCallback(
    (task: LabelTask, label: string, each: number): Save => ({
      project,
      path: "labels/answer",
      about: [task.id],
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
            path: "labels/skip",
            about: [t.id],
            body: { task: t.id, author, reason: "unsure" },
          })),
        ),
      undo: () => {
        const last = actions.at(-1);
        if (!last) return [];
        setActions((before) => before.slice(0, -1));
        setTasks((before) => [...last.tasks, ...(before ?? [])]);
        void outbox.add(
          last.tasks.map((t) => ({
            project,
            path: "labels/reopen",
            about: [t.id],
            body: { task: t.id, author },
          })),
        );
        return last.tasks;
      },
    };
  }, [tasks, problem, actions, put, entry, project, author]);
}
