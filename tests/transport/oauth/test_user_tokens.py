"""A person's tokens against a server that rotates them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from tests.servers.acme import OAUTH
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, Answer, AuthorizationServer

from mover.errors import Locked, MoverError, NotFound, ServiceFault, SignInFailed, TimedOut, TokenRenewed
from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.refusals import AppMissing, AppRefused, GrantRefused
from mover.transport.oauth.tokens import (
    ACCESS_EXPIRES,
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    Exchange,
    MemoryKeeper,
    Secrets,
)
from mover.transport.oauth.user_tokens import user_tokens
from mover.vault.secret import Secret

APPS = {"box": AppRegistration(client_id=CLIENT_ID, client_secret=Secret(CLIENT_SECRET))}


@dataclass
class Keeping:
    keeper: Any
    apps: Mapping[str, AppRegistration] = field(default_factory=lambda: dict(APPS))


def config(server: AuthorizationServer, **values: object) -> SimpleNamespace:
    return SimpleNamespace(
        url=server.url,
        **{name: Secret(str(value)) if name != "client_id" else value for name, value in values.items()},
    )


def signed_in(server: AuthorizationServer, **more: object) -> tuple[SimpleNamespace, MemoryKeeper]:
    given = server.consent()
    values = {
        REFRESH_TOKEN: given["refresh_token"],
        ACCESS_TOKEN: given["access_token"],
        ACCESS_EXPIRES: f"{server.now_s() + 3600:.0f}",
        **more,
    }
    made = config(server, **values)
    return made, MemoryKeeper(
        {name: getattr(made, name) for name in (REFRESH_TOKEN, ACCESS_TOKEN, ACCESS_EXPIRES)}
    )


async def whoami(session: BearerSession, server: AuthorizationServer, **more: Any) -> int:
    async with session.request("GET", f"{server.url}/me", **more) as answer:
        return answer.status


async def test_tokens_that_are_good_are_used_without_asking(http: HttpSession, server: AuthorizationServer):
    made, keeper = signed_in(server)
    session = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper, {}), http))
    assert await whoami(session, server) == 200
    assert server.forms == []


async def test_they_are_renewed_ahead_of_their_end_and_on_401(http: HttpSession, server: AuthorizationServer):
    made, keeper = signed_in(server, access_expires=f"{server.now_s() + 200:.0f}")
    session = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper), http))
    assert await whoami(session, server) == 200
    assert len(server.exchanges) == 1

    server.expire("access")
    assert await whoami(session, server) == 200
    assert len(server.exchanges) == 2
    assert len(set(server.exchanges)) == 2
    assert server.is_good(keeper.secrets[REFRESH_TOKEN].reveal(), "refresh")
    assert float(keeper.secrets[ACCESS_EXPIRES].reveal()) > server.now_s() + 3000


async def test_a_body_that_is_used_up_says_so(http: HttpSession, server: AuthorizationServer):
    made, keeper = signed_in(server)
    session = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper), http))
    server.expire("access")

    async def body() -> Any:
        yield b"x"

    with pytest.raises(TokenRenewed):
        await whoami(session, server, body=body(), size=1)
    assert await whoami(session, server) == 200


async def test_a_token_that_another_process_renewed_is_taken_over(
    http: HttpSession, server: AuthorizationServer
):
    made, keeper = signed_in(server)
    first = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper), http))
    second = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper), http))
    server.expire("access")
    assert await whoami(first, server) == 200
    assert await whoami(second, server) == 200
    assert len(server.exchanges) == 1


async def test_a_token_without_a_known_end_is_used_until_it_is_refused(
    http: HttpSession, server: AuthorizationServer
):
    server.lifetime_s = None
    made, keeper = signed_in(server, access_expires="1")
    session = BearerSession(http, user_tokens(OAUTH, made, Keeping(keeper), http))
    assert await whoami(session, server) == 200
    assert keeper.secrets[ACCESS_EXPIRES].reveal() == "inf"
    server.skew_s += 10**6
    assert await whoami(session, server) == 200
    assert len(server.exchanges) == 2


@pytest.mark.parametrize("rubbish", ["soon", "nan", "", "-inf"])
async def test_an_end_that_cannot_be_read(http: HttpSession, server: AuthorizationServer, rubbish: str):
    made, keeper = signed_in(server, access_expires=rubbish)
    tokens = user_tokens(OAUTH, made, Keeping(keeper), http)
    assert server.is_good((await tokens.access()).reveal())
    assert len(server.exchanges) == (rubbish != "")


async def test_a_dead_refresh_token_is_shown_once_for_all_time(
    http: HttpSession, server: AuthorizationServer
):
    class Insistent:
        """Tries the predecessors, as the vault does."""

        async def renew(self, exchange: Exchange, _is_fresh: Any) -> Secrets:
            try:
                return await exchange(keeper.secrets)
            except SignInFailed:
                return await exchange(keeper.secrets)

    made, keeper = signed_in(server, access_expires="1")
    server.expire("refresh")
    tokens = user_tokens(OAUTH, made, Keeping(Insistent()), http)
    for _ in range(3):
        with pytest.raises(GrantRefused, match="invalid_grant"):
            await tokens.access()
    assert len(server.exchanges) == 1


async def test_predecessors_are_not_tried_with_an_app_that_is_refused(
    http: HttpSession, server: AuthorizationServer
):
    class Insistent:
        async def renew(self, exchange: Exchange, _is_fresh: Any) -> Secrets:
            try:
                return await exchange(keeper.secrets)
            except SignInFailed:
                return await exchange({**keeper.secrets, REFRESH_TOKEN: Secret("the one before")})

    made, keeper = signed_in(server, access_expires="1")
    wrong = {"box": AppRegistration(client_id="wrong")}
    with pytest.raises(AppRefused):
        await user_tokens(OAUTH, made, Keeping(Insistent(), wrong), http).access()
    assert len(server.forms) == 1

    server.expire("refresh")
    with pytest.raises(GrantRefused):
        await user_tokens(OAUTH, made, Keeping(Insistent()), http).access()
    assert len(server.forms) == 3


async def test_a_service_that_is_away_for_a_while(http: HttpSession, server: AuthorizationServer):
    made, keeper = signed_in(server, access_expires="1")
    server.instead.append(Answer(503))
    tokens = user_tokens(OAUTH, made, Keeping(keeper), http)
    with pytest.raises(ServiceFault):
        await tokens.access()
    assert server.is_good((await tokens.access()).reveal())


async def test_an_app_of_the_customers_own_comes_first(http: HttpSession, server: AuthorizationServer):
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "access_expires": "1"}
    made, keeper = signed_in(server, **given)
    wrong = {"box": AppRegistration(client_id="wrong")}
    tokens = user_tokens(OAUTH, made, Keeping(keeper, wrong), http)
    assert server.is_good((await tokens.access()).reveal())


async def test_without_an_app_it_is_said_what_the_operator_does(
    http: HttpSession, server: AuthorizationServer
):
    made, keeper = signed_in(server, access_expires="1")
    tokens = user_tokens(OAUTH, made, Keeping(keeper, {}), http)
    with pytest.raises(AppMissing, match="MOVER_BOX_CLIENT_ID"):
        await tokens.access()
    assert server.forms == []


async def test_an_access_token_alone_is_used_while_it_lasts(http: HttpSession, server: AuthorizationServer):
    given = server.consent()
    made = config(server, access_token=given["access_token"])
    session = BearerSession(http, user_tokens(OAUTH, made, Keeping(MemoryKeeper({}), {}), http))
    assert await whoami(session, server) == 200
    server.expire("access")
    with pytest.raises(SignInFailed):
        await whoami(session, server)


@pytest.mark.parametrize(
    ("trouble", "kind", "said"),
    [
        (NotFound("no secret is stored"), SignInFailed, "removed meanwhile"),
        (Locked("another process has the lease"), TimedOut, "another process"),
    ],
)
async def test_trouble_with_keeping_is_not_taken_for_trouble_with_an_entry(
    http: HttpSession, server: AuthorizationServer, trouble: MoverError, kind: type[MoverError], said: str
):
    class Troubled:
        async def renew(self, _exchange: Exchange, _is_fresh: Any) -> Secrets:
            raise trouble

    made, _ = signed_in(server, access_expires="1")
    with pytest.raises(kind, match=said):
        await user_tokens(OAUTH, made, Keeping(Troubled()), http).access()


async def test_nobody_has_signed_in_yet(http: HttpSession, server: AuthorizationServer):
    tokens = user_tokens(OAUTH, config(server), Keeping(MemoryKeeper({})), http)
    with pytest.raises(SignInFailed, match="nobody has signed in"):
        await tokens.access()
