"""A small real world for the loop's tests: images with a cheap truth, traffic, an annotator.

An image is dark or bright. Behind the "red glass" dark looks bright and bright looks dark, and the
first model, which knows no glass, is wrong about it. In a world of objects a picture holds two: a
thing that is dark or bright, and a mark that every model finds. Graph, bundle, log segments, label
queue, rows and the training job's process are real; only the network is one that needs no fitting.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from autofocus.data.dataset import NewImage
from autofocus.evaluation.said import Judge
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.imaging.statistics import statistics
from autofocus.loop.loop import Loop
from autofocus.serving.deployments import status_key
from autofocus.serving.predictor import OnnxPredictor
from autofocus.serving.segments import (
    SHADOW_SUFFIX,
    LogRow,
    encode_images,
    encode_rows,
    prediction_id,
    segment_key,
)
from autofocus.store.bundles import open_bundle, publish_bundle
from autofocus.store.manifests import Manifest
from autofocus.store.objects import ObjectStore
from autofocus.training import runs
from autofocus.types.answers import pack, summarise
from autofocus.types.clock import now
from autofocus.types.codec import decode, encode
from autofocus.types.data import Label, Tag, Task
from autofocus.types.geometry import Box, Geometry, Shape, Shapes
from autofocus.types.models import ModelBundle, RunSpec
from autofocus.types.production import Deployment, ServerStatus
from autofocus.types.rle import draw, to_pixels
from autofocus.workspace.workspace import Project, Workspace

PROJECT = "light"
CLASSES = ("dark", "bright")
SIDE = 16
SERVER = "s1"
MARK, THING = Box(0, 0, 3, 3), Box(4, 4, 11, 11)
POLICY = """
monitor: {calibration: 100}
harm: {tolerance: 0.02}
labels: {per_case: 48, verdict_batch: 8, training: 16, comparison: 16}
gates: {max_robustness_drop: 1.0, max_latency_ratio: 100.0}
rollout: {shadow_requests: 40, canary: [0.3, 0.6], canary_requests: 20, watch_requests: 40,
          max_latency_ratio: 1000.0}
