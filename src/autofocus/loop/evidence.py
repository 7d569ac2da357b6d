"""What a case knows: diagnosis, harm, comparison, trial; each computed anew from rows and log."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from autofocus.errors import NotFound
from autofocus.evaluation.said import words
from autofocus.labels.selection import first_of_each, select_drifted
from autofocus.loop.questions import Pick, new_images, usable
from autofocus.loop.refresh import is_refresh
from autofocus.monitoring.contact_sheet import contact_sheets
from autofocus.monitoring.diagnosis import Diagnosis, diagnose
from autofocus.monitoring.estimate import estimate_accuracy
from autofocus.monitoring.evidence import (
    HarmTest,
    PairedTest,
    Preference,
    loss_lower,
    loss_upper,
)
from autofocus.monitoring.slice import SliceRule
from autofocus.serving.segments import SHADOW_SUFFIX
from autofocus.store.bundles import open_bundle
from autofocus.types.answers import OUTPUTS
from autofocus.types.codec import decode, encode
from autofocus.types.production import Signal, Verdict, Window

if TYPE_CHECKING:
    from autofocus.config.policy import Policy
    from autofocus.labels.queue import Answered
    from autofocus.loop.cases import Cases
    from autofocus.loop.rooms import Rooms
    from autofocus.types.production import Case

# Fewer rows name no slice, and after this many without a slice there is none; fewer drifted images
# give no random sample worth the name.
MIN_ROWS = 150
CLEAR_ROWS = 800
MIN_SLICE = 12
# Labels are drawn from the core of the slice when it is this pure by the diagnosis's own posterior,
# and twice as large as what is asked for; a case waits so many rows for that. Early slices are half
# ordinary images, which hide the harm (docs/decisions, verdict labels).
PURE = 0.95
PATIENT_ROWS = 1500
# Rows a case looks at, and pairs after which two models that never disagree are called equal.
MAX_ROWS = 5000
MAX_PAIRS = 20_000
# Two answers of objects disagree when one is so wrong by the other (1 - F1): a third of what is
# seen by either is not seen by the other.
APART = 1.0 / 3.0
_BY_HAND_ROWS = 1000
_NORMAL_ROWS = 2000


# -- the rows a case is about ----------------------------------------------------------------


def rows_since_change(rooms: Rooms, cases: Cases, case: Case) -> Window | None:
    """The champion's rows since the estimated change, up to now; None if there are none."""
    _, since = _rows(rooms, cases, case)
    return since if len(since) else None


def _rows(rooms: Rooms, cases: Cases, case: Case) -> tuple[Window | None, Window]:
    """The champion's rows (before the change, since the change) that the case is about.

    A case that tries again what another did not cure looks at what came after that one.
    """
    signal = _signal(rooms, case)
    if signal is None:
        window, _ = rooms.log.read({}, 1_000_000, roles=("champion",), model=case.model)
        return None, window.take(slice(max(0, len(window) - _BY_HAND_ROWS), None))
    before, since = rooms.monitor.around(signal, limit=MAX_ROWS)
    last_try = cases.last_try(case)
    if last_try is not None:
        since, _ = rooms.log.read(last_try, MAX_ROWS, roles=("champion",), model=case.model)
    return before, since


def _signal(rooms: Rooms, case: Case) -> Signal | None:
    if case.signal is None:
        return None
    return next((s for s in rooms.monitor.signals() if s.id == case.signal), None)


def rows_of_challenger(rooms: Rooms, cases: Cases, case: Case) -> Window:
    """What the challenger answered in shadow and on trial: the new normal."""
    start = cases.step(case.id, "shadow-cursor")
    assert start is not None
    window, _ = rooms.log.read(
        start["cursor"], 1_000_000, roles=("shadow", "canary"), model=case.challenger
    )
    return window.take(slice(max(0, len(window) - _NORMAL_ROWS), None))


def bundle_folder(rooms: Rooms, model: str) -> Path:
    """The verified bundle of a model."""
    _, folder = open_bundle(rooms.objects, rooms.models.model(model).bundle, rooms.cache)
    return folder


# -- diagnosis -------------------------------------------------------------------------------


