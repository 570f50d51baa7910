"""Whom who finds a weakness is to tell, and who did."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect
from tests.api.installation import Running
from tests.web.browsing import accessibility, sitting
from tests.web.office import Office

from mover.accounts.actor import Role
from mover.api.services import Services
from mover.errors import InvalidConfiguration
from mover.settings import Settings
from mover.web.credits import parts, reporters_in
from mover.web.routes.reporting import SECURITY_TXT, security_txt

pytestmark = pytest.mark.promise("reporting")

TODAY = dt.date(2026, 5, 1)
CONTACTS = ("mailto:security@example.org", "https://example.org/report")


def test_it_has_what_rfc_9116_asks_for():
    lines = security_txt(CONTACTS, "https://mover.example.org", TODAY).splitlines()
    fields = [tuple(line.split(": ", 1)) for line in lines]
    assert [value for name, value in fields if name == "Contact"] == list(CONTACTS)
    (expires,) = [value for name, value in fields if name == "Expires"]
    left = dt.datetime.fromisoformat(expires) - dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    assert dt.timedelta(days=90) < left < dt.timedelta(days=365)
    assert ("Canonical", "https://mover.example.org/.well-known/security.txt") in fields
    assert {"Policy", "Acknowledgments", "Preferred-Languages"} <= {name for name, _ in fields}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("security@example.org", ("mailto:security@example.org",)),
        ("mailto:a@example.org, tel:+44-20-7946-0000", ("mailto:a@example.org", "tel:+44-20-7946-0000")),
        ("https://example.org/report", ("https://example.org/report",)),
        ("", ()),
    ],
)
def test_contacts_are_addresses(given, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOVER_SECURITY_CONTACT", given)
    assert Settings().security_contact == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://example.org",
        "somebody",
        "javascript:alert(1)",
        "mailto:a@b.example\nExpires: 2099-01-01T00:00:00Z",
        "https://example.org/a b",
    ],
)
def test_what_is_none_is_refused(given):
    with pytest.raises(InvalidConfiguration, match="MOVER_SECURITY_CONTACT"):
        Settings(security_contact=(given,))


async def test_without_a_contact_the_reason_is_told(mover: Running):
    absent = await mover.client.get(SECURITY_TXT)
    assert (absent.status_code, "MOVER_SECURITY_CONTACT" in absent.text) == (404, True)


async def test_strangers_get_it_as_text(mover: Running):
    state = mover.app.state
    before: Services = state.services
    state.services = replace(
        before, settings=before.settings.model_copy(update={"security_contact": CONTACTS})
    )
    try:
        answer = await mover.client.get(SECURITY_TXT)
        page = await mover.client.get("/credits")
    finally:
        state.services = before
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(
        "Contact: mailto:security@example.org\nContact: https://example.org/report\n"
    )
    assert 'href="mailto:security@example.org"' in page.text


async def test_the_page_is_for_everybody_and_names_all_parts(mover: Running):
    stranger = await mover.client.get("/credits")
    member = await mover.client.get("/credits", headers=mover.installation.callers[Role.VIEWER].cookie)
    assert (stranger.status_code, member.status_code) == (200, 200)
    assert all(part.name in stranger.text for part in parts())
    assert "Migrations" in member.text  # the menu
    assert "Migrations" not in stranger.text
    for address in ("/sign-in", "/"):
        page = await mover.client.get(
            address, headers=mover.owner.cookie | {"Accept": "text/html"} if address == "/" else {}
        )
        assert '<a href="/credits">Security and credits</a>' in page.text


def test_reporters_are_read_and_a_bad_address_is_refused():
    one = '[[reporter]]\nname = "Ada"\nyear = 2026\nfound = "a thing"\n'
    assert [each.name for each in reporters_in(one)] == ["Ada"]
    with pytest.raises(ValueError, match="https://"):
        reporters_in(one + 'home = "javascript:alert(1)"\n')
    with pytest.raises(ValueError, match="nick"):
        reporters_in(one + 'nick = "x"\n')


@pytest.mark.slow
@pytest.mark.servers
def test_the_page_in_a_browser(browser: Browser, office: Office):
    with sitting(browser, office.served) as at:
        at.go("/sign-in")
        at.page.get_by_role("link", name="Security and credits").click()
        expect(at.page.get_by_role("heading", name="Security and credits")).to_be_visible()
        assert accessibility(at.page) == []
        for width in (390, 1440):
            at.page.set_viewport_size({"width": width, "height": 900})
            assert at.page.evaluate("document.documentElement.scrollWidth") <= width
