"""A small real world for the server's tests: graphs, bundles, images, and the process itself."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from autofocus.imaging.preprocessing import Preprocessing
from autofocus.serving.deployments import Deployments
from autofocus.serving.predictor import OnnxPredictor
from autofocus.store.bundles import publish_bundle
from autofocus.store.objects import ObjectStore
from autofocus.types.codec import encode
from autofocus.types.models import ModelBundle
from autofocus.types.production import DeployedModel, Deployment

CLASSES = ("dark", "bright")
SIDE = 32
PREPROCESSING = Preprocessing(SIDE, SIDE)


def graph(
    sharpness: float, width: int = 8, whitened: int = 4, *, fails_on_bright: bool = False
) -> bytes:
    """A convolutional net that tells dark from bright; ``sharpness`` is how sure it is.

    With ``fails_on_bright`` it gives NaN for images brighter than any golden one.
    """
    rng = np.random.default_rng(7)
    weights = {
        "scale": np.array(1 / 255, np.float32),
        "conv": rng.normal(0, 0.2, (width, 3, 3, 3)).astype(np.float32),
        "projection": rng.normal(0, 1, (width, whitened)).astype(np.float32),
        "head": (sharpness * np.array([[-1, 1]] * 3) / 3).astype(np.float32),
        "bias": (sharpness * np.array([0.5, -0.5])).astype(np.float32),
        "space": np.array([2, 3], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "conv"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("ReduceMean", ["active", "space"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "projection"], ["whitened"]),
        helper.make_node("ReduceMean", ["planes", "space"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "head", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    if fails_on_bright:
        weights["limit"] = np.array([[0.75]], np.float32)
        weights["zero"] = np.array(0, np.float32)
        nodes[-1].output[0] = "softmax"
        nodes += [
            helper.make_node("Sub", ["limit", "mean"], ["room"]),
            helper.make_node("Sqrt", ["room"], ["root"]),
            helper.make_node("Mul", ["root", "zero"], ["nothing"]),
            helper.make_node("ReduceMean", ["nothing", "last"], ["none"], keepdims=1),
            helper.make_node("Add", ["softmax", "none"], ["probabilities"]),
        ]
        weights["last"] = np.array([1], np.int64)
    outputs = {"probabilities": 2, "embedding": width, "whitened": whitened}
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "brightness",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
                for name, size in outputs.items()
            ],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def detector_graph(sharpness: float = 10.0) -> bytes:
    """Where the image is bright: one thing in its right half, surely, and one it is unsure of."""
    model = onnx.load_from_string(graph(sharpness))
    added = {
        "turn": np.array([[0, 0], [1.0, 0.3]], np.float32),
        "none": np.array(0, np.float32),
        "deep": np.array([2], np.int64),
        "places": np.array([[[16, 8, 32, 24], [0, 0, 8, 8]]], np.float32),
        "kinds": np.array([[1, 0]], np.int64),
    }
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in added.items()
    )
    model.graph.node.extend(
        [
            helper.make_node("MatMul", ["probabilities", "turn"], ["scores"]),
            helper.make_node("Mul", ["scores", "none"], ["flat"]),
            helper.make_node("Unsqueeze", ["flat", "deep"], ["tall"]),
            helper.make_node("Add", ["tall", "places"], ["boxes"]),
            helper.make_node("Cast", ["flat"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Add", ["whole", "kinds"], ["labels"]),
        ]
    )
    model.graph.output.extend(
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 2, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["n", 2]),
        ]
    )
    onnx.checker.check_model(model)
    return model.SerializeToString()


def write_bundle(
    folder: Path,
    sharpness: float = 10.0,
    *,
    golden_shift: float = 0.0,
    classes: tuple[str, ...] = CLASSES,
    onnx_bytes: bytes | None = None,
    fails_on_bright: bool = False,
    preprocessing: Preprocessing = PREPROCESSING,
    detects: bool = False,
) -> ModelBundle:
    """Write a bundle folder; ``golden_shift`` spoils its golden answers."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(
        detector_graph(sharpness)
        if detects
        else onnx_bytes or graph(sharpness, fails_on_bright=fails_on_bright)
    )
    images = np.random.default_rng(1).integers(0, 255, (6, SIDE, SIDE, 3), dtype=np.uint8)
    images[::2] //= 4

    def described() -> ModelBundle:
        files = {
            p.name: hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.iterdir())
            if p.name != "bundle.json"
        }
        return ModelBundle(
            task="detection" if detects else "classification", classes=classes, architecture="test",
            preprocessing=encode(preprocessing), temperature=1.0, embedding_size=8,
            whitened_size=4, weights_digest=files["model.onnx"], run_spec_digest="0" * 64,
            version="0" * 64, metrics={}, files=files,
            decoding={"threshold": 0.5} if detects else {},
        )  # fmt: skip

    if onnx_bytes is None:
        answers = OnnxPredictor(described(), folder).run(images).probabilities
    else:
        answers = np.full((6, 2), 0.5, np.float32)
    np.savez(folder / "golden.npz", images=images, probabilities=answers + golden_shift)
    bundle = described()
    (folder / "bundle.json").write_text(json.dumps(encode(bundle)))
    return bundle


def photo(level: int, seed: int = 0, side: int = 200) -> bytes:
    """A noisy JPEG around grey ``level``."""
    noise = np.random.default_rng(seed).integers(-20, 20, (side, side, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noise + level, 0, 255).astype(np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """The first true value of ``condition``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


class World:
    """An object store with deployments, and server processes on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = ObjectStore.open(str(root / "store"))
        self.deployments = Deployments(self.objects)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._revision = 0

    def publish(self, name: str, sharpness: float = 10.0, **options: Any) -> DeployedModel:
        folder = self.root / "bundles" / name
        write_bundle(folder, sharpness, **options)
        return DeployedModel(name, publish_bundle(self.objects, folder))

    def deploy(self, champion: DeployedModel, **options: Any) -> Deployment:
        self._revision += 1
        deployment = Deployment(
            project="light", revision=self._revision, classes=CLASSES, champion=champion, **options
        )
        self.deployments.write(deployment)
        return deployment

    def start(self, *arguments: str, wait: bool = True) -> float:
        """Start the server; returns the seconds until it was ready."""
        began = time.monotonic()
        log = (self.root / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "autofocus.serving", "--store", self.objects.url,
                    "--port", str(self.port), "--cache", str(self.root / "cache"),
                    "--threads", "2", *arguments,
                ],
                stderr=log,
                stdout=log,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        if wait:
            wait_until(lambda: self.status("/readyz") == 200, "the server being ready")
        return time.monotonic() - began

    def status(self, path: str) -> int:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + path).status_code
        return 0

    def project(self) -> dict[str, Any]:
        return dict(httpx.get(self.url + "/v1/projects/light").json())

    def in_force(self, revision: int) -> None:
        wait_until(lambda: self.project().get("revision") == revision, f"revision {revision}")

    def predict(self, data: bytes, **headers: str) -> httpx.Response:
        return httpx.post(
            self.url + "/v1/projects/light/predict",
            content=data,
            headers={name: value.encode() for name, value in headers.items()},
            timeout=20,
        )

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)

    def log_text(self) -> str:
        return (self.root / "server.log").read_text()


@contextlib.contextmanager
def world(root: Path) -> Iterator[World]:
    made = World(root)
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()
