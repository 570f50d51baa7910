"""People come in through their organisation's own provider, in a real browser: three sites, cookies, and redirects."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.servers.certificates import make_certificates
from tests.servers.openid import CLIENT_ID, CLIENT_SECRET, openid_provider_running
from tests.web.browsing import PASSWORD, Sitting, accessibility, sitting
from tests.web.served import served

pytestmark = [pytest.mark.slow, pytest.mark.servers]

EXPECTED = ("422 (Unprocessable Entity)", "403 (Forbidden)")
"""What the browser says of a refusal, and of a page that only an owner may see."""


def test_people_come_in_through_their_own_provider(browser: Browser, tmp_path: Path):
    folder = tmp_path / "certificates"
    with (
        openid_provider_running(folder) as provider,
        served(tmp_path, ca_file=make_certificates(folder).ca_file) as mover,
    ):
        with sitting(browser, mover) as at:
            page = at.page
            at.go("/welcome")
            page.get_by_label("Name of your organisation").fill("Example Ltd")
            page.get_by_label("Your name").fill("Olga Marin")
            page.get_by_label("Your mail address").fill("olga@example.org")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Begin").click()
            at.go("/organisation")
            form = page.locator("#single-sign-on")
            form.get_by_label("Address of the provider").fill(provider.issuer)
            form.get_by_label("Client ID").fill(CLIENT_ID)
            form.get_by_label("Client secret").fill(CLIENT_SECRET)
            form.get_by_label("Domains of mail addresses").fill("example.org")
            form.get_by_label("Who comes for the first time becomes").select_option("Operator")
            form.get_by_role("button", name="Save").click()
            expect(page.get_by_text("Single sign-on is set up.")).to_be_visible()
            assert accessibility(page) == []

        with sitting(browser, mover) as at:
            page = at.page
            at.expected = EXPECTED
            leave(at, "ben@example.org")
            page.get_by_role("link", name="Not me").click()
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            expect(signed_in(page)).to_have_count(0)
            assert accessibility(page) == []

            leave(at, "ben@example.org")
            page.get_by_role("link", name="Continue as ben@example.org").click()
            expect(signed_in(page).first).to_be_attached()
            assert page.url.startswith(f"{mover.url}/")
            at.go("/organisation")
            expect(page.locator("#single-sign-on")).to_have_count(0)  # Ben is no owner

        provider.names_itself = False  # though its description, which is remembered, says that it does
        with sitting(browser, mover) as at:
            at.expected = EXPECTED
            leave(at, "ben@example.org")
            at.page.get_by_role("link", name="Continue as ben@example.org").click()
            expect(at.page.get_by_text("does not come from the organisation's provider")).to_be_visible()
            expect(signed_in(at.page)).to_have_count(0)

        provider.names_itself = True
        provider.user |= {"sub": "u-2", "email": "eve@elsewhere.example"}
        with sitting(browser, mover) as at:
            at.expected = EXPECTED
            leave(at, "eve@example.org")
            at.page.get_by_role("link", name="Continue as eve@elsewhere.example").click()
            expect(signed_in(at.page)).to_have_count(0)
            expect(at.page.get_by_text("is not of a domain from which people may come in")).to_be_visible()


def leave(at: Sitting, email: str) -> None:
    """Be sent to the provider."""
    at.go("/sign-in")
    at.page.get_by_label("Mail address").fill(email)
    at.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(at.page).to_have_title("Provider")


def signed_in(page: Page) -> Locator:
    """What only somebody sees who is signed in."""
    return page.locator("form[action='/sign-out']")
