"""Label Studio's JSON: a list of tasks with regions in percent of the original image.

Rotation is about a region's top left corner. A brush is a PNG-like RGBA picture in its own packed
run lengths (rle-pack), not COCO's. Several controls may say something of one region: they share
its id. Of several annotations of a task one is taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt

from autofocus.data.formats import outgoing
from autofocus.data.formats.base import (
    RELATIVE,
    Carries,
    Format,
    Found,
    Frame,
    Item,
    ReadOptions,
    WriteOptions,
    frame_of,
)
from autofocus.data.formats.documents import read_json
from autofocus.data.formats.drawing import Drawing, ellipse, flat, turned_box
from autofocus.data.formats.matching import SPLIT_NAMES, Images, without_split
from autofocus.data.formats.merging import merge_same_keys
from autofocus.data.formats.sketch import Sketch
from autofocus.errors import InvalidInput
from autofocus.store.manifests import Manifest
from autofocus.types import rle
from autofocus.types.data import Label, Split, Tag
from autofocus.types.geometry import Box, Geometry, Mask, Polygon, Shape

# An upload is stored under eight hex digits and its name.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
_REGIONS = ("rectangle", "polygon", "ellipse", "brush")
_NO_AREA = ("keypoint", "vector", "bitmask")
_PER_REGION = ("choices", "textarea", "number", "rating", "taxonomy", "datetime")
_PART = re.compile(r"(.+)/part(\d+)")
_MOST_PIXELS = 2**28
_TAGS = "tags"  # our control for words about the image that are not its class

Pixels = npt.NDArray[np.bool_]


# -- reading -----------------------------------------------------------------------------------


def detect(sketch: Sketch) -> str | None:
    """A JSON list of tasks with ``data`` and ``annotations`` (or ``completions``)."""
    for file, data in sketch.documents():
        if _is_tasks(data):
            return f"{file} is a list of tasks of Label Studio"
    return None


def _is_tasks(data: Any) -> bool:
    return (
        isinstance(data, list)
        and bool(data)
        and all(isinstance(task, dict) for task in data[:20])
        and any(
            isinstance(task.get("data"), dict)
            and any(name in task for name in ("annotations", "completions", "predictions"))
            for task in data[:20]
        )
    )


def read(path: Path, options: ReadOptions) -> Found:
    """A JSON export and its images, which lie below the same folder (or ``root``)."""
    top = path if path.is_dir() else path.parent
    found = Found("labelstudio", [])
    images = Images.below(options.root or top)
    files = [name for name in Sketch.of(path).ending(".json") if _is_tasks(read_json(top / name))]
    if not files:
        raise InvalidInput(
            f"{path} holds no tasks of Label Studio.",
            hint="Export as JSON (not JSON-MIN): a list of tasks with data and annotations.",
        )
    for name in files:
        for task in read_json(top / name):
            if isinstance(task, dict):
                _take(task, name, images, found, options)
    merge_same_keys(found)
    if not found.items:
        raise InvalidInput(
            f"None of the images of {len(found.unmatched_labels)} tasks is there.",
            hint="Put the images beside the JSON file, or say where they are (root).",
        )
    return found


def _take(
    task: Mapping[str, Any], file: PurePosixPath, images: Images, found: Found,
    options: ReadOptions,
) -> None:  # fmt: skip
    data = task["data"] if isinstance(task.get("data"), dict) else {}
    names = _image_names(task, data)
    there = next(filter(None, (images.find(name, file.parent) for name in names)), None)
    if there is None:
        found.unmatched_labels.append(names[0] if names else f"task {task.get('id')}")
        return
    key, image = there
    if task.get("predictions"):
        found.tally("task(s) have predictions, which are no labels and not taken")
    if task.get("drafts"):
        found.tally("task(s) have drafts, which nobody submitted and are not taken")
    chosen = _chosen(task, found)
    label: Label | None = None
    frame: Frame | None = None
    if chosen is not None:
        result = chosen.get("result")
        label, frame = _label(Drawing(found, key), result if isinstance(result, list) else [])
    split: Split | None = SPLIT_NAMES.get(str(data.get("split", "")).lower())
    split = split or without_split(PurePosixPath(key).parts[:-1], options.classes)[0]
    extra = data.get("metadata")
    metadata = flat(extra) if isinstance(extra, dict) else {}
    found.items.append(Item(key, image, label, split, metadata, frame))


def _image_names(task: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """The names by which a task's image may be known here, the best first."""
    value = next((data[n] for n in ("image", "img", "image_url", "url") if n in data), None)
    if value is None:
        value = next((v for v in data.values() if isinstance(v, str) and "." in v), None)
    names = []
    if isinstance(value, str) and value:
        url = urlsplit(value)
        local = parse_qs(url.query).get("d", [""])[0]
        path = local or unquote(url.path)
        for prefix in ("/data/upload/", "/data/media/upload/", "/data/"):
            if path.startswith(prefix):
                path = path.removeprefix(prefix)
                break
        # A path on that server is absolute there; here it counts from the folder.
        names.append(path.lstrip("/"))
        uploaded = _UPLOADED.fullmatch(PurePosixPath(path).name)
        if uploaded:
            names.append(uploaded[1])
        names.append(PurePosixPath(path).name)
    if isinstance(task.get("file_upload"), str):
        names.append(task["file_upload"])
    return [name for name in dict.fromkeys(names) if name]


