"""What the champion sees in every image: embeddings and answers, computed once and kept.

One structured array per part in the object store, ``embeddings/<project>/<bundle>/<digest>.npy``,
named by the images in it: parts never change, so several processes may compute at once, and going
on after a crash computes only what is missing. Embeddings have unit length; similarity is their
cosine, searched exactly (100,000 x 128 is one product of 10 ms).
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.data import rows
from autofocus.data.importing import Progress
from autofocus.data.query import Query
from autofocus.data.search import Search
from autofocus.errors import Corrupted, ImageRejected, InvalidInput, NotFound
from autofocus.types.data import Sample

if TYPE_CHECKING:
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore
    from autofocus.store.packs import PackStore
    from autofocus.types.models import Predictor

_PART = 1024
_BATCH = 32
_CHUNK = 500
MAX_SIMILAR = 1000


@dataclass(frozen=True, slots=True)
class Embedder:
    """A model to look through: its id, the digest of its bundle, and how it is opened."""

    model: str
    bundle: str
    classes: tuple[str, ...]
    open: Callable[[], Predictor]


@dataclass(frozen=True, slots=True)
class EmbeddingStatus:
    """How many of the project's images ``model`` has looked at; ``model`` empty: no champion."""

    model: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SimilarSample:
    """An image and the cosine of its embedding to the one asked for, -1..1."""

    sample: Sample
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarSamples:
    """The most similar images, the most similar first, among those that were looked at."""

    key: str
    items: tuple[SimilarSample, ...]
    status: EmbeddingStatus


