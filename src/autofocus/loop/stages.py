"""The stages of a case, step by step. Each step may run again and does its work once.

A step reads rows, does what its name says, and returns True to go on or False where the case has
to wait; then its flow ends, and the ticker starts another when something changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from autofocus.errors import InvalidInput, JobFailed
from autofocus.loop import evidence, rollout
from autofocus.loop.cases import TRY_AGAIN, Cases
from autofocus.loop.model_tests import run_model_tests
from autofocus.loop.questions import ask, labels_wanted
from autofocus.loop.refresh import is_refresh, take_what_is_labelled
from autofocus.loop.way_back import watch_the_new_champion
from autofocus.types.clock import now, parse
from autofocus.types.codec import decode, encode
from autofocus.types.models import RunSpec
from autofocus.types.production import Deployment, Outcome, Stage

if TYPE_CHECKING:
    from autofocus.loop.rooms import Rooms
    from autofocus.types.models import Report
    from autofocus.types.production import Case

Step = Callable[["Rooms", Cases, "Case"], bool]


def close(rooms: Rooms, cases: Cases, case: Case, outcome: Outcome, reason: str) -> bool:
    """End a case: withdraw its questions and challenger, take the seen world as normal.

    The monitor takes a new reference, or it would alarm about the same change for ever; but not
    while the case shall be tried again.
    """
    rooms.labels.cancel(case.id)
    withdraw_challenger(rooms, case, reason)
    if _shall_try_again(rooms, cases, case, outcome):
        reason += f"; another try follows after {rooms.policy().limits.retry_images} more images"
    elif outcome in ("harmless", "undecided", "rejected") and not is_refresh(case):
        seen = evidence.rows_since_change(rooms, cases, case)
        if seen is not None and rooms.models.alias("champion") == case.model:
            rooms.monitor.take_reference(
                case.model,
                seen,
                rooms.policy(),
                bundle=evidence.bundle_folder(rooms, case.model),
                actor="loop",
                cause=case.id,
                effect=f"{case.id}/closed",
            )
    cases.close(case.id, outcome, reason)
    return False


def _shall_try_again(rooms: Rooms, cases: Cases, case: Case, outcome: Outcome) -> bool:
    """Whether there may be harm that is not cured, and the policy allows another try.

    So it is where a challenger did not cure what was proven, and where the labels did not suffice
    to tell. They stay, so each try knows more than the one before.
    """
    not_cured = outcome == "rejected" and case.challenger is not None
    if not (not_cured or outcome == "undecided") or case.signal is None:
        return False
    if rooms.models.alias("champion") != case.model:
        return False
    if len(cases.tries(case)) >= rooms.policy().limits.attempts:
        return False
    cases.once(case.id, TRY_AGAIN, lambda: {"cursor": rooms.log.end()})
    return True


def withdraw_challenger(rooms: Rooms, case: Case, why: str) -> None:
    """Take the case's challenger out of the traffic, if it is there."""
    challenger = case.challenger
    if challenger is None:
        return
    serving = rollout.current(rooms)
    if (
        serving is not None
        and serving.challenger is not None
        and serving.challenger.model == challenger
    ):
        rollout.deploy(
            rooms,
            Deployment(
                project=rooms.project,
                revision=0,
                classes=rooms.classes,
                champion=serving.champion,
                previous=serving.previous,
                sampling=serving.sampling,
            ),
            actor="loop",
            effect=f"{case.id}/withdraw",
            what=f"{challenger} was withdrawn: {why}",
        )
    _drop_challenger_alias(rooms, case, why)


def _drop_challenger_alias(rooms: Rooms, case: Case, why: str) -> None:
    if case.challenger is not None and rooms.models.alias("challenger") == case.challenger:
        rooms.models.set_alias(
            "challenger",
            None,
            expected=case.challenger,
            actor="loop",
            reason=why,
            case=case.id,
        )


def allowed(rooms: Rooms, cases: Cases, case: Case, step: str) -> bool:
    """The autonomy dial: act, ask a person, or only suggest. False while the case waits.

    A refusal ends the case.
    """
    dial = getattr(rooms.policy().autonomy, step)
    if dial == "act":
        return True
    given = cases.approval(case.id, step)
    if given is None:
        cases.ask_approval(case.id, step)
    elif given["state"] == "approved":
        return True
    elif given["state"] == "rejected":
        return close(
            rooms, cases, case, "rejected", f"{given['who']} said no to '{step}': {given['why']}"
        )
    if dial == "ask":
        cases.wait_for(case.id, f"approval to {PLAIN_STEPS[step]}")
    else:
        cases.wait_for(
            case.id,
            f"a person: the policy only suggests to {PLAIN_STEPS[step]} (approval starts it)",
        )
    return False


