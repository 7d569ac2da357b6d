"""Data tests: the CI of a dataset version. Each gate says in words what it found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from autofocus.errors import AutofocusError
from autofocus.types.data import Version
from autofocus.types.models import Gate, Metric, Report

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.store.manifests import Manifest

MIN_PER_CLASS = 10
MAX_BALANCE_CHANGE = 0.25
MAX_STATISTICS_SHIFT = 1.0
NEAR_BITS = 4
_BANDS = 8  # two hashes that differ in fewer bits than bands agree in at least one band
_EXAMPLES = 10
_STATISTICS = ("brightness", "contrast", "blur", "entropy")


def run_data_tests(dataset: Dataset, version: Version) -> Report:
    """Test a version; compares with its parent where there is one.

    Fails on unreadable images, the same image in two splits, one image with two labels, labels
    outside the declared classes, and too few images of a class. Near-duplicates across splits,
    a changed class balance and changed statistics are reported, they do not fail.
    """
    manifest = dataset.manifest(version)
    parent = None if version.parent is None else dataset.manifest(dataset.version(version.parent))
    keys, names = manifest.column("key"), manifest.column("sha256")
    splits, classes = manifest.column("split"), manifest.classes()
    facts = dataset.facts(set(names))
    details: dict[str, Any] = {}
    gates = [
        _readable(manifest, keys, details),
        _leaks(keys, names, splits, details),
        _near_leaks(keys, names, splits, facts, details),
        _conflicts(keys, names, classes, details),
        _declared(classes, dataset.classes),
        _counts(splits, classes, dataset.classes),
        _balance(classes, parent),
        _statistics(names, facts, dataset, parent),
    ]
    labelled = sum(c is not None for c in classes)
    return Report(
        kind="data",
        project=dataset.project,
        subject=version.name,
        classes=dataset.classes,
        metrics=(
            Metric("images", float(len(keys)), n=len(keys)),
            Metric("labelled", float(labelled), n=len(keys)),
            *(Metric("images", float(n), n=n, slice=s) for s, n in sorted(Counter(splits).items())),
        ),
        gates=tuple(gates),
        details=details,
    )


def _readable(manifest: Manifest, keys: list[str], details: dict[str, Any]) -> Gate:
    problems = []
    for i, key in enumerate(keys):
        try:
            manifest.image(i)
        except AutofocusError as error:
            problems.append(f"{key}: {error.message}")
    details["unreadable"] = problems[:_EXAMPLES]
    reason = (
        f"{len(problems)} of {len(keys)} images cannot be read, e.g. {problems[0]}"
        if problems
        else f"all {len(keys)} images are there, byte for byte"
    )
    return Gate("readable", not problems, reason, float(len(problems)), 0.0)


def _leaks(keys: list[str], names: list[str], splits: list[str], details: dict[str, Any]) -> Gate:
    places: dict[str, dict[str, str]] = defaultdict(dict)
    for key, name, split in zip(keys, names, splits, strict=True):
        places[name].setdefault(split, key)
    leaks = [tuple(by_split.values()) for by_split in places.values() if len(by_split) > 1]
    details["leaks"] = [list(pair) for pair in leaks[:_EXAMPLES]]
    reason = (
        f"{len(leaks)} images are in several splits, e.g. {' and '.join(leaks[0][:2])}"
        if leaks
        else "no image is in two splits"
    )
    return Gate("no leaks", not leaks, reason, float(len(leaks)), 0.0)


def near_pairs(hashes: Mapping[str, str], *, bits: int = NEAR_BITS) -> Iterable[tuple[str, str]]:
    """Pairs of images whose 64-bit perceptual hashes differ in at most ``bits`` (< 8) bits.

    Banded: hashes this close share at least one of eight bytes, so only those are compared.
    Buckets shared by very many images (flat pictures) tell nothing and are passed over.
    """
    values = {name: int(text, 16) for name, text in hashes.items()}
    seen: set[tuple[str, str]] = set()
    for band in range(_BANDS):
        buckets: dict[int, list[str]] = defaultdict(list)
        for name, value in values.items():
            buckets[(value >> (8 * band)) & 0xFF].append(name)
        for members in buckets.values():
            numbers = np.array([values[m] for m in members], dtype=np.uint64)
            for i in range(len(members) - 1):
                distance = np.bitwise_count(numbers[i + 1 :] ^ numbers[i])
                for j in np.flatnonzero(distance <= bits):
                    a, b = sorted((members[i], members[i + 1 + int(j)]))
                    if (a, b) not in seen:
                        seen.add((a, b))
                        yield a, b


def _near_leaks(
    keys: list[str],
    names: list[str],
    splits: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    details: dict[str, Any],
) -> Gate:
    where = {name: (split, key) for key, name, split in zip(keys, names, splits, strict=True)}
    found = []
    for a, b in near_pairs({name: facts[name]["phash"] for name in where if name in facts}):
        same_look = all(
            abs(facts[a][s] - facts[b][s]) <= 0.05 * (1.0 + abs(facts[a][s]))
            for s in ("brightness", "contrast", "entropy")
        )
        if where[a][0] != where[b][0] and same_look:
            found.append((where[a][1], where[b][1]))
    details["near_leaks"] = [list(pair) for pair in found[:_EXAMPLES]]
    reason = (
        f"{len(found)} pairs look nearly alike across splits, e.g. {' and '.join(found[0])}: "
        "look at them (does not fail)"
        if found
        else "no pair looks nearly alike across splits"
    )
    return Gate("near-duplicates", True, reason, float(len(found)))


def _conflicts(
    keys: list[str], names: list[str], classes: list[str | None], details: dict[str, Any]
) -> Gate:
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for key, name, label in zip(keys, names, classes, strict=True):
        if label is not None:
            labels[name].setdefault(label, key)
    bad = [by_label for by_label in labels.values() if len(by_label) > 1]
    details["conflicts"] = [dict(b) for b in bad[:_EXAMPLES]]
    reason = f"{len(bad)} identical images carry different labels" if bad else "no label conflicts"
    return Gate("labels agree", not bad, reason, float(len(bad)), 0.0)


def _declared(classes: list[str | None], declared: tuple[str, ...]) -> Gate:
    unknown = sorted({c for c in classes if c is not None} - set(declared))
    reason = (
        f"labels outside the declared classes: {', '.join(unknown)}"
        if unknown
        else f"every label is one of {', '.join(declared)}"
    )
    return Gate("declared classes", not unknown, reason, float(len(unknown)), 0.0)


def _counts(splits: list[str], classes: list[str | None], declared: tuple[str, ...]) -> Gate:
    counts = Counter(
        label for split, label in zip(splits, classes, strict=True) if split == "train" and label
    )
    few = [f"{name} ({counts[name]})" for name in declared if counts[name] < MIN_PER_CLASS]
    held = sum(
        split == "test" and label is not None for split, label in zip(splits, classes, strict=True)
    )
    problems = [f"fewer than {MIN_PER_CLASS} training images: {', '.join(few)}"] if few else []
    if held == 0:
        problems.append("no labelled image in split test, so no model can be tested")
    reason = "; ".join(problems) or (
        f"at least {min(counts[name] for name in declared)} training images per class, "
        f"{held} for the test"
    )
    return Gate("enough images", not problems, reason)


def _balance(classes: list[str | None], parent: Manifest | None) -> Gate:
    if parent is None:
        return Gate("class balance", True, "the first version: nothing to compare with")
    before, after = _shares(parent.classes()), _shares(classes)
    worst = max(
        before.keys() | after.keys(),
        key=lambda c: abs(after.get(c, 0.0) - before.get(c, 0.0)),
        default=None,
    )
    if worst is None:
        return Gate("class balance", True, "no labels yet")
    change = after.get(worst, 0.0) - before.get(worst, 0.0)
    reason = f"the share of {worst} changed by {change:+.1%} against the parent version"
    if abs(change) > MAX_BALANCE_CHANGE:
        reason += ": is that meant? (does not fail)"
    return Gate("class balance", True, reason, abs(change), MAX_BALANCE_CHANGE)


def _shares(classes: list[str | None]) -> dict[str, float]:
    counts = Counter(c for c in classes if c is not None)
    total = sum(counts.values())
    return {name: n / total for name, n in counts.items()}


def _statistics(
    names: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    dataset: Dataset,
    parent: Manifest | None,
) -> Gate:
    if parent is None:
        return Gate("statistics", True, "the first version: nothing to compare with")
    before = set(parent.column("sha256"))
    new = [facts[n] for n in set(names) - before if n in facts]
    old = list(dataset.facts(before).values())
    if not new or not old:
        return Gate("statistics", True, "no new images to compare with the parent version")
    shifts = {}
    for statistic in _STATISTICS:
        a = np.array([f[statistic] for f in old], dtype=float)
        b = np.array([f[statistic] for f in new], dtype=float)
        shifts[statistic] = float((b.mean() - a.mean()) / max(float(a.std()), 1e-9))
    worst = max(shifts, key=lambda s: abs(shifts[s]))
    reason = (
        f"the {len(new)} new images differ most in {worst}: {shifts[worst]:+.2f} standard "
        "deviations from the parent's"
    )
    if abs(shifts[worst]) > MAX_STATISTICS_SHIFT:
        reason += ": is that meant? (does not fail)"
    return Gate("statistics", True, reason, abs(shifts[worst]), MAX_STATISTICS_SHIFT)
