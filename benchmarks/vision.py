"""How good do boxes and masks learnt from scratch become in a quarter of an hour on two cores?

    python benchmarks/vision.py --cards playing_cards.zip --nuclei nuclei.zip
                                [--minutes 15] [--pictures FOLDER] [--no-peer] [--json FILE]

`--cards`: a zip with train/ and test/, images and COCO boxes in each. `--nuclei`: a zip with
images/<id>.png and 16-bit instances/<id>.png. Each is trained from scratch with the defaults, and a
transformers model (DETR, SegFormer, random weights, through `hf:`) on the same images with the same
CPU time. A step is timed beforehand and the number of steps follows from it: CPU seconds of two
threads count, not the clock, so that a busy machine changes nothing but the patience needed.
Printed are mAP50, F1, the mean loss of an image (1 - F1 of its objects) and, of masks, mean IoU,
on the test images with 95 % bootstrap intervals. With `--pictures` answers are drawn over images.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from autofocus import Workspace
from autofocus.data.dataset import NewImage
from autofocus.imaging.overlay import overlay
from autofocus.training.architectures import build
from autofocus.training.fitting import to_float
from autofocus.training.images import choose_preprocessing, load_pixels, split_rows
from autofocus.training.moving import move_boxes, move_maps
from autofocus.training.parameters import parse_parameters
from autofocus.training.targets import batch_boxes, read_boxes, read_maps
from autofocus.types import rle
from autofocus.types.data import Split
from autofocus.types.geometry import Box, Shape, Shapes
from autofocus.workspace.workspace import Project

CORES = 2
# What two threads get done in the CPU time of one and the same step: waiting for each other counts.
TWO_THREADS = 0.85
TOLD = ("map50", "map", "f1", "miou", "mean_loss")
PICTURES = 12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=Path)
    parser.add_argument("--nuclei", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console = Console()
    results: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="autofocus-vision-") as name,
        Workspace.open(Path(name) / "w") as workspace,
    ):
        for kind in ("cards", "nuclei"):
            if getattr(options, kind) is not None:
                results[kind] = _measure(workspace, kind, options, Path(name), console)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def _measure(
    workspace: Workspace, kind: str, options: argparse.Namespace, folder: Path, console: Console
) -> dict[str, Any]:
    project, parameters = (_cards if kind == "cards" else _nuclei)(
        workspace, getattr(options, kind)
    )
    version = project.data.commit("the benchmark's images", author="benchmark").digest
    models = {"compact": "compact"}
    if not options.no_peer:
        models["peer"] = f"hf:{_peer(folder / kind, project.task)}"
    found: dict[str, Any] = {}
    for name, architecture in models.items():
        steps, seconds = _steps(project, version, architecture, parameters, options.minutes)
        console.print(f"{kind}, {name}: {steps} steps of {seconds:.2f} CPU seconds")
        rate = {} if name == "compact" else {"learning_rate": 5e-4}
        found[name] = _train(
            project, version, architecture, {**parameters, **rate, "steps": steps, "patience": 0}
        )
        if options.pictures is not None:
            _draw(project, version, found[name]["model"], options.pictures / f"{kind}-{name}")
    table = Table(kind, *found)
    for metric in TOLD:
        table.add_row(metric, *(_told(result["metrics"].get(metric)) for result in found.values()))
    for figure in ("steps", "cpu_seconds", "seconds"):
        table.add_row(figure, *(f"{result[figure]:.0f}" for result in found.values()))
    console.print(table)
    return found


def _cards(workspace: Workspace, path: Path) -> tuple[Project, dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        coco = {
            split: json.loads(archive.read(f"{split}/coco.json")) for split in ("train", "test")
        }
        names = {c["id"]: c["name"] for c in coco["train"]["categories"]}
        project = workspace.create_project("cards", task="detection", classes=list(names.values()))
        for split in ("train", "test"):
            boxes: dict[int, list[Shape]] = {}
            for a in coco[split]["annotations"]:
                shapes = boxes.setdefault(a["image_id"], [])
                shapes.append(Shape(str(a["id"]), names[a["category_id"]], Box(*a["bbox"])))
            images = []
            for image in coco[split]["images"]:
                file = f"{split}/images/{Path(image['file_name']).name}"
                label = Shapes(tuple(boxes.get(image["id"], ())))
                images.append(_new(file, archive.read(file), "test" if split == "test" else "train",
                                   label))  # fmt: skip
            project.data.add_images(images)
    return project, {}


def _nuclei(workspace: Workspace, path: Path) -> tuple[Project, dict[str, Any]]:
    project = workspace.create_project("nuclei", task="segmentation", classes=["nucleus"])
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.startswith("images/"))
        images = []
        for name in names:
            instances = np.array(
                Image.open(io.BytesIO(archive.read(f"instances/{Path(name).name}")))
            )
            shapes = [
                Shape(str(i), "nucleus", rle.from_pixels(instances == i))
                for i in np.unique(instances).tolist()
                if i > 0
            ]
            # By the name's own digits, so that it is the same split everywhere.
            split: Split = "test" if int(Path(name).stem, 16) % 4 == 0 else "train"
            images.append(_new(name, archive.read(name), split, Shapes(tuple(shapes))))
        project.data.add_images(images)
    return project, {"flip": True}  # nuclei have no left and right


def _new(key: str, data: bytes, split: Split, label: Shapes) -> NewImage:
    return NewImage(key, data, split, {}, "import", label, "import", "benchmark")


def _peer(folder: Path, task: str) -> Path:
    """The configuration of a small model of the usual kind, without weights."""
    import transformers

    if task == "detection":
        config = transformers.DetrConfig(
            backbone_config=transformers.ResNetConfig(
                embedding_size=32, hidden_sizes=[32, 64, 128, 256], depths=[1, 1, 1, 1],
                layer_type="basic", out_features=["stage4"],
            ),
            d_model=128, num_queries=40, encoder_layers=3, decoder_layers=3, encoder_ffn_dim=512,
            decoder_ffn_dim=512, encoder_attention_heads=4, decoder_attention_heads=4,
        )  # fmt: skip
    else:
        config = transformers.SegformerConfig()  # the smallest of the family, b0
    config.save_pretrained(folder)
    return folder


def _steps(
    project: Project, version: str, architecture: str, given: dict[str, Any], minutes: float
) -> tuple[int, float]:
    """How many steps fit into the CPU time, and how long one takes."""
    parameters = parse_parameters(given, project.task)
    manifest = project.data.manifest(version)
    rows = split_rows(manifest, project.classes).train
    seen = choose_preprocessing(manifest, rows, parameters.image_size, parameters.fit, project.task)
    rows = rows[: parameters.batch]
    images = to_float(load_pixels(manifest, rows, seen, project.workspace.cache))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build(architecture, project.classes, seen.height, seen.width, project.task)
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    targets: tuple[Any, ...]
    if project.task == "detection":
        targets = (batch_boxes(read_boxes(manifest, rows, project.classes, seen)),)
    else:
        maps = read_maps(manifest, rows, project.classes, (), seen, project.workspace.cache)
        targets = (torch.from_numpy(maps.kinds.astype(np.int64)),
                   torch.from_numpy(maps.deep.astype(np.float32) / 255))  # fmt: skip
    weights = (torch.ones(2 + len(project.classes) - 1),) if project.task == "segmentation" else ()
    move = move_boxes if project.task == "detection" else move_maps
    times = []
    for turn in range(5):
        start = time.process_time()
        generator = torch.Generator().manual_seed(turn)
        moved, *marked = move(images, *targets, torch.ones(len(rows)), generator)  # type: ignore[operator]
        loss = network.loss(moved.contiguous(memory_format=torch.channels_last), *marked, *weights)
        loss.backward()
        times.append(time.process_time() - start)
    seconds = float(np.median(times[1:]))
    return max(20, int(60 * minutes * CORES * TWO_THREADS / seconds)), seconds


def _train(
    project: Project, version: str, architecture: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    training = project.training
    spec = training.spec(version, architecture=architecture, parameters=parameters)
    run = training.wait(training.start(spec).id)
    if run.state != "done":
        raise SystemExit(f"{run.id} {run.state}: {run.error}")
    model = project.models.register(run, parent=None, case=None)
    report = project.test_model(model.id)
    usage = run.hardware["usage"]
    return {
        "model": model.id,
        "steps": parameters["steps"],
        "cpu_seconds": usage["cpu_seconds"],
        "seconds": usage["seconds"],
        "bundle": dict(model.metrics),
        "metrics": {m.name: [m.value, m.low, m.high] for m in report.metrics if not m.slice},
    }


def _draw(project: Project, version: str, model: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    manifest = project.data.manifest(version)
    predictor = project.predictor(model)
    for number, data in enumerate(_spread(manifest)):
        seen = predictor.predict([data]).detections[0]
        sure = [d for d in seen if d.score >= predictor.threshold]  # type: ignore[attr-defined]
        (folder / f"{number:02d}.jpg").write_bytes(overlay(data, sure, project.classes))


def _spread(manifest: Any) -> Iterator[bytes]:
    rows = manifest.select("test", labelled=True)
    for place in np.unique(np.linspace(0, len(rows) - 1, PICTURES).astype(int)):
        yield manifest.image(int(rows[place]))


def _told(values: list[float | None] | None) -> str:
    if values is None:
        return ""
    value, low, high = values
    return f"{value:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")


if __name__ == "__main__":
    raise SystemExit(main())
