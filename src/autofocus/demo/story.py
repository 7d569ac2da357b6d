"""``autofocus demo``: a model serves, its world changes, and the loop heals it.

Eyes, open or closed, and then glasses arrive; parts on a conveyor belt, as boxes or masks, and then
comes another finish (``plays``). Every part is the real one: the workspace, the training job,
`autofocus up` with its inference server, requests over HTTP, the monitor, the loop. Only the world
is drawn (``eyes``, ``scenes``, ``world``) and the annotator is simulated (``annotator``). What the
story claims is counted by ``scorekeeper``.
"""

from __future__ import annotations

import json
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from autofocus.api.client import Client
from autofocus.api.launch import running
from autofocus.api.replay import Traffic, replay
from autofocus.demo import checks, summary
from autofocus.demo.annotator import Annotator
from autofocus.demo.figures import Accuracy, DemoOptions, Result
from autofocus.demo.measures import quality
from autofocus.demo.narrator import Narrator
from autofocus.demo.opening import open_page
from autofocus.demo.scorekeeper import Scorekeeper, unix
from autofocus.demo.steps import timed, train
from autofocus.demo.watcher import Watcher
from autofocus.demo.world import World
from autofocus.errors import Unavailable
from autofocus.types.codec import encode
from autofocus.workspace.workspace import Workspace

__all__ = ["DemoOptions", "Result", "run"]

LOOK_SECONDS = 0.5
DEPLOY_SECONDS = 60.0
IDLE_SECONDS = 60.0  # with all cases closed, no champion but the first: the story is over


@dataclass(slots=True)
class _Played:
    """What is known when the stream has ended."""

    first_model: str
    champion: str = ""
    shift_at: float = 0.0
    healed_at: float | None = None
    labels: int = 0
    timeline: list[dict[str, Any]] = field(default_factory=list)
    signals: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)


def run(options: DemoOptions) -> Result:
    """Play the whole story and return its figures; ends its children whatever happens.

    Raises InvalidInput for wrong options, Conflict if the workspace has such a project already,
    JobFailed if a training run fails, Unavailable if the processes do not come up.
    """
    from rich.console import Console

    console = Console()
    root = options.workspace or Path(tempfile.mkdtemp(prefix="autofocus-demo-"))
    play = options.play
    world, keeper = play.world(options.seed), Scorekeeper(partial(quality, play.task))
    seconds: dict[str, float] = {}
    begun = time.monotonic()
    with (
        _stoppable(),
        tempfile.TemporaryDirectory(prefix="autofocus-pictures-") as pictures,
        Narrator(console, live=not options.headless) as narrator,
    ):
        training = Path(pictures) / "training"
        with Workspace.open(root):
            pass  # made here, so that the control plane finds it
        with running(root, port=options.port, inference_port=options.inference_port) as client:
            _show_page(client, options, narrator)
            with Workspace.open(root) as workspace:
                first = _prepare(workspace, world, training, options, narrator, seconds)
            played = _play(client, root, first, world, keeper, options, narrator, seconds)
            story = time.monotonic() - begun
            with Workspace.open(root) as workspace:
                project = workspace.project(play.project)
                accuracy = checks.examine(
                    play, project, world, played.first_model, played.champion, narrator, seconds
                )
                reproduced = None
                if options.checks:
                    reproduced = checks.reproduce(project, played.champion, narrator, seconds)
                    accuracy |= checks.reference(
                        world, training, Path(pictures), options, narrator, seconds
                    )
    result = _result(options, root, keeper, played, accuracy, reproduced, story, seconds)
    if options.json_file is not None:
        options.json_file.write_text(json.dumps(encode(result), indent=2, default=str) + "\n")
    summary.show(console, result, options)
    return result


