"""What the loop works with: one project's rooms, handed over as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autofocus.evaluation.said import Judge

if TYPE_CHECKING:
    from autofocus.config.policy import Policy
    from autofocus.data.dataset import Dataset
    from autofocus.labels.queue import Labels
    from autofocus.monitoring.watch import Monitoring
    from autofocus.registry.models import Models
    from autofocus.serving.deployments import Deployments
    from autofocus.serving.reader import PredictionLog
    from autofocus.store.database import Database
    from autofocus.store.objects import ObjectStore
    from autofocus.training.runs import Training
    from autofocus.types.data import Task
    from autofocus.types.models import Predictor


@dataclass(frozen=True, slots=True)
class Rooms:
    """One project's rooms; ``policy`` is asked anew for every step, so edits take effect.

    ``predictor`` opens a registered model in this process; ``cache`` holds verified bundles.
    """

    project: str
    task: Task
    classes: tuple[str, ...]
    database: Database
    objects: ObjectStore
    cache: Path
    policy: Callable[[], Policy]
    data: Dataset
    labels: Labels
    training: Training
    models: Models
    deployments: Deployments
    log: PredictionLog
    monitor: Monitoring
    predictor: Callable[[str], Predictor]
    background: tuple[str, ...] = ()

    @property
    def judge(self) -> Judge:
        """Tells what an answer of the log says, and how wrong it is."""
        return Judge(self.task, self.classes, self.background)
