"""Models in a real browser: trained from the page, measured, laid side by side, promoted."""

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


def test_a_model_is_trained_tested_and_promoted_from_the_page(
    healed: tuple[Client, Case], open_page: OpenPage
) -> None:
    client, case = healed
    page = open_page()
    page.goto(f"{client.url}/p/{case.project}/models")
    rows = page.locator(".models-table tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Train a model").click()
    dialog = page.get_by_role("dialog", name="Train a model")
    dialog.get_by_text("More").click()
    dialog.get_by_label("Parameters, one name=value a line").fill("steps")
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(dialog.get_by_text('"steps" is not name=value.')).to_be_visible()
    dialog.get_by_label("Parameters, one name=value a line").fill("steps=6\nimage_size=32")
    dialog.get_by_label("Seed").fill("7")
    dialog.get_by_role("button", name="Train", exact=True).click()
    # The control plane makes the model of a run that nobody waits for, and tests it.
    expect(rows).to_have_count(3, timeout=60_000)
    newest = rows.first.get_by_role("link").first
    name = newest.inner_text()
    newest.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("ever answered rightly")).to_be_visible(timeout=60_000)
    expect(page.locator(".facts")).to_contain_text("Seed7")
    page.get_by_role("button", name="Test again").click()
    expect(page.get_by_role("button", name="Test again")).to_be_enabled(timeout=60_000)
    page.get_by_role("button", name="Promote").click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("Your name").fill("ann")
    asked.get_by_label("Reason").fill("another seed")
    asked.get_by_role("button", name="Promote").click()
    expect(page.locator(".card").first.locator(".badge")).to_have_text("champion")
    deployed = client.deployment(case.project)
    assert deployed is not None
    assert deployed["champion"]["model"] == name


def test_two_models_lie_side_by_side_on_a_phone(
    healed: tuple[Client, Case], open_page: OpenPage
) -> None:
    client, case = healed
    page = open_page(390, 844)
    page.goto(f"{client.url}/p/{case.project}/models")
    page.get_by_label(f"Compare {case.model}").check()
    page.get_by_label(f"Compare {case.challenger}").check()
    beside = page.locator(".beside")
    expect(beside.get_by_role("rowheader", name="Right answers", exact=True)).to_be_visible()
    expect(beside.get_by_role("rowheader", name="Learnt from")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
