"""The policy of a project: one YAML file whose defaults need no editing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from autofocus.errors import InvalidInput
from autofocus.types.codec import decode, encode
from autofocus.types.production import AlarmMode

Autonomy = Literal["suggest", "ask", "act"]


def _share(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not 0.0 < value < 1.0:
            raise InvalidInput(
                f"{type(owner).__name__}.{name} must lie between 0 and 1, got {value}."
            )


@dataclass(frozen=True, slots=True)
class MonitorPolicy:
    """When an alarm is raised.

    ``pfa`` bounds by ``alpha`` the probability of ever alarming falsely; ``arl`` makes the mean
    number of images between false alarms at least ``arl``. ``calibration`` images are needed
    before testing begins. ``reference`` says what "normal" is at first: the held-out images of
    the model's version, or the first production images. ``block`` averages that many
    consecutive images of one request key into one observation, for cameras that send
    near-identical frames (1: every image counts).
    """

    mode: AlarmMode = "pfa"
    alpha: float = 0.01
    arl: int = 10_000
    calibration: int = 300
    reference: Literal["heldout", "production"] = "heldout"
    block: int = 1
    scores: tuple[str, ...] = ("confidence", "mahalanobis", "domain", "outputs")

    def __post_init__(self) -> None:
        _share(self, "alpha")
        if self.calibration < 50:
            raise InvalidInput(f"monitor.calibration must be at least 50, got {self.calibration}.")


@dataclass(frozen=True, slots=True)
class HarmPolicy:
    """What counts as harm: error on the drifted images above the reference's by ``tolerance``.

    ``alpha`` bounds the probability of a wrong verdict. A drifted slice smaller than
    ``min_share`` of the traffic is watched, not healed.
    """

    tolerance: float = 0.02
    alpha: float = 0.05
    min_share: float = 0.02

    def __post_init__(self) -> None:
        _share(self, "tolerance", "alpha", "min_share")


@dataclass(frozen=True, slots=True)
class LabelPolicy:
    """How many labels a case may ask for and how they are chosen.

    ``per_case`` is the cap over verdict, training and comparison together; ``verdict_batch`` are
    asked at a time for the verdict, ``training`` is the number of labelled drifted images that
    training waits for, ``comparison`` is kept for comparing challenger and champion.
    """

    per_case: int = 60
    verdict_batch: int = 8
    training: int = 36
    comparison: int = 24
    uniform_share: float = 0.1

    def __post_init__(self) -> None:
        _share(self, "uniform_share")
        if self.per_case < self.verdict_batch:
            raise InvalidInput("labels.per_case must be at least labels.verdict_batch.")


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """The recipe of a retraining: fine-tune the champion with replay, or start from scratch.

    Up to ``unlabelled`` drifted images that nobody labels join the version; the averaged model
    teaches those of them that it is sure of.
    """

    recipe: Literal["finetune", "scratch"] = "finetune"
    unlabelled: int = 300
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.unlabelled < 0:
            raise InvalidInput(f"training.unlabelled must not be negative, got {self.unlabelled}.")


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What a challenger must show before it may see traffic.

    ``max_drop``: on the champion's test images its accuracy may be lower by at most this much; a
    larger drop that may well be chance (one-sided p above 0.2) passes.
    ``min_accuracy``: absolute bar, None for none. ``max_robustness_drop``: mean accuracy over
    the corruptions may be lower than the champion's by at most this much. For boxes and masks the
    mean loss of an image may rise by as much as accuracy may fall; ``max_drop`` and
    ``min_accuracy`` also bound mAP50, or mean IoU where all classes are background.
    """

    max_drop: float = 0.01
    min_accuracy: float | None = None
    max_robustness_drop: float = 0.03
    max_latency_ratio: float = 2.0


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """How a challenger reaches production.

    Promotion needs an e-value of ``promote_e`` on labelled images where champion and challenger
    disagree (Ville: a challenger that is no better gets there with probability 1/promote_e).
    ``canary`` are the shares of traffic, each held for ``canary_requests`` answers. A request
    that fails, or a median latency above ``max_latency_ratio`` times the champion's, ends it.
    ``watch_requests`` answers after a promotion the former champion still answers in shadow, and
    up to ``watch_labels`` disagreements are labelled, fewer as soon as they speak for the new one:
    an e-value of ``promote_e`` for the former champion, or a request that fails, takes the way
    back. Zero ``watch_labels`` leave failed requests as the only cause.
    """

    shadow: float = 1.0
    shadow_requests: int = 100
    promote_e: float = 20.0
    canary: tuple[float, ...] = (0.1, 0.5)
    canary_requests: int = 50
    max_latency_ratio: float = 3.0
    watch_requests: int = 500
    watch_labels: int = 12

    def __post_init__(self) -> None:
        if self.promote_e <= 1.0:
            raise InvalidInput(f"rollout.promote_e must exceed 1, got {self.promote_e}.")
        if list(self.canary) != sorted(self.canary) or not all(0 < c < 1 for c in self.canary):
            raise InvalidInput(f"rollout.canary must rise between 0 and 1, got {self.canary}.")


