import { useCallback, useEffect, useRef, useState } from "react";
import { fromApi, type AssistantStatus, type Case, type LabelTask, type Project } from "../api/client";
import { useApi } from "../api/live";
import { classKey, firstKey, shownKey, useKeys, type ActionName } from "../keys";
import { KeysDialog } from "../keys-help";
import { useOutbox } from "../outbox";
import { Failure, Loading } from "../parts";
import { assistantWords, percent, plural } from "../words";
import { Aside } from "./Aside";
import { Conflicts } from "./Conflicts";
import { Grid, type GridHandle } from "./Grid";
import { meant } from "./keys";
import { Nothing } from "./Nothing";
import { Review } from "./Review";
import { useShare, type Kind, type Order } from "./share";
import { Suggestion } from "./Suggestion";

const SIZES = [96, 132, 180, 260];
const ORDERS: Record<Order, string> = {
  useful: "Most useful first",
  sure: "Surest first, alike together",
  unsure: "Least sure first",
  disagreement: "Most disputed first",
};
const QUEUES = { label: "To label", review: "To review", aside: "Set aside" } as const;
type Queue = keyof typeof QUEUES;
type Mode = "grid" | "one";

function fromStorage<T extends string>(name: string, known: Record<T, unknown> | readonly T[], otherwise: T): T {
  const told = localStorage.getItem(name) as T | null;
  const names = Array.isArray(known) ? known : Object.keys(known);
  return told !== null && names.includes(told) ? told : otherwise;
}

