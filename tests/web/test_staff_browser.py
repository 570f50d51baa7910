"""The staff at their browsers, over TLS: without a script, and as axe sees the pages."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.browsing import WIDTHS, Sitting, accessibility, sitting
from tests.web.office import HOSTILE, Office

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.promise("P9")]

OWN = "marble otter lighthouse 3"
PICTURES = os.environ.get("MOVER_TEST_PICTURES")
"""A folder that pictures of the pages go to, for people who want to look at them."""


def come_in(at: Sitting, office: Office, name: str) -> None:
    """The whole first sign-in of somebody new, as the page asks for it."""
    page = at.page
    made = office.served.do(
        lambda services: services.staff.directory.add(f"{name}@staff.example", name.title())
    )
    at.go("/staff")
    expect(page).to_have_url(f"{office.served.url}/staff/sign-in")
    page.get_by_label("Mail address").fill(made.member.email)
    page.get_by_label("Password").fill(made.password.reveal())
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Show the code to scan").click()
    page.get_by_text("It cannot be scanned").click()
    app = pyotp.TOTP(page.locator("code.path").inner_text())
    page.get_by_label("The code that the app shows").fill(app.at(int(time.time())))
    page.get_by_role("button", name="Use it from now on").click()
    page.get_by_label("New password").fill(OWN)
    page.get_by_label("Once more").fill(OWN)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Organisations")).to_be_visible()


def picture(page: Page, name: str) -> None:
    if PICTURES:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})


def test_one_asks_another_approves_and_the_organisation_reads_of_it(browser: Browser, office: Office) -> None:
    """All of it without a script."""
    with (
        sitting(browser, office.served, java_script_enabled=False) as sam,
        sitting(browser, office.served, java_script_enabled=False) as tess,
        sitting(browser, office.served) as owner,
    ):
        come_in(sam, office, "sam")
        come_in(tess, office, "tess")
        sam.page.get_by_role("link", name="Example Ltd").click()
        sam.page.get_by_role("row", name=re.compile("Office")).get_by_role("link").first.click()
        sam.page.locator(f"a[href$='/pairs/{office.bad_pair_id}']").click()
        expect(sam.page.get_by_role("heading", name=f"Pair {office.bad_pair_id}")).to_be_visible()
        expect(sam.page.get_by_text("document 1.pdf").first).to_be_visible()
        sam.expected = tess.expected = ("403",)
        sam.page.get_by_role("link", name="Settings and messages").click()
        expect(sam.page.get_by_role("heading", name="This needs an exception")).to_be_visible()
        sam.page.get_by_role("link", name="Ask for it").click()
        expect(sam.page.get_by_label("Number of a pair")).to_have_value(str(office.bad_pair_id))
        sam.page.get_by_label("Reason").fill("Their files do not arrive, ticket 17")
        sam.page.get_by_role("button", name="Ask", exact=True).click()
        expect(sam.page.get_by_text("Waits for approval")).to_be_visible()
        expect(sam.page.get_by_role("button", name="Approve")).to_have_count(0)

        tess.go("/staff/requests")
        tess.page.get_by_role("link", name=re.compile("Look into")).click()
        tess.page.get_by_role("button", name="Approve").click()
        expect(tess.page.locator(".badge", has_text="Approved")).to_be_visible()

        migration = f"/staff/organisations/{office.owner.organisation_id}/pairs/{office.bad_pair_id}"
        sam.go(f"{migration}/full")
        expect(sam.page.get_by_role("heading", name="Messages about items")).to_be_visible()
        sam.page.get_by_role("button", name="Sign out").first.click()
        expect(sam.page.get_by_role("heading", name="Staff sign-in")).to_be_visible()

        owner.sign_in("owner@example.org")
        owner.go("/audit")
        for told in ("Staff asked for an exception", "Exception approved", "Exception used"):
            expect(owner.page.get_by_text(told).first).to_be_visible()


def test_axe_finds_nothing_on_any_page_of_the_staff_and_none_is_wider_than_a_phone(
    browser: Browser, office: Office
) -> None:
    organisation = f"/staff/organisations/{office.owner.organisation_id}"
    with sitting(browser, office.served) as tess:
        come_in(tess, office, "una")
        found: list[str] = []
        with sitting(browser, office.served) as at:
            at.go("/staff/sign-in")
            found += accessibility(at.page)
            picture(at.page, "sign-in")
            come_in(at, office, "ina")
            page = at.page
            at.expected = ("403",)
            at.go(f"{organisation}/ask")
            found += accessibility(page)
            picture(page, "ask")
            page.get_by_label("Reason").fill("Their files do not arrive, ticket 18")
            page.get_by_role("button", name="Ask", exact=True).click()
            asked = page.url
            found += accessibility(page)
            tess.page.goto(asked)
            found += accessibility(tess.page)
            picture(tess.page, "request")
            at.go(f"{organisation}/pairs/{office.pair_id}/full")
            found += accessibility(page)
            picture(page, "refused")
            tess.page.get_by_role("button", name="Approve").click()
            expect(tess.page.get_by_role("heading", name="Stop it")).to_be_visible()
            at.go("/staff/keys")
            found += accessibility(page)
            picture(page, "keys-none")
            page.get_by_role("link", name="New key").first.click()
            found += accessibility(page)
            picture(page, "key-new")
            page.get_by_label("Name").fill(f"watching {HOSTILE}"[:100])
            page.get_by_role("button", name="Make the key").click()
            expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
            found += accessibility(page)
            picture(page, "key-shown")
            for name, path in {
                "keys": "/staff/keys",
                "organisations": "/staff",
                "organisation": organisation,
                "migration": f"{organisation}/migrations/{office.migration_id}",
                "pair": f"{organisation}/pairs/{office.pair_id}",
                "problems": f"{organisation}/pairs/{office.bad_pair_id}?items=problems",
                "audit": f"{organisation}/audit",
                "requests": "/staff/requests",
                "staff-audit": "/staff/audit",
                "password": "/staff/password",
                "migration-full": f"{organisation}/migrations/{office.migration_id}/full",
                "pair-full": f"{organisation}/pairs/{office.bad_pair_id}/full",
                "connection-full": f"{organisation}/connections/{office.connection_id}/full",
                "person-full": f"{organisation}/people/{office.owner.id}/full",
            }.items():
                at.go(path)
                page.set_viewport_size({"width": WIDTHS[1], "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[1], path
                page.set_viewport_size({"width": WIDTHS[0], "height": 900})
                found += accessibility(
                    page, widths=WIDTHS if name in {"organisation", "pair"} else WIDTHS[:1]
                )
                assert HOSTILE not in page.content(), path
                picture(page, name)
        assert found == []