@dataclass(frozen=True, slots=True)
class AutonomyPolicy:
    """A dial per step: ``suggest`` only says it, ``ask`` waits for a person, ``act`` does it."""

    label: Autonomy = "act"
    train: Autonomy = "act"
    promote: Autonomy = "act"


@dataclass(frozen=True, slots=True)
class TriggerPolicy:
    """What starts a turn of the loop besides an alarm and a person; None for never.

    ``new_labels``: so many labels were given since the last turn. ``every_days``: the last turn is
    so long ago, if there is a new label at all. Such a turn trains on all that is labelled and has
    no verdict before it; its challenger must prove better like any other. An alarm goes first.
    """

    new_labels: int | None = None
    every_days: float | None = None

    def __post_init__(self) -> None:
        for name in ("new_labels", "every_days"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidInput(f"triggers.{name} must be more than 0, got {value}.")


@dataclass(frozen=True, slots=True)
class LimitPolicy:
    """Caps: open cases at once is one; these bound how often the loop may turn.

    ``freeze_after`` promotions that return to an earlier model's ground (A, B, A) freeze it.
    A change whose harm could not be told, or was not cured, is tried again after ``retry_images``
    more images, with the labels so far and new ones, up to ``attempts`` times in all; then what
    is seen counts as normal.
    """

    cooldown_seconds: float = 0.0
    turns_per_day: int = 24
    turns_per_week: int = 60
    freeze_after: int = 2
    attempts: int = 3
    retry_images: int = 300


@dataclass(frozen=True, slots=True)
class CostPolicy:
    """Retrain only if the harm avoided is worth it.

    Expected harm = ``horizon`` images x share of drifted x proven excess error x
    ``per_error``; it must exceed labels x ``per_label`` + ``per_turn``. Units are the user's.
    """

    horizon: int = 100_000
    per_error: float = 1.0
    per_label: float = 1.0
    per_turn: float = 10.0


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """What the tests of a dataset version demand.

    ``min_per_class`` training images of each class. Near-duplicates are images whose 64-bit
    perceptual hashes differ in at most ``near_bits`` and whose brightness, contrast and entropy
    agree; they are looked for across splits, and anywhere with another label. Against the parent
    version, no class's share of the images or shapes may change by more than
    ``max_balance_change``, and no mean of the images' statistics or of the number, size and aspect
    of shapes by more than ``max_statistics_shift`` standard deviations. These three kinds of
    findings only warn, except those named in ``strict``.
    """

    min_per_class: int = 10
    near_bits: int = 4
    max_balance_change: float = 0.25
    max_statistics_shift: float = 1.0
    strict: tuple[Literal["near-duplicates", "class balance", "statistics"], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.near_bits <= 8:
            raise InvalidInput(f"data.near_bits must lie between 0 and 8, got {self.near_bits}.")
        if self.min_per_class < 0 or self.max_balance_change < 0 or self.max_statistics_shift < 0:
            raise InvalidInput("The limits of data must not be negative.")


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy of a project."""

    monitor: MonitorPolicy = field(default_factory=MonitorPolicy)
    harm: HarmPolicy = field(default_factory=HarmPolicy)
    labels: LabelPolicy = field(default_factory=LabelPolicy)
    training: TrainingPolicy = field(default_factory=TrainingPolicy)
    gates: GatePolicy = field(default_factory=GatePolicy)
    rollout: RolloutPolicy = field(default_factory=RolloutPolicy)
    autonomy: AutonomyPolicy = field(default_factory=AutonomyPolicy)
    triggers: TriggerPolicy = field(default_factory=TriggerPolicy)
    limits: LimitPolicy = field(default_factory=LimitPolicy)
    cost: CostPolicy = field(default_factory=CostPolicy)
    data: DataPolicy = field(default_factory=DataPolicy)


def parse_policy(text: str, *, where: str = "policy") -> Policy:
    """Read a policy from YAML; every unknown or wrong field is named."""
    import yaml

    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as exc:
        raise InvalidInput(f"{where} is not valid YAML: {exc}.") from exc
    return decode(Policy, data, where=where)


def dump_policy(policy: Policy, *, defaults: bool = False) -> str:
    """Write a policy as YAML; without ``defaults`` only what differs from them."""
    import yaml

    data = encode(policy) if defaults else _differences(policy, Policy())
    return yaml.safe_dump(data, sort_keys=False) if data else "{}\n"


def _differences(value: Any, default: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for f in fields(value):
        a, b = getattr(value, f.name), getattr(default, f.name)
        if a != b:
            out[f.name] = _differences(a, b) if is_dataclass(a) else encode(a)
    return out
