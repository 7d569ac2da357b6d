"""Production, a case's evidence and the settings in a real browser, on a story that ended well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from autofocus.api.client import Client
    from autofocus.types.production import Case

    OpenPage = Callable[..., Page]

pytestmark = pytest.mark.browser


def test_an_answer_leads_back_to_labels_and_people(
    healed: tuple[Client, Case], open_page: OpenPage
) -> None:
    client, case = healed
    page = open_page()
    page.goto(f"{client.url}/p/{case.project}/production")
    expect(page.get_by_text("times what chance would explain").first).to_be_visible()
    expect(page.get_by_role("slider", name="Estimated accuracy over time")).to_be_visible()
    charts = page.get_by_role("slider", name="Evidence of change over time")
    charts.focus()
    page.keyboard.press("Home")
    expect(page.locator("figcaption").filter(has_text="alarm at")).to_be_visible()
    # After the promotion the model before answers silently for a while: it is not asked about.
    page.get_by_label("Answers of").select_option("champion")
    page.locator(".answers button").filter(has_text=str(case.challenger)).first.click()
    panel = page.get_by_role("dialog", name="Where this answer comes from")
    expect(panel.get_by_role("link", name=case.id)).to_be_visible()
    expect(panel.get_by_text("bob (16 labels)")).to_be_visible()
    # A label that the case asked for is a picture, and leads to the answer it was asked about.
    label = panel.locator(".label-strip a").first
    label.scroll_into_view_if_needed()
    expect(label.locator("img")).to_have_js_property("complete", True)
    assert label.locator("img").evaluate("i => i.naturalWidth") > 0
    label.click()
    expect(page.get_by_text("told by")).to_be_visible()


def test_a_case_shows_its_evidence_and_the_way_back_is_recorded(
    healed: tuple[Client, Case], open_page: OpenPage
) -> None:
    client, case = healed
    page = open_page(390, 844)
    page.goto(f"{client.url}/p/{case.project}/cases/{case.id}")
    expect(page.get_by_text("it is proven that the model does harm")).to_be_visible()
    expect(page.get_by_role("slider", name="Evidence of harm and of harmlessness")).to_be_visible()
    expect(page.get_by_text("promotion needs 20")).to_be_visible()
    pictures = page.locator(".disagreements img")
    pictures.first.scroll_into_view_if_needed()
    expect(pictures.first).to_be_visible()
    page.get_by_role("button", name=f"Roll back to {case.model}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your name").fill("ann")
    dialog.get_by_label("Reason").fill("the glasses are gone")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("button", name="Roll back to")).to_have_count(0)
    deployed = client.deployment(case.project)
    assert deployed is not None
    assert deployed["champion"]["model"] == case.model
    moved = [e for e in client.events(case.project) if e["kind"] == "deployment.changed"]
    assert (moved[-1]["actor"], "the glasses are gone" in moved[-1]["what"]) == ("ann", True)


def test_the_policy_is_changed_in_words_and_a_wrong_value_is_told_beside_it(
    healed: tuple[Client, Case], open_page: OpenPage
) -> None:
    client, case = healed
    page = open_page()
    page.goto(f"{client.url}/p/{case.project}/settings")
    page.get_by_text("What counts as harm").click()
    wrong = page.get_by_label("tolerance, harm")
    wrong.fill("many")
    expect(page.get_by_text("Expected float, got 'many'")).to_be_visible()
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Reason").fill("people should look first")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Mend what is marked")).to_be_visible()
    wrong.fill("0.04")
    page.get_by_label("train, autonomy").select_option("ask")
    expect(page.get_by_text("Expected float")).to_have_count(0)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    changed = page.get_by_role("listitem").filter(has_text="people should look first")
    expect(changed).to_contain_text('autonomy.train "act" → "ask"')
    found = client._get(f"/api/projects/{case.project}/policy/history")
    assert {c["field"] for c in found[0]["changes"]} == {"harm.tolerance", "autonomy.train"}
    assert found[0]["author"] == "ann"

    page.get_by_role("button", name="As YAML").click()
    text = page.get_by_label("The policy as YAML")
    text.fill("harm: {tolerances: 0.1}")
    expect(page.get_by_text("did you mean 'tolerance'?")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Comes from")).to_be_visible()
