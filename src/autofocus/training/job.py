"""The task that the executor calls. Imports torch only after its threads were told how to wait."""

from __future__ import annotations

import os
from typing import Any


def train(
    *, spec: dict[str, Any], store: str, out: str, cache: str, publish: bool = True
) -> dict[str, Any]:
    """Run an encoded RunSpec on the object store ``store``; see :func:`learning.learn`."""
    # By default OpenMP's threads spin while they wait for each other. Where training shares the
    # cores, with an inference server for one, they then burn what the other needs: on two busy
    # cores a step took six times as long. Read once, when the library is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from autofocus.training.learning import learn

    return learn(spec=spec, store=store, out=out, cache=cache, publish=publish)
