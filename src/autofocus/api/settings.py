"""Policy, settings in force and versions over HTTP: what the Settings page shows and edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fastapi import APIRouter

from autofocus.api.access import InProject, InWorkspace
from autofocus.api.shapes import shaped
from autofocus.config.policy import Policy, dump_policy
from autofocus.config.policy_check import FieldProblem, check_policy
from autofocus.config.settings import SettingInForce, settings_in_force
from autofocus.config.words import POLICY, SECTIONS
from autofocus.types.codec import encode

router = APIRouter(tags=["settings"])


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy as YAML, and who writes it why."""

    yaml: str
    author: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class PolicyChanges:
    """Fields to set, each value written as YAML; an empty one restores the default."""

    changes: dict[str, str]
    who: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class PolicyField:
    """One field: its value in force and its default, and ``means`` in plain words."""

    field: str
    means: str
    value: Any
    default: Any
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicySection:
    """A part of the policy."""

    name: str
    means: str
    fields: tuple[PolicyField, ...]


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The policy as it was written, with every default, and field by field."""

    yaml: str
    complete: str
    sections: tuple[PolicySection, ...]


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """Who changed the policy when and why, and which fields."""

    at: str
    author: str
    why: str
    yaml: str
    changes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsInForce:
    """The workspace, its settings with their sources, and versions of the libraries."""

    workspace: str
    settings: tuple[SettingInForce, ...]
    libraries: Mapping[str, str] = field(default_factory=dict)


@router.get("/projects/{project}/policy")
def get_policy(project: InProject) -> PolicyText:
    """The policy as YAML, with every default."""
    return PolicyText(yaml=dump_policy(project.policy, defaults=True))


@router.put("/projects/{project}/policy")
def put_policy(project: InProject, body: PolicyText) -> dict[str, Any]:
    """Replace the policy; wrong fields are named."""
    changed = project.set_policy(body.yaml, author=body.author or None, why=body.why)
    return encode(changed)  # type: ignore[no-any-return]


@router.get("/projects/{project}/policy/fields", **shaped(PolicyInForce))
def policy_fields(project: InProject) -> dict[str, Any]:
    """The policy field by field, with plain words."""
    found = PolicyInForce(
        yaml=project.policy_text,
        complete=dump_policy(project.policy, defaults=True),
        sections=_sections(project.policy),
    )
    return encode(found)  # type: ignore[no-any-return]


@router.post("/projects/{project}/policy/fields")
def change_policy(project: InProject, body: PolicyChanges) -> dict[str, Any]:
    """Set single fields; wrong ones are named under ``error.context.fields``."""
    changed = project.change_policy(body.changes, author=body.who or None, why=body.why)
    return encode(changed)  # type: ignore[no-any-return]


@router.post("/projects/{project}/policy/fields/check")
def check_fields(project: InProject, body: PolicyChanges) -> list[FieldProblem]:
    """What is wrong with these changes, field by field; saves nothing."""
    return project.check_policy_changes(body.changes)


@router.post("/projects/{project}/policy/text")
def replace_policy(project: InProject, body: PolicyText) -> dict[str, Any]:
    """Replace the whole text, as PUT does."""
    return put_policy(project, body)


@router.post("/policy/check")
def check(body: PolicyText) -> list[FieldProblem]:
    """What is wrong with a policy, field by field; saves nothing."""
    return check_policy(body.yaml)


@router.get("/projects/{project}/policy/history", **shaped(list[PolicyChange]))
def policy_history(project: InProject) -> list[dict[str, Any]]:
    """Changes of the policy, newest first."""
    return project.policy_history()


@router.get("/settings", **shaped(SettingsInForce))
def settings(workspace: InWorkspace) -> dict[str, Any]:
    """Settings in force and where each comes from; versions of the libraries."""
    found = SettingsInForce(
        workspace=str(workspace.root),
        settings=tuple(settings_in_force(workspace.settings, workspace.root)),
        libraries=workspace.libraries(),
    )
    return encode(found)  # type: ignore[no-any-return]


def _sections(policy: Policy) -> tuple[PolicySection, ...]:
    values, defaults = encode(policy), encode(Policy())
    hints = get_type_hints(Policy)
    return tuple(
        PolicySection(
            section.name,
            SECTIONS[section.name],
            tuple(
                PolicyField(
                    field=f"{section.name}.{f.name}",
                    means=POLICY[f"{section.name}.{f.name}"],
                    value=values[section.name][f.name],
                    default=defaults[section.name][f.name],
                    choices=_choices(get_type_hints(hints[section.name])[f.name]),
                )
                for f in fields(hints[section.name])
            ),
        )
        for section in fields(Policy)
    )


def _choices(hint: Any) -> tuple[str, ...]:
    return tuple(get_args(hint)) if get_origin(hint) is Literal else ()
