"""The conditions of the policy for boxes and masks: a loss an image instead of right or wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autofocus.config.policy import GatePolicy
from autofocus.evaluation.compare import Paired, holm, p_worse_by
from autofocus.evaluation.gates import ALPHA, CAUTIOUS_ALPHA
from autofocus.types.models import Gate, Metric
from autofocus.types.overlap import Bools, Floats


def headline_gate(name: str, found: Metric | None, policy: GatePolicy) -> Gate | None:
    """The absolute bar, if the policy has one: on mAP50, or mean IoU where all are areas."""
    if policy.min_accuracy is None:
        return None
    value = 0.0 if found is None else found.value
    spread = ""
    if found is not None and found.low is not None and found.high is not None:
        spread = f" ({found.low:.3f} to {found.high:.3f})"
    reason = f"{name} {value:.3f}{spread}, asked for {policy.min_accuracy:.3f}"
    return Gate("min_accuracy", value >= policy.min_accuracy, reason, value, policy.min_accuracy)


def loss_gate(
    model: Floats, other: Floats, paired: Paired, champion: str, policy: GatePolicy
) -> Gate:
    """The mean loss on the champion's test images may be higher by at most ``max_drop``.

    It fails where it is higher than that and a one-sided test at 0.2 says that this is no chance.
    """
    change = 100 * paired.difference
    reason = (
        f"mean loss {model.mean():.3f}, {champion} {other.mean():.3f}: {abs(change):.1f} points "
        f"{'better' if change >= 0 else 'worse'} ({100 * paired.low:+.1f} to "
        f"{100 * paired.high:+.1f}; better on {paired.wins} images, worse on {paired.losses} of "
        f"{paired.n}); at most {100 * policy.max_drop:.1f} worse is allowed"
    )
    allowed = paired.difference >= -policy.max_drop - 1e-9
    p = p_worse_by(model, other, policy.max_drop)
    passed = allowed or p > CAUTIOUS_ALPHA
    if passed and not allowed:
        reason += f", and on so few images this may be chance (p = {p:.2f})"
    return Gate("max_drop", passed, reason, -paired.difference, policy.max_drop)


def headline_drop_gate(
    name: str, better: float, drawn: Floats, champion: str, policy: GatePolicy
) -> Gate:
    """mAP50 (or mean IoU) may be lower than the champion's by at most ``max_drop``.

    It fails where it is lower than that and would be in four of five resamples of the images.
    """
    known = drawn[np.isfinite(drawn)]
    reason = (
        f"{name} {100 * abs(better):.1f} points {'above' if better >= 0 else 'below'} {champion}; "
        f"at most {100 * policy.max_drop:.1f} below is allowed"
    )
    if not np.isfinite(better) or not len(known):
        return Gate(f"max_drop {name}", True, f"{name} says nothing: no class of it is there")
    allowed = better >= -policy.max_drop - 1e-9
    within = float((known >= -policy.max_drop).mean())
    passed = allowed or within > CAUTIOUS_ALPHA
    if passed and not allowed:
        reason += f", and on so few images this may be chance ({within:.0%} of the resamples)"
    return Gate(f"max_drop {name}", passed, reason, -better, policy.max_drop)


def slice_gate(
    model: Floats, other: Floats, slices: Mapping[str, Bools], champion: str, policy: GatePolicy
) -> Gate:
    """In no slice may the mean loss be proven higher by more than ``max_drop`` (Holm at 0.05)."""
    p_values = {
        name: p_worse_by(model[mask], other[mask], policy.max_drop) for name, mask in slices.items()
    }
    changes = {name: float((other[m] - model[m]).mean()) for name, m in slices.items()}
    worse = sorted(holm(p_values, ALPHA), key=lambda name: p_values[name])
    if not worse:
        reason = f"none of {len(slices)} slices is proven worse than {champion}"
    else:
        told = [
            f"{name} {100 * -changes[name]:+.1f} points of loss (n={int(slices[name].sum())})"
            for name in worse
        ]
        reason = f"worse than {champion}: {', '.join(told)}"
    lowest = min(changes.values(), default=0.0)
    return Gate("slices", not worse, reason, -lowest, policy.max_drop)


def fixed_case_gates(
    model: Floats, other: Floats, slices: Mapping[str, Bools], champion: str
) -> list[Gate]:
    """Faults once healed must stay healed: no more loss than the champion's.

    One image's worth more is chance and let pass.
    """
    gates = []
    for name, mask in slices.items():
        now, before, n = float(model[mask].sum()), float(other[mask].sum()), int(mask.sum())
        reason = f"mean loss {now / n:.3f} on {n} images, {champion} {before / n:.3f}"
        gates.append(Gate(name, now <= before + 1.0 + 1e-9, reason, now / n, before / n))
    return gates


def robustness_gate(
    model: float, other: float, champion: str, images: int, policy: GatePolicy
) -> Gate:
    """Mean loss over the corruptions may be higher by at most ``max_robustness_drop``."""
    reason = (
        f"mean loss on corrupted images {model:.3f}, {champion} {other:.3f} ({images} images); at "
        f"most {100 * policy.max_robustness_drop:.1f} points more is allowed"
    )
    passed = model - other <= policy.max_robustness_drop + 1e-9
    return Gate("robustness", passed, reason, model - other, policy.max_robustness_drop)