def diagnosis(rooms: Rooms, cases: Cases, case: Case) -> dict[str, Any] | None:
    """Name the drifted images, once; None while there are too few rows."""
    done = cases.step(case.id, "diagnosis")
    if done is not None:
        return done
    before, since = _rows(rooms, cases, case)
    if len(since) < MIN_ROWS:
        return None
    found = _diagnose(rooms, case, before, since)
    if _in_haste(found, len(since), rooms.policy()):
        return None

    def work() -> dict[str, Any]:
        reference, calibration = rooms.monitor.baseline(case.model)
        estimate = estimate_accuracy(reference, since, calibration)
        on_slice = estimate_accuracy(reference, since.take(found.drifted), calibration)
        buffer = io.BytesIO()
        np.savez(
            buffer,
            ids=since.ids,
            drifted=found.drifted,
            posterior=found.posterior,
            core=found.core,
        )
        rooms.objects.put(f"cases/{case.id}/diagnosis.npz", buffer.getvalue())
        rooms.objects.put(
            f"cases/{case.id}/drifted.png", _contact_sheet(rooms, found, before, since)
        )
        return {
            **found.as_json(),
            "estimate": encode(estimate),
            "estimate_on_drifted": encode(on_slice),
            "contact_sheet": f"cases/{case.id}/drifted.png",
        }

    return cases.once(case.id, "diagnosis", work)


def _in_haste(found: Diagnosis, rows: int, policy: Policy) -> bool:
    """Whether more rows would name the slice better, and are worth waiting for."""
    if found.p_value > 0.05:
        # None to be seen: closing would declare normal what was alarmed about.
        return rows < CLEAR_ROWS
    wanted = policy.labels.training
    # A real slice that is small as yet: its core, half of it, shall hold what is asked for.
    if found.count < max(MIN_SLICE, 2 * wanted):
        return rows < MAX_ROWS
    pure = float(found.posterior[found.core].mean()) >= PURE
    return rows < PATIENT_ROWS and not (pure and found.count >= 4 * wanted)


def _diagnose(rooms: Rooms, case: Case, before: Window | None, since: Window) -> Diagnosis:
    reference, _ = rooms.monitor.baseline(case.model)
    return diagnose(reference, since, before=before, classes=rooms.classes, seed=case.number)


