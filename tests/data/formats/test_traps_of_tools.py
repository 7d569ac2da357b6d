"""What importers of the annotation tools' own formats get wrong, each a test."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_world import HEIGHT, WIDTH, picture, put, take
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image

from autofocus.data.formats.labelstudio import pack, unpack
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.data import Tag
from autofocus.types.geometry import Box, Polygon, Shapes

PIXELS = np.zeros((HEIGHT, WIDTH), bool)
PIXELS[10:30, 5:9] = True
PIXELS[15:20, 6:8] = False


# -- Label Studio -----------------------------------------------------------------------------


def region(kind: str, id: str = "r1", label: str = "car", **value: Any) -> dict[str, Any]:
    return {
        "id": id, "type": f"{kind}labels", "from_name": kind, "to_name": "image",
        "original_width": WIDTH, "original_height": HEIGHT,
        "value": {**value, f"{kind}labels": [label]},
    }  # fmt: skip


def tasks(root: Path, *results: Any, image: str = "a.png", **task: Any) -> Path:
    annotation = {"id": 1, "result": list(results), "was_cancelled": False}
    one = {"id": 7, "data": {"image": image}, "annotations": [annotation], **task}
    return put(root, {"a.png": picture(0), "tasks.json": [one]})


BOX = region("rectangle", x=25, y=25, width=50, height=50, rotation=0)


def test_label_studio_counts_in_percent_of_the_original(tmp_path: Path) -> None:
    found = take(tasks(tmp_path, BOX))
    assert (found.format, found.only("a.png")) == ("labelstudio", Box(16, 12, 32, 24))


def test_label_studio_turns_about_the_top_left_corner(tmp_path: Path) -> None:
    turned = region("rectangle", x=50, y=50, width=25, height=12.5, rotation=90)
    found = take(tasks(tmp_path, turned))
    b = found.only("a.png").bounds
    assert [round(v, 9) for v in (b.x, b.y, b.width, b.height)] == [26, 24, 6, 16]
    assert found.told("turned rectangle")


def test_label_studio_packs_brushes_its_own_way(tmp_path: Path) -> None:
    packed = pack(np.repeat(PIXELS.reshape(-1).astype(np.uint8) * 255, 4))
    found = take(tasks(tmp_path, region("brush", format="rle", rle=packed)))
    assert (rle.to_pixels(found.only("a.png")) == PIXELS).all()  # type: ignore[arg-type]


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=1, max_side=200)))
def test_what_is_packed_is_unpacked(values: Any) -> None:
    assert (unpack(bytes(pack(values)), len(values)) == values).all()


def test_packed_values_that_are_not_repeated() -> None:
    # 3 values of 8 bits, length sizes 3, 4, 8, 16; one block of three different ones.
    bits = f"{3:032b}{7:05b}{2:04b}{3:04b}{7:04b}{15:04b}" + "0" + "00" + "010"
    bits += "".join(f"{v:08b}" for v in (1, 200, 3))
    data = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
    assert unpack(data, 3).tolist() == [1, 200, 3]
    for wrong, most in ((data[:5], 3), (data[:-2], 3), (data, 2)):
        with pytest.raises(InvalidInput):
            unpack(wrong, most)


def test_label_studio_controls_that_share_a_region(tmp_path: Path) -> None:
    shape = {**region("rectangle", x=25, y=25, width=50, height=50), "type": "rectangle"}
    del shape["value"]["rectanglelabels"]
    where = dict(shape["value"])
    label = {**shape, "type": "labels", "from_name": "label", "value": {**where, "labels": ["bus"]}}
    choice = {
        **shape,
        "type": "choices",
        "from_name": "seen",
        "value": {**where, "choices": ["ok"]},
    }
    number = {**shape, "type": "number", "from_name": "n", "value": {**where, "number": 3}}
    (one,) = take(tasks(tmp_path, shape, label, choice, number)).shapes("a.png")
    assert (one.label, one.geometry) == ("bus", Box(16, 12, 32, 24))
    assert one.attributes == {"seen": "ok", "n": 3}


def test_label_studio_mixes_shapes_that_have_no_area(tmp_path: Path) -> None:
    point = region("keypoint", "k", x=5, y=5, width=1)
    polygon = region("polygon", "p", points=[[0, 0], [50, 0], [50, 50]])
    ellipse = region("ellipse", "e", x=50, y=50, radiusX=25, radiusY=25, rotation=0)
    found = take(tasks(tmp_path, BOX, point, polygon, ellipse))
    assert [s.geometry.kind for s in found.shapes("a.png")] == ["box", "polygon", "polygon"]
    assert "region k: keypoint has no area" in found.reasons()


def test_label_studio_takes_the_last_annotation_that_was_not_skipped(tmp_path: Path) -> None:
    def made(x: int, at: str, **more: Any) -> dict[str, Any]:
        result = [region("rectangle", x=x, y=0, width=25, height=25)]
        return {"result": result, "updated_at": at, **more}

    several = [made(0, "1"), made(25, "3"), made(50, "2"), made(75, "4", was_cancelled=True)]
    found = take(tasks(tmp_path, annotations=several, drafts=[{}], predictions=[{"score": 1}]))
    assert found.only("a.png").bounds.x == 16
    for text in ("several annotations", "skipped by their author", "drafts", "predictions"):
        assert found.told(text)
    found = take(tasks(tmp_path, annotations=[made(0, "1", ground_truth=True), made(25, "3")]))
    assert found.only("a.png").bounds.x == 0
    assert take(tasks(tmp_path, annotations=[])).labels == {"a.png": None}
    assert take(tasks(tmp_path)).labels == {"a.png": Shapes()}


@pytest.mark.parametrize(
    "image",
    ["/data/upload/3/deadbeef-a.png", "/data/local-files/?d=a.png", "https://host/x/y/a.png",
     "a.png", "s3://bucket/a.png"],
)  # fmt: skip
def test_label_studio_names_images_by_url(tmp_path: Path, image: str) -> None:
    assert take(tasks(tmp_path, BOX, image=image)).labels["a.png"] is not None


def test_label_studio_choices_are_classes(tmp_path: Path) -> None:
    choice = {"id": "c", "type": "choices", "from_name": "class", "value": {"choices": ["car"]}}
    found = take(tasks(tmp_path, choice), task="classification")
    assert found.labels == {"a.png": Tag("car")}


# -- CVAT -------------------------------------------------------------------------------------

META = """<version>1.1</version><meta><task><labels><label><name>car</name><attributes>
<attribute><name>new</name><input_type>checkbox</input_type></attribute>
<attribute><name>n</name><input_type>number</input_type></attribute></attributes></label></labels>
<original_size><width>64</width><height>48</height></original_size><stop_frame>9</stop_frame>
</task></meta>"""


def cvat(*inside: str) -> str:
    return f"<annotations>{META}{''.join(inside)}</annotations>"


def image(inside: str, name: str = "a.png", id: int = 0, subset: str = "") -> str:
    where = f'subset="{subset}"' if subset else ""
    return f'<image id="{id}" name="{name}" {where} width="64" height="48">{inside}</image>'


def cvat_box(x: float = 4, more: str = "", inside: str = "", label: str = "car") -> str:
    return f'<box label="{label}" xtl="{x}" ytl="2" xbr="{x + 10}" ybr="12" {more}>{inside}</box>'


def test_cvat_matches_by_name_never_by_id(tmp_path: Path) -> None:
    text = cvat(image(cvat_box(1), "b.png", 0), image(cvat_box(2), "a.png", 1))
    put(tmp_path, {"images/a.png": picture(0), "images/b.png": picture(1), "annotations.xml": text})
    found = take(tmp_path)
    assert (found.format, found.only("a.png").bounds.x, found.only("b.png").bounds.x) == (
        "cvat", 2, 1,
    )  # fmt: skip


def test_cvat_projects_have_a_folder_per_subset(tmp_path: Path) -> None:
    text = cvat(image(cvat_box(1), subset="Train"), image(cvat_box(2), subset="Validation"))
    files = {f"images/{s}/a.png": picture(i) for i, s in enumerate(("Train", "Validation"))}
    found = take(put(tmp_path, {**files, "annotations.xml": text}))
    assert found.splits == {"images/Train/a.png": "train", "images/Validation/a.png": "val"}
    assert found.only("images/Validation/a.png").bounds.x == 2


def test_cvat_attributes_by_their_declared_type(tmp_path: Path) -> None:
    told = "".join(
        f'<attribute name="{n}">{v}</attribute>'
        for n, v in (("new", "true"), ("n", "2.5"), ("undeclared", "7"))
    )
    text = cvat(image(cvat_box(more='occluded="1" group_id="3"', inside=told)))
    (shape,) = take(put(tmp_path, {"a.png": picture(0), "x.xml": text})).shapes("a.png")
    assert shape.attributes == {
        "new": True, "n": 2.5, "undeclared": "7", "occluded": True, "group_id": 3,
    }  # fmt: skip


def test_cvat_draws_by_z_order(tmp_path: Path) -> None:
    text = cvat(image(cvat_box(1, 'z_order="2"') + cvat_box(2, 'z_order="1"') + cvat_box(3)))
    found = take(put(tmp_path, {"a.png": picture(0), "x.xml": text}))
    assert [s.geometry.bounds.x for s in found.shapes("a.png")] == [3, 2, 1]


def test_cvat_masks_are_rows_in_a_rectangle(tmp_path: Path) -> None:
    # 4 x 3 pixels at (5, 6): the first row but its first pixel, and the last pixel of all.
    mask = '<mask label="car" rle="1, 3, 7, 1" left="5" top="6" width="4" height="3"/>'
    found = take(put(tmp_path, {"a.png": picture(0), "x.xml": cvat(image(mask))}))
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[6, 6:9] = pixels[8, 8] = True
    assert found.only("a.png") == rle.from_pixels(pixels)


def test_cvat_shapes_without_area_and_turned_ones(tmp_path: Path) -> None:
    text = cvat(
        image(
            cvat_box(more='rotation="90"') + '<polyline label="car" points="1,1;2,2"/>'
            '<polygon label="car" points="1,1;9,1;9,9"/><polygon label="car" points="1,1;9,1"/>'
            '<ellipse label="car" cx="20" cy="20" rx="5" ry="4"/><tag label="night"/>'
        )
    )
    found = take(put(tmp_path, {"a.png": picture(0), "x.xml": text}))
    kinds = [s.geometry.kind for s in found.shapes("a.png")]
    assert kinds == ["polygon", "polygon", "polygon"]
    assert found.labels["a.png"].tags == ("night",)  # type: ignore[union-attr]
    assert "polyline of car: it has no area" in found.reasons()
    assert len(found.skipped) == 2


def test_cvat_tags_are_classes_of_images(tmp_path: Path) -> None:
    text = cvat(image('<tag label="car"/>'))
    found = take(put(tmp_path, {"a.png": picture(0), "x.xml": text}), task="classification")
    assert found.labels == {"a.png": Tag("car")}


def test_cvat_tracks_are_interpolated_until_outside(tmp_path: Path) -> None:
    def key(frame: int, x: float, outside: int = 0) -> str:
        box = cvat_box(x, f'frame="{frame}" outside="{outside}" keyframe="1"')
        return box.replace(' label="car"', "")

    track = f'<track id="0" label="car">{key(0, 0)}{key(4, 8)}{key(6, 8, 1)}{key(8, 40)}</track>'
    files = {f"images/frame_{i:06d}.png": picture(i) for i in range(10)}
    found = take(put(tmp_path, {**files, "annotations.xml": cvat(track)}))
    where = []
    for i in range(10):
        shapes = found.shapes(f"images/frame_{i:06d}.png")
        where.append([s.geometry.bounds.x for s in shapes])
    assert where == [[0], [2], [4], [6], [8], [8], [], [], [40], [40]]
    assert found.told("5 shape(s) are interpolated")
    assert found.found.items[3].metadata == {"frame": 3}


# -- LabelMe ----------------------------------------------------------------------------------


def labelme(*shapes: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {
        "version": "5.0", "flags": {}, "imagePath": "a.png", "imageData": None,
        "imageWidth": WIDTH, "imageHeight": HEIGHT,
        "shapes": [{"label": "car", "group_id": None, "flags": {}, **s} for s in shapes], **others,
    }  # fmt: skip


def patch(pixels: Any, x: float, y: float) -> dict[str, Any]:
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8) * 255).save(out, "PNG")
    return {"shape_type": "mask", "points": [[x, y], [x + 3, y + 3]],
            "mask": base64.b64encode(out.getvalue()).decode()}  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "bounds"),
    [
        ({"shape_type": "rectangle", "points": [[30, 20], [10, 5]]}, Box(10, 5, 20, 15)),
        (
            {"shape_type": "rectangle", "points": [[30, 20], [10, 20], [10, 5], [30, 5]]},
            Box(10, 5, 20, 15),
        ),
        ({"shape_type": "circle", "points": [[20, 20], [20, 25]]}, Box(15, 15, 10, 10)),
        ({"shape_type": "polygon", "points": [[1, 1], [9, 1], [9, 9]]}, Box(1, 1, 8, 8)),
        ({"points": [[1, 1], [9, 1], [9, 9]]}, Box(1, 1, 8, 8)),
        (patch(np.ones((4, 4), bool), 7.6, 8.4), Box(8, 8, 4, 4)),  # at a fraction of a pixel
        (patch(np.ones((4, 4), bool), -2, 46), Box(0, 46, 2, 2)),  # cut, not wrapped around
    ],
)
def test_labelme_shapes(tmp_path: Path, shape: dict[str, Any], bounds: Box) -> None:
    found = take(put(tmp_path, {"a.png": picture(0), "a.json": labelme(shape)}))
    b = found.only("a.png").bounds
    assert (found.format, b.x, b.y, b.width, b.height) == (
        "labelme", *(pytest.approx(v) for v in (bounds.x, bounds.y, bounds.width, bounds.height)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["a.png", "..\\\\photos\\\\a.png", "C:\\old\\a.png", "/home/me/a.png", "a.jpg", "b.v2.png"],
)
def test_labelme_paths_are_of_another_machine(tmp_path: Path, path: str) -> None:
    document = labelme({"points": [[1, 1], [9, 1], [9, 9]]}, imagePath=path)
    found = take(put(tmp_path, {"sub/a.png": picture(0), "sub/a.json": document}))
    assert found.labels["sub/a.png"] is not None


def test_labelme_names_with_several_dots(tmp_path: Path) -> None:
    document = labelme({"points": [[1, 1], [9, 1], [9, 9]]}, imagePath="a.v2.png")
    put(tmp_path, {"a.v2.png": picture(0), "a.v1.png": picture(1), "a.v2.json": document})
    labels = take(tmp_path).labels
    assert labels["a.v1.png"] is None
    assert labels["a.v2.png"] is not None


def test_labelme_groups_join_the_parts_of_one_object(tmp_path: Path) -> None:
    one = {"points": [[1, 1], [9, 1], [9, 9]], "group_id": 4}
    two = {"points": [[20, 1], [29, 1], [29, 9]], "group_id": 4}
    other = {"points": [[20, 20], [29, 20], [29, 29]], "group_id": 4, "label": "bus"}
    found = take(put(tmp_path, {"a.png": picture(0), "a.json": labelme(one, other, two)}))
    car, bus = found.shapes("a.png")
    assert isinstance(car.geometry, Polygon)
    assert (len(car.geometry.parts), bus.label) == (2, "bus")


def test_labelme_flags_points_and_bad_masks(tmp_path: Path) -> None:
    document = labelme(
        {"shape_type": "rectangle", "points": [[1, 1], [9, 9]], "flags": {"new": 1, "old": False},
         "description": "dented"},
        {"shape_type": "point", "points": [[1, 1]]},
        {"shape_type": "mask", "points": [[1, 1], [2, 2]], "mask": "no PNG"},
        {"shape_type": "polygon", "points": [[1, 1], [2, 2]]},
        flags={"night": True, "day": False},
    )  # fmt: skip
    found = take(put(tmp_path, {"a.png": picture(0), "a.json": document}))
    (shape,) = found.shapes("a.png")
    assert shape.attributes == {"new": True, "old": False, "description": "dented"}
    assert found.labels["a.png"].tags == ("night",)  # type: ignore[union-attr]
    assert len(found.skipped) == 3


def test_the_labelme_of_mit_only_shares_the_name(tmp_path: Path) -> None:
    text = (
        "<annotation><filename>a.png</filename><object><name>car</name><polygon><pt><x>1</x>"
        "<y>1</y></pt></polygon></object><imagesize><nrows>9</nrows></imagesize></annotation>"
    )
    found = take(put(tmp_path, {"a.png": picture(0), "a.xml": text}))
    assert found.format == "imagefolder"
    assert found.told("a format that is not read, e.g. a.xml")


# -- Datumaro and Hasty -----------------------------------------------------------------------


def test_datumaro_ids_have_no_suffix_and_classes_are_places(tmp_path: Path) -> None:
    def item(id: str, *annotations: dict[str, Any]) -> dict[str, Any]:
        return {"id": id, "annotations": list(annotations), "image": {"size": [HEIGHT, WIDTH]}}

    counts = {"counts": rle.from_pixels(PIXELS).counts, "size": [HEIGHT, WIDTH]}
    box = {"id": 1, "type": "bbox", "label_id": 1, "bbox": [1, 2, 3, 4], "z_order": 2}
    mask = {"id": 2, "type": "mask", "label_id": 0, "rle": counts, "z_order": 1,
            "attributes": {"is_crowd": True, "n": 1}}  # fmt: skip
    caption = {"id": 3, "type": "caption", "caption": "a car"}
    document = {
        "categories": {"label": {"labels": [{"name": "car"}, {"name": "bus"}]}},
        "items": [item("sub/a", box, mask, caption), item("gone", box)],
    }
    files = {"images/train/sub/a.png": picture(0), "annotations/train.json": document}
    found = take(put(tmp_path, files))
    assert found.splits == {"train/sub/a.png": "train"}
    first, second = found.shapes("train/sub/a.png")
    assert (first.label, first.crowd, first.attributes) == ("car", True, {"n": 1})
    assert (second.label, second.geometry) == ("bus", Box(1, 2, 3, 4))
    assert found.unmatched == ["gone"]
    assert "caption" in found.reasons()


def hasty(*labels: dict[str, Any], **image: Any) -> dict[str, Any]:
    one = {"image_name": "a.png", "dataset_name": "day", "width": WIDTH, "height": HEIGHT,
           "image_status": "DONE", "tags": [], "labels": list(labels), **image}  # fmt: skip
    return {
        "project_name": "p", "export_format_version": "1.1",
        "label_classes": [{"class_name": "car", "class_type": "object"}], "images": [one],
    }  # fmt: skip


def test_hasty_moves_in(tmp_path: Path) -> None:
    runs = rle_rows(PIXELS[10:30, 5:9])
    document = hasty(
        {"id": "b", "class_name": "car", "bbox": [5, 10, 9, 30], "mask": runs, "z_index": 2,
         "attributes": {"colour": "red", "many": ["a"]}},
        {"id": "a", "class_name": "car", "bbox": [1, 2, 4, 6], "z_index": 1},
        {"class_name": "bus", "bbox": [1, 2, 9, 9], "polygon": [[1, 2], [9, 2], [9, 9]],
         "z_index": 3},
        {"class_name": "car", "bbox": [5, 10, 9, 30], "mask": [3, 4]},
        tags=["night"],
    )  # fmt: skip
    found = take(put(tmp_path, {"day/a.png": picture(0), "x.json": document}))
    box, mask, polygon = found.shapes("day/a.png")
    assert (found.format, box.geometry) == ("hasty", Box(1, 2, 3, 4))
    assert mask.geometry == rle.from_pixels(PIXELS)
    assert mask.attributes == {"colour": "red", "many": json.dumps(["a"])}
    assert polygon.geometry == Polygon((((1, 2), (9, 2), (9, 9)),))
    assert "fill neither its box" in found.reasons()
    assert found.labels["day/a.png"].tags == ("night",)  # type: ignore[union-attr]
    assert found.found.items[0].metadata == {"image_status": "DONE"}


@pytest.mark.parametrize(("status", "label"), [("DONE", Shapes()), ("NEW", None)])
def test_hasty_images_without_labels(tmp_path: Path, status: str, label: Any) -> None:
    put(tmp_path, {"day/a.png": picture(0), "x.json": hasty(image_status=status)})
    assert take(tmp_path).labels == {"day/a.png": label}


def rle_rows(pixels: Any) -> list[int]:
    flat = pixels.reshape(-1)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [len(flat)]])
    runs: list[int] = np.diff(edges).tolist()
    return [0, *runs] if flat[0] else runs
