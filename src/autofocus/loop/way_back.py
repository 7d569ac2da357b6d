"""After a promotion: the new champion is watched beside the former one, and the way back.

The former champion goes on answering in shadow. Disagreements are labelled, and the test that
promoted runs on with sides swapped, from nothing: what convinced before says little about
the traffic outside the healed slice, nor about what comes now.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autofocus.loop import evidence, rollout
from autofocus.loop.questions import ask, labels_wanted

if TYPE_CHECKING:
    from autofocus.loop.cases import Cases
    from autofocus.loop.evidence import Comparison
    from autofocus.loop.rooms import Rooms
    from autofocus.types.production import Case

# Few at once: each answer for the new champion makes the rest needless.
AT_ONCE = 2
# Questions keep the watch up for so many times ``watch_requests``, then they are withdrawn.
PATIENCE = 10


def watch_the_new_champion(rooms: Rooms, cases: Cases, case: Case) -> bool:
    """Until enough was answered well, or the way back is taken; then the case ends."""
    start = cases.step(case.id, "watch-cursor")
    assert start is not None
    assert case.challenger is not None
    if cases.step(case.id, "way-back") is not None:
        return _go_back(rooms, cases, case, "")
    champion = rooms.models.alias("champion")
    if champion != case.challenger:
        rooms.labels.cancel(case.id)
        cases.close(
            case.id,
            "rolled_back",
            f"{champion} was made champion by a person while {case.challenger} was watched",
        )
        return False
    trial = evidence.watch(rooms, case, start["cursor"])
    if trial.errors:
        why = f"{case.challenger} failed {trial.errors} requests after its promotion"
        return _go_back(rooms, cases, case, why)
    found = evidence.since_promotion(rooms, case, start["cursor"])
    cases.update(case.id, evidence={"watch": _as_json(found, trial.requests)})
    if found.decision == "challenger":
        why = (
            f"since its promotion {case.challenger} was wrong where {case.model} was right in "
            f"{found.wins} of {found.wins + found.losses} labelled disagreements (e-value "
            f"{found.test.best_win:.3g})"
        )
        return _go_back(rooms, cases, case, why)
    waits = _ask_about_disagreements(rooms, cases, case, found)
    wanted = rooms.policy().rollout.watch_requests
    if trial.requests < wanted:
        cases.wait_for(case.id, f"{wanted} requests answered well by the new champion")
        return False
    # From the first question on: traffic may have gone on while nobody was there to ask.
    since = (
        cases.once(case.id, "watch-asked", lambda: {"requests": trial.requests}) if waits else {}
    )
    if waits and trial.requests < since["requests"] + PATIENCE * wanted:
        progress = rooms.labels.progress(case.id, "watch")
        cases.wait_for(case.id, labels_wanted(progress, "whether the promotion was right"))
        return False
    return _stay(rooms, cases, case)


def _ask_about_disagreements(rooms: Rooms, cases: Cases, case: Case, found: Comparison) -> bool:
    """Ask for the next labels if they could take the way back; whether questions are open."""
    progress = rooms.labels.progress(case.id, "watch")
    if progress["open"] + progress["leased"]:
        return True
    left = rooms.policy().rollout.watch_labels - sum(progress.values())
    if left <= 0 or found.decision != "undecided" or found.hopeless(left):
        return False
    given = cases.approval(case.id, "label")
    if rooms.policy().autonomy.label != "act" and (given is None or given["state"] != "approved"):
        return False
    picks = found.next_picks[: min(left, AT_ONCE, found.nearest)]
    if not picks:
        return False
    ask(
        rooms,
        case,
        picks,
        purpose="watch",
        reason=f"the new champion and the one before disagree: {rooms.judge.question}",
        priority=3.0,
        blind=True,
    )
    return True


def _as_json(found: Comparison, requests: int) -> dict[str, object]:
    """What the watch found so far, told from the new champion's side."""
    return {
        "requests": requests,
        "wins": found.losses,
        "losses": found.wins,
        "ties": found.ties,
        "e_worse": found.test.e_better,
        "pairs": found.pairs,
        "disagreements": found.disagreements,
    }


def _stay(rooms: Rooms, cases: Cases, case: Case) -> bool:
    """The promotion stands: the former champion falls silent, the case ends."""
    rooms.labels.cancel(case.id)
    evidence.keep_as_permanent_test(rooms, case)
    serving = rollout.current(rooms)
    assert serving is not None
    if serving.challenger is not None and serving.challenger.model == case.model:
        rollout.deploy(
            rooms,
            replace(serving, challenger=None, shadow=0.0, canary=0.0),
            actor="loop",
            effect=f"{case.id}/watched",
            what=f"{case.model} no longer answers beside {case.challenger}.",
        )
    weighed = cases.get(case.id).evidence
    cases.close(
        case.id,
        "promoted",
        f"{case.challenger} replaced {case.model}: "
        f"{weighed.get('comparison', {}).get('summary', '')}",
    )
    return False


def _go_back(rooms: Rooms, cases: Cases, case: Case, why: str) -> bool:
    """Put the old champion back, once: a second try must not go forward again."""
    assert case.challenger is not None
    why = str(cases.once(case.id, "way-back", lambda: {"why": why})["why"])
    rooms.labels.cancel(case.id)
    rollout.crown(
        rooms,
        case.model,
        instead_of=case.challenger,
        actor="loop",
        why=why,
        case=case.id,
        effect=f"{case.id}/way-back",
    )
    rooms.monitor.take_reference(
        case.model,
        evidence.bundle_folder(rooms, case.model),
        rooms.policy(),
        actor="loop",
        cause=case.id,
        effect=f"{case.id}/way-back",
    )
    evidence.keep_as_permanent_test(rooms, case)
    rollout.freeze_if_it_swings(rooms)
    cases.close(case.id, "rolled_back", why)
    return False
