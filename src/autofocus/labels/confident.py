"""Confident learning: which labels does the data itself contradict?

Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70
(2021). A class's threshold is the mean probability that images labelled with it get for it; an
image counts as another class where that class's probability passes its threshold. The counts,
scaled to the numbers of labels, estimate how many labels are wrong, and between which classes.

Probabilities are out of sample: a linear classifier over embeddings, fitted on four fifths of the
images and asked about the last. Own code, because the reference implementation is AGPL.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FOLDS = 5


def fold_of(sha256: str) -> int:
    """Which fold an image is in: told by its content, so that duplicates stay together."""
    return int(sha256[:8], 16) % FOLDS


def cross_fitted(
    embedding: npt.NDArray[np.float32], given: Ints, folds: Ints, classes: int
) -> Floats:
    """Probability of every class for every image by a model that has not seen its label.

    ``embedding`` is (images, length), ``given`` the class numbers, ``folds`` the fold of each
    image. Returns (images, ``classes``), rows sum to 1. A class without a label outside of an
    image's fold gets probability 0 there.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros((len(given), classes))
    for fold in np.unique(folds):
        out = folds == fold
        known = np.unique(given[~out])
        if len(known) < 2:
            # One class or none to learn from contradicts nothing.
            found[np.flatnonzero(out), given[out]] = 1.0
            continue
        # Strong shrinkage: a few wrong labels must not bend the border around themselves.
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
        model.fit(embedding[~out].astype(np.float64), given[~out])
        columns = model[-1].classes_.astype(np.int64)
        found[np.ix_(out, columns)] = model.predict_proba(embedding[out].astype(np.float64))
    return found


def confident_joint(probabilities: Floats, given: Ints) -> Floats:
    """Estimated number of images by given (row) and true class (column), equation 1 and 2.

    Rows sum to the numbers of labels. A class without labels has an empty row and column.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(given, minlength=classes).astype(np.float64)
    sums = np.bincount(
        given, weights=probabilities[np.arange(len(given)), given], minlength=classes
    )
    threshold = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    passes = probabilities >= threshold
    likely = np.where(passes, probabilities, -1.0).argmax(axis=1)
    confident = passes.any(axis=1)
    joint = np.zeros((classes, classes))
    np.add.at(joint, (given[confident], likely[confident]), 1.0)
    # A class of which nothing was confident keeps its labels as they are.
    empty = (joint.sum(axis=1) == 0) & (counts > 0)
    joint[empty, empty] = counts[empty]
    rows = joint.sum(axis=1, keepdims=True)
    scaled: Floats = joint / np.maximum(rows, 1) * counts[:, None]
    return scaled


def estimated_errors(joint: Floats) -> float:
    """How many labels are wrong: what stands outside of the diagonal."""
    return float(joint.sum() - np.trace(joint))


def contradiction(probabilities: Floats, given: Ints) -> tuple[Floats, Ints]:
    """How strongly each label is contradicted, -1 .. 1, and the class that does.

    The probability of the likeliest other class less that of the given one: the normalised
    margin, by which the labels that pay most to look at come first.
    """
    rows = np.arange(len(given))
    others = probabilities.copy()
    others[rows, given] = -1.0
    other = others.argmax(axis=1)
    margin: Floats = probabilities[rows, other] - probabilities[rows, given]
    return margin, other.astype(np.int64)


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Agreement of two annotators beyond chance (Cohen 1960), -1 .. 1.

    None where chance alone explains everything: both gave one and the same class throughout.
    """
    names = sorted(set(first) | set(second))
    place = {name: i for i, name in enumerate(names)}
    table = np.zeros((len(names), len(names)))
    for a, b in zip(first, second, strict=True):
        table[place[a], place[b]] += 1
    total = table.sum()
    if not total:
        return None
    observed = np.trace(table) / total
    expected = float(table.sum(axis=0) @ table.sum(axis=1)) / total**2
    return None if expected >= 1 else float((observed - expected) / (1 - expected))