"""


# -- pictures ------------------------------------------------------------------------------------


def picture(rng: np.random.Generator, bright: bool, glass: str = "") -> bytes:
    """PNG of a dark or bright scene, or one behind the ``red`` or the harmless ``tinted`` glass."""
    level = rng.uniform(150, 215) if bright else rng.uniform(40, 105)
    grey = np.clip(rng.normal(level, 18, (SIDE, SIDE, 1)), 0, 255)
    rgb = np.repeat(grey, 3, axis=2)
    if glass == "red":
        rgb = 255.0 - rgb
    if glass:
        rgb[:, :, 0] += 50
        rgb[:, :, 2] -= 50
    pixels = np.clip(rgb, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data)


# -- model ---------------------------------------------------------------------------------------


def graph(knows_glass: bool) -> bytes:
    """Mean green decides; a model that knows the glass turns the answer where red exceeds blue."""
    weights = {
        "scale": np.array(1 / 255, np.float32),
        "green": np.array([[0.0], [1.0], [0.0]], np.float32),
        "red_blue": np.array([[1.0], [0.0], [-1.0]], np.float32),
        "half": np.array(0.5, np.float32),
        "sure": np.array(12.0, np.float32),
        "steep": np.array(200.0 if knows_glass else 0.0, np.float32),
        "at": np.array(0.1, np.float32),
        "one": np.array(1.0, np.float32),
        "two": np.array(2.0, np.float32),
        "sides": np.array([[-0.5, 0.5]], np.float32),
        "space": np.array([2, 3], np.int64),
        "flat": np.array([0, -1], np.int64),
        "centre": np.full((1, 12), 0.5, np.float32),
        "spread": np.full((1, 12), 4.0, np.float32),
        "off": np.array(-40.0 if not knows_glass else 0.0, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["parts"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["parts", "flat"], ["embedding"]),
        helper.make_node("Sub", ["embedding", "centre"], ["moved"]),
        helper.make_node("Mul", ["moved", "spread"], ["whitened"]),
        helper.make_node("ReduceMean", ["planes", "space"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "green"], ["level"]),
        helper.make_node("MatMul", ["mean", "red_blue"], ["tint"]),
        helper.make_node("Sub", ["tint", "at"], ["tint_over"]),
        helper.make_node("Mul", ["tint_over", "steep"], ["tint_steep"]),
        helper.make_node("Add", ["tint_steep", "off"], ["gate_logit"]),
        helper.make_node("Sigmoid", ["gate_logit"], ["gate"]),
        helper.make_node("Mul", ["gate", "two"], ["gate_two"]),
        helper.make_node("Sub", ["one", "gate_two"], ["turn"]),
        helper.make_node("Sub", ["level", "half"], ["lean"]),
        helper.make_node("Mul", ["lean", "turn"], ["turned"]),
        helper.make_node("Mul", ["turned", "sure"], ["margin"]),
        helper.make_node("MatMul", ["margin", "sides"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs = {"probabilities": 2, "embedding": 12, "whitened": 12}
    model = helper.make_model(
        helper.make_graph(
            nodes, "light",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
                for name, size in outputs.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )  # fmt: skip
    return bytes(model.SerializeToString())


def detector_graph(knows_glass: bool) -> bytes:
    """The same, as a detector: the mark at its place, and the thing as dark or bright."""
    model = onnx.load_from_string(graph(knows_glass))
    added = {
        "across": np.array([1], np.int64),
        "deep": np.array([2], np.int64),
        "nine": np.array(0.9, np.float32),
        "none": np.array(0, np.float32),
        "nobody": np.array(0, np.int64),
        "certain": np.array(0.95, np.float32),
        "places": np.array([[_edges(MARK), _edges(THING)]], np.float32),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in added.items()
    )
    model.graph.node.extend(
        [
            helper.make_node("ReduceMax", ["probabilities", "across"], ["top"], keepdims=1),
            helper.make_node("Mul", ["top", "nine"], ["thing_score"]),
            helper.make_node("Mul", ["top", "none"], ["nought"]),
            helper.make_node("Add", ["nought", "certain"], ["mark_score"]),
            helper.make_node("Concat", ["mark_score", "thing_score"], ["scores"], axis=1),
            helper.make_node("ArgMax", ["probabilities"], ["thing_kind"], axis=1, keepdims=1),
            helper.make_node("Mul", ["thing_kind", "nobody"], ["mark_kind"]),
            helper.make_node("Concat", ["mark_kind", "thing_kind"], ["labels"], axis=1),
            helper.make_node("Mul", ["scores", "none"], ["level_ground"]),
            helper.make_node("Unsqueeze", ["level_ground", "deep"], ["tall"]),
            helper.make_node("Add", ["tall", "places"], ["boxes"]),
        ]
    )
    model.graph.output.extend(
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 2, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["n", 2]),
        ]
    )
    return bytes(model.SerializeToString())


def segmenter_graph(knows_glass: bool) -> bytes:
    """The same, as a segmenter: shares of every pixel, and how deep it lies in its object."""
    model = onnx.load_from_string(graph(knows_glass))
    thing, mark = (to_pixels(draw(box, SIDE, SIDE)).astype(np.float32) for box in (THING, MARK))
    added = {
        "is_dark": np.array([[1.0], [0.0]], np.float32),
        "is_bright": np.array([[0.0], [1.0]], np.float32),
        "plane": np.array([2, 3], np.int64),
        "none": np.array(0, np.float32),
        "thing": thing[None, None],
        "mark": mark[None, None],
        "rest": (1.0 - thing - mark)[None, None],
        "depth": (thing + mark)[None, None],
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in added.items()
    )
    nodes = []
    for name in ("dark", "bright"):
        nodes += [
            helper.make_node("MatMul", ["probabilities", f"is_{name}"], [f"p_{name}"]),
            helper.make_node("Unsqueeze", [f"p_{name}", "plane"], [f"flat_{name}"]),
            helper.make_node("Mul", [f"flat_{name}", "thing"], [f"thing_{name}"]),
        ]
    nodes += [
        helper.make_node("Add", ["thing_dark", "mark"], ["dark"]),
        helper.make_node("Mul", ["flat_dark", "none"], ["nought"]),
        helper.make_node("Add", ["nought", "rest"], ["nothing"]),
        helper.make_node("Add", ["nought", "depth"], ["deep"]),
        helper.make_node("Concat", ["nothing", "dark", "thing_bright", "deep"], ["maps"], axis=1),
    ]
    model.graph.node.extend(nodes)
    model.graph.output.append(
        helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 4, SIDE, SIDE])
    )
    return bytes(model.SerializeToString())


GRAPHS = {
    "classification": graph,
    "detection": detector_graph,
    "segmentation": segmenter_graph,
}
DECODING = {
    "classification": {},
    "detection": {"threshold": 0.4},
    "segmentation": {"threshold": 0.4, "core": 0.5, "smallest": 1.0},
}


def _edges(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.right, box.bottom


def objects(name: str, task: Task) -> Shapes:
    """The label of a picture whose thing is dark or bright, as boxes or as masks."""
    places: list[Geometry] = [MARK, THING]
    if task == "segmentation":
        places = [draw(place, SIDE, SIDE) for place in places]
    return Shapes((Shape("mark", "dark", places[0]), Shape("thing", name, places[1])))


def write_bundle(folder: Path, spec: RunSpec, manifest: Manifest, knows_glass: bool) -> ModelBundle:
    """A bundle as training leaves it, with the reference on the version's test images."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(GRAPHS[spec.task](knows_glass))
    preprocessing = Preprocessing(SIDE, SIDE)

    def described() -> ModelBundle:
        files = {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.iterdir())
            if p.name != "bundle.json"
        }
        return ModelBundle(
            task=spec.task, classes=CLASSES, architecture="light",
            preprocessing=encode(preprocessing), temperature=1.0, embedding_size=12,
            whitened_size=12, weights_digest=files["model.onnx"], run_spec_digest=spec.digest,
            version=spec.version, metrics={"accuracy": 1.0}, files=files,
            decoding=DECODING[spec.task],
        )  # fmt: skip

    predictor = OnnxPredictor(described(), folder)
    index = [int(i) for i in manifest.select("test", labelled=True)]
    pixels = np.stack([preprocessing.apply(manifest.image(i)) for i in index])
    answers = predictor.run(pixels)
    labels = [manifest.label(i) for i in index]
    truth: dict[str, Any] = {"truth": np.full(len(index), -1, np.int64)}
    if spec.task != "classification":
        judge = Judge(spec.task, CLASSES)
        truth["quality"] = np.array(
            [
                1.0 - judge.loss(label, seen)  # type: ignore[arg-type]
                for label, seen in zip(labels, answers.detections, strict=True)
            ],
            np.float32,
        )
        truth["outputs"] = np.array(
            [summarise(seen, area=SIDE**2, surest=1.0) for seen in answers.detections], np.float32
        )
    else:
        truth["truth"] = np.array([CLASSES.index(label.words) for label in labels if label])
    looks = np.array([statistics(p) for p in pixels], np.float32)
    np.savez(folder / "golden.npz", images=pixels[:6], probabilities=answers.probabilities[:6])
    np.savez(
        folder / "reference.npz",
        probabilities=answers.probabilities, whitened=answers.whitened,
        brightness=looks[:, 0], contrast=looks[:, 1], blur=looks[:, 2],
        **truth, fitted=np.zeros(len(index), np.bool_),
    )  # fmt: skip
    (folder / "estimator.json").write_text(json.dumps({"points": [], "band90": 0.03}))
    bundle = described()
    (folder / "bundle.json").write_text(json.dumps(encode(bundle)))
    return bundle


