"""Data tests: the CI of a dataset version. Each gate says in words what it found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import DataPolicy
from autofocus.errors import AutofocusError, InvalidInput
from autofocus.types.data import Version
from autofocus.types.geometry import NOTHING, Shapes
from autofocus.types.models import Gate, Metric, Report

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.data.label_rules import LabelRules
    from autofocus.store.manifests import Manifest

Classes = tuple[str, ...] | None  # of an image: () where nothing is in it, None without a label

_EXAMPLES = 10
_MAX_PAIRS = 10_000
_ROWS = 1024  # of a distance matrix at a time
_STATISTICS = ("brightness", "contrast", "blur", "entropy")
_WARNING = "look at it (a warning; data.strict in the policy makes it fail)"


def run_data_tests(dataset: Dataset, version: Version, policy: DataPolicy | None = None) -> Report:
    """Test a version; compares with its parent where there is one.

    Fails on unreadable images, the same image in two splits, one image with two labels, labels
    outside the declared classes, shapes outside their image, and too few images of a class (an
    image with shapes of two classes is one of both). Near-duplicates across splits,
    a changed class balance and changed statistics are reported; they fail where the policy is
    strict about them. The pool is no split: nothing is trained or tested on it.
    """
    policy = policy or DataPolicy()
    manifest = dataset.manifest(version)
    parent = None if version.parent is None else dataset.manifest(dataset.version(version.parent))
    keys, names = manifest.column("key"), manifest.column("sha256")
    splits, classes = manifest.column("split"), manifest.class_sets()
    facts = dataset.facts(set(names))
    details: dict[str, Any] = {}
    gates = [
        _readable(manifest, keys, details),
        _leaks(keys, names, splits, details),
        _near_leaks(keys, names, splits, facts, policy, details),
        _conflicts(keys, names, manifest.column("label"), classes, details),
        _declared(keys, classes, dataset.classes, details),
        *([_inside(manifest, dataset.rules, details)] if dataset.rules.drawn else []),
        _counts(splits, classes, dataset.classes, policy),
        _balance(classes, parent, policy, details),
        _statistics(names, facts, dataset, parent, policy, details),
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
        if split != "pool":
            places[name].setdefault(split, key)
    leaks = [tuple(by_split.values()) for by_split in places.values() if len(by_split) > 1]
    details["leaks"] = [list(pair) for pair in leaks[:_EXAMPLES]]
    reason = (
        f"{len(leaks)} image(s) are in several splits, e.g. {' and '.join(leaks[0][:2])}"
        if leaks
        else "no image is in two splits"
    )
    return Gate("no leaks", not leaks, reason, float(len(leaks)), 0.0)


def near_pairs(
    hashes: npt.NDArray[np.uint64],
    groups: npt.NDArray[np.int64],
    looks: npt.NDArray[np.float64],
    *,
    bits: int,
) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of images in different groups that look nearly alike.

    ``hashes`` (n,) are 64-bit perceptual hashes; those of a pair differ in at most ``bits``.
    ``looks`` (n, d) are statistics; those of a pair agree within 5 %, because the hashes of flat
    pictures agree by chance. Hashes are cut into ``bits + 1`` bands: two that differ in at most
    ``bits`` bits are equal in one band at least (pigeonhole), so only those are compared.
    """
    seen: set[tuple[int, int]] = set()
    edges = np.linspace(0, 64, bits + 2).astype(int)
    for low, high in pairwise(edges):
        mask = np.uint64((1 << int(high - low)) - 1)
        band = (hashes >> np.uint64(low)) & mask
        order = np.argsort(band, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(band[order]) != 0, True])
        for start, end in pairwise(starts):
            members = order[start:end]
            if len(members) < 2 or len(set(groups[members].tolist())) < 2:
                continue
            for at in range(0, len(members), _ROWS):
                rows = members[at : at + _ROWS]
                near = np.bitwise_count(hashes[rows, None] ^ hashes[None, members]) <= bits
                near &= groups[rows, None] < groups[None, members]
                r, c = np.nonzero(near)
                one, other = looks[rows[r]], looks[members[c]]
                alike = np.all(np.abs(one - other) <= 0.05 * (1.0 + np.abs(one)), axis=1)
                for pair in zip(rows[r[alike]].tolist(), members[c[alike]].tolist(), strict=True):
                    if pair not in seen:
                        seen.add(pair)
                        yield pair


