"""Verdicts from labels: e-processes that may be looked at after every label.

A product of bets ``1 + lambda (x - m)`` is a non-negative supermartingale under the null "the mean
is at most m", so by Ville's inequality the mixture over bets ever reaches 1/alpha with
probability at most alpha under it (Waudby-Smith and Ramdas, Estimating means of bounded random
variables by betting, 2024). Losses must lie in [0, 1]: a class is right or wrong, 0 or 1; boxes
and masks lose something between (``evaluation.losses``). One way for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode, encode
from autofocus.types.production import Verdict

Floats = npt.NDArray[np.float64]

# Fractions of the largest legal bet, mixed with equal weights. Bets that prove harm are best spaced
# in proportion: .05 -> .10 is proven by 155 labels (median), with 25 equal steps by 208. Bets that
# prove harmlessness are large ones.
GRID = np.geomspace(0.03, 0.9, 15)
SAFE_GRID = np.linspace(0.1, 0.98, 15)


def error_upper(errors: int, n: int, alpha: float = 0.05) -> float:
    """Clopper-Pearson upper bound of an error rate at one-sided level ``alpha``; 1 for n = 0."""
    if n == 0 or errors >= n:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(errors + 1, n - errors, 1.0 - alpha))


def error_lower(errors: int, n: int, alpha: float = 0.05) -> float:
    """Clopper-Pearson lower bound of an error rate at one-sided level ``alpha``; 0 for n = 0."""
    if errors == 0 or n == 0:
        return 0.0
    from scipy.special import betaincinv

    return float(betaincinv(errors, n - errors + 1, alpha))


def loss_upper(losses: Sequence[float] | Floats, alpha: float = 0.05) -> float:
    """Upper bound of the mean loss at one-sided level ``alpha``; 1 without losses.

    Exact (Clopper-Pearson) where every loss is 0 or 1; otherwise the smallest margin below which
    the bets of :class:`HarmTest` prove the mean to lie.
    """
    values = np.asarray(losses, np.float64)
    if np.isin(values, (0.0, 1.0)).all():
        return error_upper(int(values.sum()), len(values), alpha)
    return _edge(values, alpha, 1.0, lambda test: test.e_harmless)


def loss_lower(losses: Sequence[float] | Floats, alpha: float = 0.05) -> float:
    """Lower bound of the mean loss at one-sided level ``alpha``; 0 without losses."""
    values = np.asarray(losses, np.float64)
    if np.isin(values, (0.0, 1.0)).all():
        return error_lower(int(values.sum()), len(values), alpha)
    return _edge(values, alpha, 0.0, lambda test: test.e_harm)


def _edge(values: Floats, alpha: float, far: float, evidence: Callable[[HarmTest], float]) -> float:
    """The margin nearest to the mean, on the side of ``far``, that is proven; to 0.0001."""
    near = float(values.mean())
    while abs(far - near) > 1e-4:
        middle = (near + far) / 2.0
        if evidence(HarmTest(middle, alpha).update(values)) >= 1.0 / alpha:
            far = middle
        else:
            near = middle
    return far


@dataclass(frozen=True, slots=True)
class HarmTest:
    """Is the mean loss above the margin? Above: harmful. Below: harmless. Otherwise: more labels.

    ``margin`` is the largest loss that counts as no harm; ``harm_*`` and ``safe_*`` are the
    running log wealth of each bet against "risk <= margin" and against "risk >= margin". Give it
    losses of images drawn at random from the population the verdict is about, or weighted ones
    through :meth:`weighted`.
    """

    margin: float
    alpha: float = 0.05
    n: int = 0
    total: float = 0.0
    harm_wealth: tuple[float, ...] = (0.0,) * len(GRID)
    safe_wealth: tuple[float, ...] = (0.0,) * len(SAFE_GRID)
    best_harm: float = 0.0
    best_safe: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.margin < 1.0:
            raise InvalidInput(f"HarmTest.margin must lie between 0 and 1, got {self.margin}.")
        if not 0.0 < self.alpha < 1.0:
            raise InvalidInput(f"HarmTest.alpha must lie between 0 and 1, got {self.alpha}.")

    @classmethod
    def against_reference(
        cls, losses: Sequence[float] | Floats, *, tolerance: float, alpha: float = 0.05
    ) -> HarmTest:
        """Margin = upper bound of the mean of the reference's ``losses`` + ``tolerance``.

        The bound is one-sided at ``alpha``, so a verdict is wrong with probability at most
        2 alpha over reference and labels together.
        """
        return cls(min(loss_upper(losses, alpha) + tolerance, 0.95), alpha)

    def update(self, losses: Iterable[float]) -> HarmTest:
        """The test after further losses in [0, 1], in the order in which labels came."""
        values = np.fromiter((float(v) for v in losses), np.float64)
        if len(values) == 0:
            return self
        if values.min() < 0.0 or values.max() > 1.0:
            raise InvalidInput(
                f"Losses must lie in 0..1, got {values.min()} to {values.max()}.",
                hint="Use HarmTest.weighted for importance-weighted losses.",
            )
        up = GRID / self.margin
        down = SAFE_GRID / (1.0 - self.margin)
        steps = values[:, None] - self.margin
        harm = np.asarray(self.harm_wealth) + np.cumsum(np.log1p(up * steps), axis=0)
        safe = np.asarray(self.safe_wealth) + np.cumsum(np.log1p(-down * steps), axis=0)
        return HarmTest(
            margin=self.margin,
            alpha=self.alpha,
            n=self.n + len(values),
            total=self.total + float(values.sum()),
            harm_wealth=tuple(harm[-1].tolist()),
            safe_wealth=tuple(safe[-1].tolist()),
            best_harm=max(self.best_harm, float(_log_mean(harm).max())),
            best_safe=max(self.best_safe, float(_log_mean(safe).max())),
        )

    @staticmethod
    def weighted(
        losses: Floats, propensity: Floats, *, floor: float, proxy: Floats | None = None
    ) -> tuple[Floats, float, float]:
        """Losses of unequally drawn images as equally drawn ones in [0, 1].

        Each image was drawn with probability ``propensity`` (relative to 1 = uniform, so it
        averages 1), at least ``floor``. x = f + (y - f) / propensity, f the proxy (0 if none)
        lies in [1 - 1/floor, 1/floor]; returns x rescaled into [0, 1] and (scale, shift) with
        x01 = x * scale + shift, to move the margin along: margin * scale + shift.
        """
        f = np.zeros_like(losses) if proxy is None else np.asarray(proxy, np.float64)
        if floor <= 0 or float(np.min(propensity, initial=np.inf)) < floor * (1 - 1e-9):
            raise InvalidInput(f"Every propensity must be at least the floor {floor} > 0.")
        x = f + (losses - f) / propensity
        low, high = (0.0 if proxy is None else min(0.0, 1.0 - 1.0 / floor)), max(1.0, 1.0 / floor)
        scale = 1.0 / (high - low)
        return np.asarray((x - low) * scale), scale, -low * scale

    @property
    def e_harm(self) -> float:
        """Evidence now that the risk is above the margin."""
        return float(np.exp(_log_mean(np.asarray(self.harm_wealth))))

    @property
    def e_harmless(self) -> float:
        """Evidence now that the risk is below the margin."""
        return float(np.exp(_log_mean(np.asarray(self.safe_wealth))))

    @property
    def rate(self) -> float | None:
        """Mean loss so far."""
        return self.total / self.n if self.n else None

    @property
    def verdict(self) -> Verdict:
        """Decided by the first e-process that reached 1/alpha; ``undecided`` until then."""
        line = -math.log(self.alpha)
        harm, safe = self.best_harm >= line, self.best_safe >= line
        if harm and safe:
            return "harmful" if self.e_harm >= self.e_harmless else "harmless"
        return "harmful" if harm else "harmless" if safe else "undecided"

    def labels_needed(self, rate: float | None = None) -> int | None:
        """About how many more labels a verdict needs if errors go on at ``rate``.

        ``rate`` defaults to the mean so far, shrunk towards the margin by two pseudo-labels.
        None when it would take more than 10,000: the truth is too close to the margin.
        """
        if self.verdict != "undecided":
            return 0
        if rate is None:
            rate = (self.total + 2.0 * self.margin) / (self.n + 2.0)
        line = -math.log(self.alpha)
        best: float | None = None
        for wealth, bets in (
            (self.harm_wealth, GRID / self.margin),
            (self.safe_wealth, -SAFE_GRID / (1.0 - self.margin)),
        ):
            growth = rate * np.log1p(bets * (1.0 - self.margin)) + (1.0 - rate) * np.log1p(
                -bets * self.margin
            )
            missing = line + math.log(len(GRID)) - np.asarray(wealth)
            with np.errstate(divide="ignore", invalid="ignore"):
                k = np.where(growth > 0, missing / growth, np.inf)
            # A lone bet must carry the whole mixture here, so this errs on the high side.
            best = float(k.min()) if best is None else min(best, float(k.min()))
        if best is None or not np.isfinite(best) or best > 10_000:
            return None
        return max(1, math.ceil(best))

    def as_json(self) -> dict[str, Any]:
        """JSON-safe state; :meth:`from_json` gives the same test back."""
        result: dict[str, Any] = encode(self)
        return result

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HarmTest:
        """The test that :meth:`as_json` described."""
        return decode(cls, data)


Preference = Literal["challenger", "champion", "undecided"]


# Places and weights of Gauss and Legendre between 0 and 1: the mixture over all bets is exact for
# up to 127 images, and to many digits beyond.
_NODES, _SHARES = (np.asarray(v) / 2.0 for v in np.polynomial.legendre.leggauss(64))
_NODES = _NODES + 0.5


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Is the challenger better than the champion? From the difference of their losses an image.

    Where both are equally right nothing is learnt about the difference, so only images on which
    they disagree need labels. Under "no better" the difference d (champion's loss less the
    challenger's, -1 to 1) is at most 0 on average; the e-value mixes the bets ``1 + lambda d``
    over all lambda from 0 to 1 (and mirrored for the way back). For answers that are right or
    wrong that is a uniform prior on the win rate above 1/2. ``promote`` is the bar.
    """

    promote: float = 20.0
    wins: int = 0
    losses: int = 0
    ties: int = 0
    best_win: float = 1.0
    best_loss: float = 1.0
    won: float = 0.0
    lost: float = 0.0
    better: tuple[float, ...] = (0.0,) * len(_NODES)
    worse: tuple[float, ...] = (0.0,) * len(_NODES)

    def __post_init__(self) -> None:
        if self.promote <= 1.0:
            raise InvalidInput(f"PairedTest.promote must exceed 1, got {self.promote}.")

    def update(self, differences: Iterable[float]) -> PairedTest:
        """The test after further images, in order: by how much the challenger's loss is smaller.

        +1: it alone is right, -1: the champion alone is, 0: both are equally right or wrong.
        """
        values = np.fromiter((float(d) for d in differences), np.float64)
        if len(values) == 0:
            return self
        if not (np.abs(values) <= 1.0).all():
            raise InvalidInput(
                f"A difference of losses lies in -1..1, got {values.min()} to {values.max()}."
            )
        better = np.asarray(self.better) + np.cumsum(np.log1p(values[:, None] * _NODES), axis=0)
        worse = np.asarray(self.worse) + np.cumsum(np.log1p(-values[:, None] * _NODES), axis=0)
        return PairedTest(
            promote=self.promote,
            wins=self.wins + int((values > 0).sum()),
            losses=self.losses + int((values < 0).sum()),
            ties=self.ties + int((values == 0).sum()),
            best_win=max(self.best_win, float(_mixed(better).max())),
            best_loss=max(self.best_loss, float(_mixed(worse).max())),
            won=self.won + float(values[values > 0].sum()),
            lost=self.lost - float(values[values < 0].sum()),
            better=tuple(better[-1].tolist()),
            worse=tuple(worse[-1].tolist()),
        )

    @property
    def e_better(self) -> float:
        """Evidence now that the challenger is better."""
        return float(_mixed(np.asarray(self.better)))

    @property
    def e_worse(self) -> float:
        """Evidence now that the challenger is worse: at ``promote`` it is rolled back."""
        return float(_mixed(np.asarray(self.worse)))

    @property
    def decision(self) -> Preference:
        """Whom the evidence prefers; whichever reached the bar first wins."""
        if self.best_win >= self.promote and self.best_loss < self.promote:
            return "challenger"
        if self.best_loss >= self.promote and self.best_win < self.promote:
            return "champion"
        if self.best_win >= self.promote:  # both: long streams only; the present decides
            return "challenger" if self.e_better >= self.e_worse else "champion"
        return "undecided"

    @property
    def wins_missing(self) -> int:
        """Whole wins in a row that would prove the challenger better; 0 if it is."""
        return self._in_a_row(1.0)

    @property
    def losses_missing(self) -> int:
        """Whole losses in a row that would prove the champion better; 0 if it is."""
        return self._in_a_row(-1.0)

    def _in_a_row(self, difference: float) -> int:
        # From any score the evidence grows with every win in a row, nearly doubling in the end.
        test, missing = self, 0
        while (test.best_win if difference > 0 else test.best_loss) < self.promote:
            test, missing = test.update([difference]), missing + 1
        return missing

    def labels_needed(self) -> int | None:
        """About how many more disagreements a promotion needs if they go on as so far.

        None if more than 10,000, which includes challengers that do not win.
        """
        if self.decision != "undecided":
            return 0
        rate = (self.wins + 1.0) / (self.wins + self.losses + 1.5)
        gain = (self.won + 1.0) / (self.wins + 1.0)
        cost = (self.lost + 1.0) / (self.losses + 1.0)
        growth = rate * np.log1p(gain * _NODES) + (1.0 - rate) * np.log1p(-cost * _NODES)
        wealth = np.asarray(self.better)

        def reached(k: int) -> bool:
            return bool(_mixed(wealth + k * growth) >= self.promote)

        if not reached(10_000):
            return None
        few, enough = 0, 10_000
        while enough - few > 1:
            middle = (few + enough) // 2
            few, enough = (few, middle) if reached(middle) else (middle, enough)
        return enough

    def as_json(self) -> dict[str, Any]:
        """JSON-safe state; :meth:`from_json` gives the same test back."""
        result: dict[str, Any] = encode(self)
        return result

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PairedTest:
        """The test that :meth:`as_json` described."""
        return decode(cls, data)


def _mixed(wealth: Floats) -> Floats:
    """E-value of log wealth by bet (..., bets), capped where a float ends."""
    result: Floats = np.exp(np.minimum(wealth, 700.0)) @ _SHARES
    return result


def _log_mean(wealth: Floats) -> Floats:
    """Log of the mean of exp over the last axis."""
    result: Floats = np.logaddexp.reduce(wealth, axis=-1) - math.log(wealth.shape[-1])
    return result
