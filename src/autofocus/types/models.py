"""Runs, models and what is measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from autofocus.errors import InvalidInput
from autofocus.types.codec import digest, encode
from autofocus.types.data import Task, check_sha256
from autofocus.types.geometry import Geometry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RunState = Literal["queued", "running", "done", "failed", "cancelled"]
ALIASES = ("champion", "challenger", "previous")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Everything that decides what a training run produces.

    ``version`` is the digest of the dataset version, ``code`` names what computes (package
    version, git commit and digest of the diff where there is one), ``initial_bundle`` the bundle
    that fine-tuning starts from, ``threads`` the number of CPU threads, which is part of what
    makes results bit-identical. ``background`` names the classes of segmentation that are areas
    (sky, road) and not countable objects.
    """

    project: str
    task: Task
    classes: tuple[str, ...]
    version: str
    architecture: str
    parameters: Mapping[str, Any]
    seed: int
    threads: int
    code: Mapping[str, str]
    initial_bundle: str | None = None
    background: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_sha256(self.version, "RunSpec.version")
        fewest = fewest_classes(self.task)
        if len(self.classes) < fewest:
            raise InvalidInput(
                f"Training for {self.task} needs at least {fewest} classes, got "
                f"{list(self.classes)}.",
                hint="Declare them with `autofocus init PROJECT --classes a,b`.",
            )
        check_background(self.task, self.classes, self.background)

    @property
    def digest(self) -> str:
        """Names the effect by its inputs: the same spec is the same run."""
        return _digest(self, later=("background",))


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a RunSpec."""

    id: str
    project: str
    spec: RunSpec
    state: RunState
    created_at: str
    finished_at: str | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    weights_digest: str | None = None
    bundle: str | None = None
    error: str | None = None
    case: str | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with its interval; ``n`` images it rests on, ``slice`` empty for all."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    slice: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of the policy and how it ended, in words."""

    name: str
    passed: bool
    reason: str
    value: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an evaluation or test: metrics, gates, tables; passes if all gates pass.

    ``confusion`` is (classes x classes), rows are the truth; of boxes and masks with one more of
    each, for nothing. ``failures`` lists some wrongly answered images as {key, sha256, truth,
    predicted, confidence}; of boxes and masks also {loss, height, width, errors, mistakes}, where a
    mistake has its kind, both classes and both geometries.
    """

    kind: str
    project: str
    subject: str
    classes: tuple[str, ...]
    metrics: tuple[Metric, ...]
    gates: tuple[Gate, ...]
    confusion: tuple[tuple[int, ...], ...] = ()
    failures: tuple[Mapping[str, Any], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    def metric(self, name: str, slice: str = "") -> Metric:
        """The metric of that name and slice; LookupError names what there is."""
        for metric in self.metrics:
            if metric.name == name and metric.slice == slice:
                return metric
        known = sorted({m.name for m in self.metrics})
        raise LookupError(f"No metric {name!r} for slice {slice!r}; there is {known}.")


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """What a model version carries wherever it goes: ``bundle.json`` beside ``model.onnx``.

    The graph takes ``image`` uint8 (n, height, width, 3) RGB as the preprocessing object leaves
    it and gives ``probabilities`` float32 (n, classes), temperature applied, ``embedding``
    float32 (n, d) and ``whitened`` float32 (n, k <= 32), the embedding centred, projected on its
    leading principal components and scaled to unit variance on held-out reference images.
    ``preprocessing`` is the encoded ``imaging.preprocessing.Preprocessing``. ``files`` maps file
    name to sha256; the bundle's name is the digest of all this.

    A row of probabilities of a detector or segmenter is the highest score of each class. A
    detector's graph also gives ``boxes`` float32 (n, k, 4), left, top, right and bottom in
    preprocessed pixels, ``scores`` (n, k), falling, 0 where there is none, and ``labels`` int64
    (n, k); a segmenter's ``maps`` float32 (n, 2 + classes, height, width), what shares of a pixel
    are nothing or each class, and how deep it lies in its own object (0 the edge, 1 the core).
    ``decoding`` holds what turns these into detections: ``threshold``, the score from which one
    counts, set for the best answers on validation images, and what else the task needs.
    """

    task: Task
    classes: tuple[str, ...]
    architecture: str
    preprocessing: Mapping[str, Any]
    temperature: float
    embedding_size: int
    whitened_size: int
    weights_digest: str
    run_spec_digest: str
    version: str
    metrics: Mapping[str, float]
    files: Mapping[str, str]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    format: int = 1
    background: tuple[str, ...] = ()
    decoding: Mapping[str, float] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return _digest(self, later=("background", "decoding"))

    @property
    def threshold(self) -> float:
        """The score from which a detection counts; 0 for classification."""
        return float(self.decoding.get("threshold", 0.0))


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model version of a project; ``id`` reads ``eyes-3``."""

    id: str
    project: str
    number: int
    run: str | None
    version: str
    bundle: str
    weights_digest: str
    created_at: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    parent: str | None = None
    case: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """One object that a model sees in an image: class, where, and how sure it is (0 to 1).

    The geometry is in pixels of the upright image that was asked about, as in a label.
    """

    label: str
    geometry: Geometry
    score: float

    def __post_init__(self) -> None:
        if not self.label:
            raise InvalidInput("A detection needs a class name, got an empty one.", field="label")
        if not 0.0 <= self.score <= 1.0:  # also refuses nan
            raise InvalidInput(
                f"The score of a detection must be in 0..1, got {self.score}.", field="score"
            )


@dataclass(frozen=True, slots=True)
class PredictionBatch:
    """What a Predictor answers for n images.

    probabilities float32 (n, classes); embedding float32 (n, d); whitened float32 (n, k).
    Classification: a row of probabilities sums to 1 and ``detections`` is empty. Detection and
    segmentation: ``detections`` has one tuple an image, the surest first, and a row of
    probabilities says for each class how sure the model is that the image holds it at all. The
    unsure ones are among them, because curves are drawn over all of them: what a model means to
    say has a score of its bundle's ``threshold`` or more.
    """

    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    whitened: npt.NDArray[np.float32]
    detections: tuple[tuple[Detection, ...], ...] = ()


class Predictor(Protocol):
    """Anything that answers images: a bundle in this process, a server, a plug-in."""

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    def predict(self, images: Sequence[bytes]) -> PredictionBatch:
        """Answer encoded images (JPEG, PNG, ...); raises ImageRejected for an unusable one."""
        ...


def fewest_classes(task: Task) -> int:
    """How many classes a task needs: telling images apart takes two, finding things one."""
    return 2 if task == "classification" else 1


def check_background(task: Task, classes: Sequence[str], background: Sequence[str]) -> None:
    """Raise InvalidInput unless ``background`` are classes, each once, of a segmentation."""
    if background and task != "segmentation":
        raise InvalidInput(
            f"Only segmentation has background classes, this is {task}.", field="background"
        )
    unknown = sorted(set(background) - set(classes))
    if unknown or len(set(background)) != len(background):
        raise InvalidInput(
            f"Background classes {list(background)} must be classes, each once"
            + (f"; {unknown} are none of {list(classes)}." if unknown else "."),
            field="background",
        )


def _digest(value: Any, *, later: Sequence[str]) -> str:
    """The digest of ``value`` without those fields that came ``later`` and are empty: what was
    recorded before they came keeps its name."""
    fields = encode(value)
    return digest({k: v for k, v in fields.items() if v or k not in later})
