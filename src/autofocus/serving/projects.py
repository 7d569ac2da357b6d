"""What is in force for a project: loaded models and who answers which request."""

from __future__ import annotations

import hashlib
import logging
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autofocus.errors import AutofocusError, Corrupted
from autofocus.serving.metrics import Metrics, ModelFigures
from autofocus.serving.predictor import OnnxPredictor, best_batch
from autofocus.store.bundles import open_bundle
from autofocus.types.production import DeployedModel, Deployment, Role

if TYPE_CHECKING:
    from autofocus.serving.sampling import Sampler
    from autofocus.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model that is warm: its predictor, its batch size B* and its figures."""

    id: str
    bundle: str
    predictor: OnnxPredictor
    batch: int
    figures: ModelFigures
    preprocessing: str
    observe: Observers


@dataclass(frozen=True, slots=True, eq=False)
class Observers:
    """The metrics of one model, looked up once instead of per request."""

    queue: Any
    decode: Any
    infer: Any
    batch: Any


@dataclass(frozen=True, slots=True, eq=False)
class ServedProject:
    """A deployment in force; replaced as a whole, so that a batch never mixes two.

    ``standby`` (the deployment's ``previous``) is kept warm for an instant way back.
    """

    deployment: Deployment
    champion: LoadedModel
    challenger: LoadedModel | None
    standby: LoadedModel | None
    sampler: Sampler

    @property
    def models(self) -> dict[DeployedModel, LoadedModel]:
        """The warm models by what a deployment calls them."""
        warm = (self.champion, self.challenger, self.standby)
        return {DeployedModel(m.id, m.bundle): m for m in warm if m is not None}

    def choose(self, request_key: str) -> tuple[LoadedModel, Role]:
        """Who answers this request; the same key gets the same answerer while shares hold.

        A request without a key is drawn at random.
        """
        share = self.deployment.canary
        if self.challenger is not None and share > 0:
            drawn = _draw("canary", request_key) if request_key else random.random()
            if drawn < share:
                return self.challenger, "canary"
        return self.champion, "champion"

    def shadows(self, request_key: str, answered_by: LoadedModel) -> bool:
        """Whether the challenger answers this request silently as well."""
        if self.challenger is None or answered_by is self.challenger:
            return False
        share = self.deployment.shadow
        return share >= 1.0 or (share > 0 and _draw("shadow", request_key) < share)


def _draw(purpose: str, key: str) -> float:
    """A number in [0, 1) that depends on the key alone; two purposes draw independently."""
    digest = hashlib.sha256(f"{purpose}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


class ModelLoader:
    """Brings bundles from the store into memory, ready to answer."""

    def __init__(
        self, objects: ObjectStore, cache: Path, metrics: Metrics, *, max_pixels: int
    ) -> None:
        self._objects = objects
        self._cache = cache
        self._metrics = metrics
        self._max_pixels = max_pixels

    def load(self, model: DeployedModel, classes: tuple[str, ...]) -> LoadedModel:
        """Fetch, verify, load, warm, and compare with the golden answers.

        Raises Corrupted, NotFound or Unavailable; nothing that serves has been touched then.
        """
        bundle, folder = open_bundle(self._objects, model.bundle, self._cache)
        if bundle.classes != classes:
            raise Corrupted(
                f"Model {model.model} answers {list(bundle.classes)}, but the deployment "
                f"promises {list(classes)}.",
                hint="Deploy a model of the same classes in the same order.",
            )
        predictor = OnnxPredictor(bundle, folder, name=model.model, max_pixels=self._max_pixels)
        predictor.check_golden()
        batch = best_batch(predictor, self._cache)
        predictor.warm(batch)
        _LOG.info("model %s is warm, batches of up to %d", model.model, batch)
        return LoadedModel(
            id=model.model,
            bundle=model.bundle,
            predictor=predictor,
            batch=batch,
            figures=ModelFigures(),
            preprocessing=predictor.preprocessing.digest,
            observe=Observers(
                queue=self._metrics.queue.labels(model.model),
                decode=self._metrics.decode.labels(model.model),
                infer=self._metrics.infer.labels(model.model),
                batch=self._metrics.batch.labels(model.model),
            ),
        )

    def assemble(
        self, deployment: Deployment, loaded: dict[DeployedModel, LoadedModel], sampler: Sampler
    ) -> ServedProject:
        """Everything ``deployment`` needs; models in ``loaded`` are taken as they are."""

        def ready(model: DeployedModel) -> LoadedModel:
            return loaded.get(model) or self.load(model, deployment.classes)

        champion = ready(deployment.champion)
        challenger = ready(deployment.challenger) if deployment.challenger else None
        standby = None
        if deployment.previous:
            try:
                standby = ready(deployment.previous)
            except AutofocusError as exc:
                # Only the way back is slower without it; the deployment itself can be served.
                _LOG.warning("model %s is not kept warm: %s", deployment.previous.model, exc)
        return ServedProject(deployment, champion, challenger, standby, sampler)
