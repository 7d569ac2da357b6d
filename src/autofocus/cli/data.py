"""``autofocus data``: images in, versions, differences, tests, images out."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from autofocus.cli.session import Session
from autofocus.cli.table_options import FileColumn, LabelColumn
from autofocus.errors import GateFailed, InvalidInput

app = typer.Typer(help="Images and dataset versions.", no_args_is_help=True, rich_markup_mode=None)


class TestOutput(StrEnum):
    """How a report is written."""

    table = "table"
    markdown = "markdown"
    junit = "junit"
    json = "json"


@app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(help="Folder, table, file of annotations, zip or tar archive.")
    ],
    format: Annotated[
        str, typer.Option(help="auto, or one that `autofocus data formats` lists.")
    ] = "auto",
    split: Annotated[
        str | None, typer.Option(help="Put everything into train, val, test or pool.")
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="CSV with further columns, by relative path.")
    ] = None,
    group_by: Annotated[
        str | None, typer.Option(help="Metadata column whose groups must not straddle splits.")
    ] = None,
    file_column: FileColumn = None,
    label_column: LabelColumn = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder where a table's paths begin (default: its own).")
    ] = None,
    by_reference: Annotated[
        bool, typer.Option("--by-reference", help="Leave the images where they are.")
    ] = False,
    count_from: Annotated[
        str,
        typer.Option(
            help="0 or 1, where a format leaves it open: pixels of VOC, classes of masks."
        ),
    ] = "auto",
    drawn_on: Annotated[
        str,
        typer.Option(help="upright or stored: what labels are for where EXIF turns an image."),
    ] = "auto",
    empty: Annotated[
        str,
        typer.Option(help="negative or unlabelled: images that a file lists with nothing in it."),
    ] = "negative",
) -> None:
    """Import images and labels; ends with a report of every file that was not taken."""
    session: Session = context.obj
    with session.open_project() as project, session.progress(f"Importing {path}") as advance:
        report = project.data.import_path(
            path,
            format=format,
            split=split,
            metadata=metadata,
            group_by=group_by,
            file_column=file_column,
            label_column=label_column,
            root=root,
            by_reference=by_reference,
            count_from=count_from,
            drawn_on=drawn_on,
            empty=empty,
            progress=advance,
        )

    def show(console: object) -> None:
        from rich.console import Console
        from rich.table import Table

        assert isinstance(console, Console)
        console.print(
            f"{report.accepted} accepted, {report.unchanged} already there, "
            f"{report.labelled} labelled, {len(report.skipped)} skipped, "
            f"{len(report.unmatched_labels)} labels without an image, "
            f"{report.duplicates} duplicates ({report.format}, {report.seconds:.1f} s)",
            highlight=False,
        )
        for notice in report.notices:
            console.print(f"note: {notice}", highlight=False)
        if report.skipped:
            table = Table("file", "reason", title="Skipped", title_justify="left")
            for item in report.skipped[:20]:
                table.add_row(item.path, item.reason)
            console.print(table)
            if len(report.skipped) > 20:
                console.print(f"... and {len(report.skipped) - 20} more; all of them with --json.")
        if report.unmatched_labels:
            names = ", ".join(report.unmatched_labels[:5])
            console.print(f"Labels without an image: {names} ...", highlight=False)
        if report.accepted:
            console.print("Next: autofocus data commit NAME, then autofocus data test")

    session.emit(report, show)


@app.command("list")
def list_(
    context: typer.Context,
    split: Annotated[str | None, typer.Option(help="Only this split.")] = None,
    label: Annotated[str | None, typer.Option(help="Only this class; '-' for unlabelled.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Only this source (import, production).")
    ] = None,
    cursor: Annotated[str | None, typer.Option(help="Next page, as the last one printed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows per page.")] = 50,
) -> None:
    """List images with their labels and splits."""
    session: Session = context.obj
    with session.open_project() as project:
        page = project.data.samples(
            split=split, label=label, source=source, cursor=cursor, limit=limit
        )
    session.table(
        page,
        "Images",
        ["key", "split", "label", "size", "source"],
        (
            (
                s.key,
                s.split,
                s.label.words if s.label else "",
                f"{s.facts.width}x{s.facts.height}",
                s.source,
            )
            for s in page.items
        ),
        empty="No images here yet. Import some: autofocus data import FOLDER",
    )
    if page.next_cursor and not session.json:
        session.console.print(f"More: --cursor {page.next_cursor}", highlight=False)


@app.command()
def search(
    context: typer.Context,
    query: Annotated[
        str, typer.Argument(help='For example "class:open split:train brightness<40 camera:door".')
    ] = "",
    sort: Annotated[
        str, typer.Option(help="key, added, brightness, ...; with - in front downwards.")
    ] = "key",
    cursor: Annotated[str | None, typer.Option(help="Next page, as the last one printed.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Rows per page.")] = 50,
    like: Annotated[
        list[str] | None,
        typer.Option(
            help="Key of an image: those that the champion finds similar to it; give it again for "
            "further images."
        ),
    ] = None,
    like_case: Annotated[
        str | None,
        typer.Option("--like-case", help="A case: images similar to those that drifted in it."),
    ] = None,
) -> None:
    """Find images by class, split, source, author, case, statistics and metadata.

    Words are separated by blanks and all must hold; "-" in front of a word means not. A word is
    field:value,value (any of them), field<number, field:low..high, or a part of the key. Fields:
    class, split, source, author, case, predicted, format, key, brightness, contrast, blur,
    entropy, width, height, confidence, is:labelled, is:unlabelled, is:disputed; all other names
    are metadata columns.
    """
    from autofocus.data.query import Query

    session: Session = context.obj
    with session.open_project() as project:
        if like or like_case or Query.parse(query).needs_answers:
            with session.progress("The champion looks at the images") as advance:
                project.data.embeddings.compute(advance, threads=os.cpu_count() or 1)
        if like or like_case:
            if like and like_case:
                raise InvalidInput("Name images to be like or a case, not both.", field="like")
            alike = (
                project.loop.more_like(like_case, query, limit=limit)
                if like_case
                else project.data.similar(like or (), query, limit=limit)
            )
            session.table(
                alike,
                f"Similar to {like_case or ', '.join(alike.keys)}, as {alike.status.model} sees it",
                ["similarity", "key", "split", "label"],
                (
                    (
                        f"{item.similarity:.3f}",
                        item.sample.key,
                        item.sample.split,
                        item.sample.label.words if item.sample.label else "",
                    )
                    for item in alike.items
                ),
                empty="There is no other image like that.",
            )
            return
        found = project.data.search(query, sort=sort, limit=limit, cursor=cursor)
    session.table(
        found,
        f"{found.total} images",
        ["key", "split", "label", "size", "brightness", "metadata"],
        (
            (
                s.key,
                s.split,
                s.label.words if s.label else "",
                f"{s.facts.width}x{s.facts.height}",
                f"{s.facts.brightness:.0f}",
                ", ".join(f"{name}={value}" for name, value in s.metadata.items()),
            )
            for s in found.items
        ),
        empty="No image is like that. Search for less, or see what there is: autofocus data list",
    )
    for notice in () if session.json else found.notices:
        session.console.print(f"note: {notice}", highlight=False)
    if found.next_cursor and not session.json:
        session.console.print(f"More: --cursor {found.next_cursor}", highlight=False)


@app.command()
def show(
    context: typer.Context, key: Annotated[str, typer.Argument(help="Key of the image.")]
) -> None:
    """Show one image: facts, metadata, label and its history."""
    session: Session = context.obj
    with session.open_project() as project:
        sample = project.data.sample(key)
        history = project.labels.history(key)
    session.table(
        {"sample": sample, "history": history},
        f"{sample.key}: {sample.facts.width}x{sample.facts.height} {sample.facts.format}, "
        f"split {sample.split}, sha256 {sample.sha256[:12]}, metadata {dict(sample.metadata)}",
        ["label", "author", "source", "when", "revision", "until"],
        (
            (a.label.words, a.author, a.source, a.created_at, a.rev_from, a.rev_to or "now")
            for a in history
        ),
        empty="Not labelled yet.",
    )


@app.command()
def commit(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What this version is, in a few words.")],
) -> None:
    """Freeze the current images and labels as a version."""
    session: Session = context.obj
    with session.open_project() as project:
        version = project.data.commit(name, author=project.workspace.author)
    session.say(
        version,
        f"{version.name} {version.digest[:12]}  {version.message}  {dict(version.images)}",
    )


@app.command()
def log(context: typer.Context) -> None:
    """List the versions, newest first."""
    session: Session = context.obj
    with session.open_project() as project:
        versions = project.data.versions()
    session.table(
        versions,
        "Versions",
        ["version", "digest", "images", "message", "author", "when"],
        (
            (
                v.name,
                v.digest[:12],
                sum(v.images.values()),
                v.message,
                v.author,
                v.created_at,
            )
            for v in versions
        ),
        empty="No version yet. Freeze one: autofocus data commit NAME",
    )


@app.command()
def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="Version: v1, a digest, latest, or none.")],
    b: Annotated[str, typer.Argument(help="Version to compare with; now: not committed yet.")],
) -> None:
    """What changed from version A to version B."""
    session: Session = context.obj
    with session.open_project() as project:
        changes = project.data.diff(a, b)
    session.table(
        changes,
        f"{a} to {b}: {len(changes)} changes",
        ["change", "key", "before", "after"],
        ((c.change, c.key, c.before, c.after) for c in changes),
        empty=f"{a} and {b} hold the same images and labels.",
    )


@app.command()
def test(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Version: v1, a digest, or latest.")] = "latest",
    output: Annotated[
        TestOutput, typer.Option("--output", help="table, markdown, junit or json.")
    ] = TestOutput.table,
) -> None:
    """Run the data tests on a version; exit code 1 if one fails."""
    from autofocus.data.tests import run_data_tests

    session: Session = context.obj
    with session.open_project() as project:
        report = run_data_tests(project.data, project.data.version(version), project.policy.data)
    _show_report(session, report, output)
    if not report.passed:
        raise GateFailed(
            f"{sum(not g.passed for g in report.gates)} data test(s) failed.",
            hint="The reasons are above; fix the images or labels and commit again.",
        )


def _show_report(session: Session, report: object, output: TestOutput) -> None:
    import autofocus.evaluation.render as render
    from autofocus.types.models import Report

    assert isinstance(report, Report)
    if output is TestOutput.markdown:
        typer.echo(render.to_markdown(report))
    elif output is TestOutput.junit:
        typer.echo(render.to_junit(report))
    elif output is TestOutput.json:
        typer.echo(render.to_json(report))
    else:
        session.table(
            report,
            f"{report.kind} tests of {report.subject}",
            ["", "test", "what was found"],
            (("ok" if g.passed else "FAILED", g.name, g.reason) for g in report.gates),
        )


@app.command()
def export(
    context: typer.Context,
    version: Annotated[
        str | None,
        typer.Argument(help="Version: v1, a digest, or latest; left out: latest."),
    ] = None,
    folder: Annotated[
        str | None,
        typer.Argument(help="New or empty folder; not needed with --dry-run."),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option("--version", help="The version, where only the folder is an argument."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="One that `autofocus data formats` lists.")
    ] = "imagefolder",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; say what the format cannot carry.")
    ] = False,
) -> None:
    """Write a version into a folder; says what the format cannot carry."""
    from autofocus.data.formats.carried import ALWAYS

    session: Session = context.obj
    given = [text for text in (version, folder) if text is not None]
    if len(given) == 2 and of is not None:
        raise InvalidInput(f"Two versions: {version} and {of}.", hint="Name one of them.")
    # One argument is the folder, or, where nothing is written, the version.
    named = len(given) == 2 or (len(given) == 1 and dry_run and of is None)
    chosen = given[0] if named else of or "latest"
    target = Path(given[-1]) if given and not dry_run else None
    if dry_run:
        with session.open_project() as project:
            lost = project.data.not_carried(chosen, format)
        session.table(
            lost,
            f"What {format} cannot carry of {chosen}",
            ["what", "count", "images", "becomes", "for example"],
            ((x.called, x.count, x.images, x.becomes or "left out", x.example) for x in lost),
            empty=f"Format {format} carries everything of {chosen} but {ALWAYS}.",
        )
        return
    if target is None:
        raise InvalidInput("Export needs a folder.", hint="Give a new one, or use --dry-run.")
    with session.open_project() as project, session.progress(f"Exporting to {target}") as advance:
        report = project.data.export(project.data.version(chosen), format, target, progress=advance)
    session.say(
        report,
        "\n".join(f"{key}: {value}" for key, value in report.items()),
    )


@app.command()
def formats(context: typer.Context) -> None:
    """The formats that data comes in and goes out in."""
    from autofocus.data.formats.catalogue import FORMATS

    session: Session = context.obj
    session.table(
        [
            {"name": f.name, "reads": f.reads if f.read else "", "writes": f.write is not None}
            for f in FORMATS
        ],
        "Formats",
        ["name", "reads", "writes"],
        ((f.name, f.reads if f.read else "-", "yes" if f.write else "-") for f in FORMATS),
        empty="",
    )


@app.command()
def verify(context: typer.Context) -> None:
    """Read every stored image again and compare it with its digest."""
    session: Session = context.obj
    with session.open_project() as project, session.progress("Verifying") as advance:
        problems = list(project.data.verify(progress=advance))
    session.table(
        problems,
        "Problems",
        ["what is wrong"],
        ((p,) for p in problems),
        empty="Every stored image is what was written.",
    )
    if problems:
        raise GateFailed(f"{len(problems)} stored image(s) are damaged or missing.")


@app.command()
def gc(context: typer.Context) -> None:
    """Free the space of images that no version and no current row needs."""
    session: Session = context.obj
    with session.open_project() as project:
        freed = project.data.gc()
    session.say(freed, f"Freed {freed}.")
