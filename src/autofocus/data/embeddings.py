"""What the champion sees in every image: embeddings and answers, computed once and kept.

One structured array per part in the object store, ``embeddings/<project>/<bundle>/<digest>.npy``,
named by the images in it: parts never change, so several processes may compute at once, and going
on after a crash computes only what is missing. Embeddings have unit length; similarity is their
cosine, searched exactly: one product with what is kept in memory, 2 bytes a number.
"""

from __future__ import annotations

import hashlib
import io
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.data import rows
from autofocus.data.columns import NameIndex, grown
from autofocus.data.embedding_map import MOST, ImageMap, MapMaker, label_names
from autofocus.data.finding import hex_names, raw_names
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
_PRODUCT = 65_536  # embeddings that are wide numbers at a time
_LIST_SECONDS = 1.0  # after so long it is looked whether another process has looked at more
MAX_SIMILAR = 1000
MAX_LIKE = 100


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
    """An image and the cosine of its embedding to the nearest one asked for, -1..1."""

    sample: Sample
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarSamples:
    """The images most similar to any of ``keys``, the most similar first, among those that were
    looked at."""

    keys: tuple[str, ...]
    items: tuple[SimilarSample, ...]
    status: EmbeddingStatus


class Looked:
    """What one model said of images, in memory: the ``Answers`` of a search.

    A value: looking at more makes another one, which shares the arrays as far as they go.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._n = 0
        self._names: npt.NDArray[np.bytes_] = np.zeros(0, "S32")
        self._embedding: npt.NDArray[np.float16] = np.zeros((0, 0), np.float16)
        self._label: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self._confidence: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._index = NameIndex(self._names)

    def __len__(self) -> int:
        return self._n

    @property
    def names(self) -> npt.NDArray[np.bytes_]:
        """(n,) sha256 of the images as 32 raw bytes."""
        return self._names[: self._n]

    @property
    def label(self) -> npt.NDArray[np.int16]:
        """(n,) number of the class, -1 for images that could not be decoded."""
        return self._label[: self._n]

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """(n,) how sure the model is."""
        return self._confidence[: self._n]

    @property
    def embedding(self) -> npt.NDArray[np.float16]:
        """(n, width) of unit length, zeros where there is no answer."""
        return self._embedding[: self._n]

    def with_parts(self, parts: Iterable[npt.NDArray[Any]]) -> Looked:
        """This and more; an image that is known already is passed over."""
        grew = Looked(self.classes)
        grew.__dict__.update(self.__dict__)
        for part in parts:
            grew._add(part)
        grew._index = NameIndex(grew.names)
        return grew

    def _add(self, part: npt.NDArray[Any]) -> None:
        names = np.frombuffer(bytes.fromhex(part["sha256"].tobytes().decode()), "S32")
        # What two processes looked at at once stands here twice; the first is found.
        new = self._index.places(names) < 0
        names, fresh = names[new], part[new]
        n = self._n
        width = part["embedding"].shape[1]
        if self._embedding.shape[1] < width:
            # So far there was no answer that says how long an embedding is.
            self._embedding = np.zeros((len(self._embedding), width), np.float16)
        self._names = grown(self._names, n, names)
        self._embedding = grown(self._embedding, n, _widened(fresh, self._embedding.shape[1]))
        self._label = grown(self._label, n, fresh["label"])
        self._confidence = grown(self._confidence, n, fresh["confidence"])
        self._n = n + len(fresh)

    def places(self, names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
        """Where images stand here, -1 for those that were not looked at."""
        return self._index.places(names)

    def at(self, sha256: str) -> int | None:
        """Where one image stands here, None if it was not looked at."""
        place = int(self.places(raw_names([sha256]))[0])
        return None if place < 0 else place

    def vectors(self, names: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, width) embeddings of images (sha256) that were all looked at."""
        return self.embedding[self.places(raw_names(names))].astype(np.float32)

    def closeness(
        self, wanted: npt.NDArray[np.float32], places: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """(n,) the largest cosine of the images at ``places`` to any of ``wanted`` (k, width)."""
        found = np.empty(len(places), np.float32)
        for start in range(0, len(places), _PRODUCT):
            part = places[start : start + _PRODUCT]
            # Neighbours, as all images of one import are, need no gathering.
            near = bool(np.all(np.diff(part) == 1))
            rows = self.embedding[slice(part[0], part[-1] + 1) if near else part]
            vectors = rows.astype(np.float32)
            found[start : start + _PRODUCT] = (vectors @ wanted.T).max(axis=1)
        return found

    def predicted(self, label: str) -> list[str]:
        """sha256 of the images for which the model says ``label``."""
        return hex_names(self.names[self.label == self.classes.index(label)])

    def confident(self, low: float, high: float) -> list[str]:
        """sha256 of the images with ``low <= confidence <= high``."""
        sure = self.confidence.astype(np.float64)
        return hex_names(self.names[(self.label >= 0) & (sure >= low) & (sure <= high)])


class Embeddings:
    """The embeddings of one project's images, by whichever model is champion now."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        packs: PackStore,
        project: str,
        embedder: Callable[[], Embedder | None],
        search: Callable[[], Search],
    ) -> None:
        self._database = database
        self._search = search
        self._objects = objects
        self._packs = packs
        self._project = project
        self._embedder = embedder
        self._lock = threading.Lock()
        self._bundle = ""
        self._looked = Looked(())
        self._loaded: set[str] = set()
        self._listed = -math.inf
        self._maker = MapMaker()
        self._counted: tuple[int, Looked, int, int] | None = None

    @property
    def model(self) -> str:
        """The model that looks now; empty without a champion."""
        embedder = self._embedder()
        return "" if embedder is None else embedder.model

    def status(self) -> EmbeddingStatus:
        """How far it is for the champion of now."""
        embedder = self._embedder()
        if embedder is None:
            return EmbeddingStatus("", *self._progress(Looked(())))
        return EmbeddingStatus(embedder.model, *self._progress(self._load(embedder)))

    def answers(self) -> Looked | None:
        """What the champion said of the images; None if it was not asked yet."""
        embedder = self._embedder()
        if embedder is None:
            return None
        looked = self._load(embedder)
        return looked if len(looked) else None

    def compute(
        self,
        progress: Progress | None = None,
        *,
        threads: int = 1,
        names: Sequence[str] | None = None,
    ) -> EmbeddingStatus:
        """Let the champion look at every image it has not seen; goes on where it stopped.

        ``names`` (sha256) are the only ones to be looked at, where not all of them are wanted yet;
        they alone are then counted.
        Images that cannot be decoded count as seen, without an answer; those whose bytes are away
        are tried again the next time. Raises NotFound without a champion.
        """
        embedder = self._needed()
        looked = self._load(embedder, anew=True)
        images = self._search().images()[1] if names is None else raw_names(list(names))
        known = np.count_nonzero(looked.places(NameIndex(images).different) >= 0)
        missing = list(dict.fromkeys(hex_names(images[looked.places(images) < 0])))
        if missing:
            done, total = int(known), int(known) + len(missing)
            predictor = embedder.open()
            with ThreadPoolExecutor(threads) as pool:
                for start in range(0, len(missing), _PART):
                    now = missing[start : start + _PART]
                    batches = [now[i : i + _BATCH] for i in range(0, len(now), _BATCH)]
                    found = list(pool.map(lambda b: self._look(predictor, b), batches))
                    part = _joined(found)
                    if len(part):
                        self._store(embedder, part)
                    done += len(now)
                    if progress is not None:
                        progress(done, total)
        looked = self._load(embedder, anew=True)
        if names is None:
            return EmbeddingStatus(embedder.model, *self._progress(looked))
        different = NameIndex(images).different
        seen = np.count_nonzero(looked.places(different) >= 0)
        return EmbeddingStatus(embedder.model, int(seen), len(different))

    def similar(
        self, samples: Sequence[Sample], query: Query, *, limit: int = 100
    ) -> SimilarSamples:
        """The images most like any of ``samples`` among those that meet ``query``.

        Raises NotFound without a champion, ImageRejected if an image cannot be decoded.
        """
        keys = tuple(sample.key for sample in samples)
        pictures = {s.sha256: lambda s=s: self._packs.read(s.sha256) for s in samples}
        found, status = self._nearest(pictures, query, limit, spare=len(keys))
        items = tuple(item for item in found if item.sample.key not in keys)
        return SimilarSamples(keys, items[:limit], status)

    def more_like(
        self,
        pictures: Mapping[str, Callable[[], bytes]],
        query: Query,
        *,
        without: Iterable[str] = (),
        limit: int = 100,
    ) -> SimilarSamples:
        """Images like any of ``pictures``, which need not be in the project, but not these.

        They are named by their sha256; bytes are fetched only where the champion has not seen
        them. ``without`` are further sha256 to leave out. Raises as :meth:`similar`.
        """
        left_out = [*pictures, *without]
        found, status = self._nearest(pictures, query, limit, without=left_out)
        return SimilarSamples((), tuple(found), status)

    def _nearest(
        self,
        pictures: Mapping[str, Callable[[], bytes]],
        query: Query,
        limit: int,
        *,
        spare: int = 0,
        without: Sequence[str] = (),
    ) -> tuple[list[SimilarSample], EmbeddingStatus]:
        """``limit`` images and ``spare`` ones, since those asked for are found as well."""
        if not 1 <= limit <= MAX_SIMILAR:
            raise InvalidInput(f"Ask for 1 to {MAX_SIMILAR} images, not {limit}.", field="limit")
        if not 1 <= len(pictures) <= MAX_LIKE:
            raise InvalidInput(
                f"Name 1 to {MAX_LIKE} images to be like, not {len(pictures)}.", field="key"
            )
        embedder = self._needed()
        looked = self._load(embedder)
        wanted = self._vectors(embedder, looked, pictures)
        ids, places = self._search().looked_at(query, looked)
        wanted_out = looked.places(raw_names(without))
        usable = (looked.label[places] >= 0) & ~np.isin(places, wanted_out)
        ids, places = ids[usable], places[usable]
        closeness = looked.closeness(wanted, places)
        of = {int(ids[i]): float(closeness[i]) for i in _largest(closeness, limit + spare)}
        found = self._search().by_id(list(of))
        items = [SimilarSample(sample, round(of[number], 6)) for number, sample in found.items()]
        return items, EmbeddingStatus(embedder.model, *self._progress(looked))

    def map(self, query: Query, *, most: int = MOST) -> ImageMap:
        """Where the images that meet ``query`` lie to the champion, at most ``most`` of them.

        Raises NotFound without a champion, and before it has looked at an image.
        """
        if not 1 <= most <= MOST:
            raise InvalidInput(f"A map shows 1 to {MOST} images, not {most}.", field="most")
        embedder = self._needed()
        looked = self._load(embedder)
        if not np.any(looked.label >= 0):
            raise NotFound(
                f"{embedder.model} has looked at none of the images yet.",
                hint="Let it look: POST .../embeddings, or autofocus data search is:disputed.",
            )
        axes = self._maker.axes(embedder.bundle, looked)
        total, ids, places, (classes, splits) = self._search().overview(
            query, looked, ("class", "split"), most
        )
        at = axes.place(looked.embedding, places)
        label, labels = label_names(classes)
        return ImageMap(
            embedder.model, ids, at[:, 0], at[:, 1], label, splits.codes.astype(np.int16),
            looked.label[places], labels, splits.values, looked.classes, total,
            round(axes.explained, 4),
        )  # fmt: skip

    # ------------------------------------------------------------------------------------

    def _needed(self) -> Embedder:
        embedder = self._embedder()
        if embedder is None:
            raise NotFound(
                f"Project {self._project} has no champion to look through.",
                hint="Similar images are found by a model: train and promote one first.",
            )
        return embedder

    def _vectors(
        self, embedder: Embedder, looked: Looked, pictures: Mapping[str, Callable[[], bytes]]
    ) -> npt.NDArray[np.float32]:
        """(k, width) embeddings; what was not looked at yet is looked at now."""
        places = looked.places(raw_names(list(pictures)))
        answered = [at >= 0 and looked.label[at] >= 0 for at in places.tolist()]
        found = [looked.embedding[places[answered]].astype(np.float32)] if any(answered) else []
        missing = [
            read() for read, there in zip(pictures.values(), answered, strict=True) if not there
        ]
        if missing:
            found.append(_unit(embedder.open().predict(missing).embedding))
        return np.concatenate(found)

    def _progress(self, looked: Looked) -> tuple[int, int]:
        """How many different images were looked at, of how many; counted once a revision."""
        with self._database.read() as conn:
            revision = rows.revision(conn, self._project)
        known = self._counted
        if known is None or known[:2] != (revision, looked):
            index = NameIndex(self._search().images()[1])
            done = np.count_nonzero(looked.places(index.different) >= 0)
            known = self._counted = (revision, looked, int(done), len(index.different))
        return known[2], known[3]

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
            return _joined(found)

    def _prefix(self, embedder: Embedder) -> str:
        return f"embeddings/{self._project}/{embedder.bundle}/"

    def _store(self, embedder: Embedder, part: npt.NDArray[Any]) -> None:
        out = io.BytesIO()
        np.save(out, part, allow_pickle=False)
        named = hashlib.sha256(b"".join(sorted(part["sha256"]))).hexdigest()
        self._objects.put(f"{self._prefix(embedder)}{named}.npy", out.getvalue())

    def _load(self, embedder: Embedder, *, anew: bool = False) -> Looked:
        with self._lock:
            if self._bundle != embedder.bundle:
                self._bundle, self._loaded, anew = embedder.bundle, set(), True
                self._looked = Looked(embedder.classes)
            if not anew and time.monotonic() - self._listed < _LIST_SECONDS:
                return self._looked
            keys = [k for k in self._objects.list(self._prefix(embedder)) if k not in self._loaded]
            self._listed = time.monotonic()
            if keys:
                self._looked = self._looked.with_parts(self._part(key) for key in keys)
                self._loaded.update(keys)
            return self._looked

    def _part(self, key: str) -> npt.NDArray[Any]:
        try:
            found: npt.NDArray[Any] = np.load(
                io.BytesIO(self._objects.get(key)), allow_pickle=False
            )
        except (ValueError, EOFError) as exc:
            raise Corrupted(
                f"{key} is not an array that can be read: {exc}.",
                hint="Delete it; it is computed again.",
            ) from exc
        return found


def _largest(values: npt.NDArray[np.float32], many: int) -> npt.NDArray[np.int64]:
    """Places of the largest values, the largest first; equal ones in their order."""
    places = np.arange(len(values))
    if many < len(values):
        limit = np.partition(values, len(values) - many)[len(values) - many]
        same = places[values == limit]
        more = places[values > limit]
        places = np.concatenate([more, same[: many - len(more)]])
    return places[np.lexsort((places, -values[places]))]


def _answered(predictor: Predictor, images: Mapping[str, bytes]) -> npt.NDArray[Any]:
    if not images:
        return np.zeros(0, part_type(1))
    batch = predictor.predict(list(images.values()))
    found = np.zeros(len(images), part_type(batch.embedding.shape[1]))
    found["sha256"] = [name.encode() for name in images]
    found["embedding"] = _unit(batch.embedding)
    found["label"] = batch.probabilities.argmax(axis=1)
    found["confidence"] = batch.probabilities.max(axis=1)
    return found


def _unanswered(name: str) -> npt.NDArray[Any]:
    found = np.zeros(1, part_type(1))
    found["sha256"], found["label"] = name.encode(), -1
    return found


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Parts as one; those without one answer do not know how long an embedding is."""
    width = max(part["embedding"].shape[1] for part in parts)
    joined = np.zeros(sum(len(part) for part in parts), part_type(width))
    start = 0
    for part in parts:
        here = joined[start : start + len(part)]
        for name in ("sha256", "label", "confidence"):
            here[name] = part[name]
        here["embedding"] = _widened(part, width)
        start += len(part)
    return joined


def _widened(part: npt.NDArray[Any], width: int) -> npt.NDArray[np.float16]:
    """The embeddings (n, width); zeros for parts without an answer."""
    found: npt.NDArray[np.float16] = part["embedding"]
    return found if found.shape[1] == width else np.zeros((len(part), width), np.float16)


def part_type(width: int) -> np.dtype[Any]:
    """What a part holds of each image: sha256, class, confidence, embedding."""
    return np.dtype(
        [("sha256", "S64"), ("label", "<i2"), ("confidence", "<f4"), ("embedding", "<f2", (width,))]
    )


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(length, 1e-12)
    return scaled
