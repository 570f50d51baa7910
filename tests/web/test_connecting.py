"""Connecting an account at a service's own page, seen from the server: who may finish what was begun, and what is kept of it."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from tests.api.installation import URL, Caller, Installation, Running, running
from tests.servers.oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    PEOPLE,
    Answer,
    AuthorizationServer,
    authorization_server,
)

from mover.accounts.actor import Role
from mover.accounts.tables import tickets
from mover.api.cookies import LEAVING_COOKIE
from mover.connections.records import Connection
from mover.connectors import registry
from mover.vault.secret import Secret

pytestmark = pytest.mark.slow

HTML = {"Accept": "text/html,*/*"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def server(certificates: Path) -> Iterator[AuthorizationServer]:
    with authorization_server(certificates) as made:
        made.redirects = (f"{URL}/connections/oauth/box/return",)
        yield made


@pytest.fixture
async def mover(
    installation: Installation,
    application: FastAPI,
    server: AuthorizationServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Running]:
    monkeypatch.setitem(registry._MODULES, "acme", "tests.servers.acme")
    monkeypatch.setenv("MOVER_CA_FILE", str(server.ca_file))
    monkeypatch.setenv("MOVER_BOX_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("MOVER_BOX_CLIENT_SECRET", CLIENT_SECRET)
    async with running(installation, tmp_path / "installation", application) as answering:
        yield answering


async def leave(
    mover: Running, where: str = "/connections/new/acme", **fields: str
) -> tuple[httpx.Response, str, str]:
    """Fill the form in; returns the page, where it leads, and the cookie."""
    answer = await mover.client.post(where, headers=mover.owner.browser | HTML, data=fields)
    mover.client.cookies.clear()
    refresh = answer.headers.get("refresh", "")
    cookie = re.search(rf"{LEAVING_COOKIE}=([^;]+)", answer.headers.get("set-cookie", ""))
    return answer, refresh.removeprefix("0; url="), cookie[1] if cookie else ""


async def come_back(mover: Running, caller: Caller, address: str, ticket: str) -> httpx.Response:
    cookie = f"{caller.cookie['Cookie']}; {LEAVING_COOKIE}={ticket}"
    answer = await mover.client.get(address.removeprefix(URL), headers={"Cookie": cookie} | HTML)
    mover.client.cookies.clear()
    return answer


async def saved(mover: Running) -> dict[str, Connection]:
    actor = mover.owner.session.signed_in.actor
    return {one.name: one for one in await mover.services.connections.all(actor)}


def form(server: AuthorizationServer, name: str = "work", **more: str) -> dict[str, str]:
    return {"name": name, "key-url": server.url, **more}


async def test_somebody_leaves_agrees_comes_back_and_is_connected(
    mover: Running, server: AuthorizationServer
):
    left, address, ticket = await leave(mover, **form(server))
    assert left.status_code == 200
    assert address in html.unescape(left.text)
    assert "HttpOnly" in left.headers["set-cookie"]

    back = server.agree(address)
    came = await come_back(mover, mover.owner, back, ticket)

    assert came.status_code == 200
    assert "work is connected: ann@example.org at Acme." in came.text
    assert came.headers["refresh"] == "0; url=/connections"
    assert came.headers["referrer-policy"] == "no-referrer"
    assert f'{LEAVING_COOKIE}=""' in str(came.headers)
    connection = (await saved(mover))["work"]
    assert connection.config == {"url": server.url, "account": "ann@example.org"}
    actor = mover.owner.session.signed_in.actor
    assert (await mover.services.connections.test(actor, connection.id)).email == "ann@example.org"
    shown = await mover.client.get("/connections", headers=mover.owner.cookie | HTML)
    assert "ann@example.org" in shown.text
    told = await mover.client.get(f"/app/v1/connections/{connection.id}", headers=mover.owner.cookie)
    assert told.json()["configuration"] == {"url": server.url, "account": "ann@example.org"}

    again = await come_back(mover, mover.owner, back, ticket)
    assert "was finished before" in again.text
    assert len(server.forms) == 1


async def test_signing_in_anew_keeps_the_connection_that_pairs_refer_to(
    mover: Running, server: AuthorizationServer
):
    _, address, ticket = await leave(mover, **form(server))
    await come_back(mover, mover.owner, server.agree(address), ticket)
    before = (await saved(mover))["work"]
    server.expire("access")
    server.expire("refresh")

    _, address, ticket = await leave(mover, f"/connections/{before.id}", **{"key-url": server.url})
    came = await come_back(mover, mover.owner, server.agree(address), ticket)

    assert "work is connected" in came.text
    after = (await saved(mover))["work"]
    assert (after.id, after.created_ns) == (before.id, before.created_ns)
    await mover.services.connections.test(mover.owner.session.signed_in.actor, after.id)


async def test_only_who_left_comes_back(mover: Running, server: AuthorizationServer):
    _, address, ticket = await leave(mover, **form(server))
    back = server.agree(address)
    callers = mover.installation.callers
    wrong = "took too long"

    for came in (
        await come_back(mover, mover.owner, back, ""),
        await come_back(mover, mover.owner, back, "another"),
        await come_back(mover, mover.owner, back.replace("state=", "state=0"), ticket),
        await come_back(mover, mover.owner, f"{back}&state=2", ticket),
    ):
        assert wrong in came.text
    assert server.forms == []
    assert "work" not in await saved(mover)
    # Each of these uses the ticket up: somebody has it who should not.
    for other in (callers[Role.ADMINISTRATOR], mover.installation.stranger):
        _, address, ticket = await leave(mover, **form(server))
        back = server.agree(address)
        assert wrong in (await come_back(mover, other, back, ticket)).text
        assert wrong in (await come_back(mover, mover.owner, back, ticket)).text
    assert server.forms == []

    _, address, ticket = await leave(mover, **form(server))
    elsewhere = server.agree(address).replace("/oauth/box/", "/oauth/google/")
    assert wrong in (await come_back(mover, mover.owner, elsewhere, ticket)).text
    _, address, ticket = await leave(mover, **form(server))
    stranger = await mover.client.get(
        server.agree(address).removeprefix(URL), headers={"Cookie": f"{LEAVING_COOKIE}={ticket}"} | HTML
    )
    assert (stranger.status_code, stranger.headers["location"]) == (303, "/sign-in")
    viewer = await come_back(mover, callers[Role.VIEWER], server.agree(address), ticket)
    assert viewer.status_code == 403


async def test_ten_minutes_are_the_limit(mover: Running, server: AuthorizationServer):
    _, address, ticket = await leave(mover, **form(server))
    past = update(tickets).values(expires_ns=1)
    await mover.services.database.write(lambda transaction: transaction.execute(past))
    came = await come_back(mover, mover.owner, server.agree(address), ticket)
    assert "took too long" in came.text
    assert server.forms == []


async def test_what_waits_in_the_database_opens_nothing(
    mover: Running, server: AuthorizationServer, tmp_path: Path
):
    more = {"key-client_id": CLIENT_ID, "key-client_secret": "canary-of-the-secret"}
    _, address, ticket = await leave(mover, **form(server, **more))
    folder = tmp_path / "installation"
    query = select(tickets.c.details).where(tickets.c.purpose == "connection")
    details = await mover.services.database.read(lambda transaction: transaction.scalar(query))
    assert details is not None
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert server.url not in details
    for secret in ("canary-of-the-secret", ticket, dict(parse_qsl(urlsplit(address).query))["state"]):
        assert secret.encode() not in everything
        assert secret not in details


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Answer(400, b'{"error": "invalid_grant", "error_description": "code expired"}'), "code expired"),
        (Answer(503), "reports a fault of its own"),
        (Answer(0), "without an answer"),
        (Answer(200, b"<html>"), "cannot be read"),
        (Answer(429, b"", {"Retry-After": "60"}), "asks for fewer sign-ins"),
    ],
)
async def test_trouble_at_the_service_is_told_and_nothing_is_saved(
    mover: Running, server: AuthorizationServer, trouble: Answer, said: str
):
    _, address, ticket = await leave(mover, **form(server))
    server.instead.append(trouble)
    came = await come_back(mover, mover.owner, server.agree(address), ticket)
    assert came.status_code == 200
    assert said in html.unescape(came.text)
    assert "work" not in await saved(mover)


async def test_a_no_and_the_wrong_account_are_told(mover: Running, server: AuthorizationServer):
    _, address, ticket = await leave(mover, **form(server))
    no = server.back(dict(parse_qsl(urlsplit(address).query)), None)
    came = await come_back(mover, mover.owner, no, ticket)
    assert "access_denied: The person said no." in came.text

    _, address, ticket = await leave(mover, **form(server, **{"key-allowed_domain": "example.org"}))
    came = await come_back(mover, mover.owner, server.agree(address, PEOPLE[1]), ticket)
    assert "ben@elsewhere.example is not an account of example.org" in came.text
    assert "work" not in await saved(mover)


async def test_a_name_that_is_taken_or_none_keeps_people_here(mover: Running, server: AuthorizationServer):
    _, address, ticket = await leave(mover, **form(server))
    await come_back(mover, mover.owner, server.agree(address), ticket)
    for name, said in (
        ("work", "already"),
        ("a b", "begins with a letter"),
        ("", "Give the connection a name"),
    ):
        answer, address, _ = await leave(mover, **form(server, name))
        assert (answer.status_code, address) == (422, "")
        assert said in html.unescape(answer.text)


async def test_a_name_that_is_taken_meanwhile_is_told(mover: Running, server: AuthorizationServer):
    first, second = await leave(mover, **form(server)), await leave(mover, **form(server))
    for (_, address, ticket), said in ((first, "work is connected"), (second, "already")):
        came = await come_back(mover, mover.owner, server.agree(address), ticket)
        assert said in html.unescape(came.text)


async def test_without_an_app_people_read_what_to_do(
    mover: Running, server: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mover.services.connections, "_apps", {})
    page = await mover.client.get("/connections/new/acme", headers=mover.owner.cookie | HTML)
    for text in ("MOVER_BOX_CLIENT_ID", f"{URL}/connections/oauth/box/return"):
        assert text in page.text
    answer, address, _ = await leave(mover, **form(server))
    assert (answer.status_code, address) == (422, "")
    assert "MOVER_BOX_CLIENT_ID" in answer.text
    own = {"key-client_id": CLIENT_ID, "key-client_secret": CLIENT_SECRET}
    _, address, ticket = await leave(mover, **form(server, **own))
    came = await come_back(mover, mover.owner, server.agree(address), ticket)
    assert "work is connected" in came.text


async def test_deleting_tells_what_the_service_did_about_it(mover: Running, server: AuthorizationServer):
    for trouble, said in ((None, "has withdrawn"), (Answer(500), "could not be told")):
        _, address, ticket = await leave(mover, **form(server))
        await come_back(mover, mover.owner, server.agree(address), ticket)
        connection = (await saved(mover))["work"]
        server.instead.extend([trouble] if trouble else [])
        where = f"/connections/{connection.id}/delete"
        assert "asked to withdraw" in (await mover.client.get(where, headers=mover.owner.cookie | HTML)).text
        gone = await mover.client.post(where, headers=mover.owner.browser | HTML)
        shown = await mover.client.get(
            "/connections",
            headers=mover.owner.cookie
            | HTML
            | {
                "Cookie": f"{mover.owner.cookie['Cookie']}; __Host-mover-said={gone.cookies['__Host-mover-said']}"
            },
        )
        assert said in html.unescape(shown.text)
        assert await saved(mover) == {
            name: one for name, one in (await saved(mover)).items() if name != "work"
        }


async def test_an_organisation_that_is_deleted_gives_its_tokens_back(
    mover: Running, server: AuthorizationServer
):
    _, address, ticket = await leave(mover, **form(server))
    await come_back(mover, mover.owner, server.agree(address), ticket)
    owner = mover.owner.session.signed_in

    await mover.services.organisations.delete(owner, typed_name="Example Ltd")

    assert len(server.revocations) == 1
    assert not any(token.kind != "code" and not token.spent for token in server.tokens.values())


async def test_a_page_of_ones_own_can_begin_it_and_a_program_cannot(
    mover: Running, server: AuthorizationServer
):
    body = {"name": "work", "service": "acme", "configuration": {"url": server.url}}
    answer = await mover.client.post("/app/v1/connections/sign-ins", headers=mover.owner.browser, json=body)
    assert answer.status_code == 201
    ticket = answer.cookies[LEAVING_COOKIE]
    mover.client.cookies.clear()
    came = await come_back(mover, mover.owner, server.agree(answer.json()["address"]), ticket)
    assert "work is connected" in came.text

    again = {"connection_id": (await saved(mover))["work"].id, "configuration": {"url": server.url}}
    for call, status in ((again, 201), ({"configuration": {}}, 422), (body, 409)):
        answer = await mover.client.post(
            "/app/v1/connections/sign-ins", headers=mover.owner.browser, json=call
        )
        assert answer.status_code == status
    by_key = await mover.client.post("/api/v1/connections/sign-ins", headers=mover.owner.bearer, json=body)
    assert by_key.status_code in {404, 405}


async def test_programs_connect_with_tokens_that_they_were_given(mover: Running, server: AuthorizationServer):
    given = server.consent()
    configuration = {"url": server.url, "refresh_token": given["refresh_token"]}
    answer = await mover.client.post(
        "/api/v1/connections",
        headers=mover.owner.bearer,
        json={"name": "dev", "service": "acme", "configuration": configuration},
    )
    assert answer.status_code == 201
    assert given["refresh_token"] not in answer.text
    tested = await mover.client.post(
        f"/api/v1/connections/{answer.json()['id']}/test", headers=mover.owner.bearer
    )
    assert tested.json()["description"] == "ann@example.org at Acme"
    actor = mover.owner.session.signed_in.actor
    assert (
        Secret(given["refresh_token"])
        not in (
            await mover.services.connections._vault.fetch_all(
                f"organisation:{actor.organisation_id}", f"connection:{answer.json()['id']}"
            )
        ).values()
    )
