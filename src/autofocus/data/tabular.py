"""Tables that name files: CSV and TSV, read line by line so that one bad line costs one line."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autofocus.errors import InvalidInput, NotFound
from autofocus.types.data import Skipped

Scalar = str | int | float | bool | None

_FILE_COLUMNS = ("file", "filename", "file_name", "path", "image", "filepath")
_LABEL_COLUMNS = ("label", "class", "category", "target")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the path as ``key`` with ``/``, the other columns as text."""

    number: int
    key: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table's lines, those that could not be used, and its columns but for the path's."""

    lines: list[Line]
    skipped: list[Skipped]
    columns: list[str]


def read_table(path: Path, *, file_column: str | None = None, first_column: bool = False) -> Table:
    """Read a table; with ``first_column`` the first one holds the paths if none is named so.

    Separators: tab in a ``.tsv``, else comma, or semicolon where the header has no comma. Raises
    NotFound, InvalidInput.
    """
    if not path.is_file():
        raise NotFound(f"There is no table {path}.", hint="Check the spelling of the path.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            file.seek(0)
            separator = "," if "," in header or ";" not in header else ";"
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else separator)
            columns = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
    except (csv.Error, UnicodeDecodeError) as exc:
        raise InvalidInput(
            f"{path} cannot be read as a table: {exc}.", hint="Expected CSV in UTF-8."
        ) from exc
    lower = {name.lower(): name for name in columns}
    name = file_column or next((lower[c] for c in _FILE_COLUMNS if c in lower), None)
    if name is None and first_column and columns:
        name = columns[0]
    if name is None or name not in columns:
        raise InvalidInput(
            f"{path.name} has no column {name or 'file'!r}; it has {columns}.",
            hint="Name the column that holds the relative paths (file_column).",
        )
    lines, skipped = [], []
    for number, row in rows:
        where = f"{path.name} line {number}"
        if None in row:
            skipped.append(Skipped(where, "line", "has more values than there are columns"))
        elif not row[name]:
            skipped.append(Skipped(where, "line", f"has nothing in column {name!r}"))
        else:
            key = PurePosixPath(row[name].replace("\\", "/")).as_posix()
            values = {c: v or "" for c, v in row.items() if c != name}
            lines.append(Line(number, key, values))
    return Table(lines, skipped, [c for c in columns if c != name])


def label_column(path: Path, table: Table, wanted: str | None) -> str | None:
    """The column that holds the classes; raises InvalidInput if the wanted one is not there."""
    if wanted is not None and wanted not in table.columns:
        raise InvalidInput(
            f"{path.name} has no column {wanted!r}; it has {table.columns}.",
            hint="Name the column that holds the classes (label_column).",
        )
    lower = {name.lower(): name for name in table.columns}
    return wanted or next((lower[c] for c in _LABEL_COLUMNS if c in lower), None)


def scalar(text: str) -> Scalar:
    """A cell as number, true or false where it is one; an empty cell is None."""
    if text == "":
        return None
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        # "007" and "1e5" are names as often as numbers: only what prints back the same is one.
        return value if str(value) == text and math.isfinite(value) else text
    return {"true": True, "false": False}.get(text.lower(), text)
