"""What the champion sees in images, object by object, computed once and kept.

One part per call of the model, ``detections/<project>/<bundle>/<digest>.json.gz``, named by the
images in it: parts never change, so several processes may compute at once, and going on after a
crash computes only what is missing.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from autofocus.data.embeddings import Embedder
from autofocus.data.importing import Progress
from autofocus.errors import Corrupted, ImageRejected, NotFound
from autofocus.types.codec import decode, encode
from autofocus.types.models import Detection
from autofocus.types.predictors import THRESHOLD, background_of, threshold_of

if TYPE_CHECKING:
    from autofocus.store.objects import ObjectStore
    from autofocus.store.packs import PackStore
    from autofocus.types.models import Predictor

_PART = 32
# What the model is less sure of than this is of no use to anybody.
_LEAST = 0.05

Seen = Mapping[str, tuple[Detection, ...]]


class Sightings:
    """The detections in one project's images, by whichever model is champion now.

    ``embedder`` gives that model, None without one.
    """

    def __init__(
        self,
        objects: ObjectStore,
        packs: PackStore,
        project: str,
        embedder: Callable[[], Embedder | None],
    ) -> None:
        self._objects = objects
        self._packs = packs
        self._project = project
        self._embedder = embedder
        self._lock = threading.Lock()
        self._bundle = ""
        self._loaded: set[str] = set()
        self._seen: dict[str, tuple[Detection, ...]] = {}
        self._threshold, self._background = THRESHOLD, tuple[str, ...]()

    @property
    def model(self) -> str:
        """The model that looks now; empty without a champion."""
        embedder = self._embedder()
        return "" if embedder is None else embedder.model

    @property
    def threshold(self) -> float:
        """From which score on the model means what it sees."""
        return self._threshold

    @property
    def background(self) -> tuple[str, ...]:
        """The classes that are areas to the model."""
        return self._background

    def compute(
        self, names: Sequence[str], progress: Progress | None = None, *, threads: int = 1
    ) -> int:
        """Let the champion look at the images ``names`` (sha256) that it has not seen.

        Images that cannot be read are left out and tried again the next time. Returns how many of
        them it has seen now. Raises NotFound without a champion.
        """
        embedder = self._needed()
        wanted = list(dict.fromkeys(names))
        missing = [name for name in wanted if name not in self._load(embedder)]
        done = len(wanted) - len(missing)
        if missing:
            predictor = embedder.open()
            parts = [missing[i : i + _PART] for i in range(0, len(missing), _PART)]
            with ThreadPoolExecutor(threads) as pool:
                for part, seen in zip(
                    parts, pool.map(lambda p: self._look(predictor, p), parts), strict=True
                ):
                    if seen:
                        self._store(embedder, predictor, seen)
                    done += len(part)
                    if progress is not None:
                        progress(done, len(wanted))
        seen = self._load(embedder)
        return sum(name in seen for name in wanted)

    def seen(self) -> Seen:
        """sha256 to what the champion sees, the surest first, for all it has looked at."""
        embedder = self._embedder()
        return {} if embedder is None else self._load(embedder)

    # ------------------------------------------------------------------------------------

    def _needed(self) -> Embedder:
        embedder = self._embedder()
        if embedder is None:
            raise NotFound(
                f"Project {self._project} has no champion to look through.",
                hint="Train a model with the labels as they are and promote it: autofocus train, "
                "autofocus models promote.",
            )
        return embedder

    def _look(self, predictor: Predictor, names: Sequence[str]) -> Seen:
        images: dict[str, bytes] = {}
        for name in names:
            try:
                images[name] = self._packs.read(name)
            except (NotFound, Corrupted):
                continue  # erased, moved or damaged: `data verify` says so
        try:
            return _answered(predictor, images)
        except ImageRejected:
            found: dict[str, tuple[Detection, ...]] = {}
            for name, data in images.items():
                try:
                    found |= _answered(predictor, {name: data})
                except ImageRejected:
                    continue
            return found

    def _prefix(self, embedder: Embedder) -> str:
        return f"detections/{self._project}/{embedder.bundle}/"

    def _store(self, embedder: Embedder, predictor: Predictor, seen: Seen) -> None:
        body = {
            "threshold": threshold_of(predictor),
            "background": background_of(predictor),
            "seen": seen,
        }
        data = gzip.compress(json.dumps(encode(body)).encode(), 3, mtime=0)
        named = hashlib.sha256("".join(sorted(seen)).encode()).hexdigest()
        self._objects.put(f"{self._prefix(embedder)}{named}.json.gz", data)

    def _load(self, embedder: Embedder) -> Seen:
        with self._lock:
            if self._bundle != embedder.bundle:
                self._bundle, self._loaded, self._seen = embedder.bundle, set(), {}
            fresh: dict[str, tuple[Detection, ...]] = {}
            for key in self._objects.list(self._prefix(embedder)):
                if key in self._loaded:
                    continue
                try:
                    body = json.loads(gzip.decompress(self._objects.get(key)))
                except (OSError, EOFError, ValueError) as exc:
                    raise Corrupted(
                        f"{key} cannot be read: {exc}.", hint="Delete it; it is computed again."
                    ) from exc
                for name, found in body["seen"].items():
                    fresh[name] = tuple(decode(Detection, item) for item in found)
                self._threshold = float(body["threshold"])
                self._background = tuple(body["background"])
                self._loaded.add(key)
            if fresh:
                self._seen = {**self._seen, **fresh}  # a reader goes on with the value it has
            return self._seen


def _answered(
    predictor: Predictor, images: Mapping[str, bytes]
) -> dict[str, tuple[Detection, ...]]:
    if not images:
        return {}
    answers = predictor.predict(list(images.values())).detections
    return {
        name: tuple(d for d in answer if d.score >= _LEAST)
        for name, answer in zip(images, answers, strict=True)
    }
