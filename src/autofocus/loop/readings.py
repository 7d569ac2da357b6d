"""Running evidence of a case, for people: replayed from its rows, never a second truth.

What decides is computed in ``evidence``; this shows how it came about, answer by answer.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autofocus.errors import NotFound
from autofocus.evaluation.said import words
from autofocus.loop import evidence
from autofocus.loop.evidence import champion_loss, disagreement, gain, sure
from autofocus.monitoring.evidence import HarmTest, PairedTest
from autofocus.serving.segments import SHADOW_SUFFIX

if TYPE_CHECKING:
    from autofocus.data.embeddings import SimilarSamples
    from autofocus.data.query import Query
    from autofocus.loop.cases import Cases
    from autofocus.loop.rooms import Rooms
    from autofocus.types.data import Label
    from autofocus.types.production import Case

# Requests of the shadow that are looked through for disagreements, and those shown at most.
MAX_ROWS = 20_000
SHOWN = 60
LIKE = 64  # drifted images that others are compared with


def harm_history(rooms: Rooms, cases: Cases, case: Case) -> dict[str, Any]:
    """Evidence of harm and of harmlessness after every label of the verdict, JSON-safe.

    ``points`` begins before the first label (both 1); ``bar`` is what either has to reach. Empty
    before the rule of the test is fixed.
    """
    rule = cases.step(case.id, "harm-rule")
    empty: dict[str, Any] = {"margin": None, "bar": None, "points": []}
    if rule is None:
        return empty
    test = HarmTest(rule["margin"], rule["alpha"])
    points = [_harm_point(test, at=None, label=None, predicted=None)]
    for answer in rooms.labels.answers(case.id, purpose="verdict"):
        predicted = str(answer.details["champion"]["words"])
        test = test.update([champion_loss(rooms, answer)])
        points.append(_harm_point(test, at=answer.done_at, label=answer.label, predicted=predicted))
    return {"margin": test.margin, "bar": 1.0 / test.alpha, "points": points}


def more_like(rooms: Rooms, case: Case, query: Query | str, *, limit: int) -> SimilarSamples:
    """Images of the project that look like those that drifted, without those themselves.

    Raises NotFound before the diagnosis, or where none of the drifted images was kept.
    """
    ids = [str(name) for name in evidence.drifted_ids(rooms, case)]
    window = rooms.log.window(ids[:MAX_ROWS])
    kept: dict[str, str] = {}
    for name, sha256, there in zip(window.ids, window.sha256, window.kept, strict=True):
        if there:
            kept.setdefault(str(sha256), str(name))
    if not kept:
        raise NotFound(
            f"None of the drifted images of {case.id} was kept.",
            hint="Raise the deployment's image sampling rate to keep more.",
        )
    # Evenly from the whole time, not only the first ones.
    step = -(-len(kept) // LIKE)
    pictures = {
        sha256: partial(rooms.log.image, name) for sha256, name in list(kept.items())[::step]
    }
    drifted = [str(name) for name in window.sha256]
    return rooms.data.more_like(pictures, query, without=drifted, limit=limit)


def _harm_point(
    test: HarmTest, *, at: str | None, label: str | None, predicted: str | None
) -> dict[str, Any]:
    return {
        "at": at,
        "labels": test.n,
        "wrong": test.total,
        "e_harm": test.e_harm,
        "e_harmless": test.e_harmless,
        "verdict": test.verdict,
        "label": label,
        "predicted": predicted,
    }


def duel(rooms: Rooms, cases: Cases, case: Case) -> dict[str, Any]:
    """Champion against challenger on the same requests, with their disagreements, JSON-safe.

    ``points`` is the evidence that the challenger is better after every labelled disagreement,
    ``bar`` what promotion needs. ``disagreements`` lists the newest ones, labelled ones first,
    each with both answers and, where a person told, the truth.
    """
    start = cases.step(case.id, "shadow-cursor")
    bar = rooms.policy().rollout.promote_e
    test = PairedTest(bar)
    points: list[dict[str, Any]] = [
        {"at": None, "labels": 0, "e_better": test.e_better, "winner": None}
    ]
    truths: dict[str, Label] = {}
    for answer in rooms.labels.answers(case.id):
        if "prediction" in answer.details:
            truths[str(answer.details["prediction"])] = answer.value
        if answer.purpose != "comparison":
            continue
        better = gain(rooms, answer)
        winner = _winner(better)
        test = test.update([better])
        points.append(
            {
                "at": answer.done_at,
                "labels": len(points),
                "e_better": test.e_better,
                "winner": winner,
            }
        )
    found: dict[str, Any] = {
        "bar": bar,
        "points": points,
        "pairs": 0,
        "differ": 0,
        "disagreements": [],
    }
    if start is None:
        return {**found, "pairs": 0, "differ": 0, "disagreements": []}
    champion, _ = rooms.log.read(start["cursor"], MAX_ROWS, roles=("champion",), model=case.model)
    shadow, _ = rooms.log.read(start["cursor"], MAX_ROWS, roles=("shadow",), model=case.challenger)
    place = {str(name).removesuffix(SHADOW_SUFFIX): i for i, name in enumerate(shadow.ids)}
    both = [(i, place[str(name)]) for i, name in enumerate(champion.ids) if str(name) in place]
    left = champion.take(np.array([i for i, _ in both], np.int64))
    right = shadow.take(np.array([j for _, j in both], np.int64))
    differing = np.flatnonzero(disagreement(rooms, left, right)).tolist()
    rows = []
    judge = rooms.judge
    for i in reversed(differing):
        name = str(left.ids[i])
        truth = truths.get(name)
        one, other = judge.said(left, i), judge.said(right, i)
        rows.append(
            {
                "id": name,
                "champion": words(one),
                "challenger": words(other),
                "champion_confidence": sure(left, i),
                "challenger_confidence": sure(right, i),
                "truth": None if truth is None else truth.words,
                "winner": None
                if truth is None
                else _winner(judge.loss(truth, one) - judge.loss(truth, other)),
                "image": bool(left.kept[i]),
            }
        )
    rows.sort(key=lambda row: row["truth"] is None)  # stable: the newest first within each
    return {**found, "pairs": len(both), "differ": len(rows), "disagreements": rows[:SHOWN]}


def _winner(gain: float) -> str:
    """Who was less wrong."""
    return "challenger" if gain > 0 else "champion" if gain < 0 else "neither"
