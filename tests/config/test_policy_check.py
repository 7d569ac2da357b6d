"""What a person gets to read beside the field that is wrong, and words for every field."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

import pytest
import yaml

from autofocus.config import words
from autofocus.config.policy import Policy, dump_policy, parse_policy
from autofocus.config.policy_check import change_fields, check_changes, check_policy, differences
from autofocus.config.settings import Settings, load_settings, settings_in_force
from autofocus.errors import InvalidInput

ALL_FIELDS = {
    f"{section.name}.{f.name}"
    for section in fields(Policy)
    for f in fields(get_type_hints(Policy)[section.name])
}


def test_every_field_has_plain_words_and_no_word_is_left_over() -> None:
    assert set(words.POLICY) == ALL_FIELDS
    assert set(words.SECTIONS) == {f.name for f in fields(Policy)}
    assert set(words.SETTINGS) == {f.name for f in fields(Settings)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("labels: {per_case: 4, verdict_batch: 2}", []),
        ("monitor: {alpha: 2}", ["monitor.alpha"]),
        ("monitor: {alpha: 2, calibration: 1, modes: x}", [
            "monitor.modes", "monitor.alpha", "monitor.calibration",
        ]),
        ("harms: {}\nharm: {alpha: 0}", ["harms", "harm.alpha"]),
        # Wrong only beside each other's default, and not because of the field that is fine.
        ("labels: {per_case: 4, verdict_batch: 2, uniform_share: 3}", ["labels.uniform_share"]),
        ("autonomy: {label: maybe}", ["autonomy.label"]),
        ("rollout: 3", ["rollout"]),
        ("monitor: [", [""]),
        ("- a", [""]),
    ],
)  # fmt: skip
def test_every_wrong_field_is_named(text: str, expected: list[str]) -> None:
    found = check_policy(text)
    assert [p.field for p in found] == expected
    assert not any("Policy" in p.message for p in found)
    if expected:
        with pytest.raises(InvalidInput):
            parse_policy(text)
    else:
        parse_policy(text)


def test_fields_change_one_by_one_and_go_back_to_their_default() -> None:
    text = change_fields(
        "monitor: {alpha: 0.02}\n", {"rollout.canary": "[0.2]", "cost.horizon": ""}
    )
    changed = parse_policy(text)
    assert (changed.monitor.alpha, changed.rollout.canary) == (0.02, (0.2,))
    assert [d["field"] for d in differences(Policy(), changed)] == [
        "monitor.alpha",
        "rollout.canary",
    ]
    assert parse_policy(change_fields(text, {"monitor.alpha": " "})).monitor == Policy().monitor
    problems = check_changes(text, {"no.such": "1", "cost.horizon": "[", "harm.alpha": "7"})
    assert [p.field for p in problems] == ["no.such", "cost.horizon", "harm.alpha"]
    with pytest.raises(InvalidInput) as caught:
        change_fields(text, {"no.such": "1"})
    assert caught.value.context["fields"][0]["field"] == "no.such"


def test_setting_a_field_to_what_it_is_changes_nothing() -> None:
    data = yaml.safe_load(dump_policy(Policy(), defaults=True))
    changes = {
        name: yaml.safe_dump(data[name.split(".")[0]][name.split(".")[1]]) for name in ALL_FIELDS
    }
    assert parse_policy(change_fields("", changes)) == Policy()


def test_settings_say_where_they_come_from_and_hide_passwords(tmp_path) -> None:
    (tmp_path / "settings.yaml").write_text("port: 9000\ndatabase: postgresql://af:secret@db/af\n")
    environ = {"AUTOFOCUS_THREADS": "3"}
    found = {
        s.name: s for s in settings_in_force(load_settings(tmp_path, environ), tmp_path, environ)
    }
    assert found["port"].source == found["database"].source == "settings.yaml"
    assert (found["threads"].value, found["threads"].source) == (3, "AUTOFOCUS_THREADS")
    assert found["host"].source == "default"
    assert found["database"].value == "postgresql://af:...@db/af"
