"""What is wrong with a policy, field by field, and changes of single fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from autofocus.config.policy import Policy
from autofocus.errors import InvalidInput
from autofocus.types.codec import decode, encode


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """``field`` is ``section.name``, a section, or empty for the whole text."""

    field: str
    message: str


def check_policy(text: str) -> list[FieldProblem]:
    """Every problem of a policy in YAML; empty if it is good."""
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"Line {mark.line + 1}: " if mark is not None else ""
        return [
            FieldProblem("", f"{where}this is not valid YAML ({getattr(exc, 'problem', exc)}).")
        ]
    if data is None:
        return []
    if not isinstance(data, Mapping):
        return [FieldProblem("", "A policy is made of sections such as monitor: and labels:.")]
    hints = get_type_hints(Policy)
    problems = []
    for section, values in data.items():
        if section not in hints:
            problems.append(_tell(str(section), Policy, {section: values}))
        else:
            problems += _check_section(str(section), hints[section], values)
    return problems


def _check_section(section: str, part: Any, values: Any) -> list[FieldProblem]:
    if not isinstance(values, Mapping):
        return [FieldProblem(section, "This section is made of fields, one a line.")]
    problems = []
    left = dict(values)
    while (wrong := _error(part, left)) is not None:
        # The field whose absence lets this error vanish; several may be wrong, one by one.
        guilty = next(
            (
                name
                for name, value in left.items()
                if _error(part, {n: v for n, v in left.items() if n != name}) != wrong
                and _error(part, {name: value}) is not None
            ),
            None,
        )
        where = section if guilty is None else f"{section}.{guilty}"
        problems.append(FieldProblem(where, _plain(wrong, part, str(guilty))))
        if guilty is None:
            break
        del left[guilty]
    return problems


def _tell(where: str, part: Any, values: Any) -> FieldProblem:
    return FieldProblem(where, _plain(_error(part, values) or "", part))


def _error(part: Any, values: Mapping[Any, Any]) -> str | None:
    try:
        decode(part, values, where="")
    except InvalidInput as exc:
        return exc.message
    return None


def _plain(message: str, part: Any, field: str = "") -> str:
    """Without the names of our classes, and without the field that it stands beside."""
    name = part.__name__
    short = message.replace(f"{name}.", "").replace(f"{name}: ", "").removeprefix(f"{field}: ")
    return short[:1].upper() + short[1:]


def change_fields(text: str, changes: Mapping[str, str]) -> str:
    """The policy ``text`` with fields (``section.name``) set to values written as YAML.

    An empty value takes the field out, so that its default is in force. Comments of the text are
    not kept. Raises InvalidInput naming fields that do not exist or are not YAML.
    """
    changed, problems = _changed(text, changes)
    if problems:
        raise refused(problems)
    return changed


def check_changes(text: str, changes: Mapping[str, str]) -> list[FieldProblem]:
    """What is wrong with these changes of the policy ``text``; empty if they can be made."""
    changed, problems = _changed(text, changes)
    return problems + check_policy(changed)


def _changed(text: str, changes: Mapping[str, str]) -> tuple[str, list[FieldProblem]]:
    """The changed text, without the fields that are problems."""
    import yaml

    data: dict[str, Any] = {k: dict(v) for k, v in (yaml.safe_load(text) or {}).items()}
    known = {f"{s.name}.{f.name}" for s in fields(Policy) for f in fields(_part(s.name))}
    problems = []
    for name, written in changes.items():
        section, _, field = name.partition(".")
        if name not in known:
            problems.append(FieldProblem(name, f"There is no field {name}."))
        elif not written.strip():
            data.get(section, {}).pop(field, None)
        else:
            try:
                data.setdefault(section, {})[field] = yaml.safe_load(written)
            except yaml.YAMLError:
                problems.append(FieldProblem(name, f"{written!r} cannot be read as a value."))
    data = {section: values for section, values in data.items() if values}
    return str(yaml.safe_dump(data, sort_keys=False)) if data else "{}\n", problems


def _part(section: str) -> Any:
    return get_type_hints(Policy)[section]


def refused(problems: list[FieldProblem]) -> InvalidInput:
    """The error for a policy with these problems."""
    told = "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems)
    return InvalidInput(
        f"The policy was not changed: {told}",
        hint="Mend these fields and save again; the policy before is still in force.",
        fields=[encode(p) for p in problems],
    )


def differences(before: Policy, after: Policy) -> list[dict[str, Any]]:
    """Fields that differ, as ``{field, before, after}``, JSON-safe."""
    old, new = encode(before), encode(after)
    return [
        {"field": f"{section}.{name}", "before": old[section][name], "after": value}
        for section, values in new.items()
        for name, value in values.items()
        if value != old[section][name]
    ]
