import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { fromApi, Problem, type LabelTask, type Project } from "../api/client";
import { useLabelling, type Labelling } from "../labelling";
import { outbox, useOutbox } from "../outbox";
import { Card, Command, Empty, Failure, Loading, savedName, saveName } from "../parts";
import { percent, plural } from "../words";

// Class number n has the n-th of these keys.
const CLASS_KEYS = "1234567890qwertyuiop";
const SIZES = [96, 132, 180, 260];

type Sorting = "queue" | "sure" | "unsure";
const SORTINGS: Record<Sorting, string> = {
  queue: "Most useful first",
  sure: "By suggestion, surest first",
  unsure: "Least sure first",
};

function sorted(tasks: LabelTask[], how: Sorting): LabelTask[] {
  if (how === "queue") return tasks;
  const sure = (t: LabelTask) => t.suggestion_confidence ?? 0;
  return [...tasks].sort((a, b) =>
    how === "unsure"
      ? sure(a) - sure(b)
      : (a.suggestion ?? "~").localeCompare(b.suggestion ?? "~") || sure(b) - sure(a),
  );
}

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
  return <Desk project={project} author={name} rename={() => setName("")} />;
}

function Desk({ project, author, rename }: { project: Project; author: string; rename: () => void }) {
  const labelling = useLabelling(project.name, author);
  const [mode, setMode] = useState<"grid" | "one">(
    () => (localStorage.getItem("autofocus.label-mode") as "grid" | "one" | null) ?? "grid",
  );
  const [sorting, setSorting] = useState<Sorting>("queue");
  const [size, setSize] = useState(1);
  const [help, setHelp] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [focus, setFocus] = useState<string>();
  const anchor = useRef<string>(undefined);
  const columns = useRef(1);
  const tasks = useMemo(
    () => (labelling.tasks ? sorted(labelling.tasks, sorting) : undefined),
    [labelling.tasks, sorting],
  );
  const place = Math.max(0, tasks?.findIndex((t) => t.id === focus) ?? 0);
  const focused = tasks?.[place];

  useEffect(() => localStorage.setItem("autofocus.label-mode", mode), [mode]);

  const targets = useCallback((): LabelTask[] => {
    if (!tasks) return [];
    if (mode === "grid") {
      const selected = tasks.filter((t) => chosen.has(t.id));
      if (selected.length) return selected;
    }
    return focused ? [focused] : [];
  }, [tasks, mode, chosen, focused]);

  /** Do something with the selection; the place moves on to what comes after it. */
  const finish = useCallback(
    (act: (done: LabelTask[]) => void) => {
      const done = targets();
      if (!done.length || !tasks) return;
      const gone = new Set(done.map((t) => t.id));
      const after =
        tasks.slice(place).find((t) => !gone.has(t.id)) ??
        tasks.slice(0, place).findLast((t) => !gone.has(t.id));
      act(done);
      setChosen(new Set());
      setFocus(after?.id);
      anchor.current = after?.id;
    },
    [targets, tasks, place],
  );

  const undo = useCallback(() => {
    const back = labelling.undo();
    setFocus(back[0]?.id);
    setChosen(mode === "grid" && back.length > 1 ? new Set(back.map((t) => t.id)) : new Set());
  }, [labelling, mode]);

  const select = useCallback(
    (index: number, how: "toggle" | "range" | "only") => {
      const task = tasks?.[index];
      if (!tasks || !task) return;
      setFocus(task.id);
      setChosen((before) => {
        if (how === "only") return new Set([task.id]);
        const next = new Set(before);
        if (how === "range") {
          const from = Math.max(0, tasks.findIndex((t) => t.id === anchor.current));
          for (const t of tasks.slice(Math.min(from, index), Math.max(from, index) + 1)) next.add(t.id);
        } else if (!next.delete(task.id)) next.add(task.id);
        return next;
      });
      if (how !== "range") anchor.current = task.id;
    },
    [tasks],
  );

  useEffect(() => {
    function press(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, dialog")) return;
      const control = event.ctrlKey || event.metaKey;
      const key = event.key;
      // Enter and Space on a button are the button's own.
      const onButton = target.closest("button, a") && !target.closest(".tile");
      const move = (by: number) => {
        if (!tasks?.length) return;
        const to = Math.max(0, Math.min(tasks.length - 1, place + by));
        if (event.shiftKey && mode === "grid") {
          anchor.current ??= focused?.id;
          select(to, "range");
        } else {
          setFocus(tasks[to]?.id);
          anchor.current = tasks[to]?.id;
        }
      };
      const step = mode === "grid" ? columns.current : 1;
      if (control && key.toLowerCase() === "z") undo();
      else if (control && key.toLowerCase() === "a" && mode === "grid")
        setChosen(new Set(tasks?.map((t) => t.id)));
      else if (control || event.altKey) return;
      else if (CLASS_KEYS.includes(key.toLowerCase()) && key.length === 1) {
        const label = project.classes[CLASS_KEYS.indexOf(key.toLowerCase())];
        if (label === undefined) return;
        finish((done) => labelling.answer(done, label));
      } else if (key === "Enter" && !onButton) finish(labelling.accept);
      else if (key === "s") finish(labelling.skip);
      else if (key === "z") undo();
      else if (key === "ArrowRight") move(1);
      else if (key === "ArrowLeft") move(-1);
      else if (key === "ArrowDown") move(step);
      else if (key === "ArrowUp") move(-step);
      else if (key === " " && !onButton && mode === "grid") select(place, "toggle");
      else if (key === "Escape") setChosen(new Set());
      else if (key === "m") setMode((m) => (m === "grid" ? "one" : "grid"));
      else if (key === "?") setHelp((h) => !h);
      else if (key === "+") setSize((n) => Math.min(SIZES.length - 1, n + 1));
      else if (key === "-") setSize((n) => Math.max(0, n - 1));
      else return;
      event.preventDefault();
    }
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [tasks, place, focused, mode, project.classes, labelling, finish, undo, select]);

  const selected = chosen.size;
  const suggested = targets().filter((t) => t.suggestion).length;
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
        <span className="soft">
          {tasks ? `${plural(tasks.length, "image")} to do` : ""}
          {labelling.done > 0 && `, ${labelling.done} done`} · as {author}{" "}
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
          {mode === "grid" && (
            <select
              aria-label="Order"
              value={sorting}
              onChange={(e) => setSorting(e.target.value as Sorting)}
            >
              {Object.entries(SORTINGS).map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          )}
          <button type="button" onClick={() => setHelp(!help)} aria-expanded={help}>
            Keys <kbd>?</kbd>
          </button>
        </div>
      </div>
      <Refusal labelling={labelling} />
      {help && <Keys classes={project.classes} />}
      {labelling.problem && !tasks ? (
        <Failure problem={labelling.problem} again={labelling.again} />
      ) : !tasks ? (
        <Loading />
      ) : tasks.length === 0 ? (
        <Card>
          <Empty title={labelling.done ? "All done, thank you" : "Nothing to label"}>
            <p>
              The loop asks here when a few labels decide something. You can also bring labels you
              have:
            </p>
            <Command>{`autofocus --project ${project.name} labels import labels.csv`}</Command>
          </Empty>
        </Card>
      ) : mode === "grid" ? (
        <Grid
          tasks={tasks}
          size={SIZES[size] ?? 132}
          chosen={chosen}
          place={place}
          select={select}
          setColumns={(n) => {
            columns.current = n;
          }}
        />
      ) : (
        focused && <OneImage task={focused} place={place} of={tasks.length} />
      )}
      {tasks && (tasks.length > 0 || labelling.canUndo) && (
        <div className="desk-bar" role="toolbar" aria-label="Answers">
          <span className="desk-bar-what" aria-live="polite">
            {mode === "one"
              ? "Which class is it?"
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
                disabled={!tasks.length}
                onClick={() => finish((done) => labelling.answer(done, label))}
              >
                {label} {CLASS_KEYS[i] && <kbd>{CLASS_KEYS[i]}</kbd>}
              </button>
            ))}
            {suggested > 0 && (
              <button type="button" className="go" onClick={() => finish(labelling.accept)}>
                Accept {suggested > 1 ? `${suggested} suggestions` : "suggestion"} <kbd>Enter</kbd>
              </button>
            )}
            <button type="button" disabled={!tasks.length} onClick={() => finish(labelling.skip)}>
              Skip <kbd>s</kbd>
            </button>
            <button type="button" disabled={!labelling.canUndo} onClick={undo}>
              Undo <kbd>z</kbd>
            </button>
          </div>
        </div>
      )}
    </div>
  );
}

