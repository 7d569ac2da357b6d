"""Model tests: a model on the test images of its version, beside the champion."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from autofocus.errors import InvalidInput
from autofocus.evaluation.evaluate import evaluate
from autofocus.evaluation.samples import EvalSample
from autofocus.types.data import Tag

if TYPE_CHECKING:
    from autofocus.loop.rooms import Rooms
    from autofocus.store.manifests import Manifest
    from autofocus.types.models import Report


def labelled_test_images(manifest: Manifest) -> list[EvalSample]:
    """The labelled test images of a version."""
    samples = []
    for i in manifest.select("test", labelled=True):
        row = manifest.row(int(i))
        label = manifest.label(int(i))
        if label is None:
            continue
        samples.append(
            EvalSample(
                key=row.key,
                sha256=row.sha256,
                load=partial(manifest.image, int(i)),
                label=label.label if isinstance(label, Tag) else label,
                metadata=row.metadata,
            )
        )
    return samples


def run_model_tests(
    rooms: Rooms, model: str, *, champion: str | None = None, effect: str | None = None
) -> Report:
    """Evaluate a model, against ``champion`` if given, by the gates of the policy.

    With ``effect`` the report is kept under that name. Raises InvalidInput without test images.
    """
    found = rooms.models.model(model)
    samples = labelled_test_images(rooms.data.manifest(found.version))
    if not samples:
        raise InvalidInput(
            f"Version {found.version[:12]} has no labelled image in split test.",
            hint="Import some with --split test, and commit a new version.",
        )
    run = None if found.run is None else rooms.training.run(found.run)
    report = evaluate(
        rooms.predictor(found.id),
        samples,
        task=rooms.task,
        flips=run is not None and bool(run.spec.parameters.get("flip")),
        gates=rooms.policy().gates,
        champion=None if champion in (None, found.id) else rooms.predictor(str(champion)),
        project=rooms.project,
        subject=found.id,
    )
    if effect is not None:
        rooms.models.record_report(report, effect)
    return report
