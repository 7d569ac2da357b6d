"""What a trained network is asked on held-out images, task by task.

An exam fits what is fitted after the weights on the validation images (temperature, scores,
threshold, whitening), and then says how right the finished graph is on any image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from autofocus.imaging.instances import UNJUDGED, Instances, separate
from autofocus.training.calibration import Whitening, fit_temperature, fit_whitening
from autofocus.training.classifying import answer
from autofocus.training.export import Answers, Session
from autofocus.training.fitting import Pixels, Rows, forward, to_float
from autofocus.training.graphs import BoxGraph, MapGraph, ServedGraph, planes
from autofocus.training.matching import (
    Found,
    best_threshold,
    fit_scores,
    hits,
    mean_average_precision,
    qualities,
)
from autofocus.training.targets import Boxes, Maps
from autofocus.types.answers import Outputs
from autofocus.types.overlap import box_overlaps

Floats = npt.NDArray[np.float32]

# How a detector is read before its scores are fitted.
_PLAIN = {"slope": 1.0, "offset": 0.0, "nms_iou": 0.6, "twins": 0.1}
# How deep a pixel must lie to be part of a core; which of these is tried on validation images.
CORES = (0.35, 0.5, 0.65)
# Pixels of each image that the temperature of a segmenter is fitted on.
_PIXELS = 256
# An object smaller than this share of nearly the smallest one that was marked is a speck.
_SPECK = 0.15
_BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A graph's answers to n images and how right they are: probabilities (n, classes), whitened
    (n, k), quality float64 (n,) in 0..1, and what the exam measures figures from; outputs (n, 3),
    where objects are seen, as ``types.answers`` sums them up, else (n, 0)."""

    probabilities: Floats
    whitened: Floats
    quality: npt.NDArray[np.float64]
    outputs: Floats
    detail: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A graph ready to be served, and what was fitted for it."""

    graph: ServedGraph
    embedding_size: int
    temperature: float = 1.0
    decoding: Mapping[str, float] = field(default_factory=dict)


class Exam(Protocol):
    """The truth about held-out images, in their order, and what to do with it."""

    @property
    def truth(self) -> Rows:
        """Class index of each image, -1 where one class cannot say it."""
        ...

    def finish(self, network: nn.Module, pixels: Pixels, fitted: Rows) -> Finished:
        """Fit on the images ``fitted``, of which ``pixels`` are those pixels."""
        ...

    def ask(self, session: Session, pixels: Pixels, rows: Rows) -> Answered:
        """Answers to ``pixels``, judged by the truth about images ``rows``."""
        ...

    def figures(self, answered: Answered, rows: Rows) -> dict[str, float]:
        """The bundle's metrics, of answers about images ``rows``."""
        ...

    def words(self, figures: Mapping[str, float]) -> str:
        """The metrics as a sentence."""
        ...


@dataclass(eq=False)
class ClassExam:
    """One class an image."""

    truth: Rows

    def finish(self, network: nn.Module, pixels: Pixels, fitted: Rows) -> Finished:
        """Temperature and whitening."""
        logits, embedding = (value.numpy() for value in answer(network, pixels))
        temperature = fit_temperature(logits, self.truth[fitted])
        whitening = fit_whitening(embedding)
        graph = ServedGraph(network, temperature, whitening)
        return Finished(graph, int(embedding.shape[1]), temperature)

    def ask(self, session: Session, pixels: Pixels, rows: Rows) -> Answered:
        """Right or wrong."""
        found = session.run(pixels)
        right = found["probabilities"].argmax(axis=1) == self.truth[rows]
        nothing = np.zeros((len(right), 0), np.float32)
        return Answered(
            found["probabilities"], found["whitened"], right.astype(np.float64), nothing
        )

    def figures(self, answered: Answered, rows: Rows) -> dict[str, float]:
        """Accuracy, number of ``errors`` and log loss."""
        p, truth = answered.probabilities.astype(np.float64), self.truth[rows]
        right = p[np.arange(len(truth)), truth]
        wrong = int((p.argmax(axis=1) != truth).sum())
        return {
            "accuracy": 1.0 - wrong / len(truth),
            "errors": float(wrong),
            "log_loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
            "n": float(len(truth)),
        }

    def words(self, figures: Mapping[str, float]) -> str:
        return f"Accuracy {figures['accuracy']:.4f}, log loss {figures['log_loss']:.4f}"


