"""What the labelling assistant learns: a linear classifier that says how sure it is.

Arrays in, arrays out, and no chance in it: the same labels give the same answers. No torch: it
learns in about a second, beside a person who labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autofocus.labels.selection import select_diverse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The next training is worth it when the score can be expected to rise by a tenth ...
GAIN = 1.1
# ... but never for fewer new labels than these, nor before the first of them.
FIRST = 10
_MANY = 1000
_SHARPNESS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# A batch of the queue is answered at once: its images shall differ, not be one image thirty times.
_DIVERSE = 64
_DIVERSE_AMONG = 512


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """A linear classifier over centred and scaled features.

    ``weights`` (length, classes) and ``bias`` (classes,) give the logits, ``sharpness`` makes the
    probabilities as sure as they were right on images held out. ``held_out`` is the share of these
    that were right, None with too few images to hold any out.
    """

    classes: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats
    sharpness: float
    held_out: float | None

    def probabilities(self, features: npt.NDArray[np.float32]) -> Floats:
        """(images, classes), rows sum to 1."""
        logits = ((features - self.mean) / self.scale) @ self.weights + self.bias
        return _softmax(self.sharpness * logits)


def learn(
    features: npt.NDArray[np.float32],
    labels: list[str],
    folds: Ints,
    reference: npt.NDArray[np.float32],
) -> Learnt:
    """Learn from labelled images (images, length), of which at least two are of unlike classes.

    ``reference`` are features of images of the project, labelled or not, by which the features
    are scaled: ten labelled images say little about what is usual. ``folds`` says which images are
    held out together.
    """
    classes = tuple(sorted(set(labels)))
    number = {name: i for i, name in enumerate(classes)}
    given = np.array([number[name] for name in labels], np.int64)
    mean = reference.mean(axis=0, dtype=np.float64)
    scale = reference.std(axis=0, dtype=np.float64)
    # What never changes tells nothing; what hardly does must not be blown up.
    scale = np.where(scale > 1e-3 * max(float(scale.max(initial=0.0)), 1e-9), scale, np.inf)
    scaled = (features - mean) / scale
    held, truth = _held_out(scaled, given, folds, len(classes))
    sharpness = _sharpness(held, truth)
    weights, bias = _fit(scaled, given, len(classes))
    right = float((held.argmax(axis=1) == truth).mean()) if len(truth) else None
    return Learnt(classes, mean, scale, weights, bias, sharpness, right)


def next_training(trained_on: int, score: float) -> int:
    """How many new labels the next training is worth waiting for, at least ``FIRST``.

    ``n (log(1 - t) / log(1 - p) - 1)`` with the score p and the goal t, a tenth above it: where an
    image in five is answered wrongly, 100 labels want 32 more; the better the assistant, the more.
    """
    p = min(max(score, 0.05), 0.999)
    goal = min(0.9999, GAIN * p)
    wanted = (math.log(1 - goal) / math.log(1 - p) - 1) * trained_on
    return max(FIRST, math.ceil(wanted - 1e-6))


def usefulness(
    features: npt.NDArray[np.float32], probabilities: Floats, rng: np.random.Generator
) -> Floats:
    """How useful a label of each image would be: 0 .. 1, and above 1 for the first to ask about.

    By margin, the unsurest first; those in front are chosen so that they differ from one another.
    """
    top = np.sort(probabilities, axis=1)[:, -2:]
    useful = 1.0 - (top[:, 1] - top[:, 0])
    among = np.argsort(-useful, kind="stable")[:_DIVERSE_AMONG]
    chosen = among[select_diverse(features[among], probabilities[among], _DIVERSE, rng)]
    useful[chosen] = 2.0 - np.arange(len(chosen)) / max(len(chosen), 1)
    return useful


def disagreement(probabilities: Floats, suggested: Ints) -> Floats:
    """How much the assistant contradicts a suggestion, -1 .. 1; -1 means that it agrees fully.

    ``suggested`` numbers the suggested class of each row, -1 for one that it does not know.
    """
    rows = np.arange(len(suggested))
    known = suggested >= 0
    others = probabilities.copy()
    own = np.zeros(len(suggested))
    own[known] = probabilities[rows[known], suggested[known]]
    others[rows[known], suggested[known]] = 0.0
    difference: Floats = others.max(axis=1) - own
    return difference


def _fit(scaled: Floats, given: Ints, classes: int) -> tuple[Floats, Floats]:
    """Weights and biases of all classes; one that is not there is never answered."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=200).fit(scaled, given)
    weights = np.zeros((scaled.shape[1], classes))
    bias = np.full(classes, -1e9)
    known = model.classes_.astype(np.int64)
    if len(known) == 2:
        # Two classes share one border.
        weights[:, known[0]], weights[:, known[1]] = -model.coef_[0] / 2, model.coef_[0] / 2
        bias[known] = (-model.intercept_[0] / 2, model.intercept_[0] / 2)
    else:
        weights[:, known], bias[known] = model.coef_.T, model.intercept_
    return weights, bias


def _held_out(scaled: Floats, given: Ints, folds: Ints, classes: int) -> tuple[Floats, Ints]:
    """Logits of the images by classifiers that have not seen them, and their classes.

    Only of classes that the others know: of one that nobody has seen nothing is said.
    """
    logits, truth = [np.zeros((0, classes))], [np.zeros(0, np.int64)]
    # With many images one fold says enough, and the person does not wait for five.
    for fold in np.unique(folds)[: None if len(given) <= _MANY else 1]:
        out = folds == fold
        known = np.unique(given[~out])
        asked = out & np.isin(given, known)
        if len(known) < 2 or not asked.any():
            continue
        weights, bias = _fit(scaled[~out], given[~out], classes)
        logits.append(scaled[asked] @ weights + bias)
        truth.append(given[asked])
    return np.concatenate(logits), np.concatenate(truth)


def _sharpness(logits: Floats, truth: Ints) -> float:
    """The factor with which the held-out answers are as sure as they are right."""
    if len(truth) < FIRST:
        return 1.0
    rows = np.arange(len(truth))

    def loss(factor: float) -> float:
        of_truth = _softmax(factor * logits)[rows, truth]
        return float(-np.log(np.maximum(of_truth, 1e-9)).mean())

    return min(_SHARPNESS, key=loss)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
