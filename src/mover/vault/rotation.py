"""New keys at both levels while other processes go on reading and writing.

    1  other processes are given the new global key as well (and keep the old one)
    2  the database calls the new one current: from then on nothing is wrapped with the old one any more
    3  persons' keys are wrapped anew, a batch a transaction; each row says which global key it needs meanwhile
    4  no row names the old one: it can be retired

A rotation that is interrupted anywhere is gone on with by doing it again. That nothing is stored under the old key after
step 2 is checked in the transactions that store keys; they read which one is current.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, MoverError, NotFound
from mover.vault import envelope, queries
from mover.vault.envelope import UnsealError
from mover.vault.person_keys import (
    OvertakenError,
    PersonKeys,
    expect_unchanged,
    until_not_overtaken,
    wrapped,
)
from mover.vault.providers import KeyProvider
from mover.vault.queries import PersonKeyRow
from mover.vault.ring import KeyRing

BATCH = 100
_AT_ONCE = 8
_PASSES = 10


class KeyUse(msgspec.Struct, frozen=True, kw_only=True):
    """A global key, and what it is needed for.

    Attributes:
        key_id: Its id; empty if its provider cannot be asked (`trouble` says why).
        title: What its provider calls it; empty if this process has not been given it.
        preferred: The settings name it first.
        current: It wraps new keys.
        persons: How many persons' keys it wraps.
        trouble: What stands in the way of using it; empty if nothing is known to.
    """

    key_id: str
    title: str
    preferred: bool
    current: bool
    persons: int
    trouble: str = ""


class Rotation:
    """Changes keys. Several processes may do so at the same time; each of them ends, or says that it was overtaken."""

    def __init__(self, database: Database, keys: PersonKeys, ring: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._ring = ring

    async def renew_person(self, person: str) -> None:
        """Give a person a new key and seal all their secrets with it, in one transaction. Raises NotFound without a key."""

        async def attempt() -> None:
            row = await self._database.read(lambda connection: queries.person_key(connection, person))
            if row is None:
                raise NotFound(f"nothing is stored in the vault for {person!r}")
            old = await self._keys.unwrapped(row)
            new = await self._keys.fresh(person)

            def change(connection: Connection) -> None:
                expect_unchanged(connection, old.row)
                self._keys.expect_current(connection, new.row.global_key_id)
                rows = queries.sealed_secrets(connection, person)
                queries.change_person_keys(connection, [(old.row, new.row)])
                queries.put_secrets(
                    connection, [new.sealed(found.owner, found.field, old.unsealed(found)) for found in rows]
                )

            await self._database.write(change)

        await until_not_overtaken(attempt)

    async def renew_all_persons(self, progress: Callable[[int], object]) -> int:
        """Give every person who has one a new key; return how many. `progress` is told how many are done."""
        done, after = 0, ""
        while persons := await self._database.read(
            lambda connection, after=after: queries.persons_after(connection, after, most=BATCH)  # type: ignore[misc]  # mypy does not infer a default
        ):
            for person in persons:
                try:
                    await self.renew_person(person)
                except NotFound:
                    continue  # destroyed meanwhile
                done += 1
            progress(done)
            after = persons[-1]
        return done

    async def change_global(self, new: KeyProvider, progress: Callable[[int], object]) -> int:
        """Make a global key the current one, and wrap all persons' keys with it; return how many were.

        Raises InvalidConfiguration if a global key that is needed is not given, or the new one does not work (before
        anything is changed), or if some person's key could not be unwrapped (after all others have been wrapped anew);
        Locked if another process changes to another key.
        """
        # Needed keys are looked for first: a wrong setting must not make a key current beside which the rest is lost.
        needed = await self._database.read(queries.counted_by_global_key)
        for provider in [await self._ring.find(key_id) for key_id in needed]:
            await self._keys.prove(provider)
        await _try_out(new)
        new_id = await new.key_id()
        await self._keys.prove(new)
        self._ring.prefer(new)
        since_ns = self._keys.now_ns()

        def switch(connection: Connection) -> None:
            if queries.current_key_id(connection) not in {None, new_id}:
                queries.make_current(connection, new_id, since_ns)

        await self._database.write(switch)
        done = 0
        for _ in range(_PASSES):
            changed, failed = await self._pass(new, new_id, lambda count, done=done: progress(done + count))  # type: ignore[misc]  # likewise
            done += changed
            if failed is not None:
                raise failed
            if not await self._database.read(
                lambda connection: queries.keys_under_others(connection, new_id, after="", most=1)
            ):
                return done
        raise Locked("other processes go on changing the vault's keys")

    async def uses(self) -> list[KeyUse]:
        """Tell of each global key what it is needed for: those that are given, and those that stored keys name."""
        current, counts = await self._database.read(
            lambda connection: (
                queries.current_key_id(connection),
                queries.counted_by_global_key(connection),
            )
        )
        uses: list[KeyUse] = []
        for provider in self._ring.providers:
            key_id = trouble = ""
            try:
                key_id = await provider.key_id()
                await self._keys.prove(provider)
            except MoverError as error:
                trouble = error.message
            uses.append(
                _use(
                    key_id,
                    provider.title,
                    current,
                    counts,
                    trouble,
                    preferred=provider is self._ring.preferred,
                )
            )
        named = {use.key_id for use in uses}
        for key_id in sorted(({current} if current else set()) | counts.keys()):
            if key_id not in named:
                title, trouble = "", ""
                try:
                    title = (await self._ring.find(key_id)).title
                except MoverError as error:
                    trouble = error.message
                uses.append(_use(key_id, title, current, counts, trouble))
        return uses

    async def _pass(
        self, new: KeyProvider, new_id: str, progress: Callable[[int], object]
    ) -> tuple[int, MoverError | None]:
        """Wrap anew all that is under other keys; return how many, and what was wrong with one that could not be."""
        limit = asyncio.Semaphore(_AT_ONCE)
        failed: list[MoverError] = []

        async def wrap_anew(row: PersonKeyRow) -> tuple[PersonKeyRow, PersonKeyRow] | None:
            async with limit:
                try:
                    return row, await wrapped(new, row, (await self._keys.unwrapped(row)).key)
                except OvertakenError:
                    return None  # the next pass finds it, if it still has to be changed
                except MoverError as error:
                    failed.append(error)
                    return None

        def change(connection: Connection, changes: list[tuple[PersonKeyRow, PersonKeyRow]]) -> None:
            if queries.current_key_id(connection) not in {None, new_id}:
                raise Locked("another process is changing to another global key")
            queries.change_person_keys(connection, changes)

        done, after = 0, ""
        while rows := await self._database.read(
            lambda connection, after=after: queries.keys_under_others(  # type: ignore[misc]  # likewise
                connection, new_id, after=after, most=BATCH
            )
        ):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(wrap_anew(row)) for row in rows]
            changes = [found for task in tasks if (found := task.result()) is not None]
            await self._database.write(lambda connection, changes=changes: change(connection, changes))  # type: ignore[misc]  # likewise
            done += len(changes)
            progress(done)
            for error in failed:
                if not isinstance(error, InvalidConfiguration):
                    raise error  # the service is away: the rest would fail as well
            after = rows[-1].person
        return done, failed[0] if failed else None


async def _try_out(provider: KeyProvider) -> None:
    """See that what a provider wraps it unwraps again, before anything depends on it. Raises InvalidConfiguration."""
    key, where = envelope.new_key(), envelope.place("trial")
    try:
        if await provider.unwrap(await provider.wrap(key, where), where) == key:
            return
    except UnsealError:
        pass
    raise InvalidConfiguration(f"{provider.title} does not open what it has closed itself")


def _use(
    key_id: str,
    title: str,
    current: str | None,
    counts: dict[str, int],
    trouble: str,
    *,
    preferred: bool = False,
) -> KeyUse:
    return KeyUse(
        key_id=key_id,
        title=title,
        preferred=preferred,
        current=bool(key_id) and key_id == current,
        persons=counts.get(key_id, 0),
        trouble=trouble,
    )
