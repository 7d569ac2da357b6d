"""From trained weights to the graph that is served."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch

from autofocus.errors import AutofocusError
from autofocus.training.graphs import ServedGraph

OPSET = 18
PARITY = 1e-4
_BATCH = 64

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Answers = dict[str, npt.NDArray[np.float32]]


def export(graph: ServedGraph, sample: Pixels, path: Path) -> None:
    """Write ``model.onnx`` and check on ``sample`` that it answers as the network does.

    Raises AutofocusError if a probability, or another number between 0 and 1 that it gives,
    differs by more than ``PARITY``.
    """
    graph = graph.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    images = torch.from_numpy(np.ascontiguousarray(sample))
    names = list(graph.outputs)
    with warnings.catch_warnings():
        # torch announces another exporter; this one gives smaller graphs without extra packages.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (images[:2],),
            str(path),
            input_names=["image"],
            output_names=names,
            dynamic_axes={name: {0: "n"} for name in ["image", *names]},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(onnx.load(path))
    with torch.no_grad():
        expected = dict(zip(names, (value.numpy() for value in graph(images)), strict=True))
    got = Session(path).run(np.ascontiguousarray(sample))
    for name in ("probabilities", "scores", "maps"):
        if name in expected:
            _check_same(name, expected[name], got[name])


def _check_same(name: str, expected: Floats, got: Floats) -> None:
    off = np.abs(expected - got)
    # Two boxes that overlap just as much as is allowed may both stay on one side: few scores may
    # differ, all other numbers none.
    worst = float(np.quantile(off, 0.99) if name == "scores" else off.max())
    if not worst <= PARITY:
        raise AutofocusError(
            f"The exported graph differs from the trained network by {worst:.2g} in {name}, at "
            f"most {PARITY:.0e} was expected.",
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
        self.outputs = [output.name for output in self._session.get_outputs()]

    def parts(self, pixels: Pixels, batch: int = _BATCH) -> Iterator[Answers]:
        """All outputs by name, for ``batch`` images at a time."""
        for i in range(0, len(pixels), batch):
            images = np.ascontiguousarray(pixels[i : i + batch])
            found = self._session.run(self.outputs, {"image": images})
            yield dict(zip(self.outputs, found, strict=True))

    def run(self, pixels: Pixels) -> Answers:
        """All outputs by name, for all images."""
        parts = list(self.parts(pixels))
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}
