"""Which images drifted, how many, since when, and what is different about them, in words.

A linear classifier tells reference from production, cross-fitted: every image is scored by a
model that has not seen it, so its scores are honest evidence (rank-sum p-value, AUC). Production
is a mixture of ordinary and drifted images; the share of drifted follows from how rare ordinary
looking images became (best bin estimation, Garg et al., NeurIPS 2021), and turns the classifier's
score into the posterior of being drifted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.monitoring.reference import Reference
from autofocus.types.production import Window

Floats = npt.NDArray[np.float64]

FOLDS = 5
RIDGE = 2.0
EXEMPLARS = 12
MIN_ROWS = 20
# Standard errors added to each bin before the smallest is taken: without them the minimum of
# many noisy bins makes the share too large (measured: by half at 200 drifted of 1,000).
SLACK = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What a window of n rows holds.

    ``auc`` of the cross-fitted classifier over the whole window (0.5 means no difference from
    the reference) and ``p_value`` that there is none. ``score`` (n,) its log odds, ``posterior``
    (n,) the probability of being drifted, ``drifted`` (n,) bool the slice. ``share`` with its
    90 % interval is the part of the window that drifted, ``count`` that many images. ``typical``
    and ``boundary`` are row positions of exemplars, ``ordinary`` of rows that did not drift.
    ``change_at`` is the position at which drifted images begin. ``differences`` are sentences,
    the strongest first; ``measures`` the numbers behind them.
    """

    auc: float
    p_value: float
    score: Floats
    posterior: Floats
    drifted: npt.NDArray[np.bool_]
    share: float
    share_low: float
    share_high: float
    typical: npt.NDArray[np.int64]
    boundary: npt.NDArray[np.int64]
    ordinary: npt.NDArray[np.int64]
    change_at: int
    differences: tuple[str, ...]
    measures: Mapping[str, float]

    @property
    def count(self) -> int:
        """Number of rows in the slice."""
        return int(self.drifted.sum())

    @property
    def surest(self) -> npt.NDArray[np.int64]:
        """All row positions, the most surely drifted first.

        The posterior has plateaus (isotonic regression): within one the score decides.
        """
        return np.lexsort((-self.score, -self.posterior))

    @property
    def core(self) -> npt.NDArray[np.int64]:
        """Row positions of the half of the slice that most surely drifted."""
        return self.surest[: (self.count + 1) // 2]

    def as_json(self) -> dict[str, Any]:
        """Summary without the per-row arrays."""
        n = len(self.posterior)
        return {
            "auc": round(self.auc, 4),
            "p_value": self.p_value,
            "images": n,
            "drifted": self.count,
            "share": round(self.share, 4),
            "share_low": round(self.share_low, 4),
            "share_high": round(self.share_high, 4),
            "drifted_low": round(self.share_low * n),
            "drifted_high": round(self.share_high * n),
            "change_at": self.change_at,
            "differences": list(self.differences),
            "measures": {k: round(v, 4) for k, v in self.measures.items()},
        }


def diagnose(
    reference: Reference,
    window: Window,
    *,
    before: Window | None = None,
    classes: Sequence[str] = (),
    seed: int = 0,
) -> Diagnosis:
    """Compare ``window`` (rows since the change began) with ``reference``.

    ``before`` are production rows from before the change: they join the reference, and metadata
    is compared with theirs. ``classes`` gives names to predicted class indices. Raises
    InvalidInput when either side has fewer than 20 rows.
    """
    if before is not None and len(before):
        earlier = Reference.from_window(before)
        both = _join(reference, earlier)
    else:
        both = reference
    if len(both) < MIN_ROWS or len(window) < MIN_ROWS:
        raise InvalidInput(
            f"A diagnosis needs at least {MIN_ROWS} images on each side, got {len(both)} of "
            f"reference and {len(window)} of production."
        )
    rng = np.random.default_rng([seed, 11])
    old, new = features(both), features(Reference.from_window(window))
    middle, spread = old.mean(axis=0), old.std(axis=0) + 1e-9
    old, new = (old - middle) / spread, (new - middle) / spread
    n0, n1 = len(old), len(new)
    x = np.concatenate([old, new])
    y = np.concatenate([np.zeros(n0), np.ones(n1)])
    fold = _folds(n0, n1, rng)
    score = _cross_fit(x, y, np.ones(len(y)), fold)
    auc, _ = rank_sum(score[n0:], score[:n0])
    unsure = np.concatenate([1.0 - both.confidence, 1.0 - window.confidence])
    whitened = np.concatenate([both.whitened, window.whitened])
    p_value = _evidence(x, y, [unsure, (whitened**2).sum(axis=1)], rng)
    # Ordinary images among the production rows blur the direction. Weighted by what the first
    # pass says of them, a second pass points at the drifted ones alone.
    for _ in range(2):
        share = _share(score[n0:], score[:n0])
        posterior = _posterior(score[n0:], score[:n0], share)
        if share <= 0.0 or posterior.sum() < 10.0:
            break
        x2 = np.concatenate([x, new])
        y2 = np.concatenate([y, np.zeros(n1)])
        weight = np.concatenate([np.ones(n0), posterior, 1.0 - posterior])
        fold2 = np.concatenate([fold, fold[n0:]])
        score = _cross_fit(x2, y2, weight, fold2)[: n0 + n1]
    share = _share(score[n0:], score[:n0])
    posterior = _posterior(score[n0:], score[:n0], share)
    low, high = _share_interval(score[n0:], score[:n0], share, rng)
    if p_value > 0.05:  # nothing tells the two sides apart, so there may be no slice at all
        low = 0.0
    drifted = posterior > 0.5
    measures, differences = _describe(both, window, drifted, before, classes)
    rank = np.lexsort((-score[n0:], -posterior))
    inside = np.flatnonzero(drifted)
    near = inside[np.argsort(np.abs(posterior[inside] - 0.5), kind="stable")]
    ordinary = rank[::-1][:EXEMPLARS]
    return Diagnosis(
        auc=auc,
        p_value=p_value,
        score=score[n0:],
        posterior=posterior,
        drifted=drifted,
        share=share,
        share_low=low,
        share_high=high,
        typical=_spread_out(new, inside, posterior),
        boundary=near[:EXEMPLARS].astype(np.int64),
        ordinary=np.asarray(ordinary, np.int64),
        change_at=_change(posterior),
        differences=differences,
        measures=measures,
    )


def rank_sum(a: Floats, b: Floats) -> tuple[float, float]:
    """AUC of ``a`` over ``b`` and the one-sided rank-sum p-value that ``a`` is larger."""
    from scipy.stats import mannwhitneyu

    result = mannwhitneyu(a, b, alternative="greater", method="asymptotic")
    return float(result.statistic) / (len(a) * len(b)), float(result.pvalue)


def _evidence(x: Floats, y: Floats, tails: Sequence[Floats], rng: np.random.Generator) -> float:
    """P-value that the two sides differ.

    The classifier fitted on one half and tested on the other, both ways: scores of five folds
    depend on each other through the shared rows, so a rank-sum over all of them is too sure;
    within one held-out half it is exact. Beside it, for windows too small to fit anything, the
    exact tests of ``tails``, scores that need no fit: does production hold more than its part
    of the highest 10 %? The smallest p-value times their number is one, however they depend.
    """
    from scipy.stats import hypergeom

    half = _folds(int((y == 0).sum()), int((y == 1).sum()), rng, 2) == 1
    values = []
    for held in (half, ~half):
        beta = ridge_logistic(x[~held], y[~held], np.ones(int((~held).sum())))
        score = x[held] @ beta[1:]
        values.append(rank_sum(score[y[held] == 1], score[y[held] == 0])[1])
    new = int((y == 1).sum())
    for score in tails:
        top = np.argsort(-score, kind="stable")[: max(1, len(y) // 10)]
        values.append(float(hypergeom.sf(int(y[top].sum()) - 1, len(y), new, len(top))))
    return min(1.0, len(values) * min(values))


def _join(a: Reference, b: Reference) -> Reference:
    names = ["probabilities", "whitened", "brightness", "contrast", "blur"]
    if a.outputs is not None and b.outputs is not None:
        names.append("outputs")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in names
    }
    return Reference(**joined)


def features(r: Reference) -> Floats:
    """Whitened embedding, outputs and pixel statistics, (n, k + outputs + 3); blur logarithmic."""
    outputs = np.zeros((len(r), 0)) if r.outputs is None else np.asarray(r.outputs, np.float64)
    return np.concatenate(
        [
            np.asarray(r.whitened, np.float64),
            outputs,
            np.stack([r.brightness, r.contrast, np.log1p(np.maximum(r.blur, 0.0))], axis=1).astype(
                np.float64
            ),
        ],
        axis=1,
    )


def _folds(n0: int, n1: int, rng: np.random.Generator, folds: int = FOLDS) -> npt.NDArray[np.int64]:
    return np.concatenate([rng.permutation(np.arange(n) % folds) for n in (n0, n1)])


def _cross_fit(x: Floats, y: Floats, weight: Floats, fold: npt.NDArray[np.int64]) -> Floats:
    """Log odds of each row by a model fitted without its fold."""
    score = np.empty(len(x))
    for k in range(FOLDS):
        out = fold == k
        beta = ridge_logistic(x[~out], y[~out], weight[~out])
        score[out] = x[out] @ beta[1:] + beta[0]
    return score


def ridge_logistic(x: Floats, y: Floats, weight: Floats, *, ridge: float = RIDGE) -> Floats:
    """Coefficients (1 + d,), intercept first, of weighted logistic regression by Newton steps.

    Both classes are weighted to the same total, so log odds 0 means equally likely on either
    side. ``ridge`` pulls every slope towards 0 as ``ridge`` images of unit size would.
    """
    one = weight * y
    zero = weight * (1.0 - y)
    half = weight.sum() / 2.0
    w = one * (half / max(one.sum(), 1e-9)) + zero * (half / max(zero.sum(), 1e-9))
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-6
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        odds = np.clip(design @ beta, -30.0, 30.0)
        p = 1.0 / (1.0 + np.exp(-odds))
        gradient = design.T @ (w * (y - p)) - penalty * beta
        curvature = (design * (w * p * (1.0 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        # Separable classes make full Newton steps explode; a bounded one still converges.
        length = float(np.abs(step).max())
        beta += step if length <= 5.0 else step * (5.0 / length)
        if length < 1e-6:
            break
    return beta


def _share(new: Floats, old: Floats) -> float:
    """Share of ``new`` that is not like ``old``: 1 - min_t F_new(t) / F_old(t).

    Scores below t are rarer in production by the factor of ordinary images left. The minimum is
    taken over bins that hold at least 40 % of the reference, each widened by its sampling error.
    """
    n0, n1 = len(old), len(new)
    cuts = np.quantile(old, np.linspace(0.4, 0.98, 30))
    f_old = np.searchsorted(np.sort(old), cuts, side="right") / n0
    f_new = np.searchsorted(np.sort(new), cuts, side="right") / n1
    error = np.sqrt(f_new * (1 - f_new) / n1 + f_new**2 / f_old * (1 - f_old) / n0 / f_old)
    return float(np.clip(1.0 - np.min((f_new + SLACK * error) / f_old), 0.0, 1.0))


def _share_interval(
    new: Floats, old: Floats, share: float, rng: np.random.Generator, draws: int = 200
) -> tuple[float, float]:
    """90 % bootstrap interval of the share."""
    found = np.array(
        [_share(rng.choice(new, len(new)), rng.choice(old, len(old))) for _ in range(draws)]
    )
    low, high = np.quantile(found, [0.05, 0.95])
    return min(float(low), share), max(float(high), share)


def _posterior(new: Floats, old: Floats, share: float) -> Floats:
    """Probability of each ``new`` row to be drifted, given its score.

    The ratio of densities r at a score is read off by isotonic regression; then
    P(drifted) = 1 - (1 - share) / r.
    """
    if share <= 0.0:
        return np.zeros(len(new))
    from sklearn.isotonic import IsotonicRegression

    n0, n1 = len(old), len(new)
    weight = np.concatenate([np.full(n0, 0.5 / n0), np.full(n1, 0.5 / n1)])
    fit = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        np.concatenate([old, new]),
        np.concatenate([np.zeros(n0), np.ones(n1)]),
        sample_weight=weight,
    )
    p = np.asarray(fit.predict(new), np.float64)
    with np.errstate(divide="ignore"):
        like_old = np.where(p < 1.0, (1.0 - p) / np.maximum(p, 1e-12), 0.0)
    return np.clip(1.0 - (1.0 - share) * like_old, 0.0, 1.0)


def _change(posterior: Floats) -> int:
    """Position from which drifted images come: the maximum of the cumulated excess, reversed."""
    excess = posterior - posterior.mean()
    cumulated = np.concatenate([[0.0], np.cumsum(excess)])
    return int(np.argmin(cumulated[:-1]))


def _spread_out(
    x: Floats, inside: npt.NDArray[np.int64], posterior: Floats
) -> npt.NDArray[np.int64]:
    """Up to 12 surely drifted rows, nearest to the middle of the slice but not all alike."""
    if len(inside) == 0:
        return inside.astype(np.int64)
    sure = inside[posterior[inside] >= np.quantile(posterior[inside], 0.5)]
    distance = ((x[sure] - x[sure].mean(axis=0)) ** 2).sum(axis=1)
    central = sure[np.argsort(distance, kind="stable")[: max(EXEMPLARS, len(sure) // 2)]]
    step = max(1, len(central) // EXEMPLARS)
    return np.asarray(central[::step][:EXEMPLARS], np.int64)


def _describe(
    reference: Reference,
    window: Window,
    drifted: npt.NDArray[np.bool_],
    before: Window | None,
    classes: Sequence[str],
) -> tuple[dict[str, float], tuple[str, ...]]:
    """What is different about the slice: numbers, and sentences sorted by strength."""
    measures: dict[str, float] = {}
    found: list[tuple[float, str]] = []
    if not drifted.any():
        return measures, ()
    words = {
        "brightness": ("darker", "brighter"),
        "contrast": ("lower in contrast", "higher in contrast"),
        "blur": ("blurrier", "sharper or noisier"),
    }
    for name, (less, more) in words.items():
        usual = np.asarray(getattr(reference, name), np.float64)
        here = np.asarray(getattr(window, name), np.float64)[drifted]
        if name == "blur":
            usual, here = np.log1p(np.maximum(usual, 0)), np.log1p(np.maximum(here, 0))
        size = float((here.mean() - usual.mean()) / (usual.std() + 1e-9))
        measures[name] = size
        # Beyond chance (4 standard errors) and large enough to be seen.
        if abs(size) > 0.3 and abs(size) * np.sqrt(len(here)) > 4.0:
            degree = "much " if abs(size) > 1.5 else "" if abs(size) > 0.6 else "slightly "
            found.append(
                (abs(size), f"{degree}{more if size > 0 else less} ({size:+.1f} sd)".capitalize())
            )
    found += _objects(reference, window, drifted, measures)
    count = int(drifted.sum())
    sure = float(window.confidence[drifted].mean() - reference.confidence.mean())
    measures["confidence"] = sure
    if abs(sure) > 0.03:
        found.append(
            (
                abs(sure) * 5,
                f"The model is {'less' if sure < 0 else 'more'} sure of them "
                f"({float(window.confidence[drifted].mean()):.2f} instead of "
                f"{float(reference.confidence.mean()):.2f})",
            )
        )
    size_classes = reference.probabilities.shape[1]
    usual_mix = np.bincount(reference.predicted, minlength=size_classes) / len(reference)
    here_mix = np.bincount(window.predicted[drifted], minlength=size_classes) / count
    for c in np.argsort(-np.abs(here_mix - usual_mix)):
        change = float(here_mix[c] - usual_mix[c])
        name = classes[c] if c < len(classes) else f"class {c}"
        error = np.sqrt(usual_mix[c] * (1 - usual_mix[c]) * (1 / count + 1 / len(reference)))
        measures[f"predicted:{name}"] = change
        if abs(change) > 0.1 and abs(change) > 3 * error:
            found.append(
                (
                    abs(change) * 2,
                    f"'{name}' is answered for {100 * here_mix[c]:.0f} % of them, usually for "
                    f"{100 * usual_mix[c]:.0f} %",
                )
            )
    found += _metadata(window, drifted, before)
    found.sort(key=lambda pair: -pair[0])
    return measures, tuple(text for _, text in found)


def _objects(
    reference: Reference,
    window: Window,
    drifted: npt.NDArray[np.bool_],
    measures: dict[str, float],
) -> list[tuple[float, str]]:
    """What changed about the objects that the model sees, if it sees objects."""
    if reference.outputs is None or not reference.outputs.shape[1]:
        return []
    found = []
    for i, (name, less, more, what) in enumerate(
        (
            ("count", "Fewer", "More", "objects are found in them"),
            ("size", "Smaller", "Larger", "objects are found in them"),
            ("score", "Less", "More", "sure of the objects in them"),
        )
    ):
        usual = reference.outputs[:, i].astype(np.float64)
        here = window.outputs[drifted, i].astype(np.float64)
        size = float((here.mean() - usual.mean()) / (usual.std() + 1e-9))
        measures[name] = size
        if abs(size) > 0.3 and abs(size) * np.sqrt(len(here)) > 4.0:
            word = less if size < 0 else more
            found.append(
                (abs(size), f"{word} {what} ({here.mean():.2g}, usually {usual.mean():.2g})")
            )
    return found


def _metadata(
    window: Window, drifted: npt.NDArray[np.bool_], before: Window | None
) -> list[tuple[float, str]]:
    """Metadata values that are much more frequent in the slice than outside of it."""
    inside = _count(window.metadata[drifted])
    outside = _count(window.metadata[~drifted])
    if before is not None:
        for key, values in _count(before.metadata).items():
            target = outside.setdefault(key, {})
            for value, k in values.items():
                target[value] = target.get(value, 0) + k
    count, others = int(drifted.sum()), int((~drifted).sum()) + (len(before) if before else 0)
    found: list[tuple[float, str]] = []
    for key, values in inside.items():
        for value, k in values.items():
            share = k / count
            usual = outside.get(key, {}).get(value, 0) / max(others, 1)
            error = np.sqrt(max(usual * (1 - usual), 0.25 / max(others, 4)) / count)
            if k >= 5 and share > 1.5 * usual and share - usual > 3 * error:
                found.append(
                    (
                        4 * (share - usual),
                        f"{key} = {value}: {100 * share:.0f} % of them, {100 * usual:.0f} % of "
                        "the others",
                    )
                )
    found.sort(key=lambda pair: -pair[0])
    return found[:6]


def _count(metadata: npt.NDArray[np.str_]) -> dict[str, dict[str, int]]:
    """Frequencies of flat metadata values; keys with a value of their own per image are left."""
    table: dict[str, dict[str, int]] = {}
    for text in metadata.tolist():
        if not text:
            continue
        try:
            row = json.loads(text)
        except json.JSONDecodeError:
            continue  # a client's free text is not metadata
        if isinstance(row, dict):
            for key, value in row.items():
                if isinstance(value, (str, bool, int)):
                    values = table.setdefault(str(key), {})
                    values[str(value)] = values.get(str(value), 0) + 1
    return table
