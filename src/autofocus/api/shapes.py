"""The shapes of answers, for the OpenAPI document and the page's types.

The rooms answer in JSON-safe dicts already, so these classes describe and never convert:
``**shaped(T)`` in a route's decorator puts ``T`` into the document and leaves the answer as it is.
A test holds every described answer against its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autofocus.events import EventKind
from autofocus.types.data import LabelTask
from autofocus.types.models import Model, Report, Run
from autofocus.types.production import (
    AlarmMode,
    Deployment,
    Role,
    ServerStatus,
    Signal,
    Stage,
    Verdict,
)


def shaped(shape: Any, *, status: int = 200) -> dict[str, Any]:
    """Decorator arguments that describe an answer without validating it again."""
    return {
        "response_model": None,
        "responses": {status: {"model": shape, "description": "What was asked for."}},
    }


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened: ``what`` in one plain sentence."""

    id: int
    at: str
    kind: EventKind
    project: str
    key: str
    what: str
    subject: str
    cause: str
    actor: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnsweredProject:
    """A project: task, classes in their fixed order, whether the loop may act.

    ``background`` names the classes of segmentation that are areas and not countable objects.
    """

    name: str
    task: str
    classes: tuple[str, ...]
    revision: int
    paused: bool
    frozen: str
    created_at: str
    background: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoopStatus:
    """Where the loop stands and who must act."""

    project: str
    doing: str
    paused: bool
    frozen: str
    case: str | None
    stage: Stage | None
    waiting_for: str
    champion: str | None
    challenger: str | None
    cases_closed: int
    promotions: int


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """Accuracy with its band; ``labels`` answers it rests on, 0 for an estimate without any."""

    value: float | None
    low: float | None
    high: float | None
    method: str
    note: str
    labels: int


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """Evidence of change against the alarm line, estimated accuracy, traffic.

    Before the first champion only ``project``, ``model`` and ``estimate`` are there.
    """

    project: str
    model: str | None = None
    mode: AlarmMode | None = None
    rows: int = 0
    images: int = 0
    calibrating: bool = False
    calibration_needed: int = 0
    e_value: float | None = None
    log_e_value: float | None = None
    threshold: float | None = None
    log_threshold: float | None = None
    alarmed: bool = False
    dependent: bool = False
    block: int = 1
    leading_score: str = ""
    change_at: int = 0
    scores: Mapping[str, float] = field(default_factory=dict)
    signal: Signal | None = None
    reference: bool = False
    generation: int = 0
    estimate: AccuracyEstimate | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    images_per_second: float | None = None
    classes: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None
    updated_at: str | None = None
    servers: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """The monitor at one moment; e-value against threshold, accuracy with its band."""

    at: str
    model: str
    rows: int
    e_value: float | None
    threshold: float
    calibrating: bool
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    confidence: float | None
    p50_ms: float | None
    p99_ms: float | None
    images: int
    images_per_second: float | None
    classes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TimelinePoint(HistoryPoint):
    """A point of the long history; ``generation`` counts the references of its model."""

    generation: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds: half of the answers are faster than ``p50_ms``, 99 of 100 than ``p99_ms``."""

    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class TrafficSlice:
    """Consecutive answers by role; class mix and latency are of those that clients got."""

    at: str
    seconds: float
    roles: Mapping[str, int]
    classes: Mapping[str, float]
    latency: Latency | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The newest answers, by role, model and class, and in slices, the oldest first."""

    rows: int
    served: int
    since: str | None
    until: str | None
    per_second: float | None
    roles: Mapping[str, int]
    models: Mapping[str, int]
    classes: Mapping[str, float]
    latency: Latency | None
    slices: tuple[TrafficSlice, ...]


@dataclass(frozen=True, slots=True)
class LatestPrediction:
    """A logged prediction; ``image`` says whether its picture was kept."""

    id: str
    at: str
    model: str
    role: Role
    label: str
    confidence: float
    latency_ms: float
    image: bool


@dataclass(frozen=True, slots=True)
class GpuUse:
    """A GPU and how busy it is."""

    name: str
    memory_bytes: int
    used_bytes: int
    percent: int


