"""What a challenger must show, as gates that say in words what was found."""

from __future__ import annotations

from autofocus.config.policy import GatePolicy
from autofocus.evaluation.compare import PairedComparison
from autofocus.types.models import Gate


def accuracy_gate(policy: GatePolicy, accuracy: float, n: int) -> Gate:
    """The absolute bar; passes where the policy sets none."""
    limit = policy.min_accuracy
    if limit is None:
        return Gate("accuracy", True, f"accuracy {accuracy:.4f} on {n} images, no bar is set")
    passed = accuracy >= limit
    said = "reaches" if passed else "is below"
    return Gate(
        "accuracy",
        passed,
        f"accuracy {accuracy:.4f} on {n} images {said} the bar of {limit:.4f}",
        accuracy,
        limit,
    )


def regression_gate(policy: GatePolicy, pair: PairedComparison) -> Gate:
    """Accuracy against the champion on the same images."""
    passed = pair.difference >= -policy.max_drop
    return Gate(
        "regression",
        passed,
        f"{pair.difference:+.4f} accuracy against the champion on {pair.n} images "
        f"({pair.gained} gained, {pair.lost} lost); "
        f"{'within' if passed else 'more than'} the allowed drop of {policy.max_drop:.4f}",
        pair.difference,
        -policy.max_drop,
    )


def robustness_gate(policy: GatePolicy, own: float, champion: float, n: int) -> Gate:
    """Mean accuracy over the corruptions against the champion's."""
    change = own - champion
    passed = change >= -policy.max_robustness_drop
    return Gate(
        "robustness",
        passed,
        f"mean accuracy under corruption {own:.4f}, the champion's {champion:.4f} on {n} images; "
        f"{'within' if passed else 'more than'} the allowed drop of "
        f"{policy.max_robustness_drop:.4f}",
        change,
        -policy.max_robustness_drop,
    )


def latency_gate(policy: GatePolicy, own: float, champion: float) -> Gate:
    """Seconds per image against the champion's, both timed side by side."""
    ratio = own / champion
    passed = ratio <= policy.max_latency_ratio
    return Gate(
        "latency",
        passed,
        f"{1e3 * own:.2f} ms per image, {ratio:.2f} times the champion's; "
        f"{'within' if passed else 'more than'} {policy.max_latency_ratio:.2f} times",
        ratio,
        policy.max_latency_ratio,
    )


def collapse_gate(answered: int, classes: int) -> Gate:
    """A model that never answers one of the classes has learned nothing about it."""
    passed = answered == classes
    return Gate(
        "classes",
        passed,
        f"{answered} of {classes} classes that are in the test images are ever answered",
        float(answered),
        float(classes),
    )