def _chosen(task: Mapping[str, Any], found: Found) -> Mapping[str, Any] | None:
    """The annotation to take: the ground truth, else the one changed last; none if cancelled."""
    given = task.get("annotations", task.get("completions"))
    if not isinstance(given, list):
        return None
    usable = [a for a in given if isinstance(a, dict) and not a.get("was_cancelled")]
    if len(usable) < len(given):
        found.tally("annotation(s) were skipped by their author and are not taken")
    if len(usable) > 1:
        found.tally("task(s) have several annotations: the ground truth or the last one is taken")
    if not usable:
        return None
    return max(usable, key=lambda a: (bool(a.get("ground_truth")), str(a.get("updated_at") or "")))


def _label(drawing: Drawing, result: Sequence[Any]) -> tuple[Label | None, Frame | None]:
    """The label of one annotation's regions, which share ids where they are about the same."""
    regions: dict[str, list[Mapping[str, Any]]] = {}
    whole: list[str] = []
    tags: list[str] = []
    frames: set[Frame] = set()
    for i, entry in enumerate(result):
        if not isinstance(entry, dict) or not isinstance(entry.get("value"), dict):
            if isinstance(entry, dict) and entry.get("type") == "relation":
                drawing.found.tally("relation(s) between regions are not taken")
            else:
                drawing.refuse(f"result {i + 1} has no value")
            continue
        if _about_image(entry):
            told = [str(name) for name in entry["value"].get("choices", ())]
            if entry.get("from_name") == _TAGS:
                tags += told
            else:
                whole += told
            continue
        part = _PART.fullmatch(str(entry.get("id", "")))
        name = part[1] if part else str(entry.get("id", f"r{i}"))
        regions.setdefault(name, []).append(entry)
        declared = frame_of(entry.get("original_width"), entry.get("original_height"))
        if declared is not None:
            frames.add(declared)
    if len(frames) > 1:
        drawing.refuse("its regions are for pictures of different sizes")
        return None, None
    frame = next(iter(frames), RELATIVE)
    for name, entries in regions.items():
        _region(drawing, name, entries, frame)
    names = sorted(set(whole))
    if len(names) == 1 and not regions and not tags:
        return Tag(names[0]), None
    for tag in [*tags, *names]:
        drawing.tag(tag)
    return drawing.label(listed=True), frame


def _about_image(entry: Mapping[str, Any]) -> bool:
    """Whether choices are about the whole image, not about a region."""
    value = entry["value"]
    return entry.get("type") == "choices" and not any(
        name in value for name in ("x", "points", "rle")
    )


def _kind(entry: Mapping[str, Any]) -> str:
    """``rectangle``, ``polygon``, ... by what is there, as ``type`` may be that of a control."""
    value, told = entry["value"], str(entry.get("type", ""))
    if "rle" in value:
        return "brush"
    if "points" in value:
        return "polygon"
    if "radiusX" in value:
        return "ellipse"
    if {"x", "y", "width", "height"} <= value.keys():
        return "rectangle"
    return told.removesuffix("labels") or "nothing"