def _prepare(
    workspace: Workspace,
    world: World,
    folder: Path,
    options: DemoOptions,
    narrator: Narrator,
    seconds: dict[str, float],
) -> str:
    """From nothing to a champion; returns its id."""
    from autofocus.data.tests import run_data_tests

    play = options.play
    narrator.chapter("1. A folder of images becomes a model")
    with timed(seconds, "draw"):
        count = world.write_training_folder(folder, play.training_images)
    narrator.say(f"{count} {play.ordinary}, drawn from seed {options.seed}.")
    project = workspace.create_project(
        play.project, task=play.task, classes=world.classes, policy=play.policy
    )
    with timed(seconds, "import"):
        with narrator.progress("Importing") as advance:
            report = project.data.import_path(folder, progress=advance)
        version = project.data.commit(play.ordinary, author=workspace.author)
        tests = run_data_tests(project.data, version, project.policy.data)
    narrator.say(
        f"{report.accepted} images imported, version {version.name} frozen, data tests "
        f"{'passed' if tests.passed else 'FAILED'}."
    )
    with timed(seconds, "train"):
        model = train(project, version.digest, options, narrator)
    with timed(seconds, "test"):
        tested = project.test_model(model)
    shown = tested.metric(play.tested)
    narrator.say(
        f"{model} has {play.measure_name} {100 * shown.value:.1f} % on its test images; model "
        f"tests {'passed' if tested.passed else 'FAILED'}."
    )
    project.promote(model, who=workspace.author, why="first model of the demo")
    return model


def _show_page(client: Client, options: DemoOptions, narrator: Narrator) -> None:
    """Say where the page is, and open it for a person who watches."""
    narrator.say(f"Watch it in the browser: {client.url}", style="bold green")
    if not options.headless and options.open_page and not open_page(client.url):
        narrator.say("There is no screen to open it on.", style="dim")


def _play(
    client: Client,
    root: Path,
    first_model: str,
    world: World,
    keeper: Scorekeeper,
    options: DemoOptions,
    narrator: Narrator,
    seconds: dict[str, float],
) -> _Played:
    """Deploy, send the stream, and let the loop do the rest."""
    play, played = options.play, _Played(first_model)
    shift, stop = threading.Event(), threading.Event()
    narrator.chapter("2. It serves")
    with timed(seconds, "play"):
        narrator.say(f"`autofocus up` runs on {client.url}, inference on {client.inference_url}.")
        _until_deployed(client, play.project)
        watcher = Watcher(client, play.project, keeper, narrator, root)
        annotator = (
            nullcontext()
            if options.label_yourself
            else Annotator(client, play.project, world.truth, delay=options.annotator_delay)
        )
        with annotator, _traffic(client, world, keeper, shift, stop, options) as traffic:
            _until_served(watcher, traffic, keeper, play.clean_images)
            narrator.chapter(f"3. {play.arrival.format(share=world.share)}")
            played.shift_at = time.time()
            shift.set()
            played.healed_at = _until_healed(
                watcher, traffic, keeper, first_model, root, client.url, options, narrator
            )
            stop.set()
            narrator.say("The stream ends.")
        watcher.look()
        played.timeline, played.sheets = watcher.timeline, watcher.sheets
        played.signals = client.signals(play.project)
        played.cases = client.cases(play.project)
        played.labels = len(client.queue(play.project, state="done", limit=1000))
        deployed = client.deployment(play.project)
        played.champion = deployed["champion"]["model"] if deployed else first_model
    return played


def _until_deployed(client: Client, project: str) -> None:
    """Wait until an inference server has the first deployment: it came after the server.

    Raises Unavailable after ``DEPLOY_SECONDS``.
    """
    wanted = client.deployment(project)
    assert wanted is not None
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        servers = client.overview(project)["servers"]
        if any(s["applied"].get(project, 0) >= wanted["revision"] for s in servers):
            return
        if time.monotonic() > deadline:
            raise Unavailable(
                f"No inference server took up the deployment of {project} within "
                f"{DEPLOY_SECONDS:.0f} seconds.",
                hint="Its log lies in the workspace: logs/inference.log",
            )
        time.sleep(0.2)


def _until_served(
    watcher: Watcher, traffic: Future[Traffic], keeper: Scorekeeper, images: int
) -> None:
    while keeper.sent < images:
        _look(watcher, traffic)


