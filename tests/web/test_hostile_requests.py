"""Requests that no page of ours makes: refused as what they are, never as a defect, and never at the cost of others."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import AsyncGenerator, AsyncIterator
from http import HTTPStatus
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from tests.api.installation import URL, Running

from mover.accounts.queries import password_resets
from mover.accounts.records import Client
from mover.accounts.single_sign_on import Departure, SingleSignOn
from mover.accounts.tokens import hashed, new_token
from mover.errors import SignInFailed, Throttled
from mover.vault.secret import Secret
from mover.web.app import make_house
from mover.web.live import Live
from mover.web.visit import Visit
from mover.web.ways import LARGEST_FORM_BYTES

HTML = {"Accept": "text/html,*/*"}
STRANGER = {"Origin": URL, "Sec-Fetch-Site": "same-origin"} | HTML
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def defects(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name.startswith("mover")]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=x" % n for n in range(3000))),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("multipart/form-data", b"garbage"),
    ],
)
async def test_a_form_that_is_none_is_no_defect(
    mover: Running, kind: str, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever could have a defect logged at will could fill the log, and wake somebody."""
    answer = await mover.client.post("/sign-in", headers=STRANGER | {"Content-Type": kind}, content=content)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert defects(caplog) == []


async def test_a_form_without_its_length_is_not_larger_than_others(mover: Running) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for n in range(60):
            piece = b"f%d=%s&" % (n, b"x" * 50_000)
            sent += len(piece)
            yield piece

    answer = await mover.client.post("/sign-in", headers=STRANGER | FORM, content=pieces())

    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert sent < 2 * LARGEST_FORM_BYTES


async def test_nothing_is_read_of_who_is_not_signed_in(mover: Running, samples: dict[str, str]) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(20):
            sent += 50_000
            yield b"x" * 50_000

    where = f"/migrations/{samples['migration_id']}/imports"
    answer = await mover.client.post(where, headers=STRANGER | FORM, content=pieces())

    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/sign-in")
    assert sent <= 50_000


async def test_an_address_to_go_to_ends_no_header(mover: Running, samples: dict[str, str]) -> None:
    answer = await mover.client.post(
        f"/migrations/{samples['migration_id']}/run",
        headers=mover.owner.browser | HTML | {"HX-Request": "true"},
        data={"act": "start", "back": "?€\r\nSet-Cookie: a=b"},
    )

    assert answer.status_code == HTTPStatus.OK
    where = answer.headers["hx-redirect"]
    assert where.endswith("?%E2%82%AC%0D%0ASet-Cookie:%20a=b")


