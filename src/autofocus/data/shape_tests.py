"""Data tests of boxes, polygons and masks: what is wrong with the shapes of a version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autofocus.errors import InvalidInput
from autofocus.types.geometry import Shape, Shapes
from autofocus.types.models import Gate

if TYPE_CHECKING:
    from autofocus.store.manifests import Manifest

_EXAMPLES = 10
# Square pixels, and pixels a side: less is a slip of the hand.
_SMALLEST, _THINNEST = 1.0, 1.0
# Two shapes of one class that overlap by this much are one object, marked twice.
TWICE = 0.9
_FEATURES = ("shapes an image", "size", "aspect")


@dataclass(slots=True)
class ShapeFacts:
    """What one pass over the labels of a version tells.

    ``outside``, ``small`` and ``twice`` describe faults; ``counts`` are shapes by class;
    ``images`` maps an image's sha256 to its features: number of shapes, and of each shape the root
    of its box's share of the image and the logarithm of its width over its height.
    """

    outside: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    images: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = field(
        default_factory=dict
    )


def labels_of(manifest: Manifest) -> Iterator[tuple[str, str, Shapes, tuple[int, int]]]:
    """Key, sha256, label and (height, width) of every image whose label is shapes."""
    columns = [manifest.column(name) for name in ("key", "sha256", "height", "width", "label")]
    for i, (key, name, height, width, text) in enumerate(zip(*columns, strict=True)):
        label = None if text is None else manifest.label(i)
        if isinstance(label, Shapes):
            yield key, name, label, (height, width)


def look_at_shapes(manifest: Manifest, *, boxes: bool) -> ShapeFacts:
    """Read every label once. ``boxes``: shapes are compared by the boxes around them."""
    found = ShapeFacts()
    for key, name, label, size in labels_of(manifest):
        sizes, aspects = [], []
        for shape in label.shapes:
            box = shape.geometry.bounds
            try:
                shape.check_inside(size[1], size[0])
            except InvalidInput as error:
                found.outside.append(f"{key}: {error.message}")
            if min(box.width, box.height) < _THINNEST or shape.geometry.area < _SMALLEST:
                found.small.append(
                    f"{key}: shape {shape.id} ({shape.label}) of {box.width:.2g} x "
                    f"{box.height:.2g} pixels"
                )
            sizes.append(float(np.sqrt(box.area / (size[0] * size[1]))))
            aspects.append(float(np.log(box.width / box.height)))
            found.counts[shape.label] += 1
        found.images[name] = ((float(len(label.shapes)),), tuple(sizes), tuple(aspects))
        found.twice += [
            f"{key}: shapes {a.id} and {b.id} ({a.label}) overlap by {overlap:.0%}"
            for a, b, overlap in _twice(label.shapes, size, boxes)
        ]
    return found


def _twice(
    shapes: tuple[Shape, ...], size: tuple[int, int], boxes: bool
) -> Iterator[tuple[Shape, Shape, float]]:
    from autofocus.types.overlap import box_overlaps, edges, overlaps

    single = [s for s in shapes if not s.crowd]
    if len(single) < 2:
        return
    around = edges([s.geometry for s in single])
    # Boxes tell at little cost that most shapes are not the same: of two that are, as masks, the
    # boxes can hardly differ more.
    near = np.triu(box_overlaps(around, around) >= TWICE / 2, 1)
    for i, j in np.argwhere(near).tolist():
        a, b = single[i], single[j]
        if a.label == b.label:
            found = overlaps([a.geometry], [b.geometry], boxes=boxes, size=size)
            if found[0, 0] >= TWICE:
                yield a, b, float(found[0, 0])


def shape_gates(facts: ShapeFacts, details: dict[str, Any]) -> list[Gate]:
    """Shapes outside their image, too small to be meant, and marked twice."""
    wrong = (
        ("shapes inside", "outside", facts.outside, "every shape lies in its image",
         "shape(s) do not lie in their image"),
        ("shapes large enough", "small", facts.small, "every shape is a pixel or more each way",
         "shape(s) are smaller than a pixel"),
        ("shapes marked once", "twice", facts.twice, "no shape is marked twice in its image",
         f"pair(s) of shapes of one class overlap by {TWICE:.0%} or more"),
    )  # fmt: skip
    gates = []
    for name, detail, problems, good, bad in wrong:
        details[detail] = problems[:_EXAMPLES]
        reason = f"{len(problems)} {bad}, e.g. {problems[0]}" if problems else good
        gates.append(Gate(name, not problems, reason, float(len(problems)), 0.0))
    return gates


def shape_shifts(facts: ShapeFacts, parent: ShapeFacts) -> dict[str, float] | None:
    """By how many standard deviations of the parent's the shapes of new images differ on average.

    None where there are no new images, or none before.
    """
    new = [v for name, v in facts.images.items() if name not in parent.images]
    shifts = {}
    for place, feature in enumerate(_FEATURES):
        before, after = (
            np.array([x for image in images for x in image[place]], float)
            for images in (parent.images.values(), new)
        )
        if len(before) and len(after):
            spread = max(float(before.std()), 0.01 * abs(float(before.mean())), 1e-9)
            shifts[feature] = float((after.mean() - before.mean()) / spread)
    return shifts or None


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """Each class's share of all shapes."""
    total = sum(counts.values())
    return {name: n / total for name, n in counts.items()} if total else {}
