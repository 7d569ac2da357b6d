"""What models are tested on, and how a model is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autofocus.types.geometry import Shapes
from autofocus.types.models import Predictor

BATCH = 64
LATENCY_ROUNDS = 40
_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class EvalSample:
    """One labelled image; ``load`` gives its bytes when they are needed.

    ``label`` is the class of the whole image, or the shapes in it.
    """

    key: str
    sha256: str
    load: Callable[[], bytes]
    label: str | Shapes
    metadata: Mapping[str, Any] = field(default_factory=dict)


def seconds_an_image(predictors: Sequence[Predictor], images: Sequence[bytes]) -> list[float]:
    """Median seconds for one image, taken in turn, so that a busy machine is busy for all."""
    times: list[list[float]] = [[] for _ in predictors]
    for turn in range(_WARM_UP + LATENCY_ROUNDS):
        data = [images[turn % len(images)]]
        for place, predictor in enumerate(predictors):
            start = time.perf_counter()
            predictor.predict(data)
            if turn >= _WARM_UP:
                times[place].append(time.perf_counter() - start)
    return [float(np.median(found)) for found in times]
