"""Images of the log become questions in the queue: added to the data, asked once, never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autofocus.data.dataset import NewImage
from autofocus.errors import ImageRejected
from autofocus.evaluation.said import Said, suggestion, words
from autofocus.labels.queue import Question

if TYPE_CHECKING:
    from autofocus.loop.rooms import Rooms
    from autofocus.types.production import Case


def labels_wanted(progress: Mapping[str, int], what: str) -> str:
    """What a case waits for, in words, from a purpose's counts by state."""
    left = progress.get("open", 0) + progress.get("leased", 0)
    return f"{left} label{'s' if left != 1 else ''} ({what})"


@dataclass(frozen=True, slots=True)
class Pick:
    """A logged prediction to ask about, and what to remember with the answer."""

    prediction: str
    sha256: str
    said: Said
    confidence: float
    propensity: float | None
    details: dict[str, Any]


def ask(
    rooms: Rooms,
    case: Case,
    picks: Sequence[Pick],
    *,
    purpose: str,
    reason: str,
    priority: float,
    blind: bool,
) -> int:
    """Add the picked images and ask for their labels; asking again changes nothing.

    ``blind`` hides the model's answer: an answer that decides about a model must not be led by it.
    Returns how many questions are new.
    """
    questions = []
    for place, pick in enumerate(picks):
        questions.append(
            Question(
                id=f"{case.id}/{purpose}/{pick.sha256[:20]}",
                key=_key(pick.prediction),
                sha256=pick.sha256,
                reason=reason,
                purpose=purpose,
                # Earlier picks first, whatever the clock says.
                priority=priority - place * 1e-4,
                propensity=pick.propensity,
                case=case.id,
                suggestion=None if blind else words(pick.said)[:255],
                suggestion_confidence=None if blind else pick.confidence,
                suggested_by=None if blind else case.model,
                suggested_shapes=None if blind else suggestion(pick.said, case.model),
                details={"prediction": pick.prediction, **pick.details},
            )
        )
    images = new_images(rooms, case, [pick.prediction for pick in picks])
    with rooms.database.begin() as conn:
        rooms.data.add_images(images, conn=conn)
        return rooms.labels.request(questions, cause=case.id, conn=conn)


def new_images(rooms: Rooms, case: Case, predictions: Sequence[str]) -> list[NewImage]:
    """The images of logged predictions, for the pool, without those that the data have."""
    return [
        NewImage(
            _key(prediction),
            rooms.log.image(prediction),
            "pool",
            {"case": case.id, "prediction": prediction},
            source="production",
            case=case.id,
        )
        for prediction in predictions
        if not _is_there(rooms, _key(prediction))
    ]


def _key(prediction: str) -> str:
    return f"production/{prediction}"


def usable(rooms: Rooms, prediction: str) -> bool:
    """Whether the request image can be added to the data."""
    from autofocus.imaging.inspect import inspect

    try:
        inspect(rooms.log.image(prediction))
    except ImageRejected:
        return False
    return True


def _is_there(rooms: Rooms, key: str) -> bool:
    from autofocus.errors import NotFound

    try:
        rooms.data.sample(key)
    except NotFound:
        return False
    return True