function Saved() {
  const { state, size } = useOutbox();
  const words = {
    saved: "All saved",
    saving: `Saving ${size}`,
    offline: `No connection: ${plural(size, "answer")} kept here`,
  };
  return (
    <span className={`saved ${state}`} role="status">
      {words[state]}
    </span>
  );
}

function Refusal({ labelling }: { labelling: Labelling }) {
  const refused = useOutbox().refusals[0];
  if (!refused) return null;
  const { message, hint, status, context } = refused.problem;
  return (
    <Failure
      problem={new Problem(message, hint, status, context)}
      again={() => {
        void outbox.forgive(refused.id);
        labelling.again();
      }}
    />
  );
}

function Keys({ classes }: { classes: readonly string[] }) {
  const rows: [string, string][] = [
    ...classes.slice(0, CLASS_KEYS.length).map((c, i): [string, string] => [CLASS_KEYS[i]!, c]),
    ["Enter", "accept the suggestions"],
    ["s", "skip: cannot be told"],
    ["z", "undo"],
    ["arrows", "move; with Shift also select"],
    ["Space", "select or not"],
    ["Ctrl a", "select all"],
    ["Esc", "select nothing"],
    ["m", "grid or one image"],
    ["+ -", "larger or smaller images"],
  ];
  return (
    <Card title="Keys">
      <p className="soft">
        A class key answers for all selected images, or for the one in the frame. Click selects,
        Shift and click selects a range.
      </p>
      <dl className="keys">
        {rows.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** The width between the paddings, in which the frames of the outer images fit. */
function inner(element: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(element);
  return element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
}

function Grid({
  tasks,
  size,
  chosen,
  place,
  select,
  setColumns,
}: {
  tasks: LabelTask[];
  size: number;
  chosen: ReadonlySet<string>;
  place: number;
  select: (index: number, how: "toggle" | "range" | "only") => void;
  setColumns: (n: number) => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(inner(element)));
    watch.observe(element);
    setWidth(inner(element));
    return () => watch.disconnect();
  }, []);
  const gap = 8;
  const across = Math.max(2, Math.floor((width + gap) / (size + gap)));
  const tile = (width - gap * (across - 1)) / across;
  useEffect(() => setColumns(across), [across, setColumns]);
  const virtual = useVirtualizer({
    count: Math.ceil(tasks.length / across),
    getScrollElement: () => scroller.current,
    estimateSize: () => tile + 30 + gap,
    overscan: 3,
  });
  useEffect(() => virtual.measure(), [tile, virtual]);
  const row = Math.floor(place / across);
  useEffect(() => virtual.scrollToIndex(row, { align: "auto" }), [row, virtual]);
  return (
    <div
      ref={scroller}
      className="label-grid"
      role="listbox"
      aria-multiselectable="true"
      aria-label="Images to label"
      aria-activedescendant={`task-${place}`}
      tabIndex={0}
    >
      <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map((line) => (
          <div
            key={line.key}
            className="label-row"
            style={{
              transform: `translateY(${line.start}px)`,
              gridTemplateColumns: `repeat(${across}, ${tile}px)`,
              gap,
            }}
          >
            {tasks.slice(line.index * across, (line.index + 1) * across).map((task, i) => {
              const index = line.index * across + i;
              return (
                <div
                  key={task.id}
                  id={`task-${index}`}
                  role="option"
                  aria-selected={chosen.has(task.id)}
                  aria-label={`${task.key}${task.suggestion ? `, suggested ${task.suggestion}` : ""}`}
                  className={`tile ${index === place ? "focus" : ""}`}
                  onClick={(event) => select(index, event.shiftKey ? "range" : "toggle")}
                >
                  <img
                    src={`${fromApi(task.image_url ?? "")}?size=320`}
                    alt=""
                    height={tile}
                    style={{ height: tile }}
                    draggable={false}
                    loading="lazy"
                  />
                  <Suggestion task={task} />
                </div>
              );
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

function Suggestion({ task }: { task: LabelTask }) {
  if (!task.suggestion) return <span className="suggestion none">no suggestion</span>;
  return (
    <span className="suggestion">
      {task.suggestion}?{" "}
      {task.suggestion_confidence != null && percent(task.suggestion_confidence, 0)}
    </span>
  );
}

function OneImage({ task, place, of }: { task: LabelTask; place: number; of: number }) {
  return (
    <figure className="one-image">
      <img src={fromApi(task.image_url ?? "")} alt={task.key} />
      <figcaption>
        <span>
          {place + 1} of {of}
        </span>
        <span>{task.reason}</span>
        <Suggestion task={task} />
      </figcaption>
    </figure>
  );
}
