"""What a format says it carries comes back as it was; what it does not is told beforehand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from format_world import CLASSES, labels_for, same, take, version_of, whole_boxes, written
from hypothesis import given, settings
from hypothesis import strategies as st

from autofocus.data.formats import carried
from autofocus.data.formats.catalogue import BY_NAME, FORMATS
from autofocus.types.data import SPLITS, Tag, Task
from autofocus.types.geometry import Shapes

WRITTEN = [format.name for format in FORMATS if format.write]
# Where a format rounds or rewords what it carries: what is exact in it all the same.
EXACT: dict[str, dict[str, Any]] = {
    "voc": {
        "geometry": whole_boxes(),
        "values": st.one_of(st.booleans(), st.integers(-9, 9), st.text("abcäß<&", min_size=1)),
    },
    "cvat": {"values": st.integers(-9, 9)},
    "labelstudio": {"values": st.one_of(st.integers(-9, 9), st.text("abc äß<&", max_size=5))},
}
FOLDERS = ("car", "bus", 'half "open"', "Türe")


@pytest.mark.parametrize("name", WRITTEN)
@given(data=st.data())
@settings(max_examples=15)
def test_what_is_carried_comes_back(name: str, data: st.DataObject) -> None:
    carries = BY_NAME[name].carries
    classes = FOLDERS if name == "imagefolder" else CLASSES
    label = labels_for(name, classes, **EXACT.get(name, {}))
    found = data.draw(st.lists(st.tuples(st.sampled_from(SPLITS), label), min_size=1, max_size=5))
    task: Task = (
        "classification" if any(isinstance(v, Tag) for _, v in found) else
        "segmentation" if any(isinstance(v, Shapes) for _, v in found) else "classification"
    )  # fmt: skip
    # A project holds one kind of label.
    kind = Tag if task == "classification" else Shapes
    found = [(split, v if isinstance(v, kind) else None) for split, v in found]
    if carries.unlabelled is not True:
        found = [pair for pair in found if pair[1] is not None]
    # A file for each labelled image: without one there is nothing to know the format by.
    apart = name in ("voc", "yolo", "yolo-segment", "masks", "labelme")
    if not found or (apart and all(v is None for _, v in found)):
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = [(f"a.b/{i}.png", split, v, {"n": i}) for i, (split, v) in enumerate(found)]
        manifest = version_of(folder, rows)
        lost = {x.what for x in carried.losses(BY_NAME[name], manifest)}
        assert lost <= {"keys", "ids", "class_order", "order", "metadata", "splits", "attributes",
                        *(("box",) if name == "voc" else ())}  # fmt: skip
        written(manifest, name, folder / "out", classes)
        back = take(folder / "out", classes, task, name)
        assert back.skipped == []
        assert back.unmatched == []
        for i in range(len(manifest)):
            row, before = manifest.row(i), manifest.label(i)
            after = back.by_image[row.sha256]
            assert same(before, after, ids=carries.ids is True, tolerance=1e-6), (before, after)
        if carries.splits is not False:
            assert sorted(map(str, back.splits.values())) == sorted(s for s, _ in found)
        if carries.keys is True:
            assert set(back.labels) == {key for key, *_ in rows}
        if carries.metadata is True:
            assert {item.metadata["n"] for item in back.found.items} == set(range(len(rows)))
