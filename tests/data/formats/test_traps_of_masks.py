"""What importers of PNG masks get wrong, each a test."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_world import HEIGHT, WIDTH, picture, put, take, version_of, written
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from autofocus.data.formats.index_png import each, mask_of, png
from autofocus.data.formats.outgoing import colour_map
from autofocus.data.formats.outlines import outline, rings
from autofocus.errors import InvalidInput
from autofocus.types import rle
from autofocus.types.geometry import Box, Mask, Polygon, Shape, Shapes

KEY = "images/a.png"
ZERO = np.zeros((HEIGHT, WIDTH), np.uint8)


def classes() -> np.ndarray[Any, Any]:
    """Class 1 on the left, class 2 on the right, void in between, background above."""
    numbers = ZERO.copy()
    numbers[10:, :20], numbers[10:, 20:24], numbers[10:, 24:] = 1, 255, 2
    return numbers


def encoded(pixels: Any, mode: str | None = None, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(out, kind)
    return out.getvalue()


def world(root: Path, mask: bytes, **others: Any) -> Path:
    return put(root, {KEY: picture(0), "masks/a.png": mask, **others})


def coloured(numbers: Any) -> Any:
    return np.array(colour_map(256), np.uint8)[numbers]


LABELMAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:128,0,0::\nbus:0,128,0::\n"


@pytest.mark.parametrize("kind", ["palette", "grey", "grey as RGB", "16 bit"])
def test_palette_grey_and_rgb_give_the_same(tmp_path: Path, kind: str) -> None:
    numbers = classes()
    data = {
        "palette": png(numbers, colour_map(256)),
        "grey": encoded(numbers),
        "grey as RGB": encoded(np.repeat(numbers[..., None], 3, axis=2)),
        "16 bit": encoded(np.where(numbers == 255, 0, numbers).astype(np.uint16)),
    }[kind]
    world(tmp_path, data)
    if kind == "16 bit":  # numbers of objects, whose class a project of two does not tell
        assert "nothing says of which class" in take(tmp_path, ("car", "bus")).reasons()
        return
    found = take(tmp_path, ("car", "bus"))
    assert found.format == "masks"
    car, bus = found.shapes(KEY)
    assert (car.label, bus.label) == ("car", "bus")
    assert (rle.to_pixels(car.geometry) == (numbers == 1)).all()  # type: ignore[arg-type]
    assert (rle.to_pixels(bus.geometry) == (numbers == 2)).all()  # type: ignore[arg-type]
    assert found.told("0 is background, 1 is car")


def test_colours_are_classes_by_the_label_map(tmp_path: Path) -> None:
    numbers = np.where(classes() == 255, 0, classes())
    world(tmp_path, encoded(coloured(numbers)), **{"labelmap.txt": LABELMAP})
    assert [s.label for s in take(tmp_path).shapes(KEY)] == ["car", "bus"]


def test_colours_without_a_label_map_are_refused_by_image(tmp_path: Path) -> None:
    found = take(world(tmp_path, encoded(coloured(classes()))))
    assert found.labels == {KEY: None}
    assert "no labelmap.txt" in found.reasons()


def test_smoothed_edges_make_no_ghost_classes(tmp_path: Path) -> None:
    smooth = Image.fromarray(coloured(np.where(classes() == 255, 0, classes())))
    out = io.BytesIO()
    smooth.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.BILINEAR).resize(
        (WIDTH, HEIGHT), Image.Resampling.BILINEAR
    ).save(out, "PNG")
    found = take(world(tmp_path, out.getvalue(), **{"labelmap.txt": LABELMAP}))
    assert {s.label for s in found.shapes(KEY)} == {"car", "bus"}
    assert found.told("pixel(s) have a colour that is no class")


def test_numbers_that_are_no_class_are_reported(tmp_path: Path) -> None:
    numbers = classes()
    numbers[0, 0:12] = 37
    found = take(world(tmp_path, encoded(numbers)), ("car", "bus"))
    assert "number 37 (12 pixels) is no class" in found.reasons()
    assert len(found.shapes(KEY)) == 2


@pytest.mark.parametrize(
    ("text", "count_from", "labels"),
    [
        ("car\nbus\n", "auto", ["car", "bus"]),  # 0 is background
        ("background\ncar\nbus\n", "auto", ["car", "bus"]),
        ("__ignore__\n_background_\ncar\nbus\n", "auto", ["car", "bus"]),
        ("sky\ncar\nbus\n", "0", ["sky", "car", "bus"]),  # 0 is a class
    ],
)
def test_number_0_is_background_or_the_first_class(
    tmp_path: Path, text: str, count_from: str, labels: list[str]
) -> None:
    world(tmp_path, encoded(classes()), **{"classes.txt": text})
    found = take(tmp_path, ("car", "bus", "sky"), count_from=count_from)
    assert [s.label for s in found.shapes(KEY)] == labels


def test_a_palette_in_another_order_goes_by_its_colours(tmp_path: Path) -> None:
    numbers = np.where(classes() == 255, 0, classes())
    swapped = png(np.array([0, 2, 1], np.uint8)[numbers], [(0, 0, 0), (0, 128, 0), (128, 0, 0)])
    world(tmp_path, swapped, **{"labelmap.txt": LABELMAP})
    car = take(tmp_path).shapes(KEY)[0]
    assert car.label in ("car", "bus")
    by_class = {s.label: rle.to_pixels(s.geometry) for s in take(tmp_path).shapes(KEY)}  # type: ignore[arg-type]
    assert (by_class["car"] == (numbers == 1)).all()


def test_0_and_255_are_one_class_not_void(tmp_path: Path) -> None:
    numbers = np.where(classes() == 1, 255, 0).astype(np.uint8)
    found = take(world(tmp_path, encoded(numbers)), ("nut",))
    assert (rle.to_pixels(found.only(KEY)) == (numbers == 255)).all()  # type: ignore[arg-type]
    assert found.told("255 is taken as nut")


def test_jpeg_masks_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {KEY: picture(0), "masks/a.jpg": encoded(classes(), kind="JPEG")})
    found = take(tmp_path)
    assert found.labels == {KEY: None}
    assert "invents numbers" in found.reasons()


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    found = take(world(tmp_path, encoded(classes()[:, :40])), ("car", "bus"))
    assert found.labels == {KEY: None}
    assert "40 x 48" in found.reasons()


def test_objects_of_16_bits_with_one_class(tmp_path: Path) -> None:
    numbers = np.zeros((HEIGHT, WIDTH), np.uint16)
    numbers[2:9, 2:9], numbers[20:30, 40:50] = 300, 65534
    put(tmp_path, {KEY: picture(0), "instances/a.png": encoded(numbers)})
    found = take(tmp_path, ("nut",), "segmentation")
    assert [(s.id, s.geometry.bounds) for s in found.shapes(KEY)] == [
        ("300", Box(2, 2, 7, 7)), ("65534", Box(40, 20, 10, 10)),
    ]  # fmt: skip


def test_objects_hold_their_class_as_in_cityscapes(tmp_path: Path) -> None:
    numbers = np.zeros((HEIGHT, WIDTH), np.uint16)
    numbers[2:9, 2:9], numbers[20:30, 40:50] = 1001, 2000
    put(tmp_path, {KEY: picture(0), "instances/a.png": encoded(numbers)})
    assert [s.label for s in take(tmp_path, ("car", "bus")).shapes(KEY)] == ["car", "bus"]


def test_objects_and_classes_together(tmp_path: Path) -> None:
    things = ZERO.astype(np.uint16)
    things[12:20, 2:8], things[12:20, 10:16] = 1, 2
    found = take(
        world(tmp_path, encoded(classes()), **{"instances/a.png": encoded(things)}),
        ("car", "bus"), "segmentation",
    )  # fmt: skip
    assert [(s.id, s.label) for s in found.shapes(KEY)] == [
        ("1", "car"), ("2", "car"), ("class-car", "car"), ("class-bus", "bus"),
    ]  # fmt: skip


def test_later_shapes_cover_earlier_ones_and_hidden_ones_are_counted(tmp_path: Path) -> None:
    label = Shapes(
        (
            Shape("1", "car", Box(10, 10, 5, 5)),
            Shape("2", "bus", Box(5, 5, 20, 20)),
            Shape("3", "car", Box(8, 8, 4, 4)),
        )
    )
    manifest = version_of(tmp_path, [("a.png", "train", label, {})])
    report = written(manifest, "masks", tmp_path / "out")
    assert report["hidden shapes"] == 1
    bus, car = take(tmp_path / "out", task="segmentation").shapes("train/images/a.png")
    assert (bus.label, car.label) == ("bus", "car")
    assert bus.geometry.area == 400 - 16
    assert car.geometry.bounds == Box(8, 8, 4, 4)


def test_empty_masks_are_negatives_missing_ones_are_not(tmp_path: Path) -> None:
    world(tmp_path, encoded(ZERO), **{"images/b.png": picture(1)})
    assert take(tmp_path).labels == {KEY: Shapes(), "images/b.png": None}


def test_masks_without_an_image_are_reported(tmp_path: Path) -> None:
    world(tmp_path, encoded(classes()), **{"masks/gone.png": encoded(classes())})
    assert take(tmp_path).unmatched == ["masks/gone.png"]


PIXELS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(PIXELS)
def test_outlines_along_the_pixels_lose_nothing(pixels: Any) -> None:
    if not pixels.any():
        return
    mask = rle.from_pixels(pixels)
    height, width = pixels.shape
    assert rle.draw(outline(mask, height, width), height, width) == mask
    assert sum(_signed(ring) for ring in rings(mask)) == pixels.sum()


def _signed(ring: Any) -> float:
    x, y = np.array(ring).T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


@given(PIXELS, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_masks_of_a_window(pixels: Any, top: int, left: int, below: int, right: int) -> None:
    if not pixels.any():
        return
    whole = np.pad(pixels, ((top, below), (left, right)))
    window = (slice(top, top + pixels.shape[0]), slice(left, left + pixels.shape[1]))
    assert mask_of(pixels, window, *whole.shape) == rle.from_pixels(whole)


def test_a_window_out_of_the_image_does_not_wrap_around() -> None:
    with pytest.raises(InvalidInput, match="does not lie in an image"):
        mask_of(np.ones((2, 2), bool), (slice(9, 11), slice(0, 2)), 10, 10)


@given(hnp.arrays(np.uint16, (6, 7), elements=st.integers(0, 5)))
def test_windows_hold_all_of_a_number(numbers: Any) -> None:
    found = each(numbers.astype(np.int64))
    assert [n for n, _ in found] == sorted(set(numbers.reshape(-1).tolist()))
    for number, window in found:
        assert (numbers[window] == number).sum() == (numbers == number).sum()


def test_shapes_become_pixels_exactly(tmp_path: Path) -> None:
    polygon = Polygon((((5, 5), (40, 8), (20, 40)),))
    label = Shapes((Shape("1", "car", polygon),))
    written(version_of(tmp_path, [("a.png", "train", label, {})]), "masks", tmp_path / "out")
    back = take(tmp_path / "out", task="segmentation").only("train/images/a.png")
    assert isinstance(back, Mask)
    assert back == rle.draw(polygon, HEIGHT, WIDTH)
