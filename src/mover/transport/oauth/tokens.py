"""Who has access tokens, and who renews them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from mover.errors import SignInFailed
from mover.vault.secret import Secret

REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a key, as are those below
ACCESS_TOKEN = "access_token"  # noqa: S105
ACCESS_EXPIRES = "access_expires"
"""Seconds since 1970, as text, after which the access token is worthless; `inf`: the service says so when it is."""

Secrets = Mapping[str, Secret]
Exchange = Callable[[Secrets], Awaitable[Secrets]]
"""Ask the service for new secrets with the present ones. Raises SignInFailed where it does not take them."""


class TokenKeeper(Protocol):
    """Keeps the tokens of one connection, of which one process of many renews them."""

    async def renew(self, exchange: Exchange, is_fresh: Callable[[Secrets], bool]) -> Secrets:
        """Return secrets that are fresh: as they are kept by now, else exchanged and kept before anybody sees them.

        Raises what `exchange` raises, NotFound if the connection is gone.
        """


class MemoryKeeper:
    """Keeps tokens for as long as the process lives: for connections that are tried before they are saved."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = dict(secrets)

    async def renew(self, exchange: Exchange, is_fresh: Callable[[Secrets], bool]) -> Secrets:
        """See `TokenKeeper`."""
        if not is_fresh(self.secrets):
            self.secrets |= await exchange(self.secrets)
        return self.secrets


class Tokens(Protocol):
    """Access tokens of an account, and where it administers others, of those in whose name it acts."""

    async def access(self, subject: str | None = None) -> Secret:
        """Return an access token that is good for some minutes; renewed ahead of its expiry.

        Args:
            subject: In whose name, where an app acts for users (an e-mail address, or the service's id of a user).

        Raises SignInFailed, AccountSuspended, UserNotFound, Unreachable, Throttled, ...
        """

    async def refused(self, token: Secret, subject: str | None = None) -> None:
        """Take note that the service answered 401 to this token; the next `access` gives another one.

        Raises SignInFailed where there is no way to get another one.
        """


class FixedTokens:
    """One token that cannot be renewed: a developer's, or an app's that lives until it is revoked."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    async def access(self, subject: str | None = None) -> Secret:  # noqa: ARG002 - it is one for all
        """Return it."""
        return self._token

    async def refused(self, token: Secret, subject: str | None = None) -> None:  # noqa: ARG002 - likewise
        """Raise SignInFailed."""
        raise SignInFailed("the service does not accept the access token; it has expired or was revoked")
