"""From trained weights to the graph that is served."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from torch import Tensor, nn

from autofocus.errors import AutofocusError
from autofocus.training.calibration import Whitening

OPSET = 18
PARITY = 1e-4
OUTPUTS = ["probabilities", "embedding", "whitened"]
_BATCH = 64

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class ServedGraph(nn.Module):
    """uint8 (n, h, w, 3) in; probabilities, embedding and whitened embedding out."""

    def __init__(self, network: nn.Module, temperature: float, whitening: Whitening) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature
        self.register_buffer("mean", torch.from_numpy(whitening.mean))
        self.register_buffer("matrix", torch.from_numpy(whitening.matrix))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        planes = image.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        logits, embedding = self.network(planes)
        probabilities = torch.softmax(logits / self.temperature, dim=1)
        mean, matrix = self.get_buffer("mean"), self.get_buffer("matrix")
        return probabilities, embedding, (embedding - mean) @ matrix


def export(
    network: nn.Module,
    temperature: float,
    whitening: Whitening,
    sample: Pixels,
    path: Path,
) -> None:
    """Write ``model.onnx`` and check on ``sample`` that it answers as the network does.

    Raises AutofocusError if a probability differs by more than ``PARITY``.
    """
    graph = ServedGraph(network, temperature, whitening)
    graph = graph.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    images = torch.from_numpy(np.ascontiguousarray(sample))
    with warnings.catch_warnings():
        # torch announces another exporter; this one gives smaller graphs without extra packages.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (images[:2],),
            str(path),
            input_names=["image"],
            output_names=OUTPUTS,
            dynamic_axes={name: {0: "n"} for name in ["image", *OUTPUTS]},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path))
    with torch.no_grad():
        expected = [value.numpy() for value in graph(images)]
    got = Session(path).answer(np.ascontiguousarray(sample))
    worst = float(np.abs(expected[0] - got[0]).max())
    if not worst <= PARITY:
        raise AutofocusError(
            f"The exported graph differs from the trained network by {worst:.2g} in a "
            f"probability, at most {PARITY:.0e} was expected.",
            hint="An operator of the architecture is exported wrongly; use another one.",
        )


class Session:
    """A graph on one CPU thread, so that its answers are the same everywhere we compare them."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def answer(self, pixels: Pixels) -> tuple[Floats, Floats, Floats]:
        """probabilities (n, classes), embedding (n, d), whitened (n, k)."""
        parts = [
            self._session.run(OUTPUTS, {"image": np.ascontiguousarray(pixels[i : i + _BATCH])})
            for i in range(0, len(pixels), _BATCH)
        ]
        first, second, third = (np.concatenate([part[j] for part in parts]) for j in range(3))
        return first, second, third