def _near_leaks(
    keys: list[str],
    names: list[str],
    splits: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    policy: DataPolicy,
    details: dict[str, Any],
) -> Gate:
    key_of: dict[str, str] = {}
    splits_of: dict[str, set[str]] = defaultdict(set)
    for key, name, split in zip(keys, names, splits, strict=True):
        if split != "pool" and name in facts:
            key_of.setdefault(name, key)
            splits_of[name].add(split)
    # The very same image in two splits is the business of the gate before.
    images = [name for name, found in splits_of.items() if len(found) == 1]
    order = sorted({s for found in splits_of.values() for s in found})
    pairs = near_pairs(
        np.array([int(facts[n]["phash"], 16) for n in images], dtype=np.uint64),
        np.array([order.index(next(iter(splits_of[n]))) for n in images], dtype=np.int64),
        np.array(
            [[facts[n][s] for s in ("brightness", "contrast", "entropy")] for n in images],
            dtype=np.float64,
        ).reshape(-1, 3),
        bits=policy.near_bits,
    )
    found = [pair for pair, _ in zip(pairs, range(_MAX_PAIRS), strict=False)]
    details["near_leaks"] = [
        [key_of[images[i]], key_of[images[j]]] for i, j in sorted(found)[:_EXAMPLES]
    ]
    if not found:
        reason = "no two images of different splits look nearly alike"
    else:
        touched = len({i for pair in found for i in pair})
        number = f"{_MAX_PAIRS} or more" if len(found) == _MAX_PAIRS else str(len(found))
        reason = (
            f"{number} pair(s) of images ({touched} images) look nearly alike across splits, e.g. "
            f"{' and '.join(details['near_leaks'][0])}: {_WARNING}"
        )
    passed = not found or "near-duplicates" not in policy.strict
    return Gate("near-duplicates", passed, reason, float(len(found)), 0.0)


def _conflicts(
    keys: list[str],
    names: list[str],
    labels: list[str | None],
    classes: list[Classes],
    details: dict[str, Any],
) -> Gate:
    seen: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for key, name, label, found in zip(keys, names, labels, classes, strict=True):
        if label is not None:
            words = ", ".join(found or (NOTHING,))
            seen[name].setdefault(label, (words, key))
    bad = [sorted(by_label.values()) for by_label in seen.values() if len(by_label) > 1]
    details["conflicts"] = [{key: words for words, key in b} for b in bad[:_EXAMPLES]]
    reason = "no image carries two labels"
    if bad:
        example = " and ".join(f"{words} as {key}" for words, key in bad[0])
        reason = f"{len(bad)} image(s) carry several labels under several keys, e.g. {example}"
    return Gate("labels agree", not bad, reason, float(len(bad)), 0.0)


def _declared(
    keys: list[str],
    classes: list[Classes],
    declared: tuple[str, ...],
    details: dict[str, Any],
) -> Gate:
    wrong = {
        name: key
        for key, found in zip(keys, classes, strict=True)
        for name in found or ()
        if name not in declared
    }
    details["undeclared"] = dict(sorted(wrong.items())[:_EXAMPLES])
    reason = (
        f"labels outside the declared classes: {', '.join(sorted(wrong))}"
        if wrong
        else f"every label is one of {', '.join(declared)}"
    )
    return Gate("declared classes", not wrong, reason, float(len(wrong)), 0.0)


def _inside(manifest: Manifest, rules: LabelRules, details: dict[str, Any]) -> Gate:
    problems = []
    widths, heights = manifest.column("width"), manifest.column("height")
    for i, key in enumerate(manifest.column("key")):
        label = manifest.label(i)
        for shape in label.shapes if isinstance(label, Shapes) else ():
            try:
                shape.check_inside(widths[i], heights[i])
            except InvalidInput as error:
                problems.append(f"{key}: {error.message}")
    details["outside"] = problems[:_EXAMPLES]
    reason = "every shape lies in its image"
    if problems:
        reason = f"{len(problems)} shape(s) do not lie in their image, e.g. {problems[0]}"
    return Gate("shapes inside", not problems, reason, float(len(problems)), 0.0)


