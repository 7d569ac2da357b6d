import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { call, url, Problem, type LabelShare, type LabelTask } from "../api/client";
import { useBeat } from "../api/live";
import { outbox, requestName, type Save } from "../outbox";

export type Kind = "label" | "review";
export type Order = "useful" | "sure" | "unsure" | "disagreement";
export type What = { kind: Kind; order: Order; case: string };

// A share is taken in parts: enough that nobody waits, not so many that others get none.
const PART = 300;
const REFILL = 200;
const RENEW_MS = 240_000;
const MOST = 1000;

/** One step an annotator took, so that it can be taken back as one. */
type Action = { tasks: LabelTask[]; answered: boolean };
type Decision = {
  task: string;
  do: "answer" | "skip" | "reopen";
  label?: string;
  reason?: string;
  seconds?: number;
  seen?: number;
};

export type Share = {
  tasks: LabelTask[] | undefined;
  /** Questions that wait, also those that are not here yet; `others` have more. */
  left: number;
  others: number;
  problem: Problem | undefined;
  done: number;
  canUndo: boolean;
  /** The server has them in another order by now. */
  moved: boolean;
  answer: (tasks: LabelTask[], label: (task: LabelTask) => string | null | undefined) => void;
  setAside: (tasks: LabelTask[], reason: string) => void;
  undo: () => LabelTask[];
  /** More of them are in sight than are here. */
  more: () => void;
  /** Take them anew, in the order of now. */
  again: () => void;
};

/** What somebody else said in between, and what was said here. */
export type Met = {
  task: string;
  key: string;
  sha256: string;
  do: string;
  yours: string | null;
  label: string | null;
  author: string | null;
  state: string;
  annotation: number;
};

export function conflictsOf(context: Record<string, unknown>): Met[] {
  return Array.isArray(context["conflicts"]) ? (context["conflicts"] as Met[]) : [];
}

// Of many answers at once those are saved that met nobody else's.
outbox.repairs.set("labels/batch", (save, problem) => {
  const met = new Set(conflictsOf(problem.context).map((c) => c.task));
  const rest = (save.body["decisions"] as Decision[]).filter((d) => !met.has(d.task));
  if (!met.size || !rest.length) return undefined;
  return {
    ...save,
    about: rest.map((d) => d.task),
    body: { ...save.body, decisions: rest, request: `${save.body["request"] as string}+` },
  };
});

function batches(project: string, author: string, decisions: Decision[]): Save[] {
  const saves: Save[] = [];
  for (let at = 0; at < decisions.length; at += MOST) {
    const part = decisions.slice(at, at + MOST);
    saves.push({
      project,
      path: "labels/batch",
      about: part.map((d) => d.task),
      body: { decisions: part, author, request: requestName() },
    });
  }
  return saves;
}

/** Say it again, now that the other answer was seen. */
export function insist(project: string, author: string, met: Met): void {
  if (met.yours === null) return;
  void outbox.add(
    batches(project, author, [{ task: met.task, do: "answer", label: met.yours, seen: met.annotation }]),
  );
}

export function putBack(project: string, author: string, tasks: LabelTask[]): void {
  void outbox.add(batches(project, author, tasks.map((t) => ({ task: t.id, do: "reopen" }))));
}