export function Desk({ project, author, rename }: { project: Project; author: string; rename: () => void }) {
  const [queue, setQueue] = useState<Queue>("label");
  const [ofCase, setCase] = useState("");
  const assistant = useApi<AssistantStatus>(`projects/${project.name}/labels/assistant`, 5);
  const cases = useApi<Case[]>(`projects/${project.name}/cases`);
  const open = cases.data?.filter((c) => c.stage !== "closed") ?? [];
  return (
    <div
      className="desk"
      // A button that was clicked keeps no focus, so that Enter accepts and does not click again;
      // who came to it with the keyboard (no click count) stays there.
      onClick={(event) => {
        if (event.detail > 0) (event.target as HTMLElement).closest("button")?.blur();
      }}
    >
      <div className="desk-head">
        <h1>Label</h1>
        <Saved />
        {assistant.data && <Chip assistant={assistant.data} />}
        <div className="row tools">
          <select aria-label="Queue" value={queue} onChange={(e) => setQueue(e.target.value as Queue)}>
            {Object.entries(QUEUES).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
          {open.length > 0 && queue === "label" && (
            <select aria-label="Case" value={ofCase} onChange={(e) => setCase(e.target.value)}>
              <option value="">All cases</option>
              {open.map((c) => (
                <option key={c.id}>{c.id}</option>
              ))}
            </select>
          )}
        </div>
      </div>
      <Conflicts project={project.name} author={author} />
      {queue === "aside" ? (
        <Aside project={project} author={author} />
      ) : (
        <Work
          key={`${queue}/${ofCase}`}
          project={project}
          author={author}
          rename={rename}
          kind={queue}
          ofCase={ofCase}
          assistant={assistant.data}
        />
      )}
    </div>
  );
}

function Work({
  project, author, rename, kind, ofCase, assistant,
}: {
  project: Project;
  author: string;
  rename: () => void;
  kind: Kind;
  ofCase: string;
  assistant: AssistantStatus | undefined;
}) {
  const review = kind === "review";
  const stored = `autofocus.${kind}-mode`;
  const [mode, setMode] = useState<Mode>(() => fromStorage(stored, ["grid", "one"], review ? "one" : "grid"));
  const [order, setOrder] = useState<Order>(() => (review ? "useful" : fromStorage("autofocus.label-order", ORDERS, "useful")));
  const [size, setSize] = useState(1);
  const [help, setHelp] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = useState<string>();
  const anchor = useRef<string>(undefined);
  const grid = useRef<GridHandle>(null);
  useKeys();
  const news = `${assistant?.trained_at ?? ""}/${assistant?.state ?? ""}`;
  const share = useShare(project.name, author, { kind, order, case: ofCase }, news, mode === "grid");
  const { tasks } = share;
  const place = Math.max(0, tasks?.findIndex((t) => t.id === focus) ?? 0);
  const focused = tasks?.[place];

  useEffect(() => localStorage.setItem(stored, mode), [stored, mode]);
  useEffect(() => {
    if (!review) localStorage.setItem("autofocus.label-order", order);
  }, [review, order]);
  // The next pictures are there before they are wanted.
  useEffect(() => {
    if (mode !== "one") return;
    for (const task of tasks?.slice(place + 1, place + 4) ?? []) new Image().src = large(task);
  }, [mode, tasks, place]);

  const targets = useCallback((): LabelTask[] => {
    if (!tasks) return [];
    if (mode === "grid") {
      const selected = tasks.filter((t) => chosen.has(t.id));
      if (selected.length) return selected;
    }
    return focused ? [focused] : [];
  }, [tasks, mode, chosen, focused]);

  /** Do something with images; the place moves on to what comes after them. */
  const finish = useCallback(
    (done: LabelTask[], act: (done: LabelTask[]) => void) => {
      if (!done.length || !tasks) return;
      const gone = new Set(done.map((t) => t.id));
      const after =
        tasks.slice(place).find((t) => !gone.has(t.id)) ??
        tasks.slice(0, place).findLast((t) => !gone.has(t.id));
      act(done);
      setChosen((before) => new Set([...before].filter((id) => !gone.has(id))));
      setFocus(after?.id);
      anchor.current = after?.id;
    },
    [tasks, place],
  );

  const answer = useCallback(
    (label: string) => finish(targets(), (done) => share.answer(done, () => label)),
    [finish, targets, share],
  );
  const accept = useCallback(
    () => finish(targets().filter((t) => t.suggestion), (done) => share.answer(done, (t) => t.suggestion)),
    [finish, targets, share],
  );
  const keep = useCallback(
    () => finish(targets().filter((t) => t.label), (done) => share.answer(done, (t) => t.label)),
    [finish, targets, share],
  );
  /** Of what is in sight: those that are selected wait for a class of their own. */
  const sight = useCallback(() => {
    const [first, last] = grid.current?.inSight() ?? [0, -1];
    return (tasks ?? []).slice(first, last + 1).filter((t) => t.suggestion && !chosen.has(t.id));
  }, [tasks, chosen]);
  const acceptSight = useCallback(
    () => finish(sight(), (done) => share.answer(done, (t) => t.suggestion)),
    [finish, sight, share],
  );
  const aside = useCallback(
    (reason: string) => finish(targets(), (done) => share.setAside(done, reason)),
    [finish, targets, share],
  );
  const undo = useCallback(() => {
    const back = share.undo();
    setFocus(back[0]?.id);
    setChosen(mode === "grid" && back.length > 1 ? new Set(back.map((t) => t.id)) : new Set());
  }, [share, mode]);

  const list = useRef<LabelTask[]>([]);
  list.current = tasks ?? [];
  const select = useCallback((index: number, how: "toggle" | "range") => {
    const all = list.current;
    const task = all[index];
    if (!task) return;
    setFocus(task.id);
    setChosen((before) => {
      const next = new Set(before);
      if (how === "range") {
        const from = Math.max(0, all.findIndex((t) => t.id === anchor.current));
        for (const t of all.slice(Math.min(from, index), Math.max(from, index) + 1)) next.add(t.id);
      } else if (!next.delete(task.id)) next.add(task.id);
      return next;
    });
    if (how !== "range") anchor.current = task.id;
  }, []);
  const sweep = useCallback((indices: number[], add: boolean) => {
    const ids = indices.flatMap((i) => list.current[i]?.id ?? []);
    setChosen((before) => new Set(add ? [...before, ...ids] : ids));
  }, []);

  useEffect(() => {
    function press(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, dialog")) return;
      const what = meant(event, project.classes.length);
      if (!what) return;
      if ("place" in what) {
        answer(project.classes[what.place]!);
        event.preventDefault();
        return;
      }
      // Enter and Space on a button are the button's own.
      if (target.closest("button, a") && ["Enter", " "].includes(event.key)) return;
      const step = mode === "grid" ? (grid.current?.columns() ?? 1) : 1;
      const move = (by: number) => {
        if (!tasks?.length) return;
        const to = Math.max(0, Math.min(tasks.length - 1, place + by));
        if (what.extend && mode === "grid") {
          anchor.current ??= focused?.id;
          select(to, "range");
        } else {
          setFocus(tasks[to]?.id);
          anchor.current = tasks[to]?.id;
        }
      };
      const deeds: Partial<Record<ActionName, () => void>> = {
        "suggestion.accept": accept,
        "suggestion.acceptSight": () => mode === "grid" && acceptSight(),
        "suggestion.reject": () => review && keep(),
        "image.later": () => aside("skipped"),
        "image.skip": () => aside("unsure"),
        "image.flag": () => aside("flagged"),
        "edit.undo": undo,
        "image.next": () => move(1),
        "image.previous": () => move(-1),
        "image.down": () => move(step),
        "image.up": () => move(-step),
        "select.toggle": () => mode === "grid" && select(place, "toggle"),
        "select.all": () => mode === "grid" && setChosen(new Set(tasks?.map((t) => t.id))),
        "select.none": () => setChosen(new Set()),
        "view.mode": () => setMode((m) => (m === "grid" ? "one" : "grid")),
        "view.in": () => setSize((n) => Math.min(SIZES.length - 1, n + 1)),
        "view.out": () => setSize((n) => Math.max(0, n - 1)),
        "page.help": () => setHelp(true),
      };
      const deed = deeds[what.action];
      if (!deed) return;
      deed();
      event.preventDefault();
    }
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [tasks, place, focused, mode, review, project.classes, answer, accept, acceptSight, keep, aside, undo, select]);

  const selected = chosen.size;
  const aimed = targets();
  const suggested = aimed.filter((t) => t.suggestion).length;
  const some = !!tasks?.length;
  return (
    <>
      <div className="desk-head second">
        <span className="soft">
          {tasks ? `${plural(share.left, "image")} to ${review ? "review" : "do"}` : ""}
          {share.done > 0 && `, ${share.done} done`}
          {share.others > 0 && `, ${share.others} with others`} · as {author}{" "}
          <button type="button" className="link" onClick={rename}>
            change
          </button>
        </span>
        <div className="row tools">
          <div className="switch" role="group" aria-label="How to look">
            <button type="button" aria-pressed={mode === "grid"} onClick={() => setMode("grid")}>
              Grid
            </button>
            <button type="button" aria-pressed={mode === "one"} onClick={() => setMode("one")}>
              One image
            </button>
          </div>
          <select aria-label="Order" value={order} onChange={(e) => {
              setOrder(e.target.value as Order);
              setFocus(undefined);
              setChosen(new Set());
            }}>
            {Object.entries(ORDERS).map(([value, words]) => (
              <option key={value} value={value}>
                {review && value === "useful" ? "Worst first" : words}
              </option>
            ))}
          </select>
          {share.moved && (
            <button
              type="button"
              title="The assistant put the queue in another order."
              onClick={() => {
                setFocus(undefined);
                share.again();
              }}
            >
              New order
            </button>
          )}
          <button type="button" className="only-wide" onClick={() => setHelp(true)}>
            Keys <kbd>{firstKey("page.help")}</kbd>
          </button>
        </div>
      </div>
      {help && <KeysDialog scope="classes" classes={project.classes} close={() => setHelp(false)} />}
      {review && <Review project={project.name} left={share.left} done={share.done} asked={share.again} />}
      {share.problem && !tasks ? (
        <Failure problem={share.problem} again={share.again} />
      ) : !tasks ? (
        <Loading />
      ) : !some ? (
        !review && <Nothing project={project} author={author} done={share.done} others={share.others} asked={share.again} />
      ) : mode === "grid" ? (
        <Grid
          tasks={tasks}
          size={SIZES[size] ?? 132}
          chosen={chosen}
          place={place}
          select={select}
          sweep={sweep}
          more={share.more}
          handle={grid}
        />
      ) : (
        focused && <OneImage task={focused} left={share.left} />
      )}
      {tasks && (some || share.canUndo) && (
        <div className="desk-bar" role="toolbar" aria-label="Answers">
          <span className="desk-bar-what" aria-live="polite">
            {mode === "one"
              ? review
                ? `Labelled ${focused?.label ?? "nothing"}: is that right?`
                : "Which class is it?"
              : selected
                ? `${plural(selected, "image")} selected`
                : "Select images, then their class"}
          </span>
          <div className="row">
            {project.classes.map((label, i) => (
              <button
                key={label}
                type="button"
                className={`class-button c${i % 8}`}
                disabled={!some}
                onClick={() => answer(label)}
              >
                {label} {classKey(i, "classes") && <kbd>{shownKey(classKey(i, "classes")!)}</kbd>}
              </button>
            ))}
            {suggested > 0 && (
              <button type="button" className="go" onClick={accept}>
                {review ? "Correct" : "Accept"} {suggested > 1 ? `${suggested} suggestions` : review ? "it" : "suggestion"}{" "}
                <kbd>{firstKey("suggestion.accept")}</kbd>
              </button>
            )}
            {review && some && (
              <button type="button" onClick={keep}>
                Keep <kbd>{firstKey("suggestion.reject")}</kbd>
              </button>
            )}
            {mode === "grid" && some && (
              <button type="button" onClick={acceptSight} title="All suggestions in sight, but for what is selected">
                All in sight <kbd>{firstKey("suggestion.acceptSight")}</kbd>
              </button>
            )}
            <button type="button" disabled={!some} onClick={() => aside("skipped")}>
              Skip <kbd>{firstKey("image.later")}</kbd>
            </button>
            <button type="button" disabled={!some} onClick={() => aside("unsure")}>
              Unsure <kbd>{firstKey("image.skip")}</kbd>
            </button>
            <button type="button" disabled={!some} onClick={() => aside("flagged")}>
              Flag <kbd>{firstKey("image.flag")}</kbd>
            </button>
            <button type="button" disabled={!share.canUndo} onClick={undo}>
              Undo <kbd>{firstKey("edit.undo")}</kbd>
            </button>
          </div>
        </div>
      )}
    </>
  );
}

function large(task: LabelTask): string {
  return `${fromApi(task.image_url ?? "")}?size=1280`;
}

function OneImage({ task, left }: { task: LabelTask; left: number }) {
  return (
    <figure className="one-image">
      <img src={large(task)} alt={task.key} />
      <figcaption>
        <span>{plural(left, "image")} left</span>
        <span>{task.reason}</span>
        <Suggestion task={task} long />
      </figcaption>
    </figure>
  );
}

function Saved() {
  const { state, size, lasting } = useOutbox();
  const words = {
    saved: "All saved",
    saving: "Saving",
    offline: `No connection: ${plural(size, "step")} kept ${lasting ? "here" : "in this tab only"}`,
  };
  return (
    <span className={`saved ${state}`} role="status">
      {words[state]}
    </span>
  );
}

function Chip({ assistant }: { assistant: AssistantStatus }) {
  const words = assistantWords(assistant);
  if (!words) return null;
  const more = [
    assistant.through && `It sees images through ${assistant.through}.`,
    assistant.trained_on > 0 &&
      `It suggests a class for ${assistant.suggested} of ${assistant.open} open questions and learns again after ${plural(assistant.needed, "more label")}.`,
    assistant.held_out != null && `Right on ${percent(assistant.held_out, 0)} of the images held out at its training.`,
    assistant.problem && `The last training failed: ${assistant.problem}`,
  ].filter(Boolean);
  return (
    <span className={`chip ${assistant.problem ? "bad" : assistant.state}`} role="status" title={more.join(" ")}>
      {words}
    </span>
  );
}
