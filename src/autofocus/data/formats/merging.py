"""Images that several lines or documents name: one image, and one label if they agree."""

from __future__ import annotations

from dataclasses import replace

from autofocus.data.formats.base import Found, Item
from autofocus.types.data import Label, Skipped, Tag
from autofocus.types.geometry import Shape, Shapes


def merge_same_keys(found: Found) -> None:
    """Make one item of all that have a key; classes must agree, shapes come together."""
    groups: dict[str, list[Item]] = {}
    for item in found.items:
        groups.setdefault(item.key, []).append(item)
    repeated = len(found.items) - len(groups)
    if not repeated:
        return
    found.notices.append(f"{repeated} line(s) name a file that another line names too")
    found.items = [
        items[0] if len(items) == 1 else _merged(found, items) for items in groups.values()
    ]


def several(key: str, names: list[str]) -> Skipped:
    """The line of an image with several classes where one was asked for."""
    return Skipped(key, "label", f"has several classes ({', '.join(names)}): taken without a label")


def _merged(found: Found, items: list[Item]) -> Item:
    metadata = {name: value for item in items for name, value in item.metadata.items()}
    last = items[-1]
    drawn = [item for item in items if isinstance(item.label, Shapes)]
    label: Label | None
    if drawn:
        frames = {item.frame for item in drawn}
        if len(frames) > 1:
            found.skipped.append(
                Skipped(last.key, "label", "several files give it shapes, for pictures of "
                        "different sizes: taken without a label")
            )  # fmt: skip
            return replace(last, label=None, metadata=metadata)
        shapes: dict[str, Shape] = {}
        for item in drawn:
            assert isinstance(item.label, Shapes)
            for shape in item.label.shapes:
                if shape != shapes.get(shape.id):
                    shapes[_free(shape.id, shapes)] = shape
        tags = dict.fromkeys(t for i in drawn if isinstance(i.label, Shapes) for t in i.label.tags)
        label = Shapes(tuple(replace(s, id=name) for name, s in shapes.items()), tuple(tags))
        return replace(last, label=label, metadata=metadata, frame=drawn[0].frame)
    names = sorted({item.label.label for item in items if isinstance(item.label, Tag)})
    label = Tag(names[0]) if len(names) == 1 else None
    if len(names) > 1:
        found.skipped.append(several(last.key, names))
    return replace(last, label=label, metadata=metadata)


def _free(name: str, taken: dict[str, Shape]) -> str:
    number, free = 2, name
    while free in taken:
        free = f"{name[:36]}-{number}"
        number += 1
    return free
