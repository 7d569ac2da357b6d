"""How near the inference server comes to the floor, in one run of about a minute.

    python benchmarks/serving.py [--seconds 4] [--json out.json]

Floor: decode + infer of the same images in one process on two threads, without HTTP, at the best
of three batch sizes. Then the real server process (everything on: log of every prediction, kept
images, metrics, and once more with all requests shadowed), and a plain FastAPI app as people
first write it (Pillow, ONNX Runtime's defaults, multipart). The client shares the machine, so the
column to trust is "per CPU-s": answers per second of the server's own CPU time, against the
floor's.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

SIDE, CLASSES, IMAGES = 64, ("a", "b", "c", "d"), 32


# The model and the images


def build_graph() -> bytes:
    """A convolutional net of about a millisecond per 64 x 64 image, with random weights."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    constants: list[Any] = []

    def weight(name: str, *shape: int) -> str:
        fan = int(np.prod(shape[1:])) or 1
        value = (rng.normal(0, 1, shape) * (2 / fan) ** 0.5).astype(np.float32)
        constants.append(numpy_helper.from_array(value, name))
        return name

    constants.append(numpy_helper.from_array(np.array(1 / 255, np.float32), "scale"))
    constants.append(numpy_helper.from_array(np.array([2, 3], np.int64), "space"))
    nodes = [
        helper.make_node("Cast", ["image"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "scale"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["x0"], perm=[0, 3, 1, 2]),
    ]
    last, channels = "x0", 3
    for i, (out, stride) in enumerate([(24, 2), (32, 1), (48, 2), (64, 1), (96, 2), (96, 1)]):
        nodes.append(
            helper.make_node(
                "Conv",
                [last, weight(f"w{i}", out, channels, 3, 3)],
                [f"c{i}"],
                pads=[1, 1, 1, 1],
                strides=[stride, stride],
            )
        )
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"x{i + 1}"]))
        last, channels = f"x{i + 1}", out
    nodes += [
        helper.make_node("ReduceMean", [last, "space"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", weight("wp", channels, 16)], ["whitened"]),
        helper.make_node("MatMul", ["embedding", weight("wh", channels, 4)], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs = {"probabilities": 4, "embedding": channels, "whitened": 16}
    model = helper.make_model(
        helper.make_graph(
            nodes, "bench",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", SIDE, SIDE, 3])],
            [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", v])
             for k, v in outputs.items()],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )  # fmt: skip
    return model.SerializeToString()


def photographs() -> list[bytes]:
    """Photo-like JPEGs, 640 x 480, quality 90."""
    rng = np.random.default_rng(1)
    images = []
    for _ in range(IMAGES):
        coarse = rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        image += rng.normal(0, 6, image.shape).astype(np.int16)
        ok, data = cv2.imencode(
            ".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90]
        )
        if not ok:
            raise RuntimeError("OpenCV could not encode a JPEG.")
        images.append(data.tobytes())
    return images


def write_bundle(folder: Path) -> Any:
    from autofocus.imaging.preprocessing import Preprocessing
    from autofocus.serving.predictor import OnnxPredictor
    from autofocus.types.codec import encode
    from autofocus.types.models import ModelBundle

    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(build_graph())
    golden = np.random.default_rng(2).integers(0, 255, (4, SIDE, SIDE, 3), dtype=np.uint8)

    def describe() -> ModelBundle:
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
        return ModelBundle(
            "classification", CLASSES, "bench", encode(Preprocessing(SIDE, SIDE)), 1.0, 96, 16,
            files["model.onnx"], "0" * 64, "0" * 64, {}, files,
        )  # fmt: skip

    answers = OnnxPredictor(describe(), folder).run(golden).probabilities
    np.savez(folder / "golden.npz", images=golden, probabilities=answers)
    bundle = describe()
    (folder / "bundle.json").write_text(json.dumps(encode(bundle)))
    return bundle


# The floor


def floor(folder: Path, images: list[bytes], seconds: float) -> dict[str, float]:
    """Images per CPU-second of decode + infer, at the best batch size of 1, 4, 16."""
    from autofocus.serving.predictor import OnnxPredictor
    from autofocus.types.codec import decode
    from autofocus.types.models import ModelBundle

    bundle = decode(ModelBundle, json.loads((folder / "bundle.json").read_text()))
    predictor = OnnxPredictor(bundle, folder)
    process = psutil.Process()
    best = {"per_cpu_s": 0.0, "batch": 0.0, "per_s": 0.0}
    for batch in (1, 4, 16):
        counts = [0, 0]
        stop = time.perf_counter() + seconds

        def work(
            index: int, counts: list[int] = counts, batch: int = batch, stop: float = stop
        ) -> None:
            at = index * 7
            while time.perf_counter() < stop:
                pixels = [
                    predictor.preprocessing.apply(images[(at + k) % IMAGES]) for k in range(batch)
                ]
                predictor.run(np.stack(pixels))
                at += batch
                counts[index] += batch

        before, began = process.cpu_times(), time.perf_counter()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = process.cpu_times()
        cpu = after.user + after.system - before.user - before.system
        if sum(counts) / cpu > best["per_cpu_s"]:
            best = {
                "per_cpu_s": sum(counts) / cpu,
                "batch": batch,
                "per_s": sum(counts) / (time.perf_counter() - began),
            }
    return best


# The client: a closed loop over keep-alive connections, in a process of its own


class _Connection(asyncio.Protocol):
    def __init__(self, owner: _Load, number: int) -> None:
        self._owner, self._at = owner, number
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._owner.requests[self._at % len(self._owner.requests)])
        self._at += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lowered = self._buffer[:head].lower()
        start = lowered.index(b"content-length:") + 15
        length = int(lowered[start:].split(b"\r\n", 1)[0])
        if len(self._buffer) < head + 4 + length:
            return
        if self._buffer[9:12] == b"200":
            self._owner.latencies.append(time.perf_counter() - self._began)
        else:
            self._owner.failed += 1
        self._buffer = b""
        if time.perf_counter() < self._owner.stop:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.open -= 1


class _Load:
    def __init__(self, requests: list[bytes], seconds: float, clients: int) -> None:
        self.requests, self.open = requests, clients
        self.latencies: list[float] = []
        self.failed = 0
        self.stop = time.perf_counter() + seconds


async def _drive(load: _Load, port: int, clients: int) -> None:
    loop = asyncio.get_running_loop()
    for number in range(clients):
        await loop.create_connection(
            lambda number=number: _Connection(load, number * 5), "127.0.0.1", port
        )
    while load.open > 0:
        await asyncio.sleep(0.05)


def client(port: int, requests: list[bytes], seconds: float, clients: int, out: Any) -> None:
    import uvloop

    load = _Load(requests, seconds, clients)
    began = time.perf_counter()
    uvloop.run(_drive(load, port, clients))
    out.put((load.latencies, load.failed, time.perf_counter() - began))


def measure(
    port: int, pid: int, requests: list[bytes], seconds: float, clients: int, base: dict[str, float]
) -> dict[str, float]:
    process = psutil.Process(pid)
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    before = process.cpu_times()
    child = context.Process(target=client, args=(port, requests, seconds, clients, out))
    child.start()
    latencies, failed, took = out.get()
    child.join()
    after = process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    ordered = sorted(latencies)
    return {
        "clients": clients,
        "per_s": len(ordered) / took,
        "x_floor": len(ordered) / took / (2 * base["per_cpu_s"]),
        "per_cpu_s": len(ordered) / cpu / base["per_cpu_s"],
        "p50_ms": 1e3 * ordered[len(ordered) // 2],
        "p99_ms": 1e3 * ordered[int(0.99 * len(ordered))],
        "failed": failed,
        "rss_mb": process.memory_info().rss / 1e6,
    }


# The servers


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_for(port: int, path: str) -> None:
    import httpx

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}{path}").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise RuntimeError("The server did not become ready within 30 seconds.")


def naive(folder: str, port: int) -> None:
    """The app most people write first."""
    import onnxruntime
    import uvicorn
    from fastapi import FastAPI, UploadFile
    from PIL import Image

    session = onnxruntime.InferenceSession(str(Path(folder) / "model.onnx"))
    app = FastAPI()

    def predict(file: UploadFile) -> dict[str, float]:
        image = Image.open(file.file).convert("RGB").resize((SIDE, SIDE))
        (answer,) = session.run(["probabilities"], {"image": np.asarray(image)[None]})
        return dict(zip(CLASSES, answer[0].tolist(), strict=True))

    predict.__annotations__["file"] = UploadFile
    app.post("/predict")(predict)
    app.get("/ready")(lambda: {})
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def http_request(path: str, body: bytes, kind: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def multipart(data: bytes) -> bytes:
    out = io.BytesIO()
    out.write(b'--b\r\nContent-Disposition: form-data; name="file"; filename="i.jpg"\r\n')
    out.write(b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--b--\r\n")
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    seconds = arguments.seconds
    with tempfile.TemporaryDirectory() as name:
        results = run(Path(name), seconds)
    base = results["floor"]
    print(
        f"floor: {base['per_cpu_s']:.0f} images per CPU-second (batch {base['batch']:.0f}), "
        f"start to ready {results['start_s']:.2f} s"
    )
    columns = ("per_s", "x_floor", "per_cpu_s", "p50_ms", "p99_ms", "failed", "rss_mb")
    print(f"{'server':34}{'clients':>8}" + "".join(f"{c:>11}" for c in columns))
    for row in results["rows"]:
        figures = "".join(f"{row[c]:>11.2f}" for c in columns)
        print(f"{row['server']:34}{row['clients']:>8.0f}{figures}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


def run(root: Path, seconds: float) -> dict[str, Any]:
    from autofocus.serving.deployments import Deployments
    from autofocus.store.bundles import publish_bundle
    from autofocus.store.objects import ObjectStore
    from autofocus.types.production import DeployedModel, Deployment

    images = photographs()
    folder = root / "bundle"
    write_bundle(folder)
    objects = ObjectStore.open(str(root / "store"))
    digest = publish_bundle(objects, folder)
    one, two = DeployedModel("bench-1", digest), DeployedModel("bench-2", digest)
    deployments = Deployments(objects)
    deployments.write(Deployment("bench", 1, CLASSES, one))
    base = floor(folder, images, seconds / 2)
    rows: list[dict[str, Any]] = []

    def collect(server: str, port: int, pid: int, requests: list[bytes], counts: list[int]) -> None:
        measure(port, pid, requests, 0.5, 16, base)  # warm
        for clients in counts:
            figures = measure(port, pid, requests, seconds, clients, base)
            rows.append({"server": server, **figures})

    def autofocus() -> tuple[subprocess.Popen[bytes], int, float]:
        port, began = free_port(), time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "autofocus.serving", "--store", str(root / "store"), "--port",
             str(port), "--cache", str(root / "cache"), "--threads", "2", "--log-level", "ERROR"]
        )  # fmt: skip
        wait_for(port, "/readyz")
        return process, port, time.monotonic() - began

    def bodies(path: str, kind: str, wrap: Callable[[bytes], bytes]) -> list[bytes]:
        return [http_request(path, wrap(data), kind) for data in images]

    raw = bodies("/v1/projects/bench/predict", "image/jpeg", lambda data: data)
    process, port, _ = autofocus()
    try:
        collect("autofocus", port, process.pid, raw, [1, 16, 64])
        deployments.write(Deployment("bench", 2, CLASSES, one, two, canary=0.1, shadow=1.0))
        time.sleep(1.0)
        collect("autofocus, canary 10%, shadow 100%", port, process.pid, raw, [64])
    finally:
        process.terminate()
        process.wait()
    process, port, start_s = autofocus()  # bundle and batch size are cached now
    process.terminate()
    process.wait()

    port = free_port()
    peer = multiprocessing.get_context("spawn").Process(target=naive, args=(str(folder), port))
    peer.start()
    try:
        wait_for(port, "/ready")
        forms = bodies("/predict", "multipart/form-data; boundary=b", multipart)
        collect("FastAPI as first written", port, peer.pid or 0, forms, [1, 16, 64])
    finally:
        peer.terminate()
        peer.join()
    return {"floor": base, "start_s": start_s, "rows": rows, "cores": os.cpu_count()}


if __name__ == "__main__":
    main()
