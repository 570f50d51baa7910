"""Every page, every role, and the other organisation: from the table of pages itself, so that a new one is covered."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from tests.api.installation import Caller, Running

from mover.accounts.actor import Permission, Role
from mover.api.operations import Open
from mover.web.app import WAYS
from mover.web.ways import Way

pytestmark = [pytest.mark.slow, pytest.mark.promise("P8")]

GETS = [way for way in WAYS if way.method == "GET"]
POSTS = [way for way in WAYS if way.method == "POST"]
STREAMS = {"/live", "/migrations/{migration_id}/live", "/pairs/{pair_id}/live"}
NO_PAGES = {  # downloads, and parts of pages
    "/migrations/{migration_id}/export",
    "/maps/{map_id}/export",
    "/reports/migrations/{migration_id}/{kind}",
    "/reports/runs/{run_id}/{kind}",
    "/folders",
    "/audit/log",
    "/organisation/data",
    "/profile/data",
}
NAMES_NOTHING = {"service", "token", "kind", "vendor"}
HTML = {"Accept": "text/html,*/*"}
SOMEBODY_ELSES = re.compile(r"\{(\w+)\}")


def address(way: Way, samples: dict[str, str]) -> str:
    kind = "pairs" if "migrations/{migration_id}/{kind}" in way.path else "items"
    known = {**samples, "service": "sftp", "token": "nonsense", "kind": kind, "passkey_id": "0" * 32}
    return SOMEBODY_ELSES.sub(lambda found: known.get(found[1], "0" * 32), way.path)


def named(way: Way) -> str:
    return f"{way.method} {way.path}"


class Inline(HTMLParser):
    """Finds what the policy of contents forbids: inline scripts, styles and handlers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.titles = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attributes}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [
            f"{tag} {name}" for name in names if name == "style" or name.startswith(("on", "hx-on"))
        ]
        self.titles += tag == "h1"


@pytest.mark.parametrize("role", Role)
async def test_who_may_sees_it_and_who_may_not_is_refused(
    mover: Running, samples: dict[str, str], role: Role
):
    caller = mover.installation.callers[role]
    wrong: list[object] = []
    for way in GETS:
        if way.path in STREAMS or way.need is Open.ANYBODY:
            continue
        answer = await mover.client.get(address(way, samples), headers=caller.cookie | HTML)
        may = way.need is Open.SIGNED_IN or way.need in role.permissions
        if may and answer.status_code == 200:
            if way.path not in NO_PAGES:
                look = Inline()
                look.feed(answer.text)
                if look.found or look.titles != 1:
                    wrong.append((named(way), look.found, look.titles))
        elif may or answer.status_code != 403:
            wrong.append((named(way), answer.status_code, answer.text[:200] if may else ""))
    assert wrong == []


@pytest.mark.parametrize("role", Role)
async def test_forms_of_those_who_may_not_change_nothing(mover: Running, samples: dict[str, str], role: Role):
    caller = mover.installation.callers[role]
    wrong = []
    for way in POSTS:
        if isinstance(way.need, Permission) and way.need not in role.permissions:
            answer = await mover.client.post(address(way, samples), headers=caller.browser | HTML)
            if answer.status_code != 403 or "You may not do this" not in answer.text:
                wrong.append((named(way), answer.status_code))
    assert wrong == []


async def test_strangers_are_asked_to_sign_in(mover: Running, samples: dict[str, str]):
    for way in WAYS:
        if way.need is Open.ANYBODY:
            continue
        answer = await mover.client.request(way.method, address(way, samples), headers=HTML)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in"), named(way)


async def test_without_the_sessions_token_no_form_is_taken(mover: Running, samples: dict[str, str]):
    for way in POSTS:
        if way.need is Open.ANYBODY:
            continue
        headers = {
            name: value for name, value in mover.owner.browser.items() if name != "X-CSRF-Token"
        } | HTML
        answer = await mover.client.post(address(way, samples), headers=headers)
        assert answer.status_code == 403, named(way)
        assert "Please do it once more" in answer.text


async def test_forms_of_pages_of_other_sites_are_refused(mover: Running, samples: dict[str, str]):
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for way in POSTS:
        headers = mover.owner.browser | HTML | elsewhere
        answer = await mover.client.post(address(way, samples), headers=headers)
        assert answer.status_code == 403, named(way)


def belongs_to_somebody(way: Way) -> bool:
    names = set(SOMEBODY_ELSES.findall(way.path)) - NAMES_NOTHING
    # A passkey is a person's and an organisation in a return address is looked up by the provider's answer.
    return bool(names) and not names & {"passkey_id", "organisation_id"}


async def test_what_is_another_organisations_is_not_there(mover: Running, samples: dict[str, str]):
    stranger: Caller = mover.installation.stranger
    for way in WAYS:
        if not belongs_to_somebody(way):
            continue
        headers = (stranger.browser if way.method == "POST" else stranger.cookie) | HTML
        data = {
            "act": "start",
            "pair": samples["pair_id"],
            "everything": "yes",
            "name": "x",
            "role": "viewer",
            "source": "a@b.example",
        }
        answer = await mover.client.request(way.method, address(way, samples), headers=headers, data=data)
        if way.path in STREAMS:
            continue  # see test_live.py
        assert answer.status_code == 404, (named(way), answer.status_code, answer.text[:300])
        assert "There is nothing here" in answer.text


async def test_an_address_that_is_none_is_a_page_in_the_same_design(mover: Running):
    answer = await mover.client.get("/nothing/here", headers=mover.owner.cookie | HTML)
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "Migrations" in answer.text  # the menu is there


async def test_every_page_says_a_need():
    for way in WAYS:
        assert isinstance(way.need, Permission | Open), named(way)
    addresses = [(way.method, way.path) for way in WAYS]
    assert len(addresses) == len(set(addresses))


async def test_what_no_text_can_have_is_refused(mover: Running, samples: dict[str, str]):
    for where in (
        f"/migrations/{samples['migration_id']}?filter=%00",
        "/connections/%00",
        "/audit?before=%00",
    ):
        answer = await mover.client.get(where, headers=mover.owner.cookie | HTML)
        assert answer.status_code == 422, where
    posted = await mover.client.post("/maps", headers=mover.owner.browser | HTML, data={"name": "a\0b"})
    assert posted.status_code == 422