def _region(
    drawing: Drawing, name: str, entries: Sequence[Mapping[str, Any]], frame: Frame
) -> None:
    drawn: list[tuple[str, Mapping[str, Any]]] = []
    labels: list[str] = []
    attributes: dict[str, Any] = {}
    for entry in entries:
        value, kind = entry["value"], _kind(entry)
        told = str(entry.get("type", ""))
        same_kind = kind in _REGIONS and (not drawn or drawn[0][0] == kind)
        if same_kind and not any(_repeats(value, other) for _, other in drawn):
            drawn.append((kind, value))
        listed = value.get(told) if told.endswith("labels") else None
        labels += [str(label) for label in (listed or ()) if str(label) not in labels]
        if told in _PER_REGION:
            attributes[str(entry.get("from_name") or told)] = _told(value, told)
    if not drawn:
        kinds = ", ".join(sorted({_kind(entry) for entry in entries}))
        drawing.refuse(f"region {name}: {kinds} has no area")
        return
    if not labels:
        drawing.refuse(f"region {name} has no class")
        return
    if len(labels) > 1:
        drawing.refuse(f"region {name} has several classes ({', '.join(labels)})")
        return
    if drawn[0][0] == "ellipse":
        drawing.found.tally("ellipse(s) are taken as polygons")
    if drawn[0][0] == "rectangle" and drawn[0][1].get("rotation"):
        drawing.found.tally("turned rectangle(s) are taken as polygons of four points")
    drawing.add(
        labels[0],
        lambda: _geometry([value for _, value in drawn], drawn[0][0], frame),
        id=name,
        attributes=attributes,
    )


def _repeats(value: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two controls repeat the geometry of one region."""
    names = ("x", "y", "width", "height", "points", "rle", "radiusX")
    return all(value.get(name) == other.get(name) for name in names)


def _told(value: Mapping[str, Any], kind: str) -> Any:
    given = value.get({"textarea": "text"}.get(kind, kind))
    if isinstance(given, list):
        return given[0] if len(given) == 1 else ", ".join(map(str, given))
    return given


def _geometry(values: Sequence[Mapping[str, Any]], kind: str, frame: Frame) -> Geometry:
    sx, sy = frame.width / 100, frame.height / 100
    value = values[0]
    if kind == "polygon":
        return Polygon(
            tuple(tuple((float(x) * sx, float(y) * sy) for x, y in v["points"]) for v in values)
        )
    if kind == "brush":
        if frame.relative:
            raise InvalidInput("A brush needs original_width and original_height.")
        return _brush(value["rle"], int(frame.height), int(frame.width))
    x, y = float(value["x"]) * sx, float(value["y"]) * sy
    turn = float(value.get("rotation") or 0)
    if kind == "ellipse":
        return ellipse(x, y, float(value["radiusX"]) * sx, float(value["radiusY"]) * sy, turn)
    width, height = float(value["width"]) * sx, float(value["height"]) * sy
    if turn % 360 == 0:
        return Box(x, y, width, height)
    if frame.relative:
        raise InvalidInput("A turned rectangle needs original_width and original_height.")
    return turned_box(x, y, width, height, turn)


# -- brushes -----------------------------------------------------------------------------------


def _brush(packed: Any, height: int, width: int) -> Mask:
    if not isinstance(packed, list) or not all(isinstance(v, int) for v in packed):
        raise InvalidInput("The rle of a brush is a list of bytes.")
    if height * width * 4 > _MOST_PIXELS * 4:
        raise InvalidInput(f"A brush of {width} x {height} pixels is too large.")
    values = unpack(bytes(v & 255 for v in packed), height * width * 4)
    if len(values) != height * width * 4:
        raise InvalidInput(
            f"The brush holds {len(values)} values, but {width} x {height} pixels need "
            f"{height * width * 4}."
        )
    return rle.from_pixels(values.reshape(height, width, 4)[..., 3] > 0)


def unpack(data: bytes, most: int) -> npt.NDArray[np.uint8]:
    """The values of rle-pack's run lengths (Apache-2.0, thi.ng/rle-pack: its layout, not its code).

    Bits, highest first: the count of values (32), bits a value less 1 (5), four sizes of run
    lengths less 1 (4 each); then blocks: one bit for a repeated value, two for the size of the
    length, the length less 1, and one value or all of them. Raises InvalidInput.
    """
    bits = _Bits(data)
    total, word = bits.take(32), bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if total > most or word != 8:
        raise InvalidInput(
            f"The brush holds {total} values of {word} bits; at most {most} of 8 were expected."
        )
    out = np.zeros(total, np.uint8)
    at = 0
    while at < total:
        repeated = bits.take(1)
        length = min(bits.take(sizes[bits.take(2)]) + 1, total - at)
        if repeated:
            out[at : at + length] = bits.take(8)
        else:
            out[at : at + length] = [bits.take(8) for _ in range(length)]
        at += length
    return out


class _Bits:
    """Bits of bytes, from the highest of the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, n: int) -> int:
        first, last = self._at // 8, (self._at + n + 7) // 8
        if last > len(self._data):
            raise InvalidInput("The run lengths of the brush end too early.")
        value = int.from_bytes(self._data[first:last], "big")
        self._at += n
        return (value >> (last * 8 - self._at)) & ((1 << n) - 1)


