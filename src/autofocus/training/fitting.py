"""The training loop. What a step does follows from (seed, step) and the weights before it, so a
run that was killed and resumed ends in the very same weights."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autofocus.training import checkpoints
from autofocus.training.parameters import TrainingParameters

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Record = Callable[[int, str, float], None]

_SCRATCH_RATE, _FINETUNE_RATE = 4e-3, 1.5e-3
# A few hundred images need many passes: 12 of them leave a net that hardly knows its own.
_FEWEST_STEPS = 600
_WARM_UP = 0.15  # share of the steps in which the learning rate rises
_LOG_EVERY = 10
# Classes whose counts differ by more than this are weighted when class_weights is "auto".
_IMBALANCE = 3.0


class Lesson(Protocol):
    """What a task teaches a network, and how well it was learnt.

    ``count`` training images, of which ``focus`` (count,) bool are the new ones that fine-tuning
    is for.
    """

    @property
    def count(self) -> int: ...

    @property
    def focus(self) -> npt.NDArray[np.bool_]: ...

    def begin(self, average: nn.Module) -> None:
        """Look at the weights that the run starts from; a resumed run is shown them again."""
        ...

    def loss(self, step: Step) -> Tensor:
        """What the network gets wrong on the training images of a step."""
        ...

    def look(self, average: nn.Module) -> dict[str, float]:
        """Figures on the validation images; ``val_loss`` is among them, the less the better."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step: the network that learns, its average, the training ``rows`` of which the first
    ``new`` are new ones, and the generator of all that is random in it."""

    number: int
    network: nn.Module
    average: nn.Module
    rows: Rows
    new: int
    generator: torch.Generator


@dataclass(slots=True)
class Progress:
    """What the loop knows beside the weights."""

    step: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    stopped: bool = False
    history: list[float] = field(default_factory=list)


def seed_of(seed: int, *names: object) -> int:
    """A seed of 63 bits that belongs to ``names``; equal names give equal seeds."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Order:
    """An endless order of ``rows``: every pass has each once, newly shuffled."""

    def __init__(self, rows: Rows, seed: int, name: str) -> None:
        self._rows, self._seed, self._name = rows, seed, name
        self._passes: dict[int, Rows] = {}

    def take(self, start: int, count: int) -> Rows:
        """Rows at places ``start`` to ``start + count`` of the order."""
        n = len(self._rows)
        places = np.arange(start, start + count)
        wanted = range(start // n, (start + count - 1) // n + 1) if count else range(0)
        self._passes = {k: self._passes.get(k) or self._shuffled(k) for k in wanted} if n else {}
        return np.array([self._passes[p // n][p % n] for p in places.tolist()], dtype=np.int64)

    def _shuffled(self, number: int) -> Any:
        rng = np.random.default_rng(seed_of(self._seed, "order", self._name, number))
        return rng.permutation(self._rows).tolist()


def planned_steps(parameters: TrainingParameters, train: int, *, finetune: bool) -> int:
    """How many steps a run takes unless it stops early."""
    if parameters.steps is not None:
        return parameters.steps
    if finetune:
        return parameters.finetune_steps
    return max(_FEWEST_STEPS, math.ceil(parameters.epochs * train / parameters.batch))


def learning_rate(
    parameters: TrainingParameters, step: int, steps: int, *, finetune: bool
) -> float:
    """One cycle: a linear rise, then half a cosine to almost nothing."""
    peak = parameters.learning_rate or (_FINETUNE_RATE if finetune else _SCRATCH_RATE)
    rise = max(1, round(_WARM_UP * steps))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise))))


def class_weights(parameters: TrainingParameters, truth: Rows, classes: int) -> Tensor:
    """Weight of each class in the loss, mean 1 over what has a class in ``truth`` (n,).

    Square roots of inverse counts: full inverse counts spoil the probabilities of rare classes.
    """
    counts = np.bincount(truth, minlength=classes).astype(np.float64)
    uneven = counts.max() > _IMBALANCE * max(counts.min(), 1.0)
    if parameters.class_weights == "none" or (parameters.class_weights == "auto" and not uneven):
        return torch.ones(classes)
    weights = 1.0 / np.sqrt(np.maximum(counts, 1.0))
    weights /= (weights * counts).sum() / counts.sum()
    return torch.tensor(weights, dtype=torch.float32)


def to_float(pixels: Pixels) -> Tensor:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in 0..1."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return images.to(torch.float32).div(255.0)


def forward(network: nn.Module, images: Tensor) -> Any:
    """The network's answer to images (n, 3, h, w), in the memory layout that CPUs are quick in."""
    return network(images.contiguous(memory_format=torch.channels_last))


