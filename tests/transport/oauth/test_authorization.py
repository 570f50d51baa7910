"""The way to a service's page and back."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.servers.acme import BEARER_OAUTH, OAUTH
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, Answer, AuthorizationServer

from mover.errors import MoverError, ProtocolViolation, ServiceFault
from mover.transport.http import HttpSession
from mover.transport.oauth.authorization import (
    NotTheOneWhoLeft,
    SignInRefused,
    authorization_address,
    code_of,
    redeem,
)
from mover.transport.oauth.description import AppRegistration, OAuthDescription
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.refusals import AppMissing, AppRefused, GrantRefused
from mover.transport.oauth.revocation import revoke_tokens
from mover.transport.oauth.tokens import ACCESS_TOKEN, REFRESH_TOKEN
from mover.vault.secret import Secret

APP = AppRegistration(client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET))
PROOFS = Proofs.of(Secret("ticket"), "connection")
BACK = "https://mover.example.org/connections/oauth/box/return"
CONFIG = SimpleNamespace(url="https://acme.example", allowed_domain=None)


def came(server: AuthorizationServer, proofs: Proofs = PROOFS, redirect_uri: str = BACK) -> dict[str, str]:
    config = SimpleNamespace(url=server.url, allowed_domain=None)
    address = authorization_address(OAUTH, config, APP, proofs, redirect_uri)
    return dict(parse_qsl(urlsplit(server.agree(address)).query))


def test_the_address_says_all_that_is_needed_and_nothing_secret():
    config = SimpleNamespace(url="https://acme.example", allowed_domain="example.org")
    address = authorization_address(OAUTH, config, APP, PROOFS, BACK)
    digest = hashlib.sha256(PROOFS.verifier.reveal().encode()).digest()
    assert dict(parse_qsl(urlsplit(address).query)) == {
        "access_type": "offline",
        "hd": "example.org",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": BACK,
        "scope": "files",
        "state": PROOFS.state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert PROOFS.verifier.reveal() not in address
    assert 43 <= len(PROOFS.verifier.reveal()) <= 128  # RFC 7636 section 4.1


def test_proofs_of_other_tickets_and_purposes_are_others():
    others = [Proofs.of(Secret("other"), "connection"), Proofs.of(Secret("ticket"), "openid")]
    for other in others:
        assert other.state != PROOFS.state
        assert other.verifier != PROOFS.verifier
        assert not other.state_matches(PROOFS.state)
    assert "verifier" not in repr(PROOFS)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({}, NotTheOneWhoLeft),
        ({"code": "c", "state": "wrong"}, NotTheOneWhoLeft),
        ({"code": "c", "state": "\ud800"}, NotTheOneWhoLeft),
        ({"error": "access_denied", "state": "wrong"}, NotTheOneWhoLeft),
        ({"error": "access_denied", "error_description": "no", "state": PROOFS.state}, SignInRefused),
        ({"code": "c", "state": PROOFS.state, "iss": "https://evil.example"}, ProtocolViolation),
        ({"state": PROOFS.state}, ProtocolViolation),
        ({"code": "", "state": PROOFS.state}, ProtocolViolation),
        ({"code": "c\r\nx", "state": PROOFS.state}, ProtocolViolation),
        ({"code": "c" * 9000, "state": PROOFS.state}, ProtocolViolation),
    ],
)
def test_what_does_not_belong_to_what_was_begun(answer: dict[str, str], kind: type[MoverError]):
    with pytest.raises(kind):
        code_of(answer, OAUTH, CONFIG, PROOFS)


@pytest.mark.parametrize("iss", [{}, {"iss": "https://acme.example"}])
def test_the_code_is_taken(iss: dict[str, str]):
    assert code_of({"code": "c", "state": PROOFS.state, **iss}, OAUTH, CONFIG, PROOFS) == Secret("c")


async def test_a_code_is_exchanged_once(http: HttpSession, server: AuthorizationServer):
    answer = came(server)
    config = SimpleNamespace(url=server.url)
    code = code_of(answer, OAUTH, config, PROOFS)
    granted = await redeem(http, OAUTH, config, APP, code, PROOFS, BACK)
    assert server.is_good(granted.access_token.reveal())
    with pytest.raises(GrantRefused):
        await redeem(http, OAUTH, config, APP, code, PROOFS, BACK)


@pytest.mark.parametrize("wrong", ["verifier", "redirect", "code"])
async def test_a_code_alone_is_worth_nothing(http: HttpSession, server: AuthorizationServer, wrong: str):
    code = Secret("guessed" if wrong == "code" else came(server)["code"])
    proofs = Proofs.of(Secret("another"), "connection") if wrong == "verifier" else PROOFS
    back = f"{BACK}/" if wrong == "redirect" else BACK
    with pytest.raises(GrantRefused):
        await redeem(http, OAUTH, SimpleNamespace(url=server.url), APP, code, proofs, back)


@pytest.mark.parametrize("description", [OAUTH, BEARER_OAUTH])
async def test_tokens_are_revoked_and_dead_ones_are_fine(
    http: HttpSession, server: AuthorizationServer, description: OAuthDescription
):
    given = server.consent()
    secrets = {
        REFRESH_TOKEN: Secret(given["refresh_token"]),
        ACCESS_TOKEN: Secret(given["access_token"]),
    }
    config = SimpleNamespace(url=server.url, **secrets)
    for _ in range(2):
        await revoke_tokens(http, description, config, secrets, {"box": APP})
        assert not server.is_good(given["access_token"])
        assert not server.is_good(given["refresh_token"], "refresh")


async def test_an_access_token_that_has_ended_is_renewed_to_revoke_all(
    http: HttpSession, server: AuthorizationServer
):
    given = server.consent()
    server.expire("access")
    secrets = {
        REFRESH_TOKEN: Secret(given["refresh_token"]),
        ACCESS_TOKEN: Secret(given["access_token"]),
    }
    await revoke_tokens(http, BEARER_OAUTH, SimpleNamespace(url=server.url, **secrets), secrets, {"box": APP})
    assert all(token.spent for token in server.tokens.values() if token.until_s)


@pytest.mark.parametrize(
    ("code", "kind"), [("invalid_token", None), ("invalid_grant", None), ("invalid_client", AppRefused)]
)
async def test_what_a_service_says_to_a_revocation(
    http: HttpSession, server: AuthorizationServer, code: str, kind: type[MoverError] | None
):
    server.instead.append(Answer(400, f'{{"error": "{code}"}}'.encode()))
    config, secrets = SimpleNamespace(url=server.url), {REFRESH_TOKEN: Secret("r")}
    if kind is None:
        await revoke_tokens(http, OAUTH, config, secrets, {"box": APP})
    else:
        with pytest.raises(kind):
            await revoke_tokens(http, OAUTH, config, secrets, {"box": APP})


async def test_a_revocation_that_cannot_be_done(http: HttpSession, server: AuthorizationServer):
    config, secrets = SimpleNamespace(url=server.url), {REFRESH_TOKEN: Secret("r")}
    with pytest.raises(AppMissing):
        await revoke_tokens(http, OAUTH, config, secrets, {})
    server.instead.append(Answer(500))
    with pytest.raises(ServiceFault):
        await revoke_tokens(http, OAUTH, config, secrets, {"box": APP})
