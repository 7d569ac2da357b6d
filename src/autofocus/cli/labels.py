"""``autofocus labels``: the queue, answers, history, import and export."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autofocus.cli.session import Session, default_author
from autofocus.cli.table_options import FileColumn, LabelColumn
from autofocus.types.codec import encode

if TYPE_CHECKING:
    from autofocus.labels.assistant import AssistantStatus

app = typer.Typer(
    help="Labels and the labelling queue.", no_args_is_help=True, rich_markup_mode=None
)
Author = Annotated[str | None, typer.Option(help="Who labels; default: you.")]


@app.command()
def queue(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="open, done, skipped or cancelled.")] = "open",
    case: Annotated[str | None, typer.Option(help="Only what this case asks.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows.")] = 50,
) -> None:
    """What is asked, in the order in which answers help most, and why."""
    session: Session = context.obj
    with session.open_project() as project:
        page = project.labels.queue(state=state, case=case, limit=limit)
    session.table(
        page,
        "Labelling queue",
        ["task", "image", "suggestion", "why"],
        ((t.id, t.key, t.suggestion, t.reason) for t in page.items),
        empty="Nothing to label. The loop asks here when a case needs answers.",
    )
    if page.items and not session.json:
        session.console.print(
            "Answer: autofocus labels answer TASK CLASS    See an image: autofocus labels image "
            "TASK FILE",
            highlight=False,
        )


@app.command()
def ask(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(help="Which images, as `autofocus data search` finds them.")
    ] = "is:unlabelled",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20_000,
    author: Author = None,
) -> None:
    """Put images into the labelling queue; asking twice is asking once.

    The champion's answers are the suggestions as far as it has looked at the images; without a
    champion the labelling assistant suggests, as soon as ten images of two classes are labelled.
    """
    session: Session = context.obj
    with session.open_project() as project:
        asked = project.labels.ask(query, author=author or default_author(), limit=limit)
    known = f", {asked.found - asked.asked} were asked about before" * (asked.asked < asked.found)
    session.say(
        asked, f"{asked.asked} new questions about {asked.found} images{known}. Label: autofocus up"
    )


@app.command()
def assistant(
    context: typer.Context,
    train: Annotated[bool, typer.Option("--train", help="Let it learn now, and wait.")] = False,
) -> None:
    """What the labelling assistant knows, and how often it is right.

    It learns by itself while `autofocus up` runs: after ten labels of two classes, then when a
    training can be expected to pay. It suggests classes and puts the queue in order.
    """
    session: Session = context.obj
    with session.open_project() as project:
        found = project.assistant.work() if train else project.assistant.status()
    session.say(found, assistant_words(found))


@app.command()
def answer(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="Task id, as the queue prints it.")],
    label: Annotated[str, typer.Argument(help="One of the project's classes.")],
    author: Author = None,
) -> None:
    """Answer one task of the queue; answering again corrects it, history is kept."""
    session: Session = context.obj
    with session.open_project() as project:
        annotation = project.labels.answer(task, label, author or default_author())
    session.say(annotation, f"{annotation.key}: {annotation.label.words} by {annotation.author}")


@app.command()
def skip(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="Task id.")],
    reason: Annotated[str, typer.Option(help="Why it cannot be answered.")] = "unsure",
    author: Author = None,
) -> None:
    """Leave a task unanswered, with the reason."""
    session: Session = context.obj
    with session.open_project() as project:
        project.labels.skip(task, author or default_author(), reason)
    session.say({"task": task, "state": "skipped"}, f"{task}: skipped ({reason})")


@app.command()
def image(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="Task id.")],
    file: Annotated[Path, typer.Argument(help="File to write the image to.")],
) -> None:
    """Write the image of a task to a file, to look at it."""
    session: Session = context.obj
    with session.open_project() as project:
        data = project.data.image(project.labels.task(task).sha256)
    file.write_bytes(data)
    session.say({"file": str(file), "bytes": len(data)}, f"Wrote {file}")


@app.command("set")
def set_(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Key of the image.")],
    label: Annotated[str, typer.Argument(help="One of the project's classes.")],
    author: Author = None,
) -> None:
    """Label an image directly; the label before stays in the history."""
    session: Session = context.obj
    with session.open_project() as project:
        annotation = project.labels.label(key, label, author or default_author())
    session.say(annotation, f"{annotation.key}: {annotation.label.words} by {annotation.author}")


@app.command()
def annotate(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Key of the image.")],
    file: Annotated[Path, typer.Argument(help="JSON file with the label; - reads it from stdin.")],
    author: Author = None,
    seen: Annotated[
        int | None,
        typer.Option(help="Save only if this annotation is in force (its id; 0: none)."),
    ] = None,
) -> None:
    """Give an image a label of boxes, polygons and masks; the label before stays in the history.

    The file holds {"kind": "shapes", "shapes": [...]} as `autofocus --json data show KEY` prints
    it.
    """
    from autofocus.cli.session import read_json
    from autofocus.types.geometry import read_shapes

    session: Session = context.obj
    label = read_shapes(read_json(file))
    with session.open_project() as project:
        annotation = project.labels.annotate(key, label, author or default_author(), seen=seen)
    session.say(annotation, f"{annotation.key}: {annotation.label.words} by {annotation.author}")


@app.command()
def stats(context: typer.Context) -> None:
    """Counts by state, class and author."""
    session: Session = context.obj
    with session.open_project() as project:
        numbers = project.labels.stats()
    session.table(
        numbers,
        "Labels",
        ["what", "how many"],
        ((key, value) for key, value in numbers.items()),
    )


@app.command()
def qa(
    context: typer.Context,
    ask: Annotated[
        int, typer.Option(min=0, help="Put this many of the worst into the queue, for review.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rows.")] = 20,
) -> None:
    """Find labels that are probably wrong, worst first, and ask people about them.

    Every label is compared with what a classifier expects that has not seen it (confident
    learning on the champion's embeddings). In the review, accepting the suggestion corrects the
    label and giving the same class again keeps it; what was kept is not asked about again.
    Boxes and masks are compared with what the champion sees: objects that nobody marked, marks
    on nothing, marks in the wrong place or of the wrong class. Saving the label as it is keeps it.
    """
    session: Session = context.obj
    with session.open_project() as project:
        with session.progress("The champion looks at the images") as advance:
            project.labels.look(advance, threads=os.cpu_count() or 1)
        found = project.labels.quality()
        wanted = [s for s in found.suspects if not s.reviewed][:ask]
        asked = project.labels.review(wanted, model=found.model) if wanted else 0
    shown = dataclasses.replace(found, suspects=found.suspects[:limit])
    if session.json:
        session.say({**encode(shown), "asked": asked}, "")
        return
    drawn = any(s.findings for s in found.suspects)
    what, of = ("images", "faults in their labels") if drawn else ("labels", "are wrong")
    session.table(
        shown,
        f"{found.checked} {what} checked, about {found.estimated_errors:.0f} {of}",
        ["image", "labelled", "by", "looks like", "gain" if drawn else "how sure", ""],
        (
            (
                s.key,
                s.given,
                s.author,
                s.suggested,
                f"{s.score:.2f}" if drawn else f"{s.confidence:.0%}",
                "kept" * s.reviewed,
            )
            for s in shown.suspects
        ),
        empty="No label is contradicted.",
    )
    for pair in found.confused[:5]:
        session.console.print(
            f"About {pair.labels:.0f} labelled {pair.given} are {pair.suggested}.", highlight=False
        )
    if found.missing:
        session.console.print(
            f"{found.missing} labelled images could not be read by the model.", highlight=False
        )
    few = min(found.checked, max(20, round(2 * found.estimated_errors)))
    session.console.print(
        f"{asked} new questions are in the queue: autofocus labels queue, or the page."
        if ask
        else f"Review the worst: autofocus labels qa --ask {few}",
        highlight=False,
    )


@app.command()
def agreement(context: typer.Context) -> None:
    """How often people agree who labelled the same images; kappa 0 is chance, 1 is always.

    Of boxes and masks: the share of objects that agree, and how much these overlap.
    """
    session: Session = context.obj
    with session.open_project() as project:
        found = project.labels.agreement()
    session.table(
        found,
        "Agreement",
        ["first", "second", "images of both", "agree", "kappa", "objects agree", "overlap"],
        (
            (
                a.first,
                a.second,
                a.images,
                f"{a.agreed / a.images:.0%}",
                "" if a.kappa is None else f"{a.kappa:.2f}",
                "" if a.f1 is None else f"{a.f1:.0%}",
                "" if a.overlap is None else f"{a.overlap:.0%}",
            )
            for a in found
        ),
        empty="No image was labelled by two people.",
    )


@app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="CSV (file,label) or COCO JSON.")],
    author: Author = None,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
) -> None:
    """Import labels for images that are here already, matched by relative path."""
    session: Session = context.obj
    with session.open_project() as project:
        report = project.labels.import_labels(
            path,
            author=author or default_author(),
            file_column=file_column,
            label_column=label_column,
        )
    session.say(
        report,
        f"{report.labelled} labelled, {report.unchanged} unchanged, {len(report.skipped)} skipped, "
        f"{len(report.unmatched_labels)} labels without an image",
    )


@app.command()
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="CSV file to write.")],
) -> None:
    """Write the current labels with author, source and time as CSV."""
    session: Session = context.obj
    with session.open_project() as project:
        count = project.labels.export(path)
    session.say({"file": str(path), "labels": count}, f"Wrote {count} labels to {path}")


def assistant_words(status: AssistantStatus) -> str:
    """What the assistant knows, in a sentence."""
    if status.state == "off":
        return "The assistant helps to classify whole images; this project is not about that."
    if not status.trained_on:
        more = f"{status.needed} more of them" if status.labelled else f"{status.needed} images"
        told = f"The assistant knows nothing yet. It learns from labels: {more} first."
        if status.labelled and not status.open:
            told += " Nothing is in the queue: autofocus labels ask"
    else:
        agrees = (
            f"agrees with the last {status.answered} answers {status.agreement:.0%}"
            if status.agreement is not None
            else f"right on {status.held_out:.0%} of those held out"
            if status.held_out is not None
            else "not tested yet"
        )
        told = (
            f"Trained on {status.trained_on} images through {status.through}, {agrees}. "
            f"It suggests a class for {status.suggested} of {status.open} open questions and "
            f"learns again after {status.needed} more labels."
        )
    return f"{told} The last training failed: {status.problem}" if status.problem else told