class Looked:
    """What one model said of images, in memory: the ``Answers`` of a search."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.names: npt.NDArray[np.bytes_] = np.zeros(0, "S64")
        self.embedding: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self.label: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self.confidence: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self.place: dict[str, int] = {}

    def add(self, parts: Iterable[npt.NDArray[Any]]) -> None:
        """Take parts in; an image that is known already is passed over."""
        fresh = []
        for part in parts:
            known = np.array([name.decode() in self.place for name in part["sha256"]], bool)
            fresh.append(part[~known])
            start = len(self.place)
            for i, name in enumerate(fresh[-1]["sha256"]):
                self.place[name.decode()] = start + i
        new = np.concatenate(fresh) if fresh else None
        if new is None or not len(new):
            return
        vectors = new["embedding"].astype(np.float32)
        self.embedding = np.vstack([self.embedding, vectors]) if len(self.names) else vectors
        self.names = np.concatenate([self.names, new["sha256"]])
        self.label = np.concatenate([self.label, new["label"]])
        self.confidence = np.concatenate([self.confidence, new["confidence"]])

    def predicted(self, label: str) -> list[str]:
        """sha256 of the images for which the model says ``label``."""
        return self._names(self.label == self.classes.index(label))

    def confident(self, low: float, high: float) -> list[str]:
        """sha256 of the images with ``low <= confidence <= high``."""
        sure = self.confidence.astype(np.float64)
        return self._names((self.label >= 0) & (sure >= low) & (sure <= high))

    def _names(self, chosen: npt.NDArray[np.bool_]) -> list[str]:
        return [name.decode() for name in self.names[chosen]]


class Embeddings:
    """The embeddings of one project's images, by whichever model is champion now."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        packs: PackStore,
        project: str,
        embedder: Callable[[], Embedder | None],
    ) -> None:
        self._database = database
        self._objects = objects
        self._packs = packs
        self._project = project
        self._embedder = embedder
        self._lock = threading.Lock()
        self._bundle = ""
        self._looked = Looked(())
        self._loaded: set[str] = set()

    @property
    def model(self) -> str:
        """The model that looks now; empty without a champion."""
        embedder = self._embedder()
        return "" if embedder is None else embedder.model

    def status(self) -> EmbeddingStatus:
        """How far it is for the champion of now."""
        embedder = self._embedder()
        if embedder is None:
            return EmbeddingStatus("", 0, len(self._images()))
        return self._status(embedder, self._load(embedder))

    def answers(self) -> Looked | None:
        """What the champion said of the images; None if it was not asked yet."""
        embedder = self._embedder()
        if embedder is None:
            return None
        looked = self._load(embedder)
        return looked if looked.place else None

    def compute(
        self,
        progress: Progress | None = None,
        *,
        threads: int = 1,
        names: Sequence[str] | None = None,
    ) -> EmbeddingStatus:
        """Let the champion look at every image it has not seen; goes on where it stopped.

        ``names`` (sha256) are the only ones to be looked at, where not all of them are wanted yet.
        Images that cannot be decoded count as seen, without an answer; those whose bytes are away
        are tried again the next time. Raises NotFound without a champion.
        """
        embedder = self._needed()
        looked = self._load(embedder)
        images = self._images() if names is None else list(dict.fromkeys(names))
        missing = [name for name in images if name not in looked.place]
        done = len(images) - len(missing)
        if missing:
            predictor = embedder.open()
            with ThreadPoolExecutor(threads) as pool:
                for start in range(0, len(missing), _PART):
                    names = missing[start : start + _PART]
                    batches = [names[i : i + _BATCH] for i in range(0, len(names), _BATCH)]
                    found = list(pool.map(lambda b: self._look(predictor, b), batches))
                    part = np.concatenate(found)
                    if len(part):
                        self._store(embedder, part)
                    done += len(names)
                    if progress is not None:
                        progress(done, len(images))
        return self._status(embedder, self._load(embedder))

    def similar(
        self, sample: Sample, search: Search, query: Query, *, limit: int = 100
    ) -> SimilarSamples:
        """The images most like ``sample`` among those that meet ``query``.

        Raises NotFound without a champion, ImageRejected if the image cannot be decoded.
        """
        if not 1 <= limit <= MAX_SIMILAR:
            raise InvalidInput(f"Ask for 1 to {MAX_SIMILAR} images, not {limit}.", field="limit")
        embedder = self._needed()
        looked = self._load(embedder)
        place = looked.place.get(sample.sha256)
        if place is not None and looked.label[place] >= 0:
            wanted = looked.embedding[place]
        else:
            batch = embedder.open().predict([self._packs.read(sample.sha256)])
            wanted = _unit(batch.embedding)[0].astype(np.float32)
        items: list[SimilarSample] = []
        if looked.place:
            closeness = looked.embedding @ wanted
            order = np.argsort(-closeness, kind="stable")
            for start in range(0, len(order), _CHUNK):
                part = order[start : start + _CHUNK]
                of = {looked.names[i].decode(): float(closeness[i]) for i in part}
                items += [
                    SimilarSample(found, round(of[found.sha256], 6))
                    for found in search.matching(query, list(of))
                    if found.key != sample.key
                ]
                if len(items) >= limit:
                    break
        return SimilarSamples(sample.key, tuple(items[:limit]), self._status(embedder, looked))

    # ------------------------------------------------------------------------------------

    def _needed(self) -> Embedder:
        embedder = self._embedder()
        if embedder is None:
            raise NotFound(
                f"Project {self._project} has no champion to look through.",
                hint="Similar images are found by a model: train and promote one first.",
            )
        return embedder

    def _images(self) -> list[str]:
        with self._database.read() as conn:
            return rows.current_images(conn, self._project)

    def _status(self, embedder: Embedder, looked: Looked) -> EmbeddingStatus:
        images = self._images()
        return EmbeddingStatus(
            embedder.model, sum(name in looked.place for name in images), len(images)
        )

    def _look(self, predictor: Predictor, names: Sequence[str]) -> npt.NDArray[Any]:
        images: dict[str, bytes] = {}
        for name in names:
            try:
                images[name] = self._packs.read(name)
            except (NotFound, Corrupted):
                continue  # erased, moved or damaged: `data verify` says so
        try:
            return _answered(predictor, images)
        except ImageRejected:
            found = []
            for name, data in images.items():
                try:
                    found.append(_answered(predictor, {name: data}))
                except ImageRejected:
                    found.append(_unanswered(name))
            width = max(part["embedding"].shape[1] for part in found)
            return np.concatenate([_widened(part, width) for part in found])

    def _prefix(self, embedder: Embedder) -> str:
        return f"embeddings/{self._project}/{embedder.bundle}/"

    def _store(self, embedder: Embedder, part: npt.NDArray[Any]) -> None:
        out = io.BytesIO()
        np.save(out, part, allow_pickle=False)
        named = hashlib.sha256(b"".join(sorted(part["sha256"]))).hexdigest()
        self._objects.put(f"{self._prefix(embedder)}{named}.npy", out.getvalue())

    def _load(self, embedder: Embedder) -> Looked:
        with self._lock:
            if self._bundle != embedder.bundle:
                self._bundle, self._loaded = embedder.bundle, set()
                self._looked = Looked(embedder.classes)
            keys = [k for k in self._objects.list(self._prefix(embedder)) if k not in self._loaded]
            parts = []
            for key in keys:
                try:
                    parts.append(np.load(io.BytesIO(self._objects.get(key)), allow_pickle=False))
                except (ValueError, EOFError) as exc:
                    raise Corrupted(
                        f"{key} is not an array that can be read: {exc}.",
                        hint="Delete it; it is computed again.",
                    ) from exc
            if parts:
                width = max(part["embedding"].shape[1] for part in parts)
                # A reader without the lock goes on with the value it has.
                grown = Looked(embedder.classes)
                grown.__dict__.update(self._looked.__dict__, place=dict(self._looked.place))
                grown.add(_widened(part, width) for part in parts)
                self._looked = grown
                self._loaded.update(keys)
            return self._looked


def _answered(predictor: Predictor, images: Mapping[str, bytes]) -> npt.NDArray[Any]:
    if not images:
        return np.zeros(0, _kind(1))
    batch = predictor.predict(list(images.values()))
    found = np.zeros(len(images), _kind(batch.embedding.shape[1]))
    found["sha256"] = [name.encode() for name in images]
    found["embedding"] = _unit(batch.embedding)
    found["label"] = batch.probabilities.argmax(axis=1)
    found["confidence"] = batch.probabilities.max(axis=1)
    return found


def _unanswered(name: str) -> npt.NDArray[Any]:
    found = np.zeros(1, _kind(1))
    found["sha256"], found["label"] = name.encode(), -1
    return found


def _widened(part: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """Parts without one answer do not know how long an embedding is."""
    if part["embedding"].shape[1] == width:
        return part
    wide = np.zeros(len(part), _kind(width))
    for name in ("sha256", "label", "confidence"):
        wide[name] = part[name]
    return wide


def _kind(width: int) -> np.dtype[Any]:
    return np.dtype(
        [("sha256", "S64"), ("label", "<i2"), ("confidence", "<f4"), ("embedding", "<f2", (width,))]
    )


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(length, 1e-12)
    return scaled
