"""What happens in production: predictions, signals, cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from autofocus.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Role = Literal["champion", "canary", "shadow"]
AlarmMode = Literal["pfa", "arl"]
Verdict = Literal["harmful", "harmless", "undecided"]
Stage = Literal[
    "diagnose",  # name the drifted images, estimate accuracy
    "verdict",  # labels are asked and weighed: harmful, harmless, or more labels
    "collect",  # further labels for training
    "train",  # version, run, model tests
    "shadow",  # challenger answers silently beside the champion
    "canary",  # challenger answers a share of the traffic
    "promote",  # pointers move, a new reference is taken
    "closed",
]
Outcome = Literal["promoted", "rejected", "harmless", "undecided", "rolled_back", "cancelled"]


@dataclass(frozen=True, slots=True)
class DeployedModel:
    """A model version in a deployment: its id and the digest of its bundle."""

    model: str
    bundle: str


@dataclass(frozen=True, slots=True)
class ImageSampling:
    """Which request images the server keeps.

    Every image is kept with probability ``rate`` until ``max_megabytes_per_minute`` is reached;
    beyond that with what the budget allows. The probability is written into each log row.
    """

    rate: float = 1.0
    max_megabytes_per_minute: float = 256.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate <= 1.0:
            raise InvalidInput(f"ImageSampling.rate must be in 0..1, got {self.rate}.")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Who serves a project: the content of ``deployments/<project>.json``, replaced atomically.

    ``shadow`` is the share of requests the challenger answers silently, ``canary`` the share it
    answers for real (chosen by a hash of the request key, so one client stays on one model).
    ``previous`` is kept warm by servers for an instant way back.
    """

    project: str
    revision: int
    classes: tuple[str, ...]
    champion: DeployedModel
    challenger: DeployedModel | None = None
    previous: DeployedModel | None = None
    shadow: float = 0.0
    canary: float = 0.0
    sampling: ImageSampling = field(default_factory=ImageSampling)
    reason: str = ""
    updated_at: str = ""

    def __post_init__(self) -> None:
        for name in ("shadow", "canary"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise InvalidInput(f"Deployment.{name} must be in 0..1, got {value}.")
        if self.challenger is None and (self.shadow or self.canary):
            raise InvalidInput("A deployment without a challenger cannot have shadow or canary.")


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What an inference server says of itself, about once a second, into the object store.

    ``applied`` maps project to the deployment revision in force, ``models`` maps model id to
    {requests, errors, p50_ms, p99_ms}; ``refused`` maps project to the reason a revision was not
    taken (the old one keeps serving). ``hardware`` has what the server runs on and uses of it:
    machine, cores, memory_bytes, rss_bytes, cpu_percent (100 is one core).
    """

    server: str
    url: str
    started_at: str
    heartbeat_at: str
    applied: Mapping[str, int]
    models: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    failed: int = 0
    log_dropped: int = 0
    hardware: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """n logged predictions in columns, in the order they were answered.

    ids (n,) str; time_us (n,) int64 UTC microseconds; model (n,) str; role (n,) str;
    request_key (n,) str; predicted (n,) int64 class index; probabilities (n, classes) float32;
    whitened (n, k) float32; brightness, contrast, blur (n,) float32; latency_ms (n,) float32;
    sha256 (n,) str; kept (n,) bool, whether the image can be fetched; keep_probability (n,)
    float32; metadata (n,) str, JSON as the client sent it ("" if none).

    Where objects are seen: detections (n,) bytes, what was said, packed (see ``types.answers``);
    outputs (n, 3) float32, number, size and score of what was said. For classification they are
    empty bytes and (n, 0).
    """

    ids: npt.NDArray[np.str_]
    time_us: npt.NDArray[np.int64]
    model: npt.NDArray[np.str_]
    role: npt.NDArray[np.str_]
    request_key: npt.NDArray[np.str_]
    predicted: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    whitened: npt.NDArray[np.float32]
    brightness: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    blur: npt.NDArray[np.float32]
    latency_ms: npt.NDArray[np.float32]
    sha256: npt.NDArray[np.str_]
    kept: npt.NDArray[np.bool_]
    keep_probability: npt.NDArray[np.float32]
    metadata: npt.NDArray[np.str_]
    detections: npt.NDArray[np.object_] = None  # type: ignore[assignment]
    outputs: npt.NDArray[np.float32] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        import numpy as np

        n = len(self.ids)
        if self.detections is None:
            object.__setattr__(self, "detections", np.full(n, b"", np.object_))
        if self.outputs is None:
            object.__setattr__(self, "outputs", np.zeros((n, 0), np.float32))
        for f in fields(self):
            got = len(getattr(self, f.name))
            if got != n:
                raise InvalidInput(f"Window.{f.name} has {got} rows, expected {n}.")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: Any) -> Window:
        """Rows by index array, boolean mask or slice."""
        return Window(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    @property
    def confidence(self) -> npt.NDArray[np.float32]:
        """Highest probability of each row, (n,)."""
        result: npt.NDArray[np.float32] = self.probabilities.max(axis=1)
        return result


@dataclass(frozen=True, slots=True)
class Signal:
    """An alarm of the monitor, with its evidence.

    ``e_value`` reached ``threshold``; ``at`` counts predictions of this model since its
    reference was taken, ``change_at`` is the estimate of where the change began on that count;
    ``first_prediction`` and ``last_prediction`` are the ids at these places.
    """

    project: str
    model: str
    mode: AlarmMode
    e_value: float
    threshold: float
    at: int
    change_at: int
    first_prediction: str
    last_prediction: str
    leading_score: str
    scores: Mapping[str, float]

    @property
    def id(self) -> str:
        """Named by its inputs, so that raising it twice is raising it once."""
        return f"{self.model}-signal-{self.at}"


@dataclass(frozen=True, slots=True)
class Case:
    """The story of one signal, from first drifted image to its outcome.

    ``evidence`` collects what each stage found, as JSON: diagnosis, verdict, comparison.
    ``waiting_for`` says in words who or what is awaited; empty when work goes on by itself.
    """

    id: str
    project: str
    number: int
    stage: Stage
    opened_at: str
    model: str
    signal: str | None
    trigger: str
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    reason: str = ""
    challenger: str | None = None
    waiting_for: str = ""
    paused: bool = False
    closed_at: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
