import { useEffect, useMemo, useRef } from "react";
import type { Annotation } from "../api/client";
import { count, when } from "../words";
import type { Trouble } from "./database";
import type { Editor } from "./editor";
import { paintShapes } from "./paint";
import { outbox } from "./outbox";
import { asLabel, bothLabels, difference, EMPTY, type Label } from "./shapes";
import type { Stage } from "./stage";

/** Two people, or two tabs, drew on one image: both labels side by side, and the choice. */
export function ConflictDialog({ editor, stage, trouble }: { editor: Editor; stage: Stage | undefined; trouble: Trouble }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const annotation = trouble.theirs as Annotation | null | undefined;
  const theirs = useMemo(() => (annotation ? asLabel(annotation.label) : EMPTY), [annotation]);
  const mine = editor.label;
  const id = annotation?.id ?? 0;
  const who = !annotation
    ? "Nobody: it was taken away"
    : annotation.author === editor.author
      ? "You, in another tab"
      : annotation.author;
  const { onlyMine, onlyTheirs, changed, same } = difference(mine, theirs);

  async function choose(label: Label, send: boolean, what: string) {
    const { image } = editor;
    if (!image) return;
    await outbox.settle(image.project, image.key, id, send ? label : undefined);
    editor.replace(label, id, what);
    await outbox.keepDraft(image.project, image.key, id, editor.label, editor.history);
    editor.say(what);
  }

  return (
    <dialog ref={dialog} className="conflict" aria-label="Two labels of one image" onCancel={(e) => e.preventDefault()}>
      <h2>Two labels of one image</h2>
      <p>
        While you drew, another label was saved. Nothing of either is lost. {count(same)} objects are the same in both.
      </p>
      <div className="conflict-both">
        <figure>
          <Small editor={editor} stage={stage} label={mine} />
          <figcaption>
            <strong>Yours</strong>
            <br />
            {count(mine.shapes.length)} objects, {count(onlyMine.length)} only here, {count(changed.length)} different
          </figcaption>
        </figure>
        <figure>
          <Small editor={editor} stage={stage} label={theirs} />
          <figcaption>
            <strong>{who}</strong> {annotation && when(annotation.created_at)}
            <br />
            {count(theirs.shapes.length)} objects, {count(onlyTheirs.length)} only here, {count(changed.length)} different
          </figcaption>
        </figure>
      </div>
      <div className="row end">
        <button type="button" onClick={() => void choose(mine, true, "Kept yours")}>
          Keep mine
        </button>
        <button type="button" onClick={() => void choose(theirs, false, "Took the other label")}>
          Take the other
        </button>
        <button type="button" className="go" onClick={() => void choose(bothLabels(mine, theirs), true, "Kept what is in both")}>
          Keep everything of both
        </button>
      </div>
    </dialog>
  );
}

function Small({ editor, stage, label }: { editor: Editor; stage: Stage | undefined; label: Label }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const { image } = editor;
    if (!context || !image) return;
    const { width, height } = context.canvas;
    const scale = Math.min(width / image.width, height / image.height);
    const x = (width - scale * image.width) / 2;
    const y = (height - scale * image.height) / 2;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(scale, 0, 0, scale, x, y);
    if (stage?.picture) context.drawImage(stage.picture, 0, 0, image.width, image.height);
    paintShapes(context, editor, label.shapes, { scale: scale / 2, x, y });
  }, [editor, stage, label]);
  return <canvas ref={canvas} width={640} height={480} role="img" aria-label={`${label.shapes.length} objects`} />;
}