_SIZES = (3, 4, 8, 16)


def pack(values: npt.NDArray[np.uint8]) -> list[int]:
    """Run lengths that :func:`unpack` reads, every block a repeated value."""
    bits: list[str] = [f"{len(values):032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    edges = np.flatnonzero(np.diff(values)) + 1
    for run in np.split(values, edges):
        value, left = int(run[0]), len(run)
        while left:
            length = min(left, 1 << _SIZES[-1])
            place = next(i for i, size in enumerate(_SIZES) if length <= 1 << size)
            bits.append(f"1{place:02b}{length - 1:0{_SIZES[place]}b}{value:08b}")
            left -= length
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))


# -- writing -----------------------------------------------------------------------------------


def write(manifest: Manifest, folder: Path, options: WriteOptions) -> dict[str, Any]:
    """``images/<key>`` and ``tasks.json``, for a project that serves local files."""
    tasks = []
    shapes = 0
    for number, image in enumerate(outgoing.images(manifest, folder, options), 1):
        row = image.row
        size = {"original_width": row.width, "original_height": row.height, "image_rotation": 0}
        data: dict[str, Any] = {
            "image": f"/data/local-files/?d={outgoing.quoted(image.name)}",
            "split": row.split,
        }
        if row.metadata:
            data["metadata"] = row.metadata
        result = [part for shape in image.shapes for part in _regions(shape, size)]
        choices = [image.tag] if image.tag is not None else list(image.tags)
        if choices:
            control = _TAGS if image.tag is None else "class"
            result.append(
                {"id": "image", "type": "choices", "from_name": control, "to_name": "image",
                 "value": {"choices": choices}, "origin": "manual", **size}
            )  # fmt: skip
        shapes += len(image.shapes)
        annotations = [] if image.label is None else [
            {"id": number, "was_cancelled": False, "ground_truth": False, "result": result}
        ]  # fmt: skip
        tasks.append({"id": number, "data": data, "annotations": annotations, "predictions": []})
    outgoing.write_json(folder / "tasks.json", tasks)
    return {"images": len(manifest), "shapes": shapes}


def _regions(shape: Shape, size: Mapping[str, Any]) -> list[dict[str, Any]]:
    sx, sy = 100 / size["original_width"], 100 / size["original_height"]
    common = {"to_name": "image", "origin": "manual", **size}

    def region(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        value[f"{kind}labels"] = [shape.label]
        return {"id": name, "type": f"{kind}labels", "from_name": kind, "value": value, **common}

    g = shape.geometry
    if isinstance(g, Box):
        value = {"x": g.x * sx, "y": g.y * sy, "width": g.width * sx, "height": g.height * sy,
                 "rotation": 0}  # fmt: skip
        made = [region(shape.id, "rectangle", value)]
    elif isinstance(g, Polygon):
        made = [
            region(
                f"{shape.id}/part{i}" if len(g.parts) > 1 else shape.id, "polygon",
                {"points": [[x * sx, y * sy] for x, y in part], "closed": True},
            )
            for i, part in enumerate(g.parts)
        ]  # fmt: skip
    else:
        pixels = rle.to_pixels(g).reshape(-1).astype(np.uint8) * 255
        made = [region(shape.id, "brush", {"format": "rle", "rle": pack(np.repeat(pixels, 4))})]
    first = made[0]["id"]
    for name, told in shape.attributes.items():
        if isinstance(told, int | float) and not isinstance(told, bool):
            kind, value = "number", {"number": told}
        else:
            kind, value = "textarea", {"text": [_word(told)]}
        made.append({"id": first, "type": kind, "from_name": name, "value": value, **common})
    return made


def _word(told: Any) -> str:
    if told is None:
        return ""
    return str(told).lower() if isinstance(told, bool) else str(told)


FORMAT = Format(
    "labelstudio",
    "Label Studio JSON",
    "rectangles (turned ones as polygons), polygons, ellipses (as polygons), brushes, choices; the "
    "ground truth or last annotation of a task",
    read,
    detect,
    write,
    Carries(
        tag=True, box=True, polygon=True, parts=True, mask=True,
        attributes="text or a number; true, false and null as words",
        image_tags=True, crowd="an ordinary object", order=True, ids=True, empty=True,
        unlabelled=True, splits=True, metadata=True,
    ),
)  # fmt: skip
