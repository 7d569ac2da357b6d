"""The task that the executor calls. Imports torch, which is dear, only when it is called."""

from __future__ import annotations

from typing import Any


def train(
    *, spec: dict[str, Any], store: str, out: str, cache: str, publish: bool = True
) -> dict[str, Any]:
    """Run an encoded RunSpec on the object store ``store``; see :func:`learning.learn`."""
    from autofocus.training.learning import learn

    return learn(spec=spec, store=store, out=out, cache=cache, publish=publish)
