"""Reports as Markdown, JUnit XML, JSON and rows."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from autofocus.evaluation.render import rows, to_json, to_junit, to_markdown
from autofocus.types.models import Gate, Metric, Report

REPORT = Report(
    kind="model",
    project="eyes",
    subject="eyes-2",
    classes=("open", "a|b"),
    metrics=(
        Metric("accuracy", 0.95, 0.93, 0.97, 400),
        Metric("accuracy", 0.9, 0.8, 0.95, 50, "camera=<left>"),
        Metric("f1", 0.9, slice="class=open"),
    ),
    gates=(
        Gate("max_drop", True, "0.5 points above eyes-1"),
        Gate("slices", False, "worse than eyes-1: camera=<left> & \x00more", 0.1, 0.01),
    ),
    confusion=((10, 1), (2, 20)),
    failures=(
        {"key": "a/1.png", "sha256": "0" * 64, "truth": "open", "predicted": "a|b",
         "confidence": 0.99},
    ),
)  # fmt: skip


def test_junit_has_a_case_per_gate_and_survives_odd_characters() -> None:
    root = ElementTree.fromstring(to_junit(REPORT))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert cases["max_drop"].find("failure") is None
    failure = cases["slices"].find("failure")
    assert failure is not None
    assert "camera=<left> &" in str(failure.get("message"))
    properties = [p.get("name") for p in suite.iter("property")]
    assert "accuracy[camera=<left>]" in properties


def test_markdown_shows_verdict_reasons_and_failures() -> None:
    text = to_markdown(REPORT)
    assert text.startswith("# Model tests of eyes-2: FAILED")
    for piece in ("| ok | max_drop |", "| FAILED | slices |", "0.9300 to 0.9700", "a/1.png"):
        assert piece in text
    assert "a\\|b" in text
    widths = {line.replace("\\|", "").count("|") for line in text.split("## Confusion")[1]
              .split("##")[0].splitlines() if line.startswith("|")}  # fmt: skip
    assert widths == {4}


def test_json_is_the_whole_report_with_its_verdict() -> None:
    data = json.loads(to_json(REPORT))
    assert data["passed"] is False
    assert data["metrics"][1]["slice"] == "camera=<left>"


def test_rows_are_text() -> None:
    assert rows(REPORT)[0] == ("accuracy", "", "0.9500", "0.9300 to 0.9700", "400")
    assert rows(REPORT)[2] == ("f1", "class=open", "0.9000", "", "")


@pytest.mark.parametrize("kind", ["data", "model"])
def test_an_empty_report_passes_and_renders(kind: str) -> None:
    empty = Report(kind, "p", "v1", (), (), ())
    assert "passed" in to_markdown(empty)
    assert ElementTree.fromstring(to_junit(empty)).get("tests") == "0"
