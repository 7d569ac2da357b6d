"""Where a training was when it was killed: tensors as safetensors, the rest as JSON.

No random state is kept, because none is needed: all that is random in step ``k`` comes from
generators seeded by (run, k).
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

_PREFIX = "step-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by name and JSON-safe values after ``step`` steps of the run named ``name``."""

    name: str
    step: int
    tensors: dict[str, Tensor]
    values: dict[str, Any]


def save(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all, and remove the older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".part-{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    tensors = {name: value.contiguous().clone() for name, value in checkpoint.tensors.items()}
    save_file(tensors, part / "tensors.safetensors")
    (part / "values.json").write_text(
        json.dumps({"name": checkpoint.name, "step": checkpoint.step, "values": checkpoint.values})
    )
    for path in part.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    target = folder / f"{_PREFIX}{checkpoint.step:09d}"
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    for old in _found(folder):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)


def newest(folder: Path, name: str) -> Checkpoint | None:
    """The newest checkpoint that can be read and belongs to ``name``, if any."""
    for path in reversed(_found(folder)):
        try:
            told = json.loads((path / "values.json").read_text())
            tensors = load_file(path / "tensors.safetensors")
        except (OSError, ValueError, SafetensorError):
            continue  # a power cut may have torn it; an older one or the start will do
        if told["name"] == name:
            return Checkpoint(name, int(told["step"]), tensors, told["values"])
    return None


def _found(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_PREFIX}*")) if folder.is_dir() else []
