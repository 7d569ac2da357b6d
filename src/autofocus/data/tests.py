"""Data tests: the CI of a dataset version. Each gate says in words what it found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.config.policy import DataPolicy
from autofocus.data.finding import raw_names
from autofocus.data.near import alike_pairs, near_pairs
from autofocus.data.shape_tests import (
    ShapeFacts,
    look_at_shapes,
    shape_gates,
    shape_shifts,
    shares,
)
from autofocus.errors import AutofocusError
from autofocus.imaging.moving import scaled
from autofocus.types.data import Version
from autofocus.types.geometry import NOTHING, Shapes
from autofocus.types.models import Gate, Metric, Report
from autofocus.types.scenes import agreement

if TYPE_CHECKING:
    from autofocus.data.dataset import Dataset
    from autofocus.store.manifests import Manifest

Classes = tuple[str, ...] | None  # of an image: () where nothing is in it, None without a label

_EXAMPLES = 10
_MAX_PAIRS = 10_000
_MAX_LOOKED = 50_000  # pairs whose labels are compared
_SAME = 0.5  # labels of two near-duplicates that agree less say different things
_STATISTICS = ("brightness", "contrast", "blur", "entropy")
# Alike to a model, if the perceptual hashes differ in at most three times the bits that make a
# near-duplicate.
_COSINE, _WIDER = 0.98, 3
_WARNING = "look at it (a warning; data.strict in the policy makes it fail)"


def run_data_tests(dataset: Dataset, version: Version, policy: DataPolicy | None = None) -> Report:
    """Test a version; compares with its parent where there is one.

    Fails on unreadable images, the same image in two splits, one image with two labels, labels
    outside the declared classes, and too few images of a class (an image with shapes of two
    classes is one of both); on shapes outside their image, smaller than a pixel or marked twice.
    Near-duplicates across splits or with another label, a changed class balance and changed
    statistics of images and shapes are reported; they fail where the policy is strict about them.
    The pool is no split: nothing is trained or tested on it.
    """
    policy = policy or DataPolicy()
    manifest = dataset.manifest(version)
    parent = None if version.parent is None else dataset.manifest(dataset.version(version.parent))
    keys, names = manifest.column("key"), manifest.column("sha256")
    splits, classes = manifest.column("split"), manifest.class_sets()
    facts = dataset.facts(set(names))
    boxes = dataset.rules.task == "detection"
    labels = _Labels(manifest, keys, names, classes, boxes)
    details: dict[str, Any] = {}
    gates = [
        _readable(manifest, keys, details),
        _leaks(keys, names, splits, details),
        _near_leaks(keys, names, splits, facts, policy, details),
        _alike_leaks(dataset, keys, names, splits, facts, policy, details),
        _conflicts(labels, details),
        _near_conflicts(labels, facts, policy, details),
        _declared(keys, classes, dataset.classes, details),
    ]
    shapes = parent_shapes = None
    if dataset.rules.drawn:
        shapes = look_at_shapes(manifest, boxes=boxes)
        parent_shapes = None if parent is None else look_at_shapes(parent, boxes=boxes)
        gates += shape_gates(shapes, details)
    gates += [
        _counts(splits, classes, dataset.classes, policy),
        _balance(classes, parent, policy, details),
        _statistics(names, facts, dataset, parent, policy, details),
    ]
    if shapes is not None:
        gates += _drawn_like_before(shapes, parent_shapes, policy, details)
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
            *_shape_counts(shapes),
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
        *_looks(images, facts),
        groups=np.array([order.index(next(iter(splits_of[n]))) for n in images], dtype=np.int64),
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


def _shape_counts(shapes: ShapeFacts | None) -> list[Metric]:
    if shapes is None:
        return []
    of_class = sorted(shapes.counts.items())
    return [
        Metric("shapes", float(shapes.counts.total()), n=len(shapes.images)),
        *(Metric("shapes", float(n), n=n, slice=f"class={name}") for name, n in of_class),
    ]


def _alike_leaks(
    dataset: Dataset,
    keys: list[str],
    names: list[str],
    splits: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    policy: DataPolicy,
    details: dict[str, Any],
) -> Gate:
    """Images of two splits that the champion finds alike: cut, turned brighter, saved smaller."""
    name_of_gate = "near-duplicates by model"
    looked = dataset.embeddings.answers()
    if looked is None:
        return Gate(name_of_gate, True, "no champion has looked at the images")
    first = {
        name: (key, split)
        for key, name, split in zip(keys, names, splits, strict=True)
        if split != "pool" and name in facts
    }
    images = list(first)
    places = looked.places(raw_names(images))
    seen = [(i, place) for i, place in enumerate(places.tolist()) if place >= 0]
    known = [i for i, place in seen if looked.label[place] >= 0]
    order = sorted({split for _, split in first.values()})
    hashes, _ = _looks([images[i] for i in known], facts)
    pairs = alike_pairs(
        looked.embedding[places[known]],
        hashes,
        np.array([order.index(first[images[i]][1]) for i in known], np.int64),
        cosine=_COSINE,
        bits=_WIDER * policy.near_bits,
    )
    found = sorted((first[images[known[i]]][0], first[images[known[j]]][0]) for i, j in pairs)
    details["alike"] = [list(pair) for pair in found[:_EXAMPLES]]
    seen_by = dataset.embeddings.model
    reason = f"{seen_by} finds no two of {len(known)} images of different splits alike"
    if found:
        reason = (
            f"{seen_by} finds {len(found)} pair(s) of images of different splits alike, e.g. "
            f"{' and '.join(found[0])}: {_WARNING}"
        )
    passed = not found or "near-duplicates" not in policy.strict
    return Gate(name_of_gate, passed, reason, float(len(found)), 0.0)


class _Labels:
    """The labels of a version, and how far two of them agree."""

    def __init__(
        self,
        manifest: Manifest,
        keys: list[str],
        names: list[str],
        classes: list[Classes],
        boxes: bool,
    ) -> None:
        self.manifest = manifest
        self.keys = keys
        self.names = names
        self.classes = classes
        self.texts: list[str | None] = manifest.column("label")
        self._sizes = list(zip(manifest.column("height"), manifest.column("width"), strict=True))
        self._boxes = boxes

    def words(self, i: int) -> str:
        """The classes of the i-th label, for people."""
        return ", ".join(self.classes[i] or (NOTHING,))

    def agreement(self, i: int, j: int) -> float:
        """1 for the same label; of shapes, F1 over the objects that overlap by half or more."""
        if self.texts[i] == self.texts[j]:
            return 1.0
        one, other = self.manifest.label(i), self.manifest.label(j)
        if not isinstance(one, Shapes) or not isinstance(other, Shapes):
            return 0.0
        if self._sizes[i] != self._sizes[j]:
            other = scaled(other, self._sizes[j], self._sizes[i])
        return agreement(one.shapes, other.shapes, boxes=self._boxes, size=self._sizes[i])


def _conflicts(labels: _Labels, details: dict[str, Any]) -> Gate:
    """The same image under several keys must say the same; shapes, the same objects."""
    seen: dict[str, list[int]] = defaultdict(list)
    for i, (name, text) in enumerate(zip(labels.names, labels.texts, strict=True)):
        if text is not None and all(labels.agreement(j, i) < 1.0 for j in seen[name]):
            seen[name].append(i)
    bad = [
        sorted((labels.words(i), labels.keys[i]) for i in several)
        for several in seen.values()
        if len(several) > 1
    ]
    details["conflicts"] = [{key: words for words, key in b} for b in bad[:_EXAMPLES]]
    reason = "no image carries two labels"
    if bad:
        example = " and ".join(f"{words} as {key}" for words, key in bad[0])
        reason = f"{len(bad)} image(s) carry several labels under several keys, e.g. {example}"
    return Gate("labels agree", not bad, reason, float(len(bad)), 0.0)


def _near_conflicts(
    labels: _Labels,
    facts: Mapping[str, Mapping[str, Any]],
    policy: DataPolicy,
    details: dict[str, Any],
) -> Gate:
    """Images that look nearly alike should be labelled alike, whatever their split."""
    first: dict[str, int] = {}
    for i, (name, text) in enumerate(zip(labels.names, labels.texts, strict=True)):
        if text is not None and name in facts:
            first.setdefault(name, i)
    images = list(first)
    pairs = near_pairs(*_looks(images, facts), bits=policy.near_bits, groups=np.arange(len(images)))
    found: list[tuple[int, int]] = []
    for pair, _ in zip(pairs, range(_MAX_LOOKED), strict=False):
        i, j = (first[images[place]] for place in pair)
        if labels.agreement(i, j) < _SAME:
            found.append((i, j))
    details["near_conflicts"] = [
        {labels.keys[i]: labels.words(i), labels.keys[j]: labels.words(j)}
        for i, j in sorted(found)[:_EXAMPLES]
    ]
    reason = "images that look nearly alike are labelled alike"
    if found:
        i, j = min(found)
        reason = (
            f"{len(found)} pair(s) of images look nearly alike and are labelled differently, e.g. "
            f"{labels.words(i)} as {labels.keys[i]} and {labels.words(j)} as {labels.keys[j]}: "
            f"{_WARNING}"
        )
    passed = not found or "near-duplicates" not in policy.strict
    return Gate("near-duplicates agree", passed, reason, float(len(found)), 0.0)


def _looks(
    images: list[str], facts: Mapping[str, Mapping[str, Any]]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """Perceptual hashes (n,) and statistics (n, 3), brightness first."""
    hashes = np.array([int(facts[n]["phash"], 16) for n in images], dtype=np.uint64)
    looks = [[facts[n][s] for s in ("brightness", "contrast", "entropy")] for n in images]
    return hashes, np.array(looks, dtype=np.float64).reshape(-1, 3)


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


def _drawn_like_before(
    shapes: ShapeFacts, parent: ShapeFacts | None, policy: DataPolicy, details: dict[str, Any]
) -> list[Gate]:
    """The shapes of new images against the parent's: how many, how large, how wide; the classes."""
    names = ("shape balance", "shape statistics")
    if parent is None:
        return [Gate(name, True, "the first version: nothing to compare with") for name in names]
    gates = []
    before, after = shares(parent.counts), shares(shapes.counts)
    changes = {c: after.get(c, 0.0) - before.get(c, 0.0) for c in sorted({*before, *after})}
    details["shape_balance"] = {c: round(change, 6) for c, change in changes.items()}
    if not before or not after:
        gates.append(Gate(names[0], True, "no shapes to compare with the parent version"))
    else:
        worst = max(changes, key=lambda c: abs(changes[c]))
        reason = f"the share of {worst} in all shapes changed by {changes[worst]:+.1%} against the "
        gates.append(
            _warning(
                names[0], f"{reason}parent version", changes[worst], policy.max_balance_change,
                policy, rule="class balance",
            )
        )  # fmt: skip
    shifts = shape_shifts(shapes, parent)
    if shifts is None:
        return [*gates, Gate(names[1], True, "no new shapes to compare with the parent version")]
    details["shape_statistics"] = {name: round(shift, 6) for name, shift in shifts.items()}
    worst = max(shifts, key=lambda name: abs(shifts[name]))
    reason = (
        f"the shapes of new images differ most in {worst}: {shifts[worst]:+.2f} standard "
        "deviations from the parent's mean"
    )
    limit = policy.max_statistics_shift
    return [*gates, _warning(names[1], reason, shifts[worst], limit, policy, rule="statistics")]


def _warning(
    name: str, reason: str, value: float, limit: float, policy: DataPolicy, *, rule: str = ""
) -> Gate:
    beyond = abs(value) > limit
    passed = not beyond or (rule or name) not in policy.strict
    return Gate(name, passed, f"{reason}: {_WARNING}" if beyond else reason, abs(value), limit)
