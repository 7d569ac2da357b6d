import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { classKey, firstKey, shownKey, useKeys } from "../keys";
import { count } from "../words";
import { classColour } from "./colours";
import { useEditor, type Editor } from "./editor";
import { Glyph } from "./CanvasPage";
import { bounds } from "./scene";
import type { Shape, Value } from "./shapes";
import type { Stage } from "./stage";
import { ToolSettings } from "./Toolbar";

type About = { reason: string; model: string };

/** Beside the canvas: the tool, classes, what was drawn, and what is known of it. */
export function Side({ editor, stage, about }: { editor: Editor; stage: Stage | undefined; about: About }) {
  useEditor(editor);
  useKeys();
  return (
    <aside className="canvas-side" aria-label="Objects and classes">
      <Classes editor={editor} />
      <ToolSettings editor={editor} />
      <Suggested editor={editor} about={about} />
      <Objects editor={editor} stage={stage} />
      <Chosen editor={editor} />
      <Tags editor={editor} />
      <Look editor={editor} />
    </aside>
  );
}

function Dot({ editor, label }: { editor: Editor; label: string }) {
  return <i className="class-dot" style={{ background: classColour(editor.classes.indexOf(label)) }} />;
}

function Classes({ editor }: { editor: Editor }) {
  const counts = useMemo(() => {
    const found = new Map<string, number>();
    for (const { label } of editor.label.shapes) found.set(label, (found.get(label) ?? 0) + 1);
    return found;
  }, [editor.label]);
  return (
    <section className="canvas-part" aria-label="Classes">
      <h2>{editor.selection.size ? "Class of what is chosen" : "Class of what you draw"}</h2>
      <div className="class-list">
        {editor.classes.map((name, place) => {
          const key = classKey(place, "canvas");
          return (
            <button
              key={name}
              type="button"
              className="class-row"
              aria-pressed={editor.settings.label === name}
              onClick={() => editor.classify(name)}
            >
              <Dot editor={editor} label={name} />
              <span className="class-name">{name}</span>
              <span className="soft">{counts.get(name) ?? ""}</span>
              {key && <kbd>{shownKey(key)}</kbd>}
            </button>
          );
        })}
      </div>
    </section>
  );
}

