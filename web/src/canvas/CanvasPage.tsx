import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { call, Problem, type Project, type Sample } from "../api/client";
import { useBeat } from "../api/live";
import { actionOf, classOf, firstKey, useKeys, type ActionName } from "../keys";
import { KeysDialog } from "../keys-help";
import { Card, Command, Empty, Failure, Loading, savedName, saveName } from "../parts";
import { count } from "../words";
import "./canvas.css";
import { ConflictDialog } from "./Conflict";
import { docId } from "./database";
import { Editor, useEditor } from "./editor";
import { useImages, type Images, type Which } from "./images";
import { inForce, open, originalOf, pictureOf, suggestionsFor, type Item } from "./opening";
import { outbox, useOutbox } from "./outbox";
import { Side, SuggestionBar } from "./Side";
import { Stage } from "./stage";
import { Strip } from "./Strip";
import { Toolbar } from "./Toolbar";
import { makeTool } from "./tool-table";
import { bounds } from "./scene";
import { around } from "./geometry";
import { sameLabel } from "./shapes";

/** Where boxes, polygons and masks are drawn. */
export default function CanvasPage({ project }: { project: Project }) {
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

const told = new Set<() => void>();
function subscribe(listener: () => void): () => void {
  told.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    told.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

/** The image in the address: `?image=street/1.png`. */
function useImageKey(): [string | null, (key: string, replace?: boolean) => void] {
  const search = useSyncExternalStore(subscribe, () => location.search);
  const set = useCallback((key: string, replace = false) => {
    const to = `${location.pathname}?${new URLSearchParams({ image: key }).toString()}`;
    if (replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    told.forEach((listener) => listener());
  }, []);
  return [new URLSearchParams(search).get("image"), set];
}

/** A phone: the tools are not there. */
const NARROW = matchMedia("(max-width: 860px)");
function followWidth(listener: () => void): () => void {
  NARROW.addEventListener("change", listener);
  return () => NARROW.removeEventListener("change", listener);
}
const useNarrow = () => useSyncExternalStore(followWidth, () => NARROW.matches);

/** Opens the image of the address in the editor, and says how far that is. */
function useOpening(project: Project, editor: Editor, stage: Stage | undefined, images: Images, key: string | null) {
  const [problem, setProblem] = useState<Problem>();
  const [turn, setTurn] = useState(0);
  const [about, setAbout] = useState({ reason: "", model: "" });
  const items = images.items;
  const listed = items?.find((i) => i.key === key);
  const known = useRef<Item>(undefined);
  if (listed) known.current = listed;
  const ready = items !== undefined;
  useEffect(() => {
    if (key === null || !stage || !ready) return;
    let current = true;
    setProblem(undefined);
    setAbout({ reason: "", model: "" });
    const go = async () => {
      let item = known.current?.key === key ? known.current : undefined;
      if (!item) {
        const sample = await call<Sample>(`projects/${project.name}/sample?${new URLSearchParams({ key }).toString()}`);
        const { width, height } = sample.facts;
        item = { key, sha256: sample.sha256, width, height, labelled: !!sample.label, asked: false };
      }
      const { image, loaded, picture } = await open(project.name, item);
      if (!current) return;
      editor.open(image, loaded);
      stage.setPicture(picture);
      const told = await suggestionsFor(image);
      if (!current || editor.image !== image) return;
      editor.suggest(told.found);
      setAbout(told);
    };
    go().catch((error: unknown) => {
      if (current) setProblem(error instanceof Problem ? error : new Problem(String(error), "", 400));
    });
    return () => {
      current = false;
    };
  }, [key, stage, ready, project.name, editor, turn]);
  return { problem, about, again: () => setTurn((n) => n + 1) };
}

/** Takes over what somebody else saved while nothing here waits to be saved. */
function useFollowing(project: Project, editor: Editor): void {
  const beat = useBeat();
  const [turn, setTurn] = useState(0);
  useEffect(
    () =>
      outbox.onSaved((saved) => {
        if (!editor.image || saved.doc !== docId(project.name, editor.image.key)) return;
        if (outbox.isMine(saved.tab)) editor.seen = saved.id;
        else setTurn((n) => n + 1);
      }),
    [project.name, editor],
  );
  useEffect(() => {
    const { image, label } = editor;
    if (!image) return;
    const waits = () => outbox.waiting.some((w) => w.mine && w.doc === docId(project.name, image.key));
    if (waits()) return;
    inForce(project.name, image.key, editor.seen).then(
      (found) => {
        if (!found || editor.image !== image || editor.label !== label || waits() || found.id === editor.seen) return;
        if (found.id === 0 ? label.shapes.length + label.tags.length === 0 : sameLabel(found.label, label)) {
          editor.seen = found.id;
          return;
        }
        const who = found.author === editor.author ? "you, in another tab" : found.author || "somebody who took it away";
        editor.replace(found.label, found.id, `the label of ${who}`);
        editor.say(`Shown now: the label of ${who}. Undo gives back what was here.`);
      },
      (error: unknown) => {
        // Nobody answers: the sign at the top says so, and the next event asks again.
        if (!(error instanceof Problem)) throw error;
      },
    );
  }, [beat, turn, project.name, editor]);
}

function Desk({ project, author, rename }: { project: Project; author: string; rename: () => void }) {
  const editor = useEditor(useMemo(() => new Editor(project.name, author, project.classes), [project.name, author, project.classes.join("\0")]));
  const [which, setWhich] = useState<Which>("todo");
  const images = useImages(project.name, which, author);
  const [key, setKey] = useImageKey();
  const host = useRef<HTMLDivElement>(null);
  const [stage, setStage] = useState<Stage>();
  const [help, setHelp] = useState(false);
  useKeys();
  useOutbox();
  useEffect(() => void outbox.start(), []);
  useEffect(() => {
    if (!host.current) return;
    const made = new Stage(host.current, editor);
    setStage(made);
    return () => made.end();
  }, [editor]);
  const narrow = useNarrow();
  const tool = narrow ? "select" : editor.settings.tool;
  useEffect(() => {
    if (!stage) return;
    stage.onlyLooks = narrow;
    stage.setTool(makeTool(tool, stage));
  }, [stage, tool, narrow]);
  const { problem, about, again } = useOpening(project, editor, stage, images, key);
  useFollowing(project, editor);

  const items = images.items;
  const place = items?.findIndex((i) => i.key === key) ?? -1;
  useEffect(() => {
    if (key === null && items?.length) setKey((items.find((i) => !i.labelled) ?? items[0]!).key, true);
  }, [key, items, setKey]);
  // The next picture is there before it is asked for.
  useEffect(() => {
    if (place < 0 || !items) return;
    for (const near of [items[place + 1], items[place - 1]]) {
      if (near) pictureOf(project.name, near.sha256).catch(() => undefined);
    }
    if (place > items.length - 40) images.more();
  }, [place, items, images, project.name]);
  const { labelled, image } = editor;
  useEffect(() => {
    if (labelled && image) images.done(image.key);
  }, [labelled, image, images]);
  // Close up, a large image is fetched as it is.
  useEffect(() => {
    if (!stage) return;
    let asked: unknown;
    const look = () => {
      const now = editor.image;
      if (!now || asked === now || !stage.wantsOriginal) return;
      asked = now;
      originalOf(now).then(
        (picture) => editor.image === now && stage.setPicture(picture, true),
        (error: unknown) => editor.image === now && editor.say(`The full picture cannot be shown: ${String(error)}`),
      );
    };
    return stage.onView(look);
  }, [stage, editor]);

  const step = useCallback(
    (by: number) => {
      const next = items?.[Math.min(Math.max(place + by, 0), items.length - 1)];
      if (next && next.key !== key) setKey(next.key);
    },
    [items, place, key, setKey],
  );
  const next = useCallback(() => {
    const after = items?.slice(place + 1).find((i) => !i.labelled) ?? items?.slice(0, Math.max(0, place)).find((i) => !i.labelled);
    if (after) setKey(after.key);
    else editor.say("That was the last one without a label");
  }, [items, place, setKey, editor]);
  const done = useCallback(() => {
    if (!editor.image) return;
    editor.save();
    next();
  }, [editor, next]);

  /** Cannot be told: whoever asked asks another image instead. */
  const skip = useCallback(() => {
    const task = items?.[place]?.task;
    if (task === undefined) return next();
    call(`projects/${project.name}/labels/skip`, { task, author, reason: "unsure" }).then(next, (error: unknown) =>
      editor.say(error instanceof Problem ? error.message : String(error)),
    );
  }, [items, place, next, project.name, author, editor]);

  const act = useCallback(
    (action: ActionName): boolean => {
      if (!stage || !editor.image) return false;
      const ids = editor.selection;
      const { settings } = editor;
      const scale = (name: "brush" | "tolerance" | "patch", by: number, least: number, most: number) =>
        editor.set({ [name]: Math.round(Math.min(most, Math.max(least, settings[name] * by + (by > 1 ? 1 : 0)))) });
      const size = (by: number) => {
        if (settings.tool === "wand") scale("tolerance", by, 1, 120);
        else if (settings.tool === "superpixels") scale("patch", by, 6, 120);
        else scale("brush", by, 1, 200);
      };
      if (action.startsWith("tool.") && !["tool.again", "tool.smaller", "tool.larger"].includes(action)) {
        editor.set({ tool: action.slice(5) as typeof settings.tool });
        return true;
      }
      const doing: Partial<Record<ActionName, () => void>> = {
        "image.next": () => step(1),
        "image.previous": () => step(-1),
        "image.done": done,
        "image.skip": skip,
        "suggestion.accept": () => {
          if (stage.tool.begun && stage.tool.finish) stage.tool.finish();
          else editor.accept();
        },
        "suggestion.acceptNext": () => {
          editor.accept(editor.suggestions);
          done();
        },
        "suggestion.reject": () => editor.reject(),
        "edit.undo": () => {
          if (!(stage.tool.begun && stage.tool.back?.())) editor.undo();
        },
        "edit.redo": () => editor.redo(),
        "select.all": () => editor.select(editor.label.shapes.filter((s) => editor.visible(s)).map((s) => s.id)),
        "select.none": () => {
          if (stage.tool.begun) stage.tool.cancel?.();
          else if (ids.size) editor.select([]);
          else editor.set({ tool: "select" });
        },
        "tool.again": () => editor.set({ tool: settings.again }),
        "tool.smaller": () => size(1 / 1.2),
        "tool.larger": () => size(1.2),
        "shape.delete": () => {
          if (!(stage.tool.begun && stage.tool.back?.())) editor.remove();
        },
        "shape.duplicate": () => editor.duplicate(),
        "shape.copy": () => editor.copy(),
        "shape.paste": () => editor.paste(),
        "shape.hide": () => editor.toggle("hidden", ids),
        "shape.lock": () => editor.toggle("locked", ids),
        "shape.raise": () => editor.order(true),
        "shape.lower": () => editor.order(false),
        "shape.next": () => editor.selectNext(1),
        "shape.previous": () => editor.selectNext(-1),
        "nudge.left": () => editor.move(-1, 0),
        "nudge.right": () => editor.move(1, 0),
        "nudge.up": () => editor.move(0, -1),
        "nudge.down": () => editor.move(0, 1),
        "view.in": () => stage.zoom(1.25),
        "view.out": () => stage.zoom(1 / 1.25),
        "view.fit": () => stage.fit(),
        "view.crosshair": () => editor.set({ crosshair: !settings.crosshair }),
        "view.all": () => {
          editor.allHidden = !editor.allHidden;
          editor.tell();
        },
        "page.help": () => setHelp(true),
      };
      const work = doing[action];
      if (!work) return false;
      work();
      if (action === "shape.next" || action === "shape.previous") {
        const rects = [...editor.selection].map((id) => editor.scene.get(id)).flatMap((s) => (s ? [bounds(s.geometry)] : []));
        if (rects.length) stage.show(around(rects));
      }
      stage.touch();
      return true;
    },
    [stage, editor, step, done, skip],
  );

  useEffect(() => {
    function press(event: KeyboardEvent) {
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || target.closest("input, textarea, select, dialog")) return;
      const place = classOf(event, project.classes.length, "canvas");
      const action = place === undefined ? actionOf(event, "canvas") : undefined;
      // Enter on a button is the button's own.
      if (event.key === "Enter" && target.closest("button, a")) return;
      if (place !== undefined) editor.classify(project.classes[place]!);
      else if (!action || !act(action)) return;
      event.preventDefault();
    }
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [editor, project.classes, act]);

  const trouble = outbox.waiting.find((w) => w.mine && w.trouble && image && w.doc === docId(project.name, image.key))?.trouble;
  const elsewhere = outbox.waiting.find((w) => w.mine && w.trouble && w.project === project.name && w.key !== image?.key);
  const empty = items?.length === 0 && key === null;
  return (
    <div
      className="canvas-page"
      onClick={(event) => {
        // A button that was clicked keeps no focus, so that the keys stay the canvas's.
        if (event.detail > 0) (event.target as HTMLElement).closest("button")?.blur();
      }}
    >
      <header className="canvas-head">
        <h1>Label</h1>
        <Saved />
        <span className="canvas-key" title={key ?? ""}>
          {key}
        </span>
        <span className="soft canvas-place">
          {place >= 0 && `${count(place + 1)} of ${count(images.total)}`} · as {author}{" "}
          <button type="button" className="link" onClick={rename}>
            change
          </button>
        </span>
        <div className="row canvas-steps">
          <button type="button" className="icon" title={`Undo (${firstKey("edit.undo")})`} aria-label="Undo" disabled={!editor.history.past.length} onClick={() => editor.undo()}>
            <Glyph d="M7 5L3 9l4 4 M3 9h8a5 5 0 0 1 0 10H8" />
          </button>
          <button type="button" className="icon" title={`Redo (${firstKey("edit.redo")})`} aria-label="Redo" disabled={!editor.history.future.length} onClick={() => editor.redo()}>
            <Glyph d="M13 5l4 4-4 4 M17 9H9a5 5 0 0 0 0 10h3" />
          </button>
          <button type="button" className="icon" title={`Previous image (${firstKey("image.previous")})`} aria-label="Previous image" disabled={place <= 0} onClick={() => step(-1)}>
            <Glyph d="M12 4l-6 6 6 6" />
          </button>
          <button type="button" className="icon" title={`Next image (${firstKey("image.next")})`} aria-label="Next image" disabled={!items || place >= items.length - 1} onClick={() => step(1)}>
            <Glyph d="M8 4l6 6-6 6" />
          </button>
          <button type="button" className="go" disabled={!image} onClick={done} title="Keep it as it is, also if there is nothing in it, and go to the next image without a label">
            {editor.label.shapes.length || !image ? "Done, next" : "Nothing here, next"} <kbd>{firstKey("image.done")}</kbd>
          </button>
          <button type="button" className="canvas-help" onClick={() => setHelp(true)}>
            Keys <kbd>{firstKey("page.help")}</kbd>
          </button>
        </div>
      </header>
      {trouble && trouble.status !== 409 && (
        <Failure problem={new Problem(trouble.message, `${trouble.hint} Not saved yet: change the label, and it is sent again.`, trouble.status)} />
      )}
      {elsewhere && (
        <div className="canvas-notice" role="alert">
          {elsewhere.trouble?.status === 409 ? "Two labels of another image meet" : "Another image could not be saved"}:{" "}
          <button type="button" className="link" onClick={() => setKey(elsewhere.key)}>
            {elsewhere.key}
          </button>
        </div>
      )}
      {images.problem && !items ? (
        <Failure problem={images.problem} again={images.again} />
      ) : empty ? (
        <Card>
          <Empty title={which === "todo" ? "Every image has a label" : "There are no images yet"}>
            {which === "todo" ? (
              <p>
                <button type="button" onClick={() => setWhich("all")}>
                  Look at all images
                </button>
              </p>
            ) : (
              <Command>{`autofocus --project ${project.name} data import FOLDER`}</Command>
            )}
          </Empty>
        </Card>
      ) : null}
      <div className="canvas-body" hidden={empty}>
        <Toolbar editor={editor} />
        <div className="canvas-middle">
          <div
            ref={host}
            className="canvas-stage"
            tabIndex={0}
            role="application"
            aria-label={`Canvas of ${key ?? "no image"}: ${count(editor.label.shapes.length)} objects. The list beside it has them all.`}
          />
          {problem ? (
            <div className="canvas-over">
              <Failure problem={problem} again={again} />
            </div>
          ) : (
            !image && (
              <div className="canvas-over">
                <Loading />
              </div>
            )
          )}
          <p className="canvas-says" role="status">
            {editor.busy || editor.notice}
          </p>
          <Zoom stage={stage} />
          <SuggestionBar editor={editor} />
        </div>
        <Side editor={editor} stage={stage} about={about} />
      </div>
      {items && items.length > 0 && (
        <Strip project={project.name} images={images} place={place} which={which} setWhich={setWhich} go={setKey} />
      )}
      {trouble?.status === 409 && image && <ConflictDialog editor={editor} stage={stage} trouble={trouble} />}
      {help && <KeysDialog scope="canvas" classes={project.classes} close={() => setHelp(false)} />}
    </div>
  );
}

export function Glyph({ d }: { d: string }) {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d={d} fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinejoin="round" strokeLinecap="round" />
    </svg>
  );
}

function Zoom({ stage }: { stage: Stage | undefined }) {
  const [scale, setScale] = useState(1);
  useEffect(() => {
    if (!stage) return;
    return stage.onView(() => setScale(stage.view.scale));
  }, [stage]);
  return (
    <div className="canvas-zoom" role="group" aria-label="Zoom">
      <button type="button" aria-label="Smaller" onClick={() => stage?.zoom(1 / 1.25)}>
        −
      </button>
      <button type="button" title="The whole image" aria-label={`${Math.round(100 * scale)} %, show the whole image`} onClick={() => stage?.fit()}>
        {Math.round(100 * scale)} %
      </button>
      <button type="button" aria-label="Larger" onClick={() => stage?.zoom(1.25)}>
        +
      </button>
    </div>
  );
}

function Saved() {
  const { waiting, offline, keeping } = useOutbox();
  const mine = waiting.filter((w) => w.mine);
  const troubled = mine.filter((w) => w.trouble).length;
  const images = new Set(mine.map((w) => w.doc)).size;
  const kept = `${images} ${images === 1 ? "image" : "images"} kept here`;
  const [state, words] =
    troubled > 0
      ? ["offline", "Not saved: decide"]
      : keeping
        ? // Not even in the browser's store: a tab that is closed now would lose it.
          ["saving", "Saving"]
        : mine.length === 0
          ? ["saved", "All saved"]
          : offline
            ? ["offline", `No connection: ${kept}`]
            : ["saving", "Saving"];
  return (
    <span className={`saved ${state}`} role="status">
      {words}
    </span>
  );
}
