"""Giving tokens back to the service that gave them (RFC 7009, and the vendors' likenesses of it)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mover.transport.http import HttpSession
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.description import AppRegistration, OAuthDescription, RevokeBy
from mover.transport.oauth.endpoint import show_token
from mover.transport.oauth.refusals import GrantRefused
from mover.transport.oauth.tokens import ACCESS_TOKEN, REFRESH_TOKEN, MemoryKeeper, Secrets
from mover.transport.oauth.user_tokens import app_for, user_tokens
from mover.transport.status import error_from_status

_DEAD_ALREADY = frozenset({"invalid_token", "invalid_grant"})
_UNAUTHORIZED = 401


@dataclass(frozen=True)
class _Keeping:
    keeper: MemoryKeeper
    apps: Mapping[str, AppRegistration]


async def revoke_tokens(
    http: HttpSession,
    description: OAuthDescription,
    config: Any,
    secrets: Secrets,
    apps: Mapping[str, AppRegistration],
    *,
    now: Callable[[], float] = time.time,
) -> None:
    """Revoke tokens at a service that has an address for that. Tokens that are no longer good are fine, too.

    Raises AppRefused, AppMissing, Throttled, ServiceFault, Unreachable, TimedOut, ProtocolViolation, ...
    """
    assert description.revoke_url is not None
    url = description.revoke_url(config)
    try:
        if description.revoke_by is RevokeBy.BEARER:
            await _revoke_as_bearer(
                http, url, description, config, _Keeping(MemoryKeeper(secrets), apps), now
            )
            return
        await show_token(
            http,
            url,
            description.revoke_parameters(secrets.get(REFRESH_TOKEN) or secrets[ACCESS_TOKEN]),
            app=app_for(description, config, apps),
            proof=description.proof,
            now=now,
        )
    except GrantRefused as error:
        if error.code not in _DEAD_ALREADY:
            raise


async def _revoke_as_bearer(
    http: HttpSession,
    url: str,
    description: OAuthDescription,
    config: Any,
    keeping: _Keeping,
    now: Callable[[], float],
) -> None:
    tokens = user_tokens(description, config, keeping, http, now=now)
    async with BearerSession(http, tokens).request("POST", url, body=b"", operation="sign-out") as answer:
        if answer.status == _UNAUTHORIZED:
            return  # dead already
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
            raise error_from_status(answer.status, headers=answer.headers, operation="sign-out", now=now)