/** An annotator's share of the queue, and what can be done with it. */
export function useShare(project: string, author: string, what: What, news: string, steady: boolean): Share {
  const [tasks, setTasks] = useState<LabelTask[]>();
  const [counts, setCounts] = useState({ left: 0, others: 0 });
  const [problem, setProblem] = useState<Problem>();
  const [moved, setMoved] = useState(false);
  const stored = `autofocus.done.${project}.${author}.${what.kind}`;
  const [actions, setActions] = useState<Action[]>([]);
  const shownAt = useRef(Date.now());
  const here = useRef<LabelTask[]>([]);
  const chain = useRef<Promise<void>>(Promise.resolve());
  const filling = useRef(false);
  // What comes back for an earlier question is not for the one asked now.
  const turn = useRef(0);
  const beat = useBeat();
  const { kind, order } = what;
  const ofCase = what.case;

  useEffect(() => {
    here.current = tasks ?? [];
  }, [tasks]);

  useEffect(() => {
    setActions(JSON.parse(sessionStorage.getItem(stored) ?? "[]") as Action[]);
  }, [stored]);

  const remember = useCallback(
    (change: (before: Action[]) => Action[]) => {
      setActions((before) => {
        const after = change(before).slice(-200);
        sessionStorage.setItem(stored, JSON.stringify(after));
        return after;
      });
    },
    [stored],
  );

  const lease = useCallback(
    async (limit: number, more: boolean): Promise<LabelShare> => {
      await outbox.ready;
      return call<LabelShare>(`projects/${project}/labels/lease`, {
        annotator: author, limit, kind, order, more, case: ofCase || null,
      });
    },
    [project, author, kind, order, ofCase],
  );

  const release = useCallback(
    (leaving: boolean) => {
      const ids = here.current.map((t) => t.id).filter((id) => !outbox.holds(id));
      if (!ids.length) return Promise.resolve();
      const body = { annotator: author, tasks: ids };
      if (leaving) {
        const text = new Blob([JSON.stringify(body)], { type: "application/json" });
        navigator.sendBeacon(url(`projects/${project}/labels/release`), text);
        return Promise.resolve();
      }
      return call(`projects/${project}/labels/release`, body).then(() => undefined, () => undefined);
    },
    [project, author],
  );

  /** One question after the other; one that was asked before the last turn is not asked. */
  const ask = useCallback((work: () => Promise<LabelShare>, take: (share: LabelShare) => void) => {
    const mine = turn.current;
    chain.current = chain.current.then(async () => {
      if (mine !== turn.current) return;
      try {
        const share = await work();
        if (mine !== turn.current) return;
        const held = outbox.held();
        const items = share.items.filter((t) => !held.has(t.id));
        const gone = [...held].filter((id) => !here.current.some((t) => t.id === id)).length;
        take({ ...share, items });
        setCounts({ left: Math.max(0, share.mine + share.open - gone), others: share.others });
        setProblem(undefined);
      } catch (error) {
        if (mine === turn.current && error instanceof Problem) setProblem(error);
      }
    });
    return chain.current;
  }, []);

  const fill = useCallback(() => {
    if (filling.current) return;
    filling.current = true;
    void ask(
      () => lease(PART, here.current.length > 0),
      (share) =>
        setTasks((before) => {
          const known = new Set(before?.map((t) => t.id));
          return [...(before ?? []), ...share.items.filter((t) => !known.has(t.id))];
        }),
    ).finally(() => {
      filling.current = false;
    });
  }, [ask, lease]);

  /** New suggestions for what is here: in its place, so that nothing moves under the pointer. */
  const refresh = useCallback(
    () =>
      ask(
        () => lease(Math.min(MOST, Math.max(PART, here.current.length)), false),
        (share) =>
          setTasks((before) => {
            const fresh = new Map(share.items.map((t) => [t.id, t]));
            const kept = (before ?? []).map((t) => fresh.get(t.id) ?? t);
            const known = new Set(kept.map((t) => t.id));
            const sorted = share.items.filter((t) => known.has(t.id));
            if (!steady) {
              // One image at a time: only the one that is looked at stays where it is.
              const first = kept[0];
              setMoved(false);
              return first ? [first, ...share.items.filter((t) => t.id !== first.id)] : [...share.items];
            }
            setMoved(sorted.some((t, i) => t.id !== kept.filter((k) => fresh.has(k.id))[i]?.id));
            return [...kept, ...share.items.filter((t) => !known.has(t.id))];
          }),
      ),
    [ask, lease, steady],
  );

  const again = useCallback(async () => {
    turn.current += 1;
    const mine = turn.current;
    await release(false);
    if (mine !== turn.current) return;
    here.current = [];
    setMoved(false);
    await ask(() => lease(PART, false), (share) => setTasks([...share.items]));
  }, [release, ask, lease]);

  useEffect(() => {
    setTasks(undefined);
    void again();
    const leave = () => void release(true);
    window.addEventListener("pagehide", leave);
    const keeping = setInterval(() => {
      void call(`projects/${project}/labels/renew`, { annotator: author }).catch(() => undefined);
    }, RENEW_MS);
    return () => {
      window.removeEventListener("pagehide", leave);
      clearInterval(keeping);
    };
  }, [again, release, project, author]);

  // Who goes to another page of ours leaves, too.
  const leaving = useRef(release);
  leaving.current = release;
  useEffect(() => () => void leaving.current(true), []);

  // The assistant learnt something.
  const told = useRef(news);
  useEffect(() => {
    if (told.current === news) return;
    told.current = news;
    void refresh();
  }, [news, refresh]);

  // Something happened: new questions, or others gave some back.
  useEffect(() => {
    if (tasks && tasks.length < REFILL) fill();
  }, [beat, fill]);

  const put = useCallback(
    (done: LabelTask[], answered: boolean, decisions: Decision[]) => {
      if (!done.length) return;
      const gone = new Set(done.map((t) => t.id));
      here.current = here.current.filter((t) => !gone.has(t.id));
      setTasks((before) => before?.filter((t) => !gone.has(t.id)));
      setCounts((before) => ({ ...before, left: Math.max(0, before.left - done.length) }));
      remember((before) => [...before, { tasks: done, answered }]);
      void outbox.add(batches(project, author, decisions));
      shownAt.current = Date.now();
      if (here.current.length < REFILL) fill();
    },
    [project, author, remember, fill],
  );

  return useMemo(() => {
    const each = (n: number) => Math.round((Date.now() - shownAt.current) / n) / 1000;
    return {
      tasks,
      left: Math.max(counts.left, tasks?.length ?? 0),
      others: counts.others,
      problem,
      moved,
      done: actions.reduce((sum, a) => sum + (a.answered ? a.tasks.length : 0), 0),
      canUndo: actions.length > 0,
      more: () => {
        if (here.current.length < counts.left) fill();
      },
      again: () => void again(),
      answer: (chosen, label) => {
        const said = chosen.flatMap((task) => {
          const name = label(task);
          return name ? [{ task, name }] : [];
        });
        put(
          said.map((s) => s.task),
          true,
          said.map(({ task, name }) => ({
            task: task.id, do: "answer", label: name, seconds: each(said.length), seen: task.seen ?? 0,
          })),
        );
      },
      setAside: (chosen, reason) =>
        put(chosen, false, chosen.map((t) => ({ task: t.id, do: "skip", reason }))),
      undo: () => {
        const last = actions.at(-1);
        if (!last) return [];
        remember((before) => before.slice(0, -1));
        here.current = [...last.tasks, ...here.current];
        setTasks((before) => [...last.tasks, ...(before ?? [])]);
        setCounts((before) => ({ ...before, left: before.left + last.tasks.length }));
        putBack(project, author, last.tasks);
        return last.tasks;
      },
    };
  }, [tasks, counts, problem, moved, actions, put, fill, again, remember, project, author]);
}