@dataclass(eq=False)
class BoxExam:
    """The boxes of each held-out image, in preprocessed pixels."""

    boxes: Sequence[Boxes]

    @property
    def truth(self) -> Rows:
        return np.full(len(self.boxes), -1, np.int64)

    def finish(self, network: nn.Module, pixels: Pixels, fitted: Rows) -> Finished:
        """What a score means, from which one on it counts, whitening."""
        plain = {**_PLAIN, "twins": 1.0}
        slope, offset = fit_scores(self._founds(_run(network, plain, pixels)[0], fitted))
        decoding = {**_PLAIN, "slope": slope, "offset": offset}
        parts, embedding = _run(network, decoding, pixels)
        decoding["threshold"] = best_threshold(self._founds(parts, fitted))
        graph = BoxGraph(network, decoding, fit_whitening(embedding))
        self._threshold = decoding["threshold"]
        return Finished(graph, int(embedding.shape[1]), 1.0 / slope, decoding)

    def ask(self, session: Session, pixels: Pixels, rows: Rows) -> Answered:
        """The F1 of each image's boxes."""
        found = session.run(pixels)
        founds = self._founds([found], rows)
        quality = qualities(founds, self._threshold)
        height, width = pixels.shape[1:3]
        sizes = np.prod(np.maximum(found["boxes"][..., 2:] - found["boxes"][..., :2], 0.0), axis=2)
        outputs = [
            _outputs(scores[some], area[some] / (height * width), float(p.max()))
            for scores, area, p in zip(found["scores"], sizes, found["probabilities"], strict=True)
            for some in [(scores >= self._threshold) & (area > 0)]
        ]
        return Answered(
            found["probabilities"],
            found["whitened"],
            quality,
            np.array(outputs, np.float32).reshape(-1, 3),
            founds,
        )

    def look(self, network: nn.Module, pixels: Pixels) -> list[Found]:
        """What an unfinished network sees in all images."""
        return self._founds(_run(network, _PLAIN, pixels)[0], np.arange(len(self.boxes)))

    def figures(self, answered: Answered, rows: Rows) -> dict[str, float]:
        """Mean F1 of an image, mean average precision at 0.5 and over 0.5 to 0.95."""
        founds: list[Found] = answered.detail
        steps = [mean_average_precision(founds, iou) for iou in np.linspace(0.5, 0.95, 10)]
        return _finite(
            {
                "quality": float(answered.quality.mean()),
                "map50": steps[0],
                "map": float(np.mean(steps)),
                "n": float(len(rows)),
            }
        )

    def words(self, figures: Mapping[str, float]) -> str:
        return _words(figures, {"map50": "mAP at 0.5", "map": "mAP"})

    def _founds(self, parts: Sequence[Answers], rows: Rows) -> list[Found]:
        found = []
        places = iter(rows.tolist())
        for part in parts:
            for edges, scores, labels in zip(
                part["boxes"], part["scores"], part["labels"], strict=True
            ):
                truth = self.boxes[next(places)]
                some = scores > 0
                seen = edges[some].astype(np.float64)
                found.append(
                    Found(
                        box_overlaps(truth.edges.astype(np.float64), seen, ~truth.judged),
                        truth.labels,
                        labels[some].astype(np.int64),
                        scores[some].astype(np.float64),
                        truth.judged,
                        np.zeros((0, 4)),
                    )
                )
        return found


