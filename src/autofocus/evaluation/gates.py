"""The conditions of the policy, each as passed or not with its reason in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import GatePolicy
from autofocus.evaluation.compare import Paired, compare, holm, p_worse
from autofocus.evaluation.metrics import wilson
from autofocus.types.models import Gate

Mask = npt.NDArray[np.bool_]

ALPHA = 0.05
# For the test images as a whole the score test errs on the side of caution: one in five models that
# are just bad enough to be allowed fails, and of those that are a little worse most fail.
CAUTIOUS_ALPHA = 0.2


def accuracy_gate(right: int, n: int, policy: GatePolicy) -> Gate | None:
    """The absolute bar, if the policy has one."""
    if policy.min_accuracy is None:
        return None
    value, (low, high) = right / n, wilson(right, n)
    reason = f"{value:.3f} ({low:.3f} to {high:.3f}) on {n} images, asked for"
    reason += f" {policy.min_accuracy:.3f}"
    return Gate("min_accuracy", value >= policy.min_accuracy, reason, value, policy.min_accuracy)


def collapse_gate(answered: Mask, present: Mask) -> Gate:
    """A model that never answers a class has learnt nothing about it. Both (classes,)."""
    wanted, given = int(present.sum()), int((answered & present).sum())
    reason = f"{given} of the {wanted} classes in the test images are ever answered rightly"
    return Gate("classes", given == wanted, reason, float(given), float(wanted))


def drop_gate(paired: Paired, champion: str, policy: GatePolicy) -> Gate:
    """Accuracy on the champion's test images may be lower by at most ``max_drop``.

    It fails where the drop is larger and a one-sided score test at 0.2 says that this is no chance:
    on a hundred test images a few points come and go by luck.
    """
    change = 100 * paired.difference
    reason = (
        f"{abs(change):.1f} points {'above' if change >= 0 else 'below'} {champion} "
        f"({100 * paired.low:+.1f} to {100 * paired.high:+.1f}; {paired.wins} images won, "
        f"{paired.losses} lost of {paired.n}); at most {100 * policy.max_drop:.1f} below is allowed"
    )
    allowed = paired.difference >= -policy.max_drop - 1e-9
    p = p_worse(paired.wins, paired.losses, paired.n, policy.max_drop)
    passed = allowed or p > CAUTIOUS_ALPHA
    if passed and not allowed:
        reason += f", and on so few images this may be chance (p = {p:.2f})"
    return Gate("max_drop", passed, reason, -paired.difference, policy.max_drop)


def slice_gate(
    model: Mask, other: Mask, slices: Mapping[str, Mask], champion: str, policy: GatePolicy
) -> Gate:
    """No slice may be proven worse than the champion's by more than ``max_drop``.

    Proven: one-sided score test at 0.05, by Holm over the slices, so that many slices do not
    bring false alarms and a slice of few images is not condemned by chance.
    """
    pairs = {name: compare(model[mask], other[mask]) for name, mask in slices.items()}
    p_values = {
        name: p_worse(pair.wins, pair.losses, pair.n, policy.max_drop)
        for name, pair in pairs.items()
    }
    worse = sorted(holm(p_values, ALPHA), key=lambda name: p_values[name])
    lowest = min((pair.difference for pair in pairs.values()), default=0.0)
    if not worse:
        reason = f"none of {len(pairs)} slices is proven worse than {champion}"
    else:
        told = [
            f"{name} {100 * pairs[name].difference:+.1f} points (n={pairs[name].n})"
            for name in worse
        ]
        reason = f"worse than {champion}: {', '.join(told)}"
    return Gate("slices", not worse, reason, -lowest, policy.max_drop)


def fixed_case_gates(
    model: Mask, other: Mask, slices: Mapping[str, Mask], champion: str
) -> list[Gate]:
    """Faults once healed must stay healed: not fewer right answers than the champion's.

    One image less is chance and let pass.
    """
    gates = []
    for name, mask in slices.items():
        now, before, n = int(model[mask].sum()), int(other[mask].sum()), int(mask.sum())
        reason = f"{now} of {n} images right, {champion} {before}"
        gates.append(Gate(name, now >= before - 1, reason, now / n, before / n))
    return gates


def robustness_gate(
    model: float, other: float, champion: str, images: int, policy: GatePolicy
) -> Gate:
    """Mean accuracy over the corruptions may be lower by at most ``max_robustness_drop``."""
    reason = (
        f"mean accuracy on corrupted images {model:.3f}, {champion} {other:.3f} "
        f"({images} images); at most {100 * policy.max_robustness_drop:.1f} points below is allowed"
    )
    passed = other - model <= policy.max_robustness_drop + 1e-9
    return Gate("robustness", passed, reason, other - model, policy.max_robustness_drop)


def latency_gate(model: float, other: float, champion: str, policy: GatePolicy) -> Gate:
    """Seconds per image may be at most ``max_latency_ratio`` times the champion's."""
    ratio = model / other
    reason = (
        f"{1000 * model:.2f} ms an image, {champion} {1000 * other:.2f} ms: {ratio:.2f} times, "
        f"at most {policy.max_latency_ratio:.2f} is allowed"
    )
    passed = ratio <= policy.max_latency_ratio
    return Gate("latency", passed, reason, ratio, policy.max_latency_ratio)
