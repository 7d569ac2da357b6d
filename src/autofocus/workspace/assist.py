"""What the labelling assistant's process runs: it opens the workspace itself, and stands back."""

from __future__ import annotations

import os
from typing import Any


def work(root: str, project: str) -> dict[str, Any]:
    """Learn and suggest for a project until nothing is left to do; returns the status."""
    # Before numpy is loaded: one thread, so that people and servers have the other cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from autofocus.types.codec import encode
    from autofocus.workspace.workspace import Workspace

    with Workspace.open(root, create=False) as workspace:
        told: dict[str, Any] = encode(workspace.project(project).assistant.work())
        return told