PLAIN_STEPS = {
    "label": "ask for labels",
    "train": "train a challenger",
    "promote": "promote the challenger",
}


# -- diagnose ------------------------------------------------------------------------------


def find_out_what_changed(rooms: Rooms, cases: Cases, case: Case) -> bool:
    found = evidence.diagnosis(rooms, cases, case)
    if found is None:
        cases.wait_for(case.id, "more predictions since the change")
        return False
    cases.update(case.id, evidence={"diagnosis": found})
    policy = rooms.policy().harm
    if found["p_value"] > 0.05 or found["drifted"] < evidence.MIN_SLICE:
        return close(
            rooms,
            cases,
            case,
            "harmless",
            f"no slice of drifted images could be named ({found['drifted']} of "
            f"{found['images']}); watching on",
        )
    if found["share_high"] < policy.min_share:
        return close(
            rooms,
            cases,
            case,
            "harmless",
            f"at most {found['share_high']:.1%} of the images drifted, less than the policy's "
            f"{policy.min_share:.1%}",
        )
    return cases.move(case.id, "diagnose", "verdict")


# -- verdict -------------------------------------------------------------------------------


def weigh_the_harm(rooms: Rooms, cases: Cases, case: Case) -> bool:
    if not allowed(rooms, cases, case, "label"):
        return False
    weighed = evidence.harm(rooms, cases, case)
    cases.update(case.id, evidence={"harm": weighed.as_json()})
    policy = rooms.policy()
    if weighed.verdict == "undecided":
        progress = rooms.labels.progress(case.id, "verdict")
        if progress["open"] + progress["leased"]:
            cases.wait_for(case.id, labels_wanted(progress, "whether the change does harm"))
            return False
        asked = sum(progress.values())
        budget = policy.labels.per_case - policy.labels.comparison
        picks = evidence.verdict_picks(
            rooms, cases, case, asked, min(policy.labels.verdict_batch, budget - asked)
        )
        if picks is None:
            cases.wait_for(case.id, "more images like the drifted ones")
            return False
        if not picks:
            more = weighed.labels_needed
            text = "more labels" if more is None else f"about {more} more labels"
            cases.update(case.id, verdict="undecided")
            return close(
                rooms,
                cases,
                case,
                "undecided",
                f"{_how_wrong(rooms, weighed)}: it needs {text} to tell whether that is harm",
            )
        ask(
            rooms,
            case,
            picks,
            purpose="verdict",
            reason=f"drawn at random from the drifted images: {rooms.judge.question}",
            priority=3.0,
            blind=True,
        )
        cases.wait_for(
            case.id, labels_wanted({"open": len(picks), "done": asked}, "whether it does harm")
        )
        return False
    cases.update(case.id, verdict=weighed.verdict)
    if weighed.verdict == "harmless":
        return close(
            rooms,
            cases,
            case,
            "harmless",
            f"proven with {weighed.n} labels: the error on the drifted images is at most "
            f"{weighed.margin:.1%}",
        )
    worth, why = evidence.worth_it(rooms, cases, case, weighed)
    cases.update(case.id, evidence={"cost": why})
    if not worth:
        return close(rooms, cases, case, "rejected", f"harmful, but {why}")
    return cases.move(case.id, "verdict", "collect")


# -- collect -------------------------------------------------------------------------------


def collect_labels(rooms: Rooms, cases: Cases, case: Case) -> bool:
    policy = rooms.policy().labels
    verdict = rooms.labels.progress(case.id, "verdict")
    # Training learns from the answers of earlier tries too.
    known = verdict["done"] + sum(
        rooms.labels.progress(one.id, "verdict")["done"] for one in cases.undecided_tries(case)
    )
    wanted = min(policy.training, policy.per_case - policy.comparison) - known
    progress = rooms.labels.progress(case.id, "training")
    if sum(progress.values()) == 0 and wanted > 0:
        picks = evidence.training_picks(rooms, cases, case, wanted)
        if picks:
            ask(
                rooms,
                case,
                picks,
                purpose="training",
                reason="drifted and different from what was labelled before",
                priority=2.0,
                blind=False,
            )
            progress = rooms.labels.progress(case.id, "training")
    if progress["open"] + progress["leased"]:
        cases.wait_for(case.id, labels_wanted(progress, "the training"))
        return False
    if progress["done"] + known == 0:
        return close(rooms, cases, case, "undecided", "every question was skipped")
    return cases.move(case.id, "collect", "train")