@pytest.mark.parametrize(
    "where",
    [
        "/migrations/{migration_id}?limit=" + "9" * 5000,
        "/migrations/{migration_id}/live?ids=" + "9" * 5000,
        "/folders?side=source&walk=" + "[" * 2000,
        "/folders?side=source&walk=5",
        "/folders?side=source&walk=[1]",
        "/folders?side=source&walk={{}}",
        "/folders?side=source&source_exact=" + "[" * 2000,
    ],
)
async def test_rubbish_in_an_address_is_no_defect(
    mover: Running, samples: dict[str, str], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await mover.client.get(where.format(**samples), headers=mover.owner.cookie | HTML)

    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    assert defects(caplog) == []


@pytest.mark.parametrize(
    ("where", "field", "value"),
    [
        ("/migrations/{migration_id}/settings", "version", "9" * 5000),
        ("/migrations/{migration_id}/settings", "version", "9" * 30),
        ("/pairs/{pair_id}/settings", "version", "9" * 5000),
        ("/pairs/{pair_id}/settings", "priority", "--5"),
    ],
)
async def test_rubbish_in_a_form_is_no_defect(
    mover: Running,
    samples: dict[str, str],
    where: str,
    field: str,
    value: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = where.format(**samples)
    page = (await mover.client.get(address, headers=mover.owner.cookie | HTML)).text
    boxes = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
    filled_in = {name: html.unescape(text) for name, text in boxes} | {"version": "1"}
    assert field in filled_in
    for name in ("source", "destination"):
        filled_in |= dict(re.findall(rf'<select[^>]*name="({name})".*?value="([^"]+)"', page, re.DOTALL))

    answer = await mover.client.post(
        address, headers=mover.owner.browser | HTML, data=filled_in | {field: value}
    )

    assert answer.status_code in {HTTPStatus.SEE_OTHER, HTTPStatus.UNPROCESSABLE_ENTITY}, answer.text
    assert defects(caplog) == []


async def test_a_browser_that_set_a_new_password_is_known(mover: Running) -> None:
    """Whoever keeps an account's counter of wrong passwords full must not keep its owner out who has the mail."""
    services, owner = mover.services, mover.owner
    token, now_ns = new_token(), int(services.now() * 1e9)
    await services.database.write(
        lambda transaction: password_resets.add(
            transaction, hashed(token), owner.person_id, now_ns=now_ns, expires_ns=now_ns + 10**12
        )
    )
    new = "copper meadow lantern 9"
    answer = await mover.client.post(
        f"/new-password/{token.reveal()}", headers=STRANGER, data={"password": new}
    )
    assert answer.status_code == HTTPStatus.SEE_OTHER
    for _ in range(8):
        with contextlib.suppress(SignInFailed, Throttled):
            await services.sign_in.with_password("owner@example.org", Secret("wrong"), Client("203.0.113.9"))

    came = await mover.client.post(
        "/sign-in", headers=STRANGER, data={"email": "owner@example.org", "password": new}
    )

    assert came.status_code == HTTPStatus.SEE_OTHER, came.text
    assert came.headers["location"] == "/"


async def test_streams_asked_for_at_the_same_moment_are_counted_too(mover: Running) -> None:
    """Each asks the database once a second: one person must not have any number of them by asking for all at once."""
    live = Live(at_once=3)
    house = make_house(mover.services, live=live)
    request = Request({"type": "http", "headers": [(b"cookie", mover.owner.cookie["Cookie"].encode())]})
    visit = Visit(house, request, mover.owner.session.signed_in)

    async def pieces(_visit: Visit) -> dict[str, str]:
        return {"piece": "<p>here</p>"}

    answers = [await visit.live(pieces) for _ in range(10)]
    streams = [
        cast("AsyncGenerator[bytes, None]", answer.body_iterator)
        for answer in answers
        if isinstance(answer, StreamingResponse)
    ]
    sent = []
    for stream in streams:
        await anext(stream)  # how long the browser waits before it comes again
        sent.append(await anext(stream, b""))

    assert sum(b"here" in piece for piece in sent) == 3
    for stream in streams:
        await stream.aclose()


async def test_an_organisation_has_a_way_in_that_others_cannot_take_away(
    mover: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody who owns an organisation can lay claim to the domain of another: then no address leads to either any more."""
    organisation_id = mover.owner.organisation_id
    asked: list[str] = []

    async def begin(_sign_on: SingleSignOn, organisation_id: str, _client: Client) -> Departure:
        asked.append(organisation_id)
        return Departure("https://login.example.org/authorize?x=y", new_token())

    shown = await mover.client.get("/organisation", headers=mover.owner.cookie | HTML)
    monkeypatch.setattr(SingleSignOn, "begin", begin)
    page = await mover.client.get(f"/sign-in/organisation/{organisation_id}", headers=HTML)
    assert (page.status_code, asked) == (HTTPStatus.OK, [])  # a link from elsewhere signs nobody in
    answer = await mover.client.post(f"/sign-in/organisation/{organisation_id}", headers=STRANGER)

    assert f'action="/sign-in/organisation/{organisation_id}"' in page.text
    assert f"{URL}/sign-in/organisation/{organisation_id}" in shown.text
    assert asked == [organisation_id]
    assert answer.headers["refresh"] == "0; url=https://login.example.org/authorize?x=y"
    assert "__Host-mover-ticket=" in answer.headers["set-cookie"]


async def test_an_organisation_without_a_provider_has_no_such_way(mover: Running) -> None:
    for organisation_id in (mover.owner.organisation_id, "0" * 32):
        answer = await mover.client.post(f"/sign-in/organisation/{organisation_id}", headers=STRANGER)
        assert answer.status_code == HTTPStatus.NOT_FOUND