@dataclass(frozen=True, slots=True)
class MachineUse:
    """How busy a machine is."""

    cpu_percent: float
    memory_used_bytes: int
    memory_bytes: int
    disk_free_bytes: int
    gpus: tuple[GpuUse, ...]


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU."""

    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """The machine of the control plane, and ``now``, how busy it is."""

    machine: str
    processor: str
    cores: int
    memory_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    gpus: tuple[Gpu, ...]
    system: str
    python: str
    now: MachineUse


@dataclass(frozen=True, slots=True)
class ServicePoint:
    """``requests`` and ``failed`` of all servers in the ``seconds`` before ``at``."""

    at: str
    seconds: float
    requests: int
    failed: int
    machine: MachineUse
    servers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class HarmPoint:
    """Evidence after ``labels`` labels, ``wrong`` of them answered wrongly by the model."""

    at: str | None
    labels: int
    wrong: float
    e_harm: float
    e_harmless: float
    verdict: Verdict
    label: str | None
    predicted: str | None


@dataclass(frozen=True, slots=True)
class HarmHistory:
    """Running evidence of a case; either side has to reach ``bar``."""

    margin: float | None
    bar: float | None
    points: tuple[HarmPoint, ...]


Winner = Literal["champion", "challenger", "neither"]


@dataclass(frozen=True, slots=True)
class DuelPoint:
    """Evidence that the challenger is better after ``labels`` labelled disagreements."""

    at: str | None
    labels: int
    e_better: float
    winner: Winner | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request that champion and challenger answer differently; ``truth`` where it was told."""

    id: str
    champion: str
    challenger: str
    champion_confidence: float
    challenger_confidence: float
    truth: str | None
    winner: Winner | None
    image: bool


@dataclass(frozen=True, slots=True)
class Duel:
    """Champion against challenger on the same ``pairs`` requests; on ``differ`` they differ."""

    bar: float
    points: tuple[DuelPoint, ...]
    pairs: int
    differ: int
    disagreements: tuple[Disagreement, ...]


@dataclass(frozen=True, slots=True)
class LabelStats:
    """Counts of tasks by state, of labels in force by class and by author."""

    tasks: Mapping[str, int]
    classes: Mapping[str, int]
    authors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Overview(AnsweredProject):
    """A project at a glance."""

    loop: LoopStatus
    monitor: MonitorStatus
    deployment: Deployment | None
    servers: tuple[ServerStatus, ...]
    labels: LabelStats


@dataclass(frozen=True, slots=True)
class LabelTaskToShow(LabelTask):
    """A question to an annotator, with the address of its image.

    ``seen`` is the annotation in force now (0: none), to be sent back with the answer; ``label``
    its class.
    """

    image_url: str = ""
    seen: int = 0
    label: str | None = None


@dataclass(frozen=True, slots=True)
class LabelQueue:
    """A page of the queue; ``next_cursor`` is null at the end."""

    items: tuple[LabelTaskToShow, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class LabelShare:
    """An annotator's share of the queue.

    Of the questions that nobody answered, ``mine`` are leased to the annotator, ``others`` to other
    people, ``open`` to nobody; ``items`` are some of ``mine``.
    """

    items: tuple[LabelTaskToShow, ...]
    mine: int
    open: int
    others: int


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """One model with where it comes from and what was measured on it."""

    model: Model
    lineage: Mapping[str, Any]
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A training run, how many of its steps are done, and each metric's points [step, value]."""

    run: Run
    done: int
    steps: int
    curves: Mapping[str, list[list[float]]]


@dataclass(frozen=True, slots=True)
class Work:
    """Work in the background: whether it goes on, and what was wrong the last time."""

    running: bool
    error: str


@dataclass(frozen=True, slots=True)
class LineageOfPrediction:
    """From a prediction back to model, run, version, labels, people and case."""

    prediction: Mapping[str, Any]
    label: str
    model: Mapping[str, Any]
    run: Mapping[str, Any] | None
    version: Mapping[str, Any] | None
    case: Mapping[str, Any] | None
    signal: Mapping[str, Any] | None
    labels: tuple[Mapping[str, Any], ...]
    authors: Mapping[str, int]
    aliases: tuple[Mapping[str, Any], ...]
    parents: tuple[Any, ...]
    asked: tuple[Mapping[str, Any], ...]
    answered: tuple[Mapping[str, Any], ...]