def _until_healed(
    watcher: Watcher,
    traffic: Future[Traffic],
    keeper: Scorekeeper,
    first_model: str,
    root: Path,
    url: str,
    options: DemoOptions,
    narrator: Narrator,
) -> float | None:
    """Watch until another model serves, then for ``after_images`` more; when that was.

    None if the time is over, or if every case has ended without a heal and no other begins.
    """
    deadline = None if options.label_yourself else time.monotonic() + options.limit_seconds
    idle_since: float | None = None
    asked_person = False
    while watcher.champion in ("", first_model):
        now = time.monotonic()
        if deadline is not None and now > deadline:
            narrator.say(f"Not healed after {options.limit_seconds:.0f} seconds.", style="red")
            return None
        idle_since = (idle_since or now) if watcher.all_closed else None
        if idle_since is not None and now - idle_since > IDLE_SECONDS:
            narrator.say("The case has ended without a heal, and no other begins.", style="red")
            return None
        _look(watcher, traffic)
        if options.label_yourself and watcher.scene.asked and not asked_person:
            asked_person = True
            narrator.say(summary.how_to_label(options.play, root, url), style="bold yellow")
    healed_at = time.time()
    narrator.chapter(f"4. {watcher.champion} serves")
    _until_served(watcher, traffic, keeper, keeper.sent + options.play.after_images)
    # The new champion is watched a while; on a slow machine that takes longer than the stream.
    deadline = time.monotonic() + IDLE_SECONDS
    while not watcher.all_closed and time.monotonic() < deadline:
        _look(watcher, traffic)
    return healed_at


def _look(watcher: Watcher, traffic: Future[Traffic]) -> None:
    time.sleep(LOOK_SECONDS)
    if traffic.done():
        traffic.result()  # raises what ended the traffic early
        raise RuntimeError("the demo's endless stream ended by itself")
    watcher.look()


@contextmanager
def _traffic(
    client: Client,
    world: World,
    keeper: Scorekeeper,
    shift: threading.Event,
    stop: threading.Event,
    options: DemoOptions,
) -> Iterator[Future[Traffic]]:
    """Requests in the background until the block ends."""
    with ThreadPoolExecutor(1, thread_name_prefix="traffic") as pool:
        future = pool.submit(
            replay,
            client,
            options.play.project,
            world.stream(shift.is_set),
            rate=options.play.rate,
            on_answer=keeper.take,
            stop=stop,
        )
        try:
            yield future
        finally:
            stop.set()


def _result(
    options: DemoOptions,
    root: Path,
    keeper: Scorekeeper,
    played: _Played,
    accuracy: Mapping[str, float],
    reproduced: bool | None,
    story_seconds: float,
    seconds: Mapping[str, float],
) -> Result:
    alarms = keeper.alarms(played.signals)
    true_alarms = [alarm for alarm in alarms if not alarm["false"]]
    # The first move of `champion` is the deployment of the first model, before the stream.
    swaps = [
        unix(event["at"])
        for event in played.timeline
        if event["kind"] == "deployment.changed" and event["images"] > 0
    ]
    measured = Accuracy(**accuracy)
    after, best = measured.shifted_after, measured.shifted_reference
    before_share = keeper.served(shifted=True, models=[played.first_model])
    after_share = keeper.served(shifted=True, models=[played.champion])
    promoted = [case for case in played.cases if case["outcome"] == "promoted"]
    return Result(
        task=options.task,
        measure=options.play.measure_name,
        seed=options.seed,
        healed=played.healed_at is not None and played.champion != played.first_model,
        timeline=tuple(played.timeline),
        false_alarms_before_shift=sum(alarm["false"] for alarm in alarms),
        images_until_alarm=true_alarms[0]["shifted_images"] if true_alarms else None,
        alarms=tuple(alarms),
        cases=tuple(
            {k: case[k] for k in ("id", "stage", "verdict", "outcome", "reason", "model")}
            for case in played.cases
        ),
        labels_used=played.labels,
        promotions=len(promoted),
        accuracy=measured,
        reference_ratio=after / best if after is not None and best else None,
        served={
            "shifted_before": before_share.value,
            "shifted_before_images": before_share.total,
            "shifted_after": after_share.value,
            "shifted_after_images": after_share.total,
        },
        requests=keeper.sent,
        requests_failed=keeper.failed,
        failures=tuple(keeper.failures()),
        swap=keeper.around_swaps(swaps),
        reproduced=reproduced,
        first_model=played.first_model,
        champion=played.champion,
        story_seconds=round(story_seconds, 1),
        seconds={k: round(v, 1) for k, v in seconds.items()},
        workspace=str(root.absolute()),
        contact_sheets=tuple(played.sheets),
    )


@contextmanager
def _stoppable() -> Iterator[None]:
    """A polite kill ends the story as Ctrl-C does, so that no child is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