# -- train ---------------------------------------------------------------------------------


def freeze_a_version(rooms: Rooms, cases: Cases, case: Case) -> bool:
    if not allowed(rooms, cases, case, "train"):
        return False
    limits = rooms.policy().limits
    if cases.step(case.id, "version") is None:
        for days, cap in ((1, limits.turns_per_day), (7, limits.turns_per_week)):
            since = (parse(now()) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            if cases.steps_since("version", since) >= cap:
                cases.wait_for(case.id, f"tomorrow: the policy allows {cap} turns in {days} day(s)")
                return False

    def work() -> dict[str, object]:
        if is_refresh(case):
            take_what_is_labelled(rooms)
        else:
            evidence.move_answered_to_train(rooms, cases, case)
            evidence.add_unlabelled(rooms, cases, case)
        version = rooms.data.commit(
            f"labels of {case.id}", author="loop", effect=f"{case.id}/version"
        )
        return {"digest": version.digest, "name": version.name}

    found = cases.once(case.id, "version", work)
    cases.update(case.id, evidence={"version": found})
    return True


def start_the_run(rooms: Rooms, cases: Cases, case: Case) -> bool:
    version = cases.step(case.id, "version")
    assert version is not None
    policy = rooms.policy().training
    champion = rooms.models.model(case.model)

    # The spec names the run, so it is kept before anything starts: a policy edited, or code
    # updated, between a crash and the next try must not start a second run.
    def work() -> dict[str, object]:
        spec = rooms.training.spec(
            version["digest"],
            parameters=dict(policy.parameters),
            seed=case.number,
            initial_bundle=champion.bundle if policy.recipe == "finetune" else None,
        )
        return {"spec": encode(spec)}

    spec = decode(RunSpec, cases.once(case.id, "spec", work)["spec"])
    found = cases.once(case.id, "run", lambda: {"run": rooms.training.start(spec, case=case.id).id})
    cases.update(case.id, evidence={"run": found["run"]})
    return True


def wait_for_the_run(rooms: Rooms, cases: Cases, case: Case) -> bool:
    started = cases.step(case.id, "run")
    assert started is not None
    run = rooms.training.poll(started["run"])
    if run.state in ("queued", "running"):
        cases.wait_for(case.id, "the training to finish")
        return False
    if run.state != "done":
        return close(
            rooms, cases, case, "rejected", f"the training {run.state}: {run.error or 'no reason'}"
        )
    cases.wait_for(case.id, "")
    return True


def register_the_model(rooms: Rooms, cases: Cases, case: Case) -> bool:
    started = cases.step(case.id, "run")
    assert started is not None
    run = rooms.training.run(started["run"])
    model = rooms.models.register(run, parent=case.model, case=case.id)
    cases.update(case.id, challenger=model.id)
    return True


def run_the_model_tests(rooms: Rooms, cases: Cases, case: Case) -> bool:
    if case.challenger is None:
        raise InvalidInput(f"{case.id} has no challenger to test.")

    def work() -> dict[str, object]:
        report = run_model_tests(
            rooms,
            str(case.challenger),
            champion=case.model,
            effect=f"{case.id}/model-tests",
        )
        return {
            "passed": report.passed,
            "failed": [gate.reason for gate in report.gates if not gate.passed],
            "gates": [
                {"name": g.name, "passed": g.passed, "reason": g.reason} for g in report.gates
            ],
            **_told(rooms, report),
        }

    found = cases.once(case.id, "model-tests", work)
    cases.update(case.id, evidence={"model_tests": found})
    if not found["passed"]:
        return close(
            rooms,
            cases,
            case,
            "rejected",
            f"{case.challenger} failed its tests: {'; '.join(found['failed'])}",
        )
    return cases.move(case.id, "train", "shadow")


# -- shadow --------------------------------------------------------------------------------


def put_in_shadow(rooms: Rooms, cases: Cases, case: Case) -> bool:
    assert case.challenger is not None
    serving = rollout.current(rooms)
    if serving is None or serving.champion.model != case.model:
        return close(
            rooms, cases, case, "cancelled", "another champion was promoted by hand meanwhile"
        )
    cases.once(case.id, "shadow-cursor", lambda: {"cursor": rooms.log.end()})
    rooms.models.set_alias(
        "challenger",
        case.challenger,
        expected=rooms.models.alias("challenger"),
        actor="loop",
        reason="passed its model tests",
        case=case.id,
    )
    _deploy_challenger(rooms, case, serving, shadow=rooms.policy().rollout.shadow, canary=0.0)
    return True


def compare_in_shadow(rooms: Rooms, cases: Cases, case: Case) -> bool:
    found = evidence.comparison(rooms, cases, case)
    cases.update(case.id, evidence={"comparison": found.as_json()})
    policy = rooms.policy()
    errors = evidence.errors_of_challenger(rooms, case)
    if errors:
        return close(
            rooms, cases, case, "rejected", f"{case.challenger} failed {errors} requests in shadow"
        )
    if found.decision == "challenger":
        return cases.move(case.id, "shadow", "canary")
    if found.decision == "champion":
        return close(
            rooms,
            cases,
            case,
            "rejected",
            f"{case.model} is the better one: {found.losses} of {found.wins + found.losses} "
            "labelled disagreements",
        )
    progress = rooms.labels.progress(case.id, "comparison")
    if progress["open"] + progress["leased"]:
        cases.wait_for(case.id, labels_wanted(progress, "the comparison"))
        return False
    spent = sum(rooms.labels.progress(case.id)[s] for s in ("done", "skipped"))
    left = min(policy.labels.comparison - sum(progress.values()), policy.labels.per_case - spent)
    if left <= 0:
        return close(
            rooms,
            cases,
            case,
            "rejected",
            f"not proven better: {found.wins} wins, {found.losses} losses, {found.ties} ties in "
            f"{found.labelled} labelled disagreements",
        )
    if found.pairs < policy.rollout.shadow_requests:
        cases.wait_for(
            case.id, f"{policy.rollout.shadow_requests} requests answered by both models"
        )
        return False
    if found.hopeless(left):
        return close(
            rooms,
            cases,
            case,
            "rejected",
            f"{found.wins} wins and {found.losses} losses: the labels left ({left}) could not "
            "prove it better any more",
        )
    picks = found.next_picks[: min(left, 4, found.nearest)]
    if not picks:
        if found.pairs >= evidence.MAX_PAIRS:
            return close(
                rooms,
                cases,
                case,
                "rejected",
                f"in {found.pairs} requests the two models hardly ever disagreed",
            )
        cases.wait_for(case.id, "requests on which the two models disagree")
        return False
    # Other cases were allowed to ask before their verdict.
    if is_refresh(case) and not allowed(rooms, cases, case, "label"):
        return False
    ask(
        rooms,
        case,
        picks,
        purpose="comparison",
        reason=f"champion and challenger disagree: {rooms.judge.question}",
        priority=3.0,
        blind=True,
    )
    return False


# -- canary --------------------------------------------------------------------------------


def try_on_traffic(rooms: Rooms, cases: Cases, case: Case) -> bool:
    if not allowed(rooms, cases, case, "promote"):
        return False
    assert case.challenger is not None
    policy = rooms.policy().rollout
    serving = rollout.current(rooms)
    if serving is None or serving.champion.model != case.model:
        return close(
            rooms, cases, case, "cancelled", "another champion was promoted by hand meanwhile"
        )
    for number, share in enumerate(policy.canary, start=1):
        step = f"canary-{number}"
        if cases.step(case.id, step) is not None:
            continue
        start = cases.once(case.id, f"{step}-cursor", lambda: {"cursor": rooms.log.end()})
        _deploy_challenger(rooms, case, serving, shadow=policy.shadow, canary=share)
        trial = evidence.trial(rooms, case, start["cursor"])
        cases.update(case.id, evidence={step: {"share": share, **trial.as_json()}})
        if trial.errors:
            return close(
                rooms,
                cases,
                case,
                "rolled_back",
                f"{case.challenger} failed {trial.errors} requests on {share:.0%} of the traffic",
            )
        if trial.requests < policy.canary_requests:
            cases.wait_for(
                case.id, f"{policy.canary_requests} requests on {share:.0%} of the traffic"
            )
            return False
        if trial.latency_ratio > policy.max_latency_ratio:
            return close(
                rooms,
                cases,
                case,
                "rolled_back",
                f"{case.challenger} is {trial.latency_ratio:.1f} times slower than {case.model}",
            )
        cases.once(case.id, step, trial.as_json)
    return cases.move(case.id, "canary", "promote")


# -- promote -------------------------------------------------------------------------------


def move_the_champion(rooms: Rooms, cases: Cases, case: Case) -> bool:
    assert case.challenger is not None
    serving = rollout.current(rooms)
    assert serving is not None
    if serving.champion.model not in (case.model, case.challenger):
        return close(
            rooms, cases, case, "cancelled", "another champion was promoted by hand meanwhile"
        )
    policy = rooms.policy().rollout
    why = str(cases.get(case.id).evidence.get("comparison", {}).get("summary", "proven better"))
    rollout.crown(
        rooms,
        case.challenger,
        instead_of=case.model,
        actor="loop",
        why=f"{case.id}: {why}",
        case=case.id,
        effect=f"{case.id}/promote",
        watched=policy.shadow if policy.watch_labels else 0.0,
    )
    _drop_challenger_alias(rooms, case, "promoted")
    return True


def take_the_new_normal(rooms: Rooms, cases: Cases, case: Case) -> bool:
    assert case.challenger is not None
    rooms.monitor.take_reference(
        case.challenger,
        evidence.rows_of_challenger(rooms, cases, case),
        rooms.policy(),
        bundle=evidence.bundle_folder(rooms, case.challenger),
        actor="loop",
        cause=case.id,
        effect=f"{case.id}/promoted",
    )
    evidence.keep_as_permanent_test(rooms, case)
    cases.once(case.id, "watch-cursor", lambda: {"cursor": rooms.log.end()})
    return True


STAGES: dict[Stage, tuple[Step, ...]] = {
    "diagnose": (find_out_what_changed,),
    "verdict": (weigh_the_harm,),
    "collect": (collect_labels,),
    "train": (
        freeze_a_version,
        start_the_run,
        wait_for_the_run,
        register_the_model,
        run_the_model_tests,
    ),
    "shadow": (put_in_shadow, compare_in_shadow),
    "canary": (try_on_traffic,),
    "promote": (move_the_champion, take_the_new_normal, watch_the_new_champion),
    "closed": (),
}


def step_names(stage: Stage) -> list[str]:
    """Names of a stage's steps, in order."""
    return [step.__name__ for step in STAGES[stage]]


def perform(rooms: Rooms, cases: Cases, case: str, stage: Stage, step: str) -> bool:
    """Do one step of a case, unless it is no longer in that stage, paused or cancelled."""
    found = cases.get(case)
    if found.stage != stage or found.paused:
        return False
    if cases.cancel_wanted(case):
        return close(rooms, cases, found, "cancelled", found.reason or "cancelled on request")
    chosen = next(s for s in STAGES[stage] if s.__name__ == step)
    try:
        return chosen(rooms, cases, found)
    except JobFailed as error:
        return close(rooms, cases, found, "rejected", f"a job failed: {error.message}")


def _deploy_challenger(
    rooms: Rooms, case: Case, serving: Deployment, *, shadow: float, canary: float
) -> None:
    assert case.challenger is not None
    rollout.deploy(
        rooms,
        Deployment(
            project=rooms.project,
            revision=0,
            classes=rooms.classes,
            champion=serving.champion,
            challenger=rollout.deployed(rooms, case.challenger),
            previous=serving.previous,
            shadow=shadow,
            canary=canary,
            sampling=serving.sampling,
        ),
        actor="loop",
        effect=f"{case.id}/canary/{canary}",
        what=f"{case.challenger} answers {canary:.0%} of the requests."
        if canary
        else f"{case.challenger} answers beside {case.model}, in shadow.",
    )


def _told(rooms: Rooms, report: Report) -> dict[str, object]:
    """The one number of a report that says most: accuracy, or of objects 1 - the mean loss."""
    if rooms.judge.sees_objects:
        return {"quality": 1.0 - report.metric("mean_loss").value}
    return {"accuracy": report.metric("accuracy").value}


def _how_wrong(rooms: Rooms, weighed: evidence.Harm) -> str:
    if rooms.judge.sees_objects and weighed.n:
        lost = weighed.errors / weighed.n
        return f"the answers on {weighed.n} drifted images lost {lost:.1%} on average (1 - F1)"
    return f"{weighed.errors:.0f} of {weighed.n} answers on drifted images were wrong"