class Fitting:
    """One run of the loop over ``network``, which it changes; ``average`` is what to keep.

    ``average`` holds an exponential moving average of the weights, which is calmer than the
    weights themselves (Polyak and Juditsky, 1992). ``record(step, name, value)`` gets the curves.
    """

    def __init__(
        self,
        network: nn.Module,
        lesson: Lesson,
        parameters: TrainingParameters,
        *,
        seed: int,
        finetune: bool,
        folder: Path,
        name: str,
        record: Record,
    ) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        self.parameters = parameters
        self.lesson = lesson
        self.progress = Progress()
        self.finetune = finetune
        self.steps = planned_steps(parameters, lesson.count, finetune=finetune)
        self._seed, self._folder, self._name, self._record = seed, folder, name, record
        self._optimizer = torch.optim.AdamW(
            _groups(self.network, parameters.weight_decay), lr=1e-3, betas=(0.9, 0.99)
        )
        self._best: dict[str, Tensor] = {}
        # Asked of the weights that the run starts from, so a resumed run gets the same answer.
        lesson.begin(self.average)
        focus = lesson.focus
        rows = np.arange(lesson.count, dtype=np.int64)
        focused = finetune and bool(focus.any()) and not bool(focus.all())
        old = rows[~focus] if focused else rows
        if finetune and parameters.replay is not None and parameters.replay < len(old):
            chosen = np.random.default_rng(seed_of(seed, "replay"))
            old = np.sort(chosen.choice(old, parameters.replay, replace=False))
        self._new_count = round(parameters.focus.share * parameters.batch) if focused else 0
        self._new = Order(rows[focus], seed, "new")
        self._old = Order(old, seed, "old")

    def run(self) -> Progress:
        """Train to the end, from a checkpoint if there is one."""
        self._resume()
        self._record(0, "steps", float(self.steps))
        every = max(1, math.ceil(self.steps / self.parameters.looks))
        while self.progress.step < self.steps and not self.progress.stopped:
            loss = self._step(self.progress.step)
            self.progress.step += 1
            done = self.progress.step
            if done % _LOG_EVERY == 0 or done == self.steps:
                self._record(done, "train_loss", loss)
            if done % every == 0 or done == self.steps:
                self._look(done)
                self._save()
        if self._best:
            self.average.load_state_dict(self._best)
        return self.progress

    # -- one step ------------------------------------------------------------------------

    def _step(self, step: int) -> float:
        # Dropout and the like draw from the global generator.
        torch.manual_seed(seed_of(self._seed, "network", step))
        generator = torch.Generator().manual_seed(seed_of(self._seed, "augment", step))
        new = self._new.take(step * self._new_count, self._new_count)
        old_count = self.parameters.batch - self._new_count
        rows = np.concatenate([new, self._old.take(step * old_count, old_count)])
        self.network.train()
        loss = self.lesson.loss(Step(step, self.network, self.average, rows, len(new), generator))
        rate = learning_rate(self.parameters, step, self.steps, finetune=self.finetune)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimizer.step()
        self._follow(step)
        return float(loss.detach())

    def _follow(self, step: int) -> None:
        decay = min(self.parameters.average, (1 + step) / (10 + step))
        with torch.no_grad():
            kept = self.average.state_dict()
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    kept[name].lerp_(value, 1.0 - decay)
                else:
                    kept[name].copy_(value)

    # -- looking, keeping, resuming ------------------------------------------------------

    def _look(self, step: int) -> None:
        figures = self.lesson.look(self.average)
        for name, value in figures.items():
            self._record(step, name, value)
        loss = figures["val_loss"]
        if self.finetune:
            return  # validation images are old ones: the best on them would be the start
        progress = self.progress
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step = loss, step
            self._best = {k: v.clone() for k, v in self.average.state_dict().items()}
        progress.history.append(loss)
        since = len(progress.history) - 1 - int(np.argmin(progress.history))
        progress.stopped = 0 < self.parameters.patience <= since

    def _save(self) -> None:
        tensors: dict[str, Tensor] = {}
        for prefix, state in (
            ("network", self.network.state_dict()),
            ("average", self.average.state_dict()),
            ("best", self._best),
        ):
            tensors.update({f"{prefix}/{k}": v for k, v in state.items()})
        for index, state in self._optimizer.state_dict()["state"].items():
            tensors.update({f"optimizer/{index}/{k}": v for k, v in state.items()})
        progress = self.progress
        values = {
            "best_loss": progress.best_loss if math.isfinite(progress.best_loss) else None,
            "best_step": progress.best_step,
            "stopped": progress.stopped,
            "history": progress.history,
        }
        checkpoints.save(
            self._folder, checkpoints.Checkpoint(self._name, progress.step, tensors, values)
        )

    def _resume(self) -> None:
        found = checkpoints.newest(self._folder, self._name)
        if found is None:
            return
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "best": {}}
        optimizer: dict[int, dict[str, Tensor]] = {}
        for name, value in found.tensors.items():
            kind, _, rest = name.partition("/")
            if kind == "optimizer":
                index, _, what = rest.partition("/")
                optimizer.setdefault(int(index), {})[what] = value
            else:
                parts[kind][rest] = value
        self.network.load_state_dict(parts["network"])
        self.average.load_state_dict(parts["average"])
        self._best = parts["best"]
        state = self._optimizer.state_dict()
        self._optimizer.load_state_dict({**state, "state": optimizer})
        values = found.values
        self.progress = Progress(
            found.step,
            math.inf if values["best_loss"] is None else values["best_loss"],
            values["best_step"],
            values["stopped"],
            list(values["history"]),
        )


def _groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases and norms."""
    trained = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.dim() > 1], "weight_decay": decay},
        {"params": [p for p in trained if p.dim() <= 1], "weight_decay": 0.0},
    ]


def weights_digest(network: nn.Module) -> str:
    """sha256 over the tensors' names, types, shapes and bytes, in order of names."""
    total = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        array = value.detach().cpu().contiguous().numpy()
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
