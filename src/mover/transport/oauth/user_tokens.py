"""Tokens of a person who signed in with a browser: a refresh token, and the access tokens that it is exchanged for.

All of them are kept where the connection's secrets are, so that many processes live on one exchange. Which of them exchanges
is decided by the keeper (in the vault: a lease), since a refresh token may be good for one exchange only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mover.errors import Locked, NotFound, SignInFailed, TimedOut
from mover.transport.http import HttpSession
from mover.transport.oauth.description import AppRegistration, OAuthDescription
from mover.transport.oauth.endpoint import Granted, request_token
from mover.transport.oauth.holding import AHEAD_S, AccessToken, HeldToken
from mover.transport.oauth.refusals import AppMissing, AppRefused, GrantRefused
from mover.transport.oauth.tokens import (
    ACCESS_EXPIRES,
    ACCESS_TOKEN,
    REFRESH_TOKEN,
    Exchange,
    FixedTokens,
    Secrets,
    TokenKeeper,
    Tokens,
)
from mover.vault.secret import Secret


class Keeping(Protocol):
    """What is needed of a connector's surroundings."""

    @property
    def keeper(self) -> TokenKeeper:
        """Renews the connection's tokens, as one process of all."""

    @property
    def apps(self) -> Mapping[str, AppRegistration]:
        """As what Mover is registered, by vendor."""


def user_tokens(
    description: OAuthDescription,
    config: Any,
    surroundings: Keeping,
    http: HttpSession,
    *,
    now: Callable[[], float] = time.time,
) -> Tokens:
    """Return the tokens of a connection, without any I/O.

    With a refresh token they are renewed ahead of their end and when the service refuses one, and kept by
    `surroundings.keeper`. An access token alone is used as long as the service takes it.

    Args:
        description: Of the service.
        config: With the keys `refresh_token`, `access_token`, `access_expires` and, of an app of the customer's own,
            `client_id` and `client_secret`; each may be missing.
        surroundings: Of the connector.
        http: The way to the token endpoint.
        now: Seconds since 1970 UTC.

    `access` raises SignInFailed (GrantRefused; also if the connection is gone), AppMissing, Unreachable, Throttled,
    ServiceFault, TimedOut, ProtocolViolation; never NotFound, which would be taken for the entry that is asked for.
    """
    if not getattr(config, REFRESH_TOKEN, None):
        given: Secret | None = getattr(config, ACCESS_TOKEN, None)
        return FixedTokens(given) if given else _NotSignedIn()
    return UserTokens(description, config, surroundings, http, now=now)


def app_for(
    description: OAuthDescription, config: Any, apps: Mapping[str, AppRegistration]
) -> AppRegistration:
    """As what Mover shows itself: an app of the customer's own, else the operator's. Raises AppMissing."""
    client_id = getattr(config, "client_id", None)
    if client_id:
        return AppRegistration(
            client_id=client_id, client_secret=getattr(config, "client_secret", None) or None
        )
    if description.vendor not in apps:
        raise AppMissing.at_vendor(description.vendor)
    return apps[description.vendor]


def secrets_of(granted: Granted, now_s: float) -> dict[str, Secret]:
    """What is kept of an answer of the token endpoint that came at `now_s` (seconds since 1970 UTC)."""
    expires_s = granted.access(now_s).expires_s
    kept = {ACCESS_TOKEN: granted.access_token, ACCESS_EXPIRES: Secret(f"{expires_s:.0f}")}
    if granted.refresh_token is not None:
        kept[REFRESH_TOKEN] = granted.refresh_token
    return kept


class UserTokens:
    """Satisfies `Tokens`. Made by `user_tokens`."""

    def __init__(
        self,
        description: OAuthDescription,
        config: Any,
        surroundings: Keeping,
        http: HttpSession,
        *,
        now: Callable[[], float],
    ) -> None:
        self._description = description
        self._config = config
        self._surroundings = surroundings
        self._http = http
        self._now = now
        self._dead: tuple[Secret, GrantRefused] | None = None
        secrets = {
            name: value
            for name in (ACCESS_TOKEN, ACCESS_EXPIRES)
            if isinstance(value := getattr(config, name, None), Secret)
        }
        self._held = HeldToken(self._renewed, now, _access_token(secrets))

    async def access(self, subject: str | None = None) -> Secret:  # noqa: ARG002 - a person acts in no other's name
        """See `Tokens`, and `user_tokens`."""
        return await self._held.access()

    async def refused(self, token: Secret, subject: str | None = None) -> None:  # noqa: ARG002 - likewise
        """See `Tokens`."""
        self._held.refuse(token)

    async def _renewed(self, refused: Secret | None) -> AccessToken:
        def is_fresh(secrets: Secrets) -> bool:
            found = _access_token(secrets)
            return found is not None and found.token != refused and self._now() < found.expires_s - AHEAD_S

        try:
            kept = await self._surroundings.keeper.renew(_Once(self._exchanged), is_fresh)
        except NotFound as error:  # which would be taken for the entry that is asked for
            raise SignInFailed(
                "the connection was removed meanwhile, or its secrets were destroyed"
            ) from error
        except Locked as error:  # likewise
            raise TimedOut("another process has been renewing the access token for too long") from error
        found = _access_token(kept)
        assert found is not None  # what is fresh has one, and so has what was exchanged
        return found

    async def _exchanged(self, secrets: Secrets) -> Secrets:
        """Exchange a refresh token (RFC 6749 section 6)."""
        shown = secrets.get(REFRESH_TOKEN)
        if not shown:
            raise _not_signed_in()
        if self._dead is not None and self._dead[0] == shown:
            raise self._dead[1]
        description = self._description
        try:
            granted = await request_token(
                self._http,
                description.token_url(self._config),
                {"grant_type": "refresh_token", "refresh_token": shown},
                app=app_for(description, self._config, self._surroundings.apps),
                proof=description.proof,
                now=self._now,
            )
        except GrantRefused as error:
            if error.code == "invalid_grant":
                self._dead = (shown, error)
            raise
        return secrets_of(granted, self._now())


class _Once:
    """One renewal: what was refused once in it is not asked again.

    A keeper tries the secrets before the present ones when those are refused, which is in vain where the refresh token is
    the same, and where it is the app that is refused.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._failed: tuple[Secret | None, GrantRefused] | None = None

    async def __call__(self, secrets: Secrets) -> Secrets:
        shown = secrets.get(REFRESH_TOKEN)
        if self._failed is not None:
            before, error = self._failed
            if before == shown or isinstance(error, AppRefused):
                raise error
        try:
            return await self._exchange(secrets)
        except GrantRefused as error:
            self._failed = (shown, error)
            raise


class _NotSignedIn:
    """Tokens of an account that nobody has signed in to yet."""

    async def access(self, subject: str | None = None) -> Secret:  # noqa: ARG002 - there is none for anybody
        """Raise SignInFailed."""
        raise _not_signed_in()

    async def refused(self, token: Secret, subject: str | None = None) -> None:  # noqa: ARG002 - likewise
        """Raise SignInFailed."""
        raise _not_signed_in()


def _not_signed_in() -> SignInFailed:
    return SignInFailed("nobody has signed in to this account yet")


def _access_token(secrets: Secrets) -> AccessToken | None:
    token = secrets.get(ACCESS_TOKEN)
    if not token:
        return None
    text = secrets.get(ACCESS_EXPIRES)
    try:
        expires_s = float(text.reveal()) if text else math.inf
    except ValueError:
        expires_s = -math.inf  # whoever wrote that: the token is replaced
    return AccessToken(token, -math.inf if math.isnan(expires_s) else expires_s)
