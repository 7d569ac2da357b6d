"""What importers of Pascal VOC get wrong, each a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_world import HEIGHT, WIDTH, picture, put, take, version_of, written

from autofocus.data.formats.index_png import png
from autofocus.data.formats.outgoing import colour_map
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Polygon, Shape, Shapes

SIZE = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"


def thing(left: Any, top: Any, right: Any, bottom: Any, name: str = "car", more: str = "") -> str:
    return (
        f"<object><name>{name}</name>{more}<bndbox><xmin>{left}</xmin><ymin>{top}</ymin>"
        f"<xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
    )


def xml(*things: str, name: str = "a.png", size: str = SIZE, source: str = "") -> str:
    head = f"<filename>{name}</filename>{size}"
    if source:
        head += f"<source><database>{source}</database></source>"
    return f"<annotation>{head}{''.join(things)}</annotation>"


def world(root: Path, *texts: str) -> Path:
    for i, text in enumerate(texts):
        name = "abcdef"[i]
        put(root, {f"JPEGImages/{name}.png": picture(i), f"Annotations/{name}.xml": text})
    return root


KEY = "JPEGImages/a.png"


def test_pixels_are_counted_from_1_with_both_ends(tmp_path: Path) -> None:
    found = take(world(tmp_path, xml(thing(1, 1, 1, 1))))
    assert (found.format, found.only(KEY)) == ("voc", Box(0, 0, 1, 1))
    assert found.told("counted from 1, as pixels with both ends (as in the original")


def test_any_0_says_that_edges_are_counted_from_0(tmp_path: Path) -> None:
    found = take(world(tmp_path, xml(thing(5, 5, 9, 9)), xml(thing(0, 3, 9, 9), name="b.png")))
    assert found.only(KEY) == Box(5, 5, 4, 4)
    assert found.told("counted from 0, as edges between pixels (there is a 0 among them")


def test_labelimg_counts_edges_from_0(tmp_path: Path) -> None:
    found = take(world(tmp_path, xml(thing(5, 5, 9, 9), source="Unknown")))
    assert found.only(KEY) == Box(5, 5, 4, 4)
    assert found.told("LabelImg")


@pytest.mark.parametrize(("count_from", "box"), [("0", Box(5, 5, 4, 4)), ("1", Box(4, 4, 5, 5))])
def test_the_base_can_be_forced(tmp_path: Path, count_from: str, box: Box) -> None:
    found = take(world(tmp_path, xml(thing(5, 5, 9, 9))), count_from=count_from)
    assert found.only(KEY) == box
    assert found.told("(as asked")


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_size_is_missing(tmp_path: Path, size: str) -> None:
    assert take(world(tmp_path, xml(thing(1, 1, 9, 9), size=size))).only(KEY) == Box(0, 0, 9, 9)


@pytest.mark.parametrize(
    "name", ["a", "a.png", "a.jpg", "", "gone.png", "JPEGImages/a.png", "C:\\\\old\\\\a.png"]
)
def test_the_file_name_lacks_its_suffix_or_is_another(tmp_path: Path, name: str) -> None:
    assert take(world(tmp_path, xml(thing(1, 1, 9, 9), name=name))).only(KEY) == Box(0, 0, 9, 9)


def test_floats_and_ends_the_wrong_way_round(tmp_path: Path) -> None:
    found = take(world(tmp_path, xml(thing("10.5", 30, "20.5", 9))))
    assert found.only(KEY) == Box(9.5, 8, 11, 22)
    assert found.told("wrong way round")


def test_bad_boxes_cost_themselves(tmp_path: Path) -> None:
    found = take(
        world(
            tmp_path,
            xml(
                thing(1, 1, 9, 9), thing("", 1, 9, 9), "<object><name>car</name></object>",
                thing(90, 1, 99, 9), thing(1, 1, 9, 9, name=""),
            ),
        )
    )  # fmt: skip
    assert len(found.shapes(KEY)) == 1
    assert len(found.skipped) == 4


def test_a_file_without_objects_is_a_verified_negative(tmp_path: Path) -> None:
    world(tmp_path, xml())
    put(tmp_path, {"JPEGImages/z.png": picture(9)})
    found = take(tmp_path)
    assert found.labels == {KEY: Shapes(), "JPEGImages/z.png": None}
    assert found.told("1 image(s) have no XML file")


def test_flags_and_attributes(tmp_path: Path) -> None:
    more = (
        "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult><attributes><attribute>"
        "<name>n</name><value>7</value></attribute></attributes>"
    )
    (shape,) = take(world(tmp_path, xml(thing(1, 1, 9, 9, more=more)))).shapes(KEY)
    assert shape.attributes == {"pose": "Left", "truncated": True, "n": 7}


def test_oriented_boxes_and_polygons_of_dialects(tmp_path: Path) -> None:
    turned = (
        "<object><name>car</name><robndbox><cx>20</cx><cy>20</cy><w>10</w><h>4</h>"
        "<angle>1.5707963267948966</angle></robndbox></object>"
    )
    outline = (
        "<object><name>bus</name><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3>"
        "<y3>9</y3></polygon></object>"
    )
    found = take(world(tmp_path, xml(turned, outline)))
    first, second = found.shapes(KEY)
    b = first.geometry.bounds
    assert [round(v, 6) for v in (b.x, b.y, b.width, b.height)] == [18, 15, 4, 10]
    assert second.geometry == Polygon((((1, 1), (9, 1), (9, 9)),))


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]>' + xml(thing(1, 1, 9, 9, "&y;"))
    file = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + xml(thing(1, 1, 9, 9, "&x;"))
    found = take(world(tmp_path, bomb, file, xml(thing(1, 1, 9, 9), name="c.png")), format="voc")
    assert [s.path for s in found.skipped] == ["Annotations/a.xml", "Annotations/b.xml"]
    assert "declares an entity" in found.reasons()
    assert found.labels["JPEGImages/c.png"] is not None


def test_names_that_lead_out_are_nobodys(tmp_path: Path) -> None:
    put(tmp_path, {"secret.png": picture(7)})
    put(tmp_path, {"in/Annotations/q.xml": xml(thing(1, 1, 9, 9), name="../../secret.png")})
    world(tmp_path / "in", xml())
    found = take(tmp_path / "in")
    assert found.unmatched == ["Annotations/q.xml (../../secret.png)"]


def test_lists_of_splits(tmp_path: Path) -> None:
    world(tmp_path, xml(), xml(name="b.png"), xml(name="c.png"))
    put(tmp_path, {"ImageSets/Main/train.txt": "a\n", "ImageSets/Main/val.txt": "b  1\n"})
    put(tmp_path, {"ImageSets/Main/car_train.txt": "c -1\n"})
    assert list(take(tmp_path).splits.values()) == ["train", "val", None]


def test_masks_are_numbers_of_a_palette_with_255_as_void(tmp_path: Path) -> None:
    kinds, things = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    kinds[5:20, 5:20], things[5:20, 5:20] = 7, 1
    kinds[5:20, 20:22], things[5:20, 20:22] = 255, 255
    kinds[30:40, 5:20], things[30:40, 5:20] = 6, 2
    colours = colour_map(256)
    world(tmp_path, xml(thing(6, 6, 20, 20)))
    put(
        tmp_path,
        {
            "JPEGImages/b.png": picture(1),
            "SegmentationClass/b.png": png(kinds, colours),
            "SegmentationObject/b.png": png(things, colours),
            "SegmentationObject/a.png": png(things, colours),
        },
    )
    found = take(tmp_path, task="segmentation")
    car, bus = found.shapes("JPEGImages/b.png")
    assert (car.label, bus.label) == ("car", "bus")  # 7 and 6 of the original's twenty
    assert (rle.to_pixels(car.geometry) == (things == 1)).all()  # type: ignore[arg-type]
    assert found.only(KEY) == car.geometry  # the first object of its XML file
    assert take(tmp_path).only(KEY) == Box(5, 5, 15, 15)
    assert take(tmp_path).labels["JPEGImages/b.png"] is None


def test_written_masks_come_back_with_their_classes(tmp_path: Path) -> None:
    mask = rle.draw(Polygon((((5, 5), (40, 8), (20, 40)),)), HEIGHT, WIDTH)
    label = Shapes((Shape("1", "bus", mask), Shape("2", "car", Box(50, 2, 9, 9))))
    manifest = version_of(tmp_path, [("a.png", "train", label, {})])
    written(manifest, "voc", tmp_path / "out")
    first, second = take(tmp_path / "out", task="segmentation").shapes(KEY)
    assert (first.label, first.geometry) == ("bus", mask)
    assert (second.label, second.geometry) == ("car", Box(50, 2, 9, 9))


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"a.png": picture(0), "a.xml": "<html/>"})
    with pytest.raises(InvalidInput, match="no Pascal VOC file"):
        take(tmp_path, format="voc")
