"""A bundle in this process: ONNX Runtime behind the shared preprocessing."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from autofocus.errors import AutofocusError, Corrupted
from autofocus.imaging.decode import MAX_PIXELS
from autofocus.imaging.preprocessing import Preprocessing
from autofocus.serving.decoding import Decoder
from autofocus.types.codec import decode
from autofocus.types.models import ModelBundle, PredictionBatch

MODEL_FILE = "model.onnx"
GOLDEN_FILE = "golden.npz"
# What another CPU's float32 arithmetic may change; a wrong graph or preprocessing is far outside.
GOLDEN_TOLERANCE = 1e-3
_BATCHES = (1, 2, 4, 8, 16, 32)
_OUTPUTS = ["probabilities", "embedding", "whitened"]
_ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    getattr(ort_errors, name)
    for name in (
        "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NoModel",
        "EngineError", "RuntimeException", "NotImplemented", "EPFail", "ModelLoaded",
    )
)  # fmt: skip

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class OnnxPredictor:
    """Answers images with the graph of a bundle.

    ``folder`` holds the verified files of ``bundle``. One CPU thread per call: callers run one
    call per core, which was up to twice as fast as one call on all cores. Safe to call from
    several threads.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        folder: Path,
        *,
        name: str = "",
        max_pixels: int = MAX_PIXELS,
        threads: int = 1,
    ) -> None:
        self.bundle = bundle
        self.folder = folder
        self.preprocessing = decode(Preprocessing, bundle.preprocessing, where="preprocessing")
        self._decoder = Decoder(bundle, self.preprocessing)
        self.max_pixels = max_pixels
        self._name = name or bundle.digest[:12]
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(
                str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
            )
        except _ORT_ERRORS as exc:
            raise Corrupted(
                f"The graph of bundle {bundle.digest[:12]} cannot be loaded: {exc}"
            ) from exc
        self._check_signature()

    @property
    def name(self) -> str:
        return self._name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.bundle.classes

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        """Answer encoded images; raises ImageRejected for the first unusable one."""
        if not images:
            return self.run(self._blank(0), embedding=True)
        seen = [self.preprocessing.look(data, max_pixels=self.max_pixels) for data in images]
        pixels, sizes = zip(*seen, strict=True)
        return self.run(np.stack(pixels), embedding=True, sizes=sizes)

    @property
    def threshold(self) -> float:
        """The score from which a detection counts; 0 for classification."""
        return self.bundle.threshold

    def run(
        self,
        pixels: Images,
        *,
        embedding: bool = False,
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> PredictionBatch:
        """Answer preprocessed pixels (n, height, width, 3).

        Without ``embedding`` the batch's embedding is empty (n, 0), which saves copying it.
        Detections are in pixels of the upright originals of ``sizes`` (height, width), or of the
        preprocessed images themselves without. Raises AutofocusError if the graph fails or
        answers with numbers that are not finite.
        """
        n = len(pixels)
        if n == 0:
            return PredictionBatch(
                np.zeros((0, len(self.classes)), np.float32),
                np.zeros((0, self.bundle.embedding_size), np.float32),
                np.zeros((0, self.bundle.whitened_size), np.float32),
            )
        names = [_OUTPUTS[0], _OUTPUTS[2], *self._decoder.outputs]
        if embedding:
            names.append(_OUTPUTS[1])
        try:
            outputs = self._session.run(names, {"image": pixels})
        except _ORT_ERRORS as exc:
            raise AutofocusError(f"Model {self.name} failed on {n} images: {exc}") from exc
        probabilities, whitened = outputs[:2]
        if not np.isfinite(probabilities).all():
            raise AutofocusError(f"Model {self.name} answered with numbers that are not finite.")
        features = outputs[-1] if embedding else np.zeros((n, 0), np.float32)
        if not self._decoder.outputs:
            return PredictionBatch(probabilities, features, whitened)
        shapes = outputs[2 : 2 + len(self._decoder.outputs)]
        where = sizes or [(self.preprocessing.height, self.preprocessing.width)] * n
        return PredictionBatch(probabilities, features, whitened, self._decoder.read(shapes, where))

    def check_golden(self) -> float:
        """Largest difference to the probabilities stored at training; Corrupted if too large.

        Says that this machine computes what the training machine computed.
        """
        path = self.folder / GOLDEN_FILE
        if not path.exists():
            raise Corrupted(
                f"Bundle {self.bundle.digest[:12]} has no {GOLDEN_FILE}; it cannot be checked."
            )
        try:
            with np.load(path, allow_pickle=False) as golden:
                images, expected = golden["images"], golden["probabilities"]
        except (KeyError, ValueError) as exc:
            raise Corrupted(f"{GOLDEN_FILE} of model {self.name} cannot be read: {exc}.") from exc
        worst = 0.0
        for start in range(0, len(images), 16):
            got = self.run(np.ascontiguousarray(images[start : start + 16])).probabilities
            worst = max(worst, float(np.abs(got - expected[start : start + 16]).max()))
        if worst > GOLDEN_TOLERANCE:
            raise Corrupted(
                f"Model {self.name} does not give its golden answers on this machine: off by "
                f"{worst:.4f}, at most {GOLDEN_TOLERANCE} was expected.",
                hint="Export it again, or serve it on the kind of machine it was made on.",
            )
        return worst

    def warm(self, largest: int) -> None:
        """Run every power of two up to ``largest`` once, so that no request pays for memory."""
        for size in sorted({b for b in _BATCHES if b < largest} | {largest}):
            self.run(self._blank(size))

    def time_batches(self, *, seconds: float = 0.3) -> int:
        """The batch size B* from which larger ones gain less than 3 % per image.

        Times 1, 2, 4, ... 32 within about ``seconds``; on CPU the best is often small. Another
        size is tried only while the time left allows it.
        """
        best_rate, rates = 0.0, {}
        deadline = time.perf_counter() + seconds
        for size in _BATCHES:
            pixels = self._blank(size)
            self.run(pixels)
            shortest, runs = float("inf"), 0
            while runs < 2 or (runs < 8 and time.perf_counter() < deadline):
                start = time.perf_counter()
                self.run(pixels)
                shortest = min(shortest, time.perf_counter() - start)
                runs += 1
            rates[size] = size / shortest
            best_rate = max(best_rate, rates[size])
            if time.perf_counter() + 4 * shortest > deadline:
                break
        return min(size for size, rate in rates.items() if rate >= 0.97 * best_rate)

    def _blank(self, n: int) -> Images:
        return np.full((n, self.preprocessing.height, self.preprocessing.width, 3), 127, np.uint8)

    def _check_signature(self) -> None:
        inputs = {i.name: i.type for i in self._session.get_inputs()}
        outputs = {o.name for o in self._session.get_outputs()}
        wanted = [*_OUTPUTS, *self._decoder.outputs]
        if inputs != {"image": "tensor(uint8)"} or not outputs.issuperset(wanted):
            raise Corrupted(
                f"The graph of bundle {self.bundle.digest[:12]} takes {inputs} and gives "
                f"{sorted(outputs)}; expected image: tensor(uint8) and {wanted}."
            )
        self.run(self._blank(1))


def best_batch(predictor: OnnxPredictor, cache: Path) -> int:
    """B* of ``predictor``, measured once per bundle, number of cores and engine version."""
    name = f"{predictor.bundle.digest[:32]}-{os.cpu_count()}-{ort.__version__}.json"
    path = cache / "batches" / name
    try:
        stored = json.loads(path.read_text())["batch"]
        if stored in _BATCHES:
            return int(stored)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or unreadable: measure
    size = predictor.time_batches()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps({"batch": size}))
    part.replace(path)
    return size
