"""Giving tokens back: what Mover got for itself at a service is revoked there when it is no longer needed."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Callable, Collection, Mapping

import msgspec

from mover.connections.filled_in import filled_in
from mover.connections.grants import Grant
from mover.errors import MoverError, TimedOut
from mover.transport.egress import Egress
from mover.transport.oauth.description import AppRegistration, OAuthDescription

LIMIT_S = 10.0
"""Longest time that a service gets for it."""

_AT_ONCE = 16


class Outcome(enum.Enum):
    """What became of the tokens at the service."""

    REVOKED = "revoked"
    NOTHING = "nothing"  # there were no tokens that Mover got for itself
    NOT_OFFERED = "not_offered"  # the service has no way for apps to give theirs back
    SHARED = "shared"  # others live on the same consent
    FAILED = "failed"


class Revocation(msgspec.Struct, frozen=True):
    """What became of the tokens of one connection at its service; here they are destroyed in any case.

    Attributes:
        outcome: In one word.
        service: For people.
        error: Why it failed.
    """

    outcome: Outcome
    service: str
    error: MoverError | None = None

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody has to do it at the service."""
        return self.outcome in {Outcome.FAILED, Outcome.NOT_OFFERED}

    @property
    def words(self) -> str:
        """What people are told, without a final full stop; empty if there is nothing to say."""
        match self.outcome:
            case Outcome.REVOKED:
                return f"{self.service} has withdrawn Mover's access"
            case Outcome.NOTHING:
                return ""
            case Outcome.NOT_OFFERED:
                return f"{self.service} lets only you withdraw Mover's access: do so in the account's own security settings"
            case Outcome.SHARED:
                return f"{self.service} was not told, since another connection uses the same account"
            case Outcome.FAILED:
                why = self.error.message if self.error else "it gave no answer"
                return (
                    f"{self.service} could not be told to withdraw Mover's access ({why}): "
                    "do so in the account's own security settings"
                )


NOTHING_TO_REVOKE = Revocation(Outcome.NOTHING, "")


class Revoking:
    """Revokes tokens at services, once and for no longer than `limit_s`; never raises for what a service does.

    Args:
        egress: The way out.
        apps: As what Mover is registered at the vendors, by vendor.
        now: Seconds since 1970 UTC.
        limit_s: Longest time for each.
    """

    def __init__(
        self,
        egress: Egress,
        apps: Mapping[str, AppRegistration],
        *,
        now: Callable[[], float] = time.time,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._egress = egress
        self._apps = apps
        self._now = now
        self._limit_s = limit_s

    async def revoke(self, grant: Grant) -> Revocation:
        """Revoke the tokens of one connection."""
        title = grant.kind.title
        description = grant.kind.oauth
        if description is None or (grant.trouble is None and not grant.is_ours):
            return Revocation(Outcome.NOTHING, title)
        if description.revoke_url is None:
            return Revocation(Outcome.NOT_OFFERED, title)
        if grant.trouble is not None:
            return Revocation(Outcome.FAILED, title, grant.trouble)
        if grant.is_shared:
            return Revocation(Outcome.SHARED, title)
        limit = asyncio.timeout(self._limit_s)
        try:
            async with limit:
                await self._tell(grant, description)
        except TimeoutError:
            if not limit.expired():
                raise
            late = TimedOut(f"no answer within {self._limit_s:g} s")
            return Revocation(Outcome.FAILED, title, late)
        except MoverError as error:
            return Revocation(Outcome.FAILED, title, error)
        return Revocation(Outcome.REVOKED, title)

    async def revoke_all(self, grants: Collection[Grant]) -> list[Revocation]:
        """Revoke many, several at once."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(grant: Grant) -> Revocation:
            async with turn:
                return await self.revoke(grant)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(grant)) for grant in grants]
        return [task.result() for task in tasks]

    async def _tell(self, grant: Grant, description: OAuthDescription) -> None:
        # Imported here since aiohttp takes long to load, and few connections have anything to revoke.
        from mover.transport.oauth.revocation import revoke_tokens  # noqa: PLC0415

        config = filled_in(grant.kind.config, {**grant.config, **grant.secrets}).config
        http = self._egress.http(grant.kind.name, connections=2)
        try:
            await revoke_tokens(http, description, config, grant.secrets, self._apps, now=self._now)
        finally:
            await http.close()