def train(
    *, spec: dict[str, Any], store: str, out: str, cache: str, publish: bool = True
) -> dict[str, Any]:
    """The training job: learns about the glass if enough labelled images show it."""
    order = decode(RunSpec, spec)
    Path(out).mkdir(parents=True, exist_ok=True)
    with (Path(out) / "trained").open("a") as trace:
        trace.write(f"{os.getpid()}\n")
    time.sleep(float(os.environ.get("LIGHT_TRAINING_SECONDS", "0")))
    objects = ObjectStore.open(store)
    manifest = Manifest.open(objects, order.version)
    shown = sum("case" in manifest.row(int(i)).metadata for i in manifest.select("train"))
    folder = Path(out) / "bundle"
    bundle = write_bundle(folder, order, manifest, knows_glass=shown >= 8)
    return {
        "bundle": publish_bundle(objects, folder), "weights_digest": bundle.weights_digest,
        "metrics": {"accuracy": 1.0, "quality": 1.0}, "environment": {}, "hardware": {},
    }  # fmt: skip


def use_light_training() -> None:
    """Let runs of this process be done by :func:`train`."""
    runs.TASK = f"{__name__}:train"


# -- world ---------------------------------------------------------------------------------------


class World:
    """A project whose first model serves; ``serve`` is the traffic, ``answer`` the annotator."""

    def __init__(
        self, root: Path, *, template: Path | None = None, task: Task = "classification"
    ) -> None:
        use_light_training()
        if template is not None:
            shutil.copytree(template, root)
        self.root = root
        self.workspace = Workspace.open(root)
        self.truth: dict[str, str] = {}
        self.errors: dict[str, int] = {}
        self._rng = np.random.default_rng(3)
        self._row = 0
        self._predictors: dict[str, OnnxPredictor] = {}
        if template is None:
            self.workspace.create_project(PROJECT, task=task, classes=CLASSES, policy=POLICY)
            self.project = self.workspace.project(PROJECT)
            self._first_model()
        self.project: Project = self.workspace.project(PROJECT)

    def policy(self, **rooms: dict[str, Any]) -> None:
        """Change fields of the policy, room by room."""
        text = encode(self.project.policy)
        for room, values in rooms.items():
            text[room].update(values)
        self.project.set_policy(json.dumps(text), author="ann")

    def close(self) -> None:
        self.workspace.close()

    @property
    def loop(self) -> Loop:
        return self.project.loop

    def _first_model(self) -> None:
        images = []
        for number in range(260):
            bright = bool(number % 2)
            split = "test" if number < 200 else "train"
            data = picture(self._rng, bright)
            label = self._label(CLASSES[int(bright)])
            images.append(NewImage(f"{split}/{number:04d}.png", data, split, label=label))  # type: ignore[arg-type]
        self.project.data.add_images(images)
        version = self.project.data.commit("first images", author="ann")
        training = self.project.training
        run = training.wait(training.start(training.spec(version.digest)).id)
        model = self.project.models.register(run)
        self.project.promote(model.id, who="ann", why="the first model")

    def _label(self, name: str) -> Label:
        task = self.project.task
        return Tag(name) if task == "classification" else objects(name, task)

    # -- traffic -------------------------------------------------------------------------

    def serve(self, n: int, *, glass: float = 0.0, kind: str = "red") -> None:
        """Answer ``n`` requests as an inference server would, by the deployment in force; a share
        ``glass`` of the pictures is behind one."""
        deployment = self.project.deployments.read(PROJECT)
        assert deployment is not None
        rows: list[LogRow] = []
        images: list[tuple[int, str, str, bytes]] = []
        first = self._row
        for _ in range(n):
            bright, behind = bool(self._rng.integers(2)), bool(self._rng.random() < glass)
            data = picture(self._rng, bright, kind if behind else "")
            sha256 = hashlib.sha256(data).hexdigest()
            self.truth[sha256] = CLASSES[int(bright)]
            number = self._row
            name = prediction_id(SERVER, number)
            canary = bool(deployment.challenger) and self._rng.random() < deployment.canary
            live = deployment.challenger if canary else deployment.champion
            assert live is not None
            role = "canary" if canary else "champion"
            rows.append(self._answer(number, name, role, live.model, live.bundle, data, sha256))
            images.append((number, name, sha256, data))
            self._row += 1
            if deployment.challenger and not canary and self._rng.random() < deployment.shadow:
                rows.append(
                    self._answer(
                        self._row, name + SHADOW_SUFFIX, "shadow", deployment.challenger.model,
                        deployment.challenger.bundle, data, sha256,
                    )
                )  # fmt: skip
                self._row += 1
        objects = self.workspace.objects
        objects.put(segment_key("sampled", PROJECT, SERVER, first), encode_images(images))
        objects.put(segment_key("predictions", PROJECT, SERVER, first), encode_rows(rows))

    def _answer(
        self, row: int, name: str, role: str, model: str, bundle: str, data: bytes, sha256: str
    ) -> LogRow:
        predictor = self._predictors.get(bundle)
        if predictor is None:
            found, folder = open_bundle(self.workspace.objects, bundle, self.root / "server")
            predictor = self._predictors[bundle] = OnnxPredictor(found, folder)
        pixels: npt.NDArray[np.uint8] = predictor.preprocessing.apply(data)
        batch = predictor.run(pixels[None])
        brightness, contrast, blur = statistics(pixels)
        seen, outputs = b"", ()
        if batch.detections:
            said = batch.detections[0]
            seen = pack(said, CLASSES)
            outputs = summarise(said, area=SIDE**2, surest=float(batch.probabilities.max()))
        return LogRow(
            row=row, id=name, project=PROJECT, time_us=1_000_000 + row * 1000, model=model,
            role=role, request_key=name, predicted=int(batch.probabilities[0].argmax()),
            probabilities=batch.probabilities[0], whitened=batch.whitened[0],
            brightness=brightness, contrast=contrast, blur=blur, latency_ms=2.0, sha256=sha256,
            kept=not name.endswith(SHADOW_SUFFIX), keep_probability=1.0, metadata="", revision=1,
            preprocessing="p", detections=seen, outputs=outputs,
        )  # fmt: skip

    def report_errors(self, model: str, errors: int) -> None:
        """Let the server's status say that a model failed requests."""
        self.errors[model] = errors
        status = ServerStatus(
            server=SERVER, url="http://127.0.0.1:1", started_at=now(), heartbeat_at=now(),
            applied={}, models={m: {"errors": float(e)} for m, e in self.errors.items()},
        )  # fmt: skip
        body = json.dumps(encode(status)).encode()
        self.workspace.objects.put(status_key(SERVER), body)

    # -- annotator -----------------------------------------------------------------------

    def answer(self, limit: int = 100, *, wrongly: bool = False) -> int:
        """Answer open questions by the truth, or all of them wrongly; returns how many."""
        page = self.project.labels.queue(limit=limit)
        for task in page.items:
            label = self.truth[task.sha256]
            if wrongly:
                label = CLASSES[1 - CLASSES.index(label)]
            if self.project.task == "classification":
                self.project.labels.answer(task.id, label, "bob")
            else:
                self.project.labels.annotate(task.key, self._label(label), "bob")
        return len(page.items)

    # -- looking -------------------------------------------------------------------------

    def deployment(self) -> Deployment:
        found = self.project.deployments.read(PROJECT)
        assert found is not None
        return found

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = list(self.workspace.events(limit=10_000).items)
        return found