@dataclass(eq=False)
class MapExam:
    """The pixels of each held-out image; ``areas`` are the background classes' indices."""

    maps: Maps
    classes: int
    areas: tuple[int, ...]

    @property
    def truth(self) -> Rows:
        return np.full(len(self.maps.kinds), -1, np.int64)

    def finish(self, network: nn.Module, pixels: Pixels, fitted: Rows) -> Finished:
        """Temperature of the pixels, where cores begin, the threshold, whitening."""
        temperature = self._temperature(network, pixels, fitted)
        size = _embedding_size(network, pixels)
        graph = MapGraph(network, temperature, _none(size)).eval()
        sizes = [np.bincount(self.maps.objects[i].ravel())[1:] for i in fitted.tolist()]
        areas = np.concatenate([np.zeros(0, np.int64), *(s[s > 0] for s in sizes)])
        smallest = float(max(1.0, _SPECK * np.quantile(areas, 0.02))) if len(areas) else 1.0
        seen: dict[float, list[Found]] = {core: [] for core in CORES}
        embeddings = []
        for start in range(0, len(pixels), _BATCH):
            with torch.no_grad():
                part = graph(torch.from_numpy(np.ascontiguousarray(pixels[start : start + _BATCH])))
            embeddings.append(part[1].numpy())
            for j, maps in enumerate(part[3].numpy()):
                for core, founds in seen.items():
                    instances = self._separate(maps, core, smallest)
                    founds.append(self._found(instances, int(fitted[start + j])))
        thresholds = {core: best_threshold(founds) for core, founds in seen.items()}
        quality = {c: float(qualities(f, thresholds[c]).mean()) for c, f in seen.items()}
        core = max(CORES, key=lambda c: (quality[c], -abs(c - 0.5)))
        embedding = np.concatenate(embeddings)
        self._decoding = {"threshold": thresholds[core], "core": core, "smallest": smallest}
        finished = MapGraph(network, temperature, fit_whitening(embedding))
        return Finished(finished, size, temperature, self._decoding)

    def ask(self, session: Session, pixels: Pixels, rows: Rows) -> Answered:
        """The F1 of each image's objects, the overlap of its areas."""
        probabilities, whitened, founds, outputs = [], [], [], []
        shares = np.zeros((self.classes, 2))
        places = iter(rows.tolist())
        for part in session.parts(pixels, _BATCH):
            probabilities.append(part["probabilities"])
            whitened.append(part["whitened"])
            for maps, p in zip(part["maps"], part["probabilities"], strict=True):
                row = next(places)
                instances = self._separate(maps, self._decoding["core"], self._decoding["smallest"])
                founds.append(self._found(instances, row))
                outputs.append(self._outputs(instances, float(p.max())))
                shares += self._shared(maps[:-1].argmax(axis=0), row)
        return Answered(
            np.concatenate(probabilities),
            np.concatenate(whitened),
            qualities(founds, self._decoding["threshold"]),
            np.array(outputs, np.float32).reshape(-1, 3),
            (founds, shares),
        )

    def figures(self, answered: Answered, rows: Rows) -> dict[str, float]:
        """Mean quality of an image, F1 and mean average precision of objects, mean intersection
        over union of the classes' pixels."""
        founds, shares = answered.detail
        sure = self._decoding["threshold"]
        right = sum(int(((hits(f) == 1) & (f.scores >= sure)).sum()) for f in founds)
        both = sum(
            int(f.judged.sum()) + int(((hits(f) >= 0) & (f.scores >= sure)).sum()) for f in founds
        )
        there = shares[:, 1] > 0
        return _finite(
            {
                "quality": float(answered.quality.mean()),
                "f1": 2 * right / both if both else float("nan"),
                "map50": mean_average_precision(founds),
                "miou": float((shares[there, 0] / shares[there, 1]).mean())
                if there.any()
                else float("nan"),
                "n": float(len(rows)),
            }
        )

    def words(self, figures: Mapping[str, float]) -> str:
        return _words(figures, {"f1": "F1 of objects", "map50": "mAP at 0.5", "miou": "mean IoU"})

    def _outputs(self, instances: Instances, surest: float) -> Outputs:
        some = np.flatnonzero(instances.scores >= self._decoding["threshold"])
        height, width = instances.labels.shape
        areas = [
            np.prod(cv2.boundingRect((instances.labels == i + 1).astype(np.uint8))[2:])
            for i in some.tolist()
        ]
        return _outputs(
            instances.scores[some], np.array(areas, np.float64) / (height * width), surest
        )

    def _separate(self, maps: Floats, core: float, smallest: float) -> Instances:
        return separate(maps[:-1], maps[-1], areas=self.areas, core=core, smallest=smallest)

    def _temperature(self, network: nn.Module, pixels: Pixels, fitted: Rows) -> float:
        rng = np.random.default_rng(0)
        logits, truth = [], []
        network.eval()
        for place, row in enumerate(fitted.tolist()):
            with torch.no_grad():
                maps = forward(network, to_float(pixels[place : place + 1]))[0][0, :-1].numpy()
            rows, columns = (rng.integers(0, side, _PIXELS) for side in maps.shape[1:])
            kinds = self.maps.kinds[row]
            down, across = kinds.shape[0] / maps.shape[1], kinds.shape[1] / maps.shape[2]
            kind = kinds[
                ((rows + 0.5) * down).astype(np.int64), ((columns + 0.5) * across).astype(np.int64)
            ]
            known = kind != UNJUDGED
            logits.append(maps[:, rows[known], columns[known]].T)
            truth.append(kind[known].astype(np.int64))
        return fit_temperature(np.concatenate(logits), np.concatenate(truth))

    def _shared(self, kinds: npt.NDArray[np.int64], row: int) -> npt.NDArray[np.float64]:
        """Pixels that truth and answer share, and that either has, for each class, (c, 2)."""
        true = self.maps.kinds[row]
        judged = true != UNJUDGED
        pair = true[judged].astype(np.int64) * (self.classes + 1) + kinds[judged]
        table = np.bincount(pair, minlength=(self.classes + 1) ** 2)
        table = table.reshape(self.classes + 1, self.classes + 1)[:, :].astype(np.float64)
        shared = table.diagonal()
        return np.stack([shared, table.sum(axis=0) + table.sum(axis=1) - shared], axis=1)[1:]

    def _found(self, instances: Instances, row: int) -> Found:
        kinds, objects = self.maps.kinds[row], self.maps.objects[row].astype(np.int64)
        labels = instances.labels.astype(np.int64)
        n, m = int(objects.max()) + 1, len(instances.kinds) + 1
        table = np.bincount((objects * m + labels).ravel(), minlength=n * m).reshape(n, m)
        kind = np.zeros(n, np.int64)
        kind[objects.ravel()] = kinds.ravel()
        there = np.flatnonzero(table.sum(axis=1)[1:] > 0) + 1
        single = np.flatnonzero(~np.isin(instances.kinds, self.areas)) + 1
        single = single[np.argsort(-instances.scores[single - 1], kind="stable")]
        shared = table[np.ix_(there, single)].astype(np.float64)
        size = table.sum(axis=0)[single].astype(np.float64)
        union = table.sum(axis=1)[there][:, None] + size - shared
        overlap, truth, judged = shared / union, kind[there] - 1, np.ones(len(there), bool)
        crowd = kinds == UNJUDGED
        if crowd.any():
            inside = np.bincount(labels[crowd], minlength=m)[single] / size
            among = np.unique(instances.kinds[single - 1])
            overlap = np.concatenate([overlap, np.tile(inside, (len(among), 1))])
            truth = np.concatenate([truth, among])
            judged = np.concatenate([judged, np.zeros(len(among), bool)])
        return Found(
            overlap,
            truth,
            instances.kinds[single - 1],
            instances.scores[single - 1].astype(np.float64),
            judged,
            self._areas(instances, kinds),
        )

    def _areas(self, instances: Instances, kinds: Pixels) -> npt.NDArray[np.float64]:
        rows = []
        for c in self.areas:
            place = np.flatnonzero(instances.kinds == c)
            seen = instances.labels == place[0] + 1 if len(place) else np.zeros(kinds.shape, bool)
            seen = seen & (kinds != UNJUDGED)
            true = kinds == c + 1
            either = int((seen | true).sum())
            if either:
                score = float(instances.scores[place[0]]) if len(place) else 0.0
                rows.append((int((seen & true).sum()), either, int(true.sum()), score))
        return np.array(rows, np.float64).reshape(-1, 4)