def _contact_sheet(rooms: Rooms, found: Diagnosis, before: Window | None, since: Window) -> bytes:
    usual = since.take(found.ordinary) if before is None or len(before) < 12 else before
    groups = []
    for title, window in (
        ("Drifted, typical", since.take(found.typical)),
        ("Drifted, at the boundary", since.take(found.boundary)),
        ("As usual", usual.take(slice(None, None, max(1, len(usual) // 12)))),
    ):
        images, captions = [], []
        for i in np.flatnonzero(window.kept)[:12]:
            images.append(rooms.log.image(str(window.ids[i])))
            captions.append(f"{words(rooms.judge.said(window, int(i)))} {sure(window, int(i)):.2f}")
        if images:
            groups.append((title, images, captions))
    # The numbers stand beside the sheet; on it they would need explaining.
    heading = "; ".join(text.split(" (")[0] for text in found.differences[:2])
    return contact_sheets(groups, heading=heading)


# -- verdict ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Harm:
    """The harm test after the answers so far.

    ``errors`` is the sum of their losses (for classes, how many were wrong), ``lowest`` the lower
    confidence bound of the mean loss.
    """

    verdict: Verdict
    n: int
    errors: float
    lowest: float
    margin: float
    e_harm: float
    e_harmless: float
    labels_needed: int | None

    def as_json(self) -> dict[str, Any]:
        rate = self.errors / self.n if self.n else None
        found: dict[str, Any] = encode(self)
        return {**found, "error_rate": rate}


def harm(rooms: Rooms, cases: Cases, case: Case) -> Harm:
    """Weigh the answers on randomly drawn drifted images against the reference's loss.

    What earlier tries learnt without a decision counts: the product of their e-values and this one
    is an e-value for "in none of them is the loss above the margin".
    """
    policy = rooms.policy().harm
    reference, _ = rooms.monitor.baseline(case.model)
    upper = loss_upper(reference.losses, policy.alpha)
    tries = (*cases.undecided_tries(case), case)
    # The rule of a running test is kept: an edited tolerance would void its guarantee.
    first = cases.step(tries[0].id, "harm-rule")
    rule = cases.once(
        case.id,
        "harm-rule",
        lambda: (
            first
            or {
                "margin": min(upper + policy.tolerance, 0.95),
                "tolerance": policy.tolerance,
                "alpha": policy.alpha,
            }
        ),
    )
    losses = [
        champion_loss(rooms, answer)
        for one in tries
        for answer in rooms.labels.answers(one.id, purpose="verdict")
    ]
    test = HarmTest(rule["margin"], rule["alpha"]).update(losses)
    return Harm(
        verdict=test.verdict,
        n=test.n,
        errors=test.total,
        lowest=loss_lower(losses, test.alpha),
        margin=test.margin,
        e_harm=test.e_harm,
        e_harmless=test.e_harmless,
        labels_needed=test.labels_needed(),
    )


def verdict_picks(rooms: Rooms, cases: Cases, case: Case, asked: int, n: int) -> list[Pick] | None:
    """The next ``n`` images of fixed random orders of the slice's core; ``asked`` are out.

    The core is its surest half: ordinary images in the slice would hide the harm to the others.
    Each image of the core is equally likely at each place, so the answers are an honest sample of
    it. When all are asked, newer images that drifted follow in an order of their own, fixed before
    any of them has a label. None: those are still to come.
    """
    if n <= 0:
        return []
    names: list[str] = []
    for number in count(1):
        order = _verdict_order(rooms, cases, case, number, names)
        if order is None:
            return None
        names += order["ids"]
        # Decoding is dear: no further than needed.
        fit = (name for name in names if usable(rooms, name))
        chosen = list(islice(fit, asked, asked + n))
        if chosen:
            window = rooms.log.window(chosen)
            share = n / len(order["ids"])
            return [_pick(rooms, window, i, propensity=share) for i in range(len(window))]
        if number > 1 and not order["ids"]:
            return []
    raise AssertionError("unreachable")


def _verdict_order(
    rooms: Rooms, cases: Cases, case: Case, number: int, known: Sequence[str]
) -> dict[str, Any] | None:
    """The ``number``-th random order, without images ``known``; empty: no more will ever come."""
    step = f"verdict-order-{number}"
    done = cases.step(case.id, step)
    if done is not None:
        return done
    here = sum(rooms.log.end().values())
    if number == 1:
        data = _diagnosed(rooms, case)
        core, last = data["ids"][data["core"]], False
    else:
        earlier = cases.step(case.id, f"verdict-order-{number - 1}")
        assert earlier is not None
        if here < earlier["log"] + MIN_ROWS:
            return None
        before, since = _rows(rooms, cases, case)
        found = _diagnose(rooms, case, before, since)
        core, last = since.ids[found.core], len(since) >= MAX_ROWS
    window = rooms.log.window([str(i) for i in core])
    first = first_of_each(window.sha256)
    old = set(rooms.log.window(list(known)).sha256.tolist()) if known else set()
    fresh = [i for i in first if window.kept[i] and str(window.sha256[i]) not in old]
    if number > 1 and not last and len(fresh) < MIN_SLICE:
        return None
    order = np.random.default_rng([case.number, 23, number]).permutation(fresh)
    ids = [str(window.ids[i]) for i in order]
    return cases.once(case.id, step, lambda: {"ids": ids, "size": len(ids), "log": here})


def _pick(
    rooms: Rooms, window: Window, i: int, *, propensity: float | None, **details: Any
) -> Pick:
    said = rooms.judge.said(window, i)
    return Pick(
        prediction=str(window.ids[i]),
        sha256=str(window.sha256[i]),
        said=said,
        confidence=sure(window, i),
        propensity=propensity,
        details={"champion": rooms.judge.remember(said), **details},
    )


def sure(window: Window, i: int) -> float:
    """How sure the model is of what it said in a row: of its class, or of its objects."""
    if window.outputs.shape[1]:
        return float(window.outputs[i, OUTPUTS.index("score")])
    return float(window.confidence[i])


def champion_loss(rooms: Rooms, answer: Answered) -> float:
    """How wrong the champion was about an image that was asked about."""
    return rooms.judge.loss(answer.value, rooms.judge.recall(answer.details["champion"]))


def gain(rooms: Rooms, answer: Answered) -> float:
    """By how much the challenger was less wrong than the champion, -1 to 1."""
    challenger = rooms.judge.recall(answer.details["challenger"])
    return champion_loss(rooms, answer) - rooms.judge.loss(answer.value, challenger)


def worth_it(rooms: Rooms, cases: Cases, case: Case, weighed: Harm) -> tuple[bool, str]:
    """The cost rule: harm avoided over the horizon against labels and the turn itself.

    The excess loss is shrunk to what is proven, its lower confidence bound above the margin, and
    counted for the half of the slice that it was proven on.
    """
    policy = rooms.policy()
    cost = policy.cost
    found = cases.step(case.id, "diagnosis")
    assert found is not None
    excess = max(weighed.lowest - (weighed.margin - policy.harm.tolerance), 0.0)
    gain = cost.horizon * found["share"] / 2 * excess * cost.per_error
    price = policy.labels.per_case * cost.per_label + cost.per_turn
    why = (
        f"over {cost.horizon:,} images a cure saves about {gain:,.0f}, and costs about {price:,.0f}"
    )
    return gain > price, why


# -- labels for training -----------------------------------------------------------------------


def training_picks(rooms: Rooms, cases: Cases, case: Case, n: int) -> list[Pick]:
    """Drifted first, then as different as can be, and some at random; from all rows until now."""

    def work() -> dict[str, Any]:
        before, since = _rows(rooms, cases, case)
        found = _diagnose(rooms, case, before, since)
        asked = [a.sha256 for a in rooms.labels.answers(case.id)]
        kept = np.flatnonzero(since.kept)
        window = since.take(kept)
        chosen = select_drifted(
            found.posterior[kept],
            window.whitened,
            None if rooms.judge.sees_objects else window.probabilities,
            n,
            np.random.default_rng([case.number, 29]),
            uniform_share=rooms.policy().labels.uniform_share,
            sha256=window.sha256,
            exclude=asked,
        )
        ids = [str(window.ids[i]) for i in chosen.index]
        propensity = [None if np.isnan(p) else float(p) for p in chosen.propensity]
        return {"ids": ids, "propensity": propensity}

    chosen = cases.once(case.id, "training-order", work)
    pairs = [
        (name, p)
        for name, p in zip(chosen["ids"], chosen["propensity"], strict=True)
        if usable(rooms, name)
    ]
    if not pairs:
        return []
    window = rooms.log.window([name for name, _ in pairs])
    return [_pick(rooms, window, i, propensity=p) for i, (_, p) in enumerate(pairs)]


def add_unlabelled(rooms: Rooms, cases: Cases, case: Case) -> None:
    """The images that most surely drifted, until now, join the pool without a label."""

    def work() -> dict[str, Any]:
        before, since = _rows(rooms, cases, case)
        found = _diagnose(rooms, case, before, since)
        surest = found.surest
        surest = surest[(found.posterior[surest] > 0.5) & since.kept[surest]]
        surest = surest[first_of_each(since.sha256[surest])]
        return {"ids": [str(since.ids[i]) for i in surest[: rooms.policy().training.unlabelled]]}

    chosen = cases.once(case.id, "unlabelled", work)
    fit = [name for name in chosen["ids"] if usable(rooms, name)]
    rooms.data.add_images(new_images(rooms, case, fit))


def move_answered_to_train(rooms: Rooms, cases: Cases, case: Case) -> None:
    """The answered images of the case and its earlier tries join the training split.

    Unanswered ones stay in the pool.
    """
    keys = [
        a.key
        for one in cases.tries(case)
        for a in rooms.labels.answers(one.id)
        if a.purpose in ("verdict", "training")
    ]
    if keys:
        rooms.data.set_split(keys, "train")


def keep_as_permanent_test(rooms: Rooms, case: Case) -> None:
    """The labelled disagreements become test images for ever: no fault is shipped twice."""
    answers = rooms.labels.answers(case.id)
    keys = [a.key for a in answers if a.purpose in ("comparison", "watch")]
    if keys:
        rooms.data.set_split(keys, "test", metadata={"fixed_case": case.id})


# -- comparison in shadow ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """Who serves and who shadows on the same requests: a win is one of the shadow."""

    test: PairedTest
    pairs: int
    disagreements: int
    next_picks: list[Pick]

    @property
    def decision(self) -> Preference:
        return self.test.decision

    @property
    def wins(self) -> int:
        return self.test.wins

    @property
    def losses(self) -> int:
        return self.test.losses

    @property
    def ties(self) -> int:
        return self.test.ties

    @property
    def labelled(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def nearest(self) -> int:
        """Labels after which either model could be proven better: no use in asking more at once."""
        return min(self.test.wins_missing, self.test.losses_missing)

    def hopeless(self, left: int) -> bool:
        """Whether even ``left`` wins in a row would not reach the bar."""
        return self.test.wins_missing > left

    def as_json(self) -> dict[str, Any]:
        summary = (
            f"{self.wins} wins, {self.losses} losses, {self.ties} ties on labelled disagreements "
            f"(e-value up to {self.test.best_win:.3g}), {self.disagreements} disagreements in "
            f"{self.pairs} requests"
        )
        return {
            "decision": self.decision,
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "e_better": self.test.e_better,
            "best_e": self.test.best_win,
            "pairs": self.pairs,
            "disagreements": self.disagreements,
            "summary": summary,
        }


def comparison(rooms: Rooms, cases: Cases, case: Case) -> Comparison:
    """Pair the answers since the shadow began; weigh the labelled disagreements in their order.

    Only disagreements inside the drifted slice are asked: there the challenger must prove better.
    That it is no worse elsewhere is what the model tests have shown; asking about the few
    disagreements there would only spend labels on coin flips. The slice is a rule that was fixed
    before the shadow began. A case without a diagnosis asks about all disagreements.
    """
    start = cases.step(case.id, "shadow-cursor")
    assert start is not None
    champion, _ = rooms.log.read(start["cursor"], 1_000_000, roles=("champion",), model=case.model)
    shadow, _ = rooms.log.read(start["cursor"], 1_000_000, roles=("shadow",), model=case.challenger)
    left, right = _pair(champion, shadow)
    inside = np.arange(len(left))
    if not is_refresh(case):
        found = cases.once(case.id, "slice-rule", lambda: _slice_rule(rooms, case))
        inside = np.flatnonzero(decode(SliceRule, found).contains(left))
    differ = inside[disagreement(rooms, left.take(inside), right.take(inside))]
    return _weigh(rooms, case, "comparison", left, right, differ)


def since_promotion(rooms: Rooms, case: Case, cursor: dict[str, int]) -> Comparison:
    """The former champion in shadow beside the new one: the same test with sides swapped.

    All traffic counts, for outside the slice only the model tests have spoken so far. Feedback is
    left out: people complain about wrong answers, so it would speak against whoever serves.
    """
    champion, _ = rooms.log.read(cursor, 1_000_000, roles=("champion",), model=case.challenger)
    former, _ = rooms.log.read(cursor, 1_000_000, roles=("shadow",), model=case.model)
    left, right = _pair(champion, former)
    differ = np.flatnonzero(disagreement(rooms, left, right))
    return _weigh(rooms, case, "watch", left, right, differ)


def _weigh(
    rooms: Rooms,
    case: Case,
    purpose: str,
    left: Window,
    right: Window,
    differ: npt.NDArray[np.int64],
) -> Comparison:
    """The labels asked for ``purpose`` in the order they came, and which pairs to ask next."""
    answers = rooms.labels.answers(case.id, purpose=purpose)
    test = PairedTest(rooms.policy().rollout.promote_e)
    test = test.update(gain(rooms, answer) for answer in answers)
    asked = {a.sha256 for a in rooms.labels.answers(case.id) if a.purpose != purpose}
    seen: set[str] = set()
    picks: list[Pick] = []
    known = _known_questions(rooms, case)
    for i in differ:
        name, sha256 = str(left.ids[i]), str(left.sha256[i])
        if sha256 in asked or sha256 in seen or sha256[:20] in known or not left.kept[i]:
            continue
        seen.add(sha256)
        if len(picks) < 8 and usable(rooms, name):
            other = rooms.judge.remember(rooms.judge.said(right, int(i)))
            picks.append(_pick(rooms, left, int(i), propensity=None, challenger=other))
    return Comparison(test=test, pairs=len(left), disagreements=len(differ), next_picks=picks)


def disagreement(rooms: Rooms, left: Window, right: Window) -> npt.NDArray[np.bool_]:
    """Where two models' answers to the same requests differ so much that a label tells, (n,) bool.

    Classes differ or not. Of objects, most answers differ a little, which would ask about
    everything and tell nothing; what counts is :data:`APART`.
    """
    if not rooms.judge.sees_objects:
        return np.asarray(left.predicted != right.predicted)
    judge, apart = rooms.judge, np.zeros(len(left), bool)
    # Most answers are the same to the last digit, and need not be read.
    for i in np.flatnonzero(left.detections != right.detections).tolist():
        apart[i] = judge.difference(judge.said(left, i), judge.said(right, i)) >= APART
    return apart


def _slice_rule(rooms: Rooms, case: Case) -> dict[str, Any]:
    reference, _ = rooms.monitor.baseline(case.model)
    data = _diagnosed(rooms, case)
    drifted = rooms.log.window([str(i) for i in data["ids"][data["drifted"]]])
    found: dict[str, Any] = encode(SliceRule.fit(reference, drifted))
    return found


def drifted_ids(rooms: Rooms, case: Case) -> npt.NDArray[Any]:
    """Names of the predictions that surely drifted; raises NotFound before the diagnosis."""
    try:
        data = _diagnosed(rooms, case)
    except NotFound as exc:
        raise NotFound(
            f"No images of {case.id} are named yet.", hint="The diagnosis names them."
        ) from exc
    # The half of the slice that is surest, where it was told.
    found: npt.NDArray[Any] = data["ids"][data.get("core", data["drifted"])]
    return found


def _diagnosed(rooms: Rooms, case: Case) -> dict[str, npt.NDArray[Any]]:
    """The rows that the diagnosis looked at: ids, drifted, posterior."""
    text = rooms.objects.get(f"cases/{case.id}/diagnosis.npz")
    with np.load(io.BytesIO(text), allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def _pair(champion: Window, shadow: Window) -> tuple[Window, Window]:
    """Rows of both models for the same requests, in the champion's order."""
    place = {str(name).removesuffix(SHADOW_SUFFIX): i for i, name in enumerate(shadow.ids)}
    both = [(i, place[str(name)]) for i, name in enumerate(champion.ids) if str(name) in place]
    left = np.array([i for i, _ in both], dtype=np.int64)
    right = np.array([j for _, j in both], dtype=np.int64)
    return champion.take(left), shadow.take(right)


def _known_questions(rooms: Rooms, case: Case) -> set[str]:
    """First digits of the images that this case ever asked about."""
    known: set[str] = set()
    for state in ("open", "leased", "done", "skipped", "cancelled"):
        page = rooms.labels.queue(state=state, case=case.id, limit=1000)
        known.update(task.sha256[:20] for task in page.items)
    return known


# -- trial ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """How the challenger did on real traffic."""

    requests: int
    errors: int
    latency_ratio: float

    def as_json(self) -> dict[str, Any]:
        result: dict[str, Any] = encode(self)
        return result


def trial(rooms: Rooms, case: Case, cursor: dict[str, int]) -> Trial:
    """Canary answers since ``cursor``, and errors the servers counted for the challenger."""
    canary, _ = rooms.log.read(cursor, 1_000_000, roles=("canary",), model=case.challenger)
    champion, _ = rooms.log.read(cursor, 1_000_000, roles=("champion",), model=case.model)
    return Trial(
        len(canary),
        errors_of_challenger(rooms, case),
        _latency_ratio(canary.latency_ms, champion.latency_ms),
    )


def watch(rooms: Rooms, case: Case, cursor: dict[str, int]) -> Trial:
    """The new champion's answers since ``cursor``."""
    rows, _ = rooms.log.read(cursor, 1_000_000, roles=("champion",), model=case.challenger)
    return Trial(len(rows), errors_of_challenger(rooms, case), 1.0)


def errors_of_challenger(rooms: Rooms, case: Case) -> int:
    """Requests that the challenger could not answer, as the servers count them."""
    total = 0
    for server in rooms.deployments.servers():
        total += int(server.models.get(str(case.challenger), {}).get("errors", 0))
    return total


def _latency_ratio(challenger: npt.NDArray[np.float32], champion: npt.NDArray[np.float32]) -> float:
    """Ratio of medians: robust where a p99 of fifty answers would be one answer's luck."""
    if len(challenger) < 10 or len(champion) < 10:
        return 1.0
    return float(np.median(challenger) / max(float(np.median(champion)), 1e-3))


# -- pictures --------------------------------------------------------------------------------


def contact_sheet(rooms: Rooms, case: str) -> bytes:
    """PNG of the drifted images beside usual ones; raises NotFound before the diagnosis."""
    try:
        return rooms.objects.get(f"cases/{case}/drifted.png")
    except NotFound as exc:
        raise NotFound(
            f"{case} has no contact sheet yet.", hint="It is drawn with the diagnosis."
        ) from exc