function Suggested({ editor, about }: { editor: Editor; about: About }) {
  const { suggestions } = editor;
  if (!suggestions.length) {
    return about.reason ? (
      <section className="canvas-part" aria-label="Suggestions">
        <h2>Suggestions</h2>
        <p className="soft">{about.reason}</p>
      </section>
    ) : null;
  }
  return (
    <section className="canvas-part" aria-label="Suggestions">
      <h2>
        {count(suggestions.length)} suggested by {about.model || "the model"}
      </h2>
      <div className="row">
        <button type="button" className="small go" onClick={() => editor.accept(suggestions)}>
          Accept all <kbd>{firstKey("suggestion.accept")}</kbd>
        </button>
        <button type="button" className="small" onClick={() => editor.reject(suggestions)}>
          Reject all
        </button>
      </div>
      <ul className="suggestion-list">
        {suggestions.slice(0, 30).map((s) => (
          <li
            key={s.shape.id}
            className={editor.selection.has(s.shape.id) ? "is-chosen" : ""}
            onPointerEnter={() => editor.setHover(s.shape.id)}
            onPointerLeave={() => editor.setHover(undefined)}
          >
            <button type="button" className="object-name" onClick={() => editor.select([s.shape.id])}>
              <Dot editor={editor} label={s.shape.label} /> {s.shape.label}
              <span className="soft">{Math.round(100 * s.score)} %</span>
            </button>
            <button type="button" className="icon tiny" aria-label={`Accept ${s.shape.label}`} onClick={() => editor.accept([s])}>
              <Glyph d="M4 10l4 4 8-9" />
            </button>
            <button type="button" className="icon tiny" aria-label={`Reject ${s.shape.label}`} onClick={() => editor.reject([s])}>
              <Glyph d="M5 5l10 10 M15 5L5 15" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const KINDS = { box: "box", polygon: "polygon", mask: "mask" } as const;
const EYE = "M2 10c3-5 13-5 16 0-3 5-13 5-16 0z M10 10h.01";
const SHUT = "M2 10c3 5 13 5 16 0 M4 13l-1 2 M16 13l1 2 M10 14v2";
const LOCKED = "M5 9h10v8H5z M7 9V6a3 3 0 0 1 6 0v3";
const OPEN = "M5 9h10v8H5z M7 9V6a3 3 0 0 1 5.6-1.5";

function Objects({ editor, stage }: { editor: Editor; stage: Stage | undefined }) {
  const { shapes } = editor.label;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shapes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 34,
    overscan: 5,
  });
  // The last one lies on top, so it stands first.
  const at = (row: number): Shape => shapes[shapes.length - 1 - row]!;
  const { only } = editor;
  const row = only ? shapes.length - 1 - editor.scene.places.get(only.id)! : -1;
  useEffect(() => {
    if (row >= 0) virtual.scrollToIndex(row, { align: "auto" });
  }, [row, virtual]);
  return (
    <section className="canvas-part objects" aria-label="Objects">
      <h2>
        {count(shapes.length)} {shapes.length === 1 ? "object" : "objects"}
        {editor.selection.size > 1 && <span className="soft"> · {count(editor.selection.size)} chosen</span>}
      </h2>
      {shapes.length === 0 && <p className="soft">Nothing is marked in this image.</p>}
      <div ref={scroller} className="object-scroll">
        <ul style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((line) => {
            const shape = at(line.index);
            const hidden = editor.hidden.has(shape.id);
            const locked = editor.locked.has(shape.id);
            const number = shapes.length - line.index;
            return (
              <li
                key={shape.id}
                className={`object-row ${editor.selection.has(shape.id) ? "is-chosen" : ""} ${hidden ? "is-hidden" : ""}`}
                style={{ transform: `translateY(${line.start}px)` }}
                onPointerEnter={() => editor.setHover(shape.id)}
                onPointerLeave={() => editor.setHover(undefined)}
              >
                <button
                  type="button"
                  className="object-name"
                  aria-pressed={editor.selection.has(shape.id)}
                  onClick={(event) => {
                    if (event.shiftKey || event.ctrlKey || event.metaKey) {
                      const next = new Set(editor.selection);
                      if (!next.delete(shape.id)) next.add(shape.id);
                      editor.select(next);
                    } else {
                      editor.select([shape.id]);
                      stage?.show(bounds(shape.geometry));
                    }
                  }}
                >
                  <Dot editor={editor} label={shape.label} /> {shape.label}
                  <span className="soft">
                    {KINDS[shape.geometry.kind]} {number}
                    {shape.suggested_by && ` · ${shape.suggested_by}`}
                  </span>
                </button>
                <button type="button" className="icon tiny" aria-pressed={locked} aria-label={`${locked ? "Unlock" : "Lock"} ${shape.label} ${number}`} onClick={() => editor.toggle("locked", [shape.id])}>
                  <Glyph d={locked ? LOCKED : OPEN} />
                </button>
                <button type="button" className="icon tiny" aria-pressed={hidden} aria-label={`${hidden ? "Show" : "Hide"} ${shape.label} ${number}`} onClick={() => editor.toggle("hidden", [shape.id])}>
                  <Glyph d={hidden ? SHUT : EYE} />
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}

function asText(value: Value): string {
  return value === null ? "" : String(value);
}

/** What was typed, as the value it looks like: a number, true or false, else a text. */
function asValue(text: string): Value {
  const trimmed = text.trim();
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  if (trimmed !== "" && Number.isFinite(Number(trimmed))) return Number(trimmed);
  return trimmed === "" ? null : trimmed;
}

function Chosen({ editor }: { editor: Editor }) {
  const [name, setName] = useState("");
  const chosen = editor.label.shapes.filter((s) => editor.selection.has(s.id));
  const first = chosen[0];
  if (!first) return null;
  const names = [...new Set(chosen.flatMap((s) => Object.keys(s.attributes)))];
  const known = (attribute: string) => {
    const values = new Set(chosen.map((s) => asText(s.attributes[attribute] ?? null)));
    return values.size === 1 ? [...values][0]! : "";
  };
  return (
    <section className="canvas-part" aria-label="Chosen">
      <h2>{chosen.length === 1 ? "Attributes" : `Attributes of ${count(chosen.length)}`}</h2>
      {names.map((attribute) => (
        <div key={`${[...editor.selection].join()}/${attribute}/${known(attribute)}`} className="attribute">
          <label>
            {attribute}
            <input
              defaultValue={known(attribute)}
              onBlur={(e) => e.target.value !== known(attribute) && editor.setAttribute(attribute, asValue(e.target.value))}
              onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
            />
          </label>
          <button type="button" className="icon tiny" aria-label={`Remove ${attribute}`} onClick={() => editor.setAttribute(attribute, undefined)}>
            <Glyph d="M5 5l10 10 M15 5L5 15" />
          </button>
        </div>
      ))}
      <form
        className="attribute"
        onSubmit={(event) => {
          event.preventDefault();
          const [word, value] = name.split(/[=:]/, 2);
          if (word?.trim()) editor.setAttribute(word.trim(), value === undefined ? true : asValue(value));
          setName("");
        }}
      >
        <input value={name} onChange={(e) => setName(e.target.value)} placeholder="occluded, or colour=red" aria-label="New attribute" />
        <button type="submit" className="small" disabled={!name.trim()}>
          Add
        </button>
      </form>
      <label className="check">
        <input type="checkbox" checked={chosen.every((s) => s.crowd)} onChange={(e) => editor.setCrowd(e.target.checked)} />
        Many objects outlined as one
      </label>
      <div className="row">
        <button type="button" className="small" title={firstKey("shape.raise")} onClick={() => editor.order(true)}>
          To the front
        </button>
        <button type="button" className="small" title={firstKey("shape.lower")} onClick={() => editor.order(false)}>
          To the back
        </button>
        <button type="button" className="small" title={firstKey("shape.duplicate")} onClick={() => editor.duplicate()}>
          Duplicate
        </button>
        <button type="button" className="small" title={firstKey("shape.delete")} onClick={() => editor.remove()}>
          Delete
        </button>
      </div>
    </section>
  );
}

function Tags({ editor }: { editor: Editor }) {
  const [word, setWord] = useState("");
  const { tags } = editor.label;
  return (
    <section className="canvas-part" aria-label="Tags">
      <h2>Tags of the image</h2>
      {tags.length > 0 && (
        <div className="row tags">
          {tags.map((tag) => (
            <span key={tag} className="badge accent">
              {tag}
              <button type="button" className="link" aria-label={`Remove the tag ${tag}`} onClick={() => editor.setTags(tags.filter((t) => t !== tag))}>
                ✕
              </button>
            </span>
          ))}
        </div>
      )}
      <form
        className="attribute"
        onSubmit={(event) => {
          event.preventDefault();
          const tag = word.trim();
          if (tag && !tags.includes(tag)) editor.setTags([...tags, tag]);
          setWord("");
        }}
      >
        <input value={word} onChange={(e) => setWord(e.target.value)} placeholder="night" aria-label="New tag" />
        <button type="submit" className="small" disabled={!word.trim() || !editor.image}>
          Add
        </button>
      </form>
    </section>
  );
}

function Look({ editor }: { editor: Editor }) {
  const { settings } = editor;
  const changed = settings.brightness !== 100 || settings.contrast !== 100;
  return (
    <section className="canvas-part" aria-label="View">
      <h2>View</h2>
      {(["brightness", "contrast"] as const).map((name) => (
        <label key={name}>
          {name === "brightness" ? "Brightness" : "Contrast"}: {settings[name]} %
          <input type="range" min={20} max={300} step={5} value={settings[name]} onChange={(e) => editor.set({ [name]: Number(e.target.value) })} />
        </label>
      ))}
      {changed && (
        <button type="button" className="small" onClick={() => editor.set({ brightness: 100, contrast: 100 })}>
          As it is
        </button>
      )}
      <label className="check">
        <input type="checkbox" checked={settings.crosshair} onChange={(e) => editor.set({ crosshair: e.target.checked })} />
        Crosshair <kbd>{firstKey("view.crosshair")}</kbd>
      </label>
      <label className="check">
        <input type="checkbox" checked={settings.names} onChange={(e) => editor.set({ names: e.target.checked })} />
        Names
      </label>
    </section>
  );
}

/** On the canvas: what can be done with suggestions, large enough for a thumb. */
export function SuggestionBar({ editor }: { editor: Editor }) {
  useEditor(editor);
  const { suggestions } = editor;
  if (!suggestions.length) return null;
  const chosen = suggestions.filter((s) => editor.selection.has(s.shape.id));
  const meant = chosen.length ? chosen : suggestions;
  const what = chosen.length === 1 ? chosen[0]!.shape.label : chosen.length ? `${chosen.length} chosen` : `all ${suggestions.length}`;
  return (
    <div className="suggestion-bar" role="group" aria-label="What is suggested">
      <button type="button" className="go" onClick={() => editor.accept(meant)}>
        Accept {what}
      </button>
      <button type="button" onClick={() => editor.reject(meant)}>
        Reject {what}
      </button>
    </div>
  );
}