def _run(
    network: nn.Module, decoding: Mapping[str, float], pixels: Pixels
) -> tuple[list[Answers], Floats]:
    """A detector's answers before its graph is written, and the embedding (n, d)."""
    graph = BoxGraph(network, decoding, _none(_embedding_size(network, pixels))).eval()
    parts, embedding = [], []
    for start in range(0, len(pixels), _BATCH):
        with torch.no_grad():
            images = torch.from_numpy(np.ascontiguousarray(pixels[start : start + _BATCH]))
            found = [value.numpy() for value in graph(images)]
        parts.append(dict(zip(graph.outputs, found, strict=True)))
        embedding.append(found[1])
    return parts, np.concatenate(embedding)


def _embedding_size(network: nn.Module, pixels: Pixels) -> int:
    network.eval()
    with torch.no_grad():
        return int(network(planes(torch.from_numpy(pixels[:1].copy())))[-1].shape[1])


def _none(size: int) -> Whitening:
    return Whitening(np.zeros(size, np.float32), np.zeros((size, 1), np.float32))


def _outputs(scores: Floats, shares: npt.NDArray[np.floating], surest: float) -> Outputs:
    """What was meant to be said about an image, summed up; ``shares`` of it that boxes cover."""
    if len(scores) == 0:
        return 0.0, 0.0, surest
    size = float(np.sqrt(np.minimum(shares, 1.0)).mean())
    return float(len(scores)), size, float(scores.mean())


def _finite(figures: dict[str, float]) -> dict[str, float]:
    """Without those that nothing could be said of: no object was there."""
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _words(figures: Mapping[str, float], names: Mapping[str, str]) -> str:
    told = [f"{name} {figures[key]:.4f}" for key, name in names.items() if key in figures]
    return ", ".join([*told, f"quality of an image {figures['quality']:.4f}"])
