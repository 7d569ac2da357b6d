"""A report as Markdown, JUnit XML, JSON, and rows of a table."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from autofocus.types.codec import encode
from autofocus.types.models import Metric, Report

_FAILURES = 10


def to_json(report: Report) -> str:
    """The whole report and whether it passed; :func:`types.codec.decode` reads it but that."""
    return json.dumps({**encode(report), "passed": report.passed}, indent=2, ensure_ascii=False)


def to_rows(report: Report) -> list[tuple[str, str, str, str]]:
    """(metric, slice, value, interval) of every metric."""
    return [(m.name, m.slice, f"{m.value:.4f}", _interval(m)) for m in report.metrics]


def to_markdown(report: Report) -> str:
    """Gates first, then metrics, confusion and the worst mistakes."""
    title = f"{report.kind.capitalize()} tests of {report.subject}"
    lines = [f"# {_cell(title)}: {'passed' if report.passed else 'FAILED'}", ""]
    lines += ["| | gate | what was found |", "|---|---|---|"]
    lines += [
        f"| {'ok' if g.passed else '**FAILED**'} | {_cell(g.name)} | {_cell(g.reason)} |"
        for g in report.gates
    ]
    if report.metrics:
        lines += ["", "## Metrics", "", "| metric | slice | value | 90 % interval | images |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {_cell(m.name)} | {_cell(m.slice)} | {m.value:.4f} | {_interval(m)} | "
            f"{'' if m.n is None else m.n} |"
            for m in report.metrics
        ]
    if report.confusion:
        names = [_cell(name) for name in report.classes]
        lines += ["", "## Confusion", "", f"| truth \\ answer | {' | '.join(names)} |"]
        lines += ["|---" * (len(names) + 1) + "|"]
        lines += [
            f"| {name} | {' | '.join(str(v) for v in row)} |"
            for name, row in zip(names, report.confusion, strict=True)
        ]
    if report.failures:
        lines += ["", "## Surest mistakes", "", "| image | truth | answer | confidence |"]
        lines += ["|---|---|---|---|"]
        lines += [
            f"| {_cell(f['key'])} | {_cell(f['truth'])} | {_cell(f['predicted'])} | "
            f"{f['confidence']:.3f} |"
            for f in report.failures[:_FAILURES]
        ]
    return "\n".join(lines) + "\n"


def to_junit(report: Report) -> str:
    """JUnit XML: a test case per gate, so that any CI shows them."""
    failed = sum(not gate.passed for gate in report.gates)
    name = f"autofocus.{report.kind}"
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(report.gates)),
        failures=str(failed),
        errors="0",
        skipped="0",
    )
    for gate in report.gates:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{name}.{_text(report.subject)}", name=_text(gate.name)
        )
        if gate.passed:
            ElementTree.SubElement(case, "system-out").text = _text(gate.reason)
        else:
            ElementTree.SubElement(case, "failure", message=_text(gate.reason))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _interval(metric: Metric) -> str:
    if metric.low is None or metric.high is None:
        return ""
    return f"{metric.low:.4f} to {metric.high:.4f}"


def _cell(value: object) -> str:
    """Text that does not end a table's cell or line."""
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _text(value: str) -> str:
    """Text without the control characters that XML 1.0 has no spelling for."""
    return "".join(c for c in value if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
