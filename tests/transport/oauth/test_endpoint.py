"""The token endpoint tells the truth, lies, or is away: what is made of it, and that no secret comes back in an error."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, Answer, AuthorizationServer
from tests.transport.conftest import LOOPBACK

from mover.errors import (
    MoverError,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
    UntrustedServer,
)
from mover.transport.egress import Egress
from mover.transport.http import HttpSession
from mover.transport.oauth.description import AppRegistration, ClientProof
from mover.transport.oauth.endpoint import Granted, request_token, show_token
from mover.transport.oauth.refusals import AppRefused, GrantRefused
from mover.vault.secret import Secret

APP = AppRegistration(client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET))
CANARY = "canary/of+a refresh=token"


async def ask(http: HttpSession, server: AuthorizationServer, token: str = CANARY, **more: Any) -> Granted:
    form: dict[str, str | Secret] = {"grant_type": "refresh_token", "refresh_token": Secret(token)}
    return await request_token(http, f"{server.url}/token", form, **{"app": APP, **more})


def told(
    server: AuthorizationServer, status: int = 200, headers: dict[str, str] | None = None, **body: Any
) -> None:
    server.instead.append(Answer(status, json.dumps(body).encode(), headers or {}))


@pytest.mark.parametrize("proof", ClientProof)
async def test_a_refresh_token_is_exchanged(
    http: HttpSession, server: AuthorizationServer, proof: ClientProof
):
    given = server.consent()

    granted = await ask(http, server, given["refresh_token"], proof=proof)

    assert server.is_good(granted.access_token.reveal())
    assert granted.refresh_token is not None
    assert (granted.lifetime_s, granted.scopes) == (3600, ("files",))
    assert granted.access(1000).expires_s == 4600
    (form,) = server.forms
    assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)


async def test_a_public_client_shows_no_secret(http: HttpSession, server: AuthorizationServer):
    told(server, access_token="a")
    await ask(http, server, app=AppRegistration(client_id="public"))
    assert server.forms[0].keys() == {"grant_type", "refresh_token", "client_id"}


@pytest.mark.parametrize(
    ("expires_in", "lifetime_s"),
    [
        (3600, 3600),
        (3599.5, 3599.5),
        ("3600", 3600),
        (0, 0),
        (-1, None),
        (None, None),
        (1e300, 316_224_000),
    ],
)
async def test_lifetimes_come_in_many_spellings(
    http: HttpSession, server: AuthorizationServer, expires_in: object, lifetime_s: float | None
):
    told(server, access_token="a", token_type="BEARER", expires_in=expires_in)
    assert (await ask(http, server)).lifetime_s == lifetime_s


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"[]",
        b"null",
        b'"access_token"',
        b"{}",
        b'{"access_token": 7}',
        b'{"access_token": ""}',
        b'{"access_token": "a b"}',
        b'{"access_token": "a\\r\\nX-Evil: 1"}',
        '{"access_token": "é"}'.encode(),
        b'{"access_token": "' + b"a" * 40_000 + b'"}',
        b'{"access_token": "a", "token_type": "mac"}',
        b'{"access_token": "a", "expires_in": "soon"}',
        b'{"access_token": "a", "expires_in": "nan"}',
        b'{"access_token": "a", "expires_in": [1]}',
        b'{"access_token": "a", "refresh_token": "r\\u0000"}',
        b'{"access_token": "a", "id_token": "\\n"}',
        b"[" * 100_000,
        b'{"access_token": "\xff"}',
        b"x" * 300_000,
    ],
)
async def test_what_is_no_answer_is_refused(http: HttpSession, server: AuthorizationServer, body: bytes):
    server.instead.append(Answer(200, body))
    with pytest.raises(ProtocolViolation):
        await ask(http, server)


@pytest.mark.parametrize("status", [200, 400, 401, 403])
async def test_a_grant_that_is_not_good_any_more(http: HttpSession, server: AuthorizationServer, status: int):
    told(server, status, error="invalid_grant", error_description="Token has been expired or revoked.")
    with pytest.raises(GrantRefused, match="Token has been expired") as caught:
        await ask(http, server)
    assert (caught.value.code, type(caught.value)) == ("invalid_grant", GrantRefused)
    assert "Connect the account again" in caught.value.advice


@pytest.mark.parametrize("code", ["invalid_client", "unauthorized_client", "invalid_scope"])
async def test_an_app_that_is_not_accepted_is_not_the_persons_fault(
    http: HttpSession, server: AuthorizationServer, code: str
):
    told(server, 401, error=code)
    with pytest.raises(AppRefused) as caught:
        await ask(http, server)
    assert isinstance(caught.value, SignInFailed)
    assert "registration" in caught.value.advice


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "retry_after_s"),
    [
        (429, {"Retry-After": "7"}, {"error": "slow_down"}, Throttled, 7),
        (429, {}, {}, Throttled, None),
        (409, {"Retry-After": "9"}, {}, Throttled, 9),
        (403, {"Retry-After": "3"}, {}, Throttled, 3),
        (503, {"Retry-After": "11"}, {}, Throttled, 11),
        (503, {}, {}, ServiceFault, None),
        (500, {}, {"error": "server_error"}, ServiceFault, None),
        (400, {}, {"error": "temporarily_unavailable"}, ServiceFault, None),
        (302, {"Location": "https://evil.example/"}, {}, ProtocolViolation, None),
        (403, {}, {}, GrantRefused, None),
        (404, {}, {}, ProtocolViolation, None),
        (409, {}, {"error": "conflict"}, ProtocolViolation, None),
        (410, {}, {}, ProtocolViolation, None),
        (413, {}, {}, ProtocolViolation, None),
        (507, {}, {}, ProtocolViolation, None),
    ],
)
async def test_trouble_at_the_service(
    http: HttpSession,
    server: AuthorizationServer,
    status: int,
    headers: dict[str, str],
    body: dict[str, str],
    kind: type[MoverError],
    retry_after_s: float | None,
):
    told(server, status, headers, **body)
    with pytest.raises(kind) as caught:
        await ask(http, server)
    assert getattr(caught.value, "retry_after_s", None) == retry_after_s
    assert len(server.forms) == 1


async def test_a_server_that_hangs_up_or_is_not_itself(http: HttpSession, server: AuthorizationServer):
    server.instead.append(Answer(0))
    with pytest.raises(Unreachable):
        await ask(http, server)
    strange = Egress(allowed=LOOPBACK)
    with pytest.raises(UntrustedServer):
        await ask(strange.http("acme"), server)
    await strange.close()
    assert len(server.forms) == 1


@pytest.mark.parametrize("status", [400, 401, 418, 500])
@pytest.mark.parametrize("echo", ["refresh_token", "client_secret", "body"])
async def test_a_service_that_repeats_what_it_was_sent_is_not_repeated(
    http: HttpSession, server: AuthorizationServer, status: int, echo: str
):
    said = {
        "refresh_token": f"bad token {CANARY}",
        "client_secret": f"who is {CLIENT_SECRET}?",
        "body": "grant_type=refresh_token&refresh_token=canary%2Fof%2Ba+refresh%3Dtoken&client_secret=s3cret+%26+more",
    }[echo]
    told(server, status, error=said, error_description=said)
    with pytest.raises(MoverError) as caught:
        await ask(http, server)
    error: BaseException | None = caught.value
    shown = "".join(traceback.format_exception(caught.value))
    while error is not None:
        shown += f"{error!r} {error.args} {vars(error)}"
        error = error.__cause__ or error.__context__
    assert "canary" not in shown
    assert "s3cret" not in shown


async def test_a_token_is_shown_to_an_endpoint_that_says_yes_or_no(
    http: HttpSession, server: AuthorizationServer
):
    given = server.consent()
    await show_token(http, f"{server.url}/revoke", {"token": Secret(given["refresh_token"])}, app=APP)
    assert server.revocations == [given["refresh_token"]]
    told(server, 503)
    with pytest.raises(ServiceFault):
        await show_token(http, f"{server.url}/revoke", {"token": Secret("x")}, app=APP)
