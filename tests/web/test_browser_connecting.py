"""A person connects an account at a service's own page, in a real browser: two sites, cookies, and the policy of contents."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, authorization_server
from tests.web.browsing import PASSWORD, accessibility, sitting
from tests.web.served import served

from mover.connectors import registry

pytestmark = [pytest.mark.slow, pytest.mark.servers]


def test_an_account_is_connected_renewed_and_given_back(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with authorization_server(tmp_path / "certificates") as acme:
        monkeypatch.setitem(registry._MODULES, "acme", "tests.servers.acme")
        monkeypatch.setenv("MOVER_BOX_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv("MOVER_BOX_CLIENT_SECRET", CLIENT_SECRET)
        # Another site than Mover's, which is at localhost: so cookies and policies count as they will.
        acme.url = acme.url.replace("localhost", "127.0.0.1")
        with served(tmp_path, ca_file=acme.ca_file) as mover, sitting(browser, mover) as at:
            page = at.page
            at.go("/welcome")
            page.get_by_label("Name of your organisation").fill("Example Ltd")
            page.get_by_label("Your name").fill("Olga Marin")
            page.get_by_label("Your mail address").fill("olga@example.org")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Begin").click()
            page.get_by_role("link", name="Connect a service").click()
            page.locator("a[href='/connections/new/acme']").click()
            assert accessibility(page) == []
            page.get_by_label("Name of the connection").fill("work")
            page.get_by_label("Address").fill(acme.url)
            page.get_by_role("button", name="Sign in at Acme").click()
            expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
            page.get_by_role("button", name="Deny").click()
            expect(page.get_by_text("The person said no.")).to_be_visible()
            assert accessibility(page) == []

            at.go("/connections/new/acme")
            page.get_by_label("Name of the connection").fill("work")
            page.get_by_label("Address").fill(acme.url)
            page.get_by_role("button", name="Sign in at Acme").click()
            page.get_by_role("button", name="Continue as ann@example.org").click()
            expect(page).to_have_url(f"{mover.url}/connections")
            expect(page.get_by_text("work is connected: ann@example.org at Acme.")).to_be_visible()
            page.get_by_role("button", name="Test work").click()
            expect(page.get_by_text("It works: ann@example.org at Acme.")).to_be_visible()

            acme.expire("access")
            acme.expire("refresh")
            page.get_by_role("button", name="Test work").click()
            expect(page.get_by_text("Connect the account again")).to_be_visible()
            page.get_by_role("link", name="Sign in anew to work").click()
            page.get_by_role("button", name="Sign in at Acme").click()
            page.get_by_role("button", name="Continue as ann@example.org").click()
            expect(page.get_by_text("work is connected: ann@example.org at Acme.")).to_be_visible()

            page.get_by_role("link", name="Delete work").click()
            page.get_by_role("button", name="Delete the connection").click()
            expect(page.get_by_text("Acme has withdrawn Mover's access.")).to_be_visible()
            assert len(acme.revocations) == 1
