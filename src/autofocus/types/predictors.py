"""What a predictor says of itself, beyond the protocol: how sure is sure, and what are areas."""

from __future__ import annotations

from typing import Any

from autofocus.types.models import Predictor

# What a model means to say where it names no threshold of its own.
THRESHOLD = 0.5


def threshold_of(predictor: Predictor) -> float:
    """The score from which a predictor means what it sees: its own, its bundle's, or 0.5."""
    own = _says(predictor, "threshold")
    return THRESHOLD if own is None else float(own)


def background_of(predictor: Predictor) -> tuple[str, ...]:
    """The classes that are areas to a predictor, as it says or its bundle."""
    return tuple(_says(predictor, "background") or ())


def _says(predictor: Predictor, name: str) -> Any:
    own = getattr(predictor, name, None)
    return own if own is not None else getattr(getattr(predictor, "bundle", None), name, None)