def _counts(
    splits: list[str], classes: list[Classes], declared: tuple[str, ...], policy: DataPolicy
) -> Gate:
    counts = Counter(
        name
        for split, found in zip(splits, classes, strict=True)
        if split == "train"
        for name in found or ()
    )
    fewest = min(counts[name] for name in declared)
    few = [f"{name} ({counts[name]})" for name in declared if counts[name] < policy.min_per_class]
    held = sum(
        split == "test" and found is not None for split, found in zip(splits, classes, strict=True)
    )
    problems = []
    if few:
        problems.append(f"fewer than {policy.min_per_class} training images: {', '.join(few)}")
    if held == 0:
        problems.append("no labelled image in split test, so no model can be tested")
    reason = "; ".join(problems) or (
        f"at least {fewest} training images per class, {held} for the test"
    )
    return Gate("enough images", not problems, reason, float(fewest), float(policy.min_per_class))


def _balance(
    classes: list[Classes],
    parent: Manifest | None,
    policy: DataPolicy,
    details: dict[str, Any],
) -> Gate:
    if parent is None:
        return Gate("class balance", True, "the first version: nothing to compare with")
    before, after = _shares(parent.class_sets()), _shares(classes)
    changes = {
        c: after.get(c, 0.0) - before.get(c, 0.0) for c in sorted(before.keys() | after.keys())
    }
    if not changes:
        return Gate("class balance", True, "no labels yet")
    details["class_balance"] = {c: round(change, 6) for c, change in changes.items()}
    worst = max(changes, key=lambda c: abs(changes[c]))
    reason = f"the share of {worst} changed by {changes[worst]:+.1%} against the parent version"
    return _warning("class balance", reason, changes[worst], policy.max_balance_change, policy)


def _shares(classes: list[Classes]) -> dict[str, float]:
    """The share of the labelled images that each class is in."""
    labelled = [found or (NOTHING,) for found in classes if found is not None]
    counts = Counter(name for found in labelled for name in found)
    return {name: n / len(labelled) for name, n in counts.items()}


def _statistics(
    names: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    dataset: Dataset,
    parent: Manifest | None,
    policy: DataPolicy,
    details: dict[str, Any],
) -> Gate:
    if parent is None:
        return Gate("statistics", True, "the first version: nothing to compare with")
    before = set(parent.column("sha256"))
    new = [facts[n] for n in sorted(set(names) - before) if n in facts]
    old = [facts_of for _, facts_of in sorted(dataset.facts(before).items())]
    if not new or not old:
        return Gate("statistics", True, "no new images to compare with the parent version")
    shifts = {}
    for statistic in _STATISTICS:
        a = np.array([f[statistic] for f in old], dtype=float)
        b = np.array([f[statistic] for f in new], dtype=float)
        # A hundredth of the mean is no change however alike the old ones are.
        spread = max(float(a.std()), 0.01 * abs(float(a.mean())), 1e-9)
        shifts[statistic] = float((b.mean() - a.mean()) / spread)
    details["statistics"] = {name: round(shift, 6) for name, shift in shifts.items()}
    worst = max(shifts, key=lambda s: abs(shifts[s]))
    reason = (
        f"the {len(new)} new image(s) differ most in {worst}: {shifts[worst]:+.2f} standard "
        "deviations from the parent's mean"
    )
    return _warning("statistics", reason, shifts[worst], policy.max_statistics_shift, policy)


def _warning(name: str, reason: str, value: float, limit: float, policy: DataPolicy) -> Gate:
    beyond = abs(value) > limit
    passed = not beyond or name not in policy.strict
    return Gate(name, passed, f"{reason}: {_WARNING}" if beyond else reason, abs(value), limit)
