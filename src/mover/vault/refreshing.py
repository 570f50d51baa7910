"""Secrets that are used up when they are exchanged for the next ones: of many processes, exactly one does it.

    lease taken ─► service asked ─► answer stored, lease given back
        │              │
        │              └─ killed before the answer: the lease runs out, another process asks with the same secrets
        └─ others wait for the result

Between the service's answer and its being stored there is no way to be safe: if the process dies there, what the service
answered is lost, and what is stored may have been used up. That window is one transaction long: nothing else is done in
it, and a cancelled task does not leave it. Services that hand out the answer again as long as it was not used (a grace
period) heal it by themselves, since the next process asks with the same secrets.

The secrets that were replaced are kept until their successors have been exchanged in turn: should the service refuse
the successors, the predecessors are tried once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from secrets import token_hex

from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import Locked, NotFound, SignInFailed, TimedOut
from mover.vault import queries
from mover.vault.person_keys import (
    OvertakenError,
    PersonKey,
    PersonKeys,
    expect_unchanged,
    until_not_overtaken,
)
from mover.vault.queries import LeaseRow, SecretRow, predecessor_of
from mover.vault.secret import Secret

Secrets = dict[str, Secret]
Exchange = Callable[[Secrets], Awaitable[Mapping[str, Secret]]]

CALL_S = 60.0
"""Longest time that the exchange may take."""
LEASE_S = CALL_S + 30.0
"""How long the right to exchange lasts: longer than the call, by more than the clocks of two machines may differ."""

_LEASES_WAITED_FOR = 4
_FIRST_LOOK_S = 0.05
_LONGEST_LOOK_S = 1.0


@dataclass(frozen=True)
class _Found:
    """The secrets of an owner as they are stored at one moment."""

    key: PersonKey
    rows: list[SecretRow]
    secrets: Secrets = field(repr=False)


class Refreshing:
    """Exchanges secrets.

    Args:
        database: Where leases and secrets are.
        keys: Of persons.
        sleep: Waits so many seconds between looks for another process's result.
        call_s: Longest time that an exchange may take.
        lease_s: How long the right to exchange lasts if its process dies.
    """

    def __init__(
        self,
        database: Database,
        keys: PersonKeys,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        call_s: float = CALL_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self._database = database
        self._keys = keys
        self._sleep = sleep
        self._call_s = call_s
        self._lease_s = lease_s

    async def refresh(
        self,
        person: str,
        owner: str,
        fields: Collection[str],
        exchange: Exchange,
        is_fresh: Callable[[Secrets], bool],
    ) -> Secrets:
        """See `Vault.refresh`."""
        look_s = _FIRST_LOOK_S
        # Whoever holds the lease may fail, and the next one too; each takes at most a lease's time.
        patience_ns = self._keys.now_ns() + int(_LEASES_WAITED_FOR * self._lease_s * 1e9)
        while self._keys.now_ns() < patience_ns:
            found = await self._find(person, owner, fields)
            if is_fresh(found.secrets):
                return found.secrets
            lease = LeaseRow(
                person=person,
                owner=owner,
                lease_id=token_hex(16),
                until_ns=self._keys.now_ns() + int(self._lease_s * 1e9),
            )
            if (await self._take(lease)).lease_id != lease.lease_id:
                await self._sleep(look_s)
                look_s = min(look_s * 2, _LONGEST_LOOK_S)
                continue
            work = asyncio.ensure_future(self._with_lease(lease, fields, exchange, is_fresh))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # An answer that is on its way must be stored, whoever has lost interest in it.
                await _ended(work)
                raise
        raise Locked(f"another process has been renewing the secrets of {owner!r} for too long")

    async def _with_lease(
        self,
        lease: LeaseRow,
        fields: Collection[str],
        exchange: Exchange,
        is_fresh: Callable[[Secrets], bool],
    ) -> Secrets:
        try:
            found = await self._find(lease.person, lease.owner, fields)
            if is_fresh(found.secrets):  # another process was quicker than the lease
                return found.secrets
            return await self._exchanged(lease, fields, found.secrets, exchange)
        finally:
            await self._database.write(lambda connection: queries.give_back(connection, lease))

    async def _exchanged(
        self, lease: LeaseRow, fields: Collection[str], present: Secrets, exchange: Exchange
    ) -> Secrets:
        before = present
        try:
            answer = await self._call(exchange, present)
        except SignInFailed:
            before = await self._predecessor(lease, fields)
            now_there = (await self._find(lease.person, lease.owner, fields)).secrets
            if now_there != present:
                return now_there  # somebody whose lease had run out was slow, not dead
            if not before:
                raise
            answer = await self._call(exchange, before)
        return await until_not_overtaken(lambda: self._store(lease, fields, present, before, answer))

    async def _call(self, exchange: Exchange, secrets: Secrets) -> Mapping[str, Secret]:
        try:
            async with asyncio.timeout(self._call_s):
                return await exchange(dict(secrets))
        except TimeoutError as error:
            raise TimedOut(f"the service renewed no token within {self._call_s:g} s") from error

    async def _store(
        self,
        lease: LeaseRow,
        fields: Collection[str],
        present: Secrets,
        used: Secrets,
        answer: Mapping[str, Secret],
    ) -> Secrets:
        found = await self._find(lease.person, lease.owner, fields)
        if found.secrets != present:
            # Filled in anew by a person, or exchanged by one who took the lease over: theirs is the later word.
            return found.secrets
        successor = {**present, **answer}
        rows = [found.key.sealed(lease.owner, name, _bytes(secret)) for name, secret in answer.items()]
        kept = [
            found.key.sealed(predecessor_of(lease.owner), name, _bytes(used[name]))
            for name, secret in answer.items()
            if name in used and used[name] != secret
        ]

        def put(connection: Connection) -> None:
            expect_unchanged(connection, found.key.row)
            if _rows(connection, lease.person, lease.owner, fields) != found.rows:
                raise OvertakenError
            queries.put_secrets(connection, [*rows, *kept])

        await self._database.write(put)
        return successor

    async def _find(self, person: str, owner: str, fields: Collection[str]) -> _Found:
        async def attempt() -> _Found:
            row, rows = await self._database.read(
                lambda connection: (
                    queries.person_key(connection, person),
                    _rows(connection, person, owner, fields),
                )
            )
            if row is None or not rows:
                raise NotFound(f"no secret is stored for {owner!r}")
            key = await self._keys.unwrapped(row)
            return _Found(key, rows, _opened(key, rows))

        return await until_not_overtaken(attempt)

    async def _predecessor(self, lease: LeaseRow, fields: Collection[str]) -> Secrets:
        try:
            kept = (await self._find(lease.person, predecessor_of(lease.owner), fields)).secrets
            present = (await self._find(lease.person, lease.owner, fields)).secrets
        except NotFound:
            return {}
        return {**present, **kept}

    async def _take(self, lease: LeaseRow) -> LeaseRow:
        def take(connection: Connection) -> LeaseRow:
            if not queries.sealed_secrets(connection, lease.person, lease.owner):
                raise NotFound(f"no secret is stored for {lease.owner!r}")
            return queries.take_lease(connection, lease, self._keys.now_ns())

        return await self._database.write(take)


def _rows(connection: Connection, person: str, owner: str, fields: Collection[str]) -> list[SecretRow]:
    found = queries.sealed_secrets(connection, person, owner)
    return sorted((row for row in found if row.field in fields), key=lambda row: row.field)


def _opened(key: PersonKey, rows: list[SecretRow]) -> Secrets:
    return {row.field: Secret(key.unsealed(row).decode("utf-8", "surrogatepass")) for row in rows}


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")


async def _ended(work: asyncio.Future[Secrets]) -> None:
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            continue
    if not work.cancelled():
        work.exception()  # looked at, so that nobody is told of an exception that was never retrieved
