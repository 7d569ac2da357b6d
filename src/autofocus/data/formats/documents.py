"""JSON, XML and YAML that came from elsewhere: bounded in size, and XML without its entities."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import orjson
import yaml

from autofocus.errors import InvalidInput

MAX_DOCUMENT = 2 * 2**30
MAX_XML = 2**30
MAX_YAML = 16 * 2**20
_HEAD = 4096
_NOT_IN_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises InvalidInput for what is none or too large."""
    data = _bounded(path, MAX_DOCUMENT)
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:  # NaN, a byte-order mark or UTF-16, which tools write and orjson does not read
        return json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput(f"{path.name} is not JSON that can be read: {exc}.") from exc


def read_lines(path: Path) -> list[tuple[int, Any]]:
    """(line number, content) of a file with one JSON value a line; raises InvalidInput."""
    found = []
    for number, line in enumerate(_bounded(path, MAX_DOCUMENT).splitlines(), 1):
        if line.strip():
            try:
                found.append((number, orjson.loads(line)))
            except ValueError as exc:
                raise InvalidInput(f"{path.name} line {number} is not JSON: {exc}.") from exc
    return found


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; raises InvalidInput."""
    try:
        return yaml.safe_load(_bounded(path, MAX_YAML))
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        first = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise InvalidInput(f"{path.name} is not YAML that can be read: {first}.") from exc


def read_xml(path: Path) -> Element:
    """The root element of an XML file; raises InvalidInput, also for any entity declaration.

    Entities are what XML attacks are made of (a kilobyte that expands to gigabytes, files of the
    machine read in), and no annotation tool writes them.
    """
    builder = TreeBuilder()
    parser = _parser(path)
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    data = _bounded(path, MAX_XML)
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError, ValueError, LookupError) as exc:
        raise InvalidInput(f"{path.name} is not XML that can be read: {exc}.") from exc
    return builder.close()


def root_tag(path: Path) -> str:
    """The name of an XML file's root element, from its first bytes; empty for what is no XML."""
    found: list[str] = []
    parser = _parser(path)
    parser.StartElementHandler = lambda name, _: found.append(name)
    try:
        with path.open("rb") as file:
            parser.Parse(file.read(_HEAD), False)
    except (expat.ExpatError, InvalidInput, UnicodeError, ValueError, LookupError, OSError):
        pass
    return found[0] if found else ""


def _parser(path: Path) -> Any:
    def refuse(*_: Any) -> int:
        raise InvalidInput(
            f"{path.name} declares an entity, which annotations never need.",
            hint="Take the DOCTYPE out if you trust the file.",
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser


def text_of(element: Element | None, name: str, default: str = "") -> str:
    """The text of a child element without blanks around it."""
    child = None if element is None else element.find(name)
    return default if child is None or child.text is None else child.text.strip()


def xml_text(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)


def read_text(path: Path) -> str:
    """A small text file; raises InvalidInput if it is none."""
    try:
        return _bounded(path, MAX_YAML).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput(f"{path.name} is not text in UTF-8: {exc}.") from exc


def _bounded(path: Path, limit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise InvalidInput(
                f"{path.name} has {size / 1e6:.0f} MB, more than the {limit / 1e6:.0f} that are "
                "read.",
                hint="Split it into several files.",
            )
        return path.read_bytes()
    except OSError as exc:
        raise InvalidInput(f"{path} cannot be read: {exc.strerror}.") from exc
