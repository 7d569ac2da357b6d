"""Files that hold anything anywhere are refused or read, and never crash or lead out."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from format_world import CLASSES, HEIGHT, WIDTH, put, version_of, written
from hypothesis import given, settings
from hypothesis import strategies as st

from autofocus.data.formats import catalogue
from autofocus.data.formats.base import ReadOptions
from autofocus.data.formats.documents import read_json, read_xml, read_yaml, root_tag
from autofocus.errors import AutofocusError, InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

REAL = Path(__file__).parent / "real"
FORMATS = ("coco", "labelme", "datumaro", "labelstudio", "huggingface", "cvat", "voc", "yolo")
LABEL = Shapes(
    (
        Shape("a", "car", Box(1, 1, 5, 5), {"colour": "red"}),
        Shape("b", "bus", Polygon((((2, 2), (9, 2), (9, 9)),))),
        Shape("c", "bus", rle.draw(Box(2, 2, 9, 9), HEIGHT, WIDTH)),
    ),
    ("night",),
)
VALUES: Any = st.sampled_from(
    [None, True, -1, 0, 10**400, 1e308, "", "x", "../../secret.png", "/etc/passwd", "\0", [], {},
     [1], [[1]], {"a": 1}]
)  # fmt: skip
BYTES = st.sampled_from([b"", b"<", b"-", b"99999999999999999999", b"nan", b"&x;", b"\xff", b","])


@cache
def _whole(format: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="autofocus-test-"))
    written(version_of(folder, [("sub/a.png", "train", LABEL, {})]), format, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module", autouse=True)
def _cleaned() -> Iterator[None]:
    yield
    for format in FORMATS:
        shutil.rmtree(_whole(format).parent)
    _whole.cache_clear()


def _replace(draw: Callable[..., Any], value: Any) -> Any:
    """The value with something else somewhere in it."""
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.booleans()):
            return {**value, key: _replace(draw, value[key])}
        return {k: v for k, v in value.items() if k != key}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        i = draw(st.integers(0, len(value) - 1))
        return [*value[:i], _replace(draw, value[i]), *value[i + 1 :]]
    return draw(VALUES)


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data())
@settings(max_examples=30)
def test_anything_anywhere(format: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "in"
        shutil.copytree(_whole(format), folder)
        put(Path(scratch), {"secret.png": b"not for this import"})
        documents = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".png"]
        path = data.draw(st.sampled_from(documents))
        content = path.read_bytes()
        if path.suffix == ".json":
            content = json.dumps(_replace(data.draw, json.loads(content))).encode()
        else:
            at = data.draw(st.integers(0, len(content)))
            length = data.draw(st.sampled_from([0, 1, 4, 30]))
            content = content[:at] + data.draw(BYTES) + content[at + length :]
        path.write_bytes(content)
        options = ReadOptions(CLASSES, task="segmentation", scratch=Path(scratch))
        for name in {format, *_detected(folder)}:
            reader = catalogue.BY_NAME[name].read
            assert reader is not None
            try:
                found = catalogue.read_as(name, reader, folder, options)
            except AutofocusError:
                continue
            assert all(item.path.resolve().is_relative_to(folder) for item in found.items)
            assert all(isinstance(notice, str) for notice in found.told())


def _detected(folder: Path) -> set[str]:
    try:
        return {catalogue.detect_format(folder)}
    except AutofocusError:
        return set()


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (read_json, b"{"),
        (read_json, b"[" * 100_000),
        (read_json, b"\xff\xfe"),
        (read_xml, b"<a>"),
        (read_xml, b'<?xml version="1.0" encoding="utf-U"?><a/>'),
        (read_xml, b'<!DOCTYPE a [<!ENTITY x "ha">]><a>&x;</a>'),
        (read_xml, b"<a>" * 10),
        (read_yaml, b"a: [1"),
        (read_yaml, b"!!python/object/apply:os.system ['true']"),
        (read_yaml, b"\0"),
    ],
)
def test_what_cannot_be_read_says_so(
    tmp_path: Path, reader: Callable[[Path], Any], data: bytes
) -> None:
    path = put(tmp_path, {"some.file": data}) / "some.file"
    with pytest.raises(InvalidInput, match=r"some\.file"):
        reader(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        reader(tmp_path / "nowhere")
    assert isinstance(root_tag(path), str)


def test_nan_and_byte_order_marks_are_json_too(tmp_path: Path) -> None:
    put(tmp_path, {"a.json": b"\xef\xbb\xbf[NaN]", "b.json": "[1]".encode("utf-16")})
    assert str(read_json(tmp_path / "a.json")[0]) == "nan"
    assert read_json(tmp_path / "b.json") == [1]
