"""A report as JSON, Markdown, JUnit XML or rows of a table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from autofocus.types.codec import encode
from autofocus.types.geometry import NOTHING
from autofocus.types.models import Metric, Report

_FAILURES_SHOWN = 10
# Characters that XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_json(report: Report) -> str:
    """The whole report, indented; ``passed`` is added."""
    return json.dumps({**encode(report), "passed": report.passed}, indent=2, ensure_ascii=False)


def rows(report: Report) -> list[tuple[str, str, str, str, str]]:
    """(metric, slice, value, interval, n) of every metric, as text."""
    return [
        (m.name, m.slice, f"{m.value:.4f}", interval(m), "" if m.n is None else str(m.n))
        for m in report.metrics
    ]


def interval(metric: Metric) -> str:
    """``low to high``, empty where there is none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{metric.low:.4f} to {metric.high:.4f}"


def to_markdown(report: Report) -> str:
    """Verdict, gates, metrics, slices, confusion and worst failures."""
    parts = [
        f"# {report.kind.capitalize()} tests of {report.subject}: "
        + ("passed" if report.passed else "FAILED")
    ]
    if report.gates:
        gates = [("ok" if g.passed else "FAILED", g.name, g.reason) for g in report.gates]
        parts.append("## Gates\n\n" + _table(("", "gate", "why"), gates))
    overall = [row for row in rows(report) if not row[1]]
    if overall:
        shown = [(name, value, spread, n) for name, _, value, spread, n in overall]
        parts.append("## Metrics\n\n" + _table(("metric", "value", "95 % interval", "n"), shown))
    sliced = [row for row in rows(report) if row[1]]
    if sliced:
        shown5 = [(where, name, *rest) for name, where, *rest in sliced]
        header = ("slice", "metric", "value", "95 % interval", "n")
        parts.append("## Slices\n\n" + _table(header, shown5))
    if report.confusion:
        sides = confusion_names(report)
        body = [
            (name, *(str(v) for v in counts))
            for name, counts in zip(sides, report.confusion, strict=True)
        ]
        table = _table(("truth \\ answer", *sides), body)
        parts.append("## Confusion\n\n" + table)
    if report.details.get("mistakes"):
        tally = [
            (error, str(sum(by.values())), ", ".join(f"{name} {n}" for name, n in by.items()))
            for error, by in report.details["mistakes"].items()
        ]
        parts.append("## Mistakes\n\n" + _table(("mistake", "how many", "of which"), tally))
    if report.failures and "mistakes" in report.failures[0]:
        shown4 = [
            (str(f["key"]), f"{f['loss']:.3f}", str(f["truth"]), str(f["predicted"]), errors_of(f))
            for f in report.failures[:_FAILURES_SHOWN]
        ]
        header = ("key", "loss", "truth", "predicted", "mistakes")
        parts.append("## Worst failures\n\n" + _table(header, shown4))
    elif report.failures:
        names = sorted({name for f in report.failures for name in f} - {"sha256"})
        first = ["key", "truth", "predicted", "confidence"]
        order = [n for n in first if n in names] + [n for n in names if n not in first]
        body = [
            tuple(str(f.get(name, "")) for name in order) for f in report.failures[:_FAILURES_SHOWN]
        ]
        parts.append("## Worst failures\n\n" + _table(order, body))
    return "\n\n".join(parts) + "\n"


def confusion_names(report: Report) -> tuple[str, ...]:
    """What the rows and columns of the confusion are: the classes, and nothing where it counts."""
    spare = len(report.confusion) > len(report.classes)
    return (*report.classes, NOTHING) if spare else report.classes


def errors_of(failure: Mapping[str, Any]) -> str:
    """``2 missed, 1 swapped``: what is wrong with an image of boxes or masks."""
    return ", ".join(f"{n} {error}" for error, n in failure["errors"].items())


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        safe = (c.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for c in cells)
        return "| " + " | ".join(safe) + " |"

    return "\n".join([line(header), "|" + "---|" * len(header), *(line(row) for row in body)])


def to_junit(report: Report) -> str:
    """One test case a gate, as CI servers read it; metrics are properties of the suite."""
    failed = sum(not gate.passed for gate in report.gates)
    counts = {"tests": str(len(report.gates)), "failures": str(failed), "errors": "0"}
    root = ElementTree.Element("testsuites", counts)
    name = _clean(f"autofocus {report.kind} tests of {report.subject}")
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **counts})
    if report.metrics:
        properties = ElementTree.SubElement(suite, "properties")
        for metric in report.metrics:
            label = metric.name + (f"[{metric.slice}]" if metric.slice else "")
            ElementTree.SubElement(
                properties, "property", {"name": _clean(label), "value": f"{metric.value:.6g}"}
            )
    for gate in report.gates:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": _clean(f"{report.project}.{report.kind}"), "name": _clean(gate.name)},
        )
        if gate.passed:
            ElementTree.SubElement(case, "system-out").text = _clean(gate.reason)
        else:
            failure = ElementTree.SubElement(case, "failure", {"message": _clean(gate.reason)})
            failure.text = _clean(gate.reason)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
