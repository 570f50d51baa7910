"""The vault: stores, hands out and destroys secrets, and changes the keys that hold them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mover.database.database import Database
from mover.errors import NotFound
from mover.vault import queries
from mover.vault.person_keys import OvertakenError, PersonKeys, expect_unchanged, until_not_overtaken
from mover.vault.providers import KeyProvider
from mover.vault.refreshing import Exchange, Refreshing
from mover.vault.ring import KeyRing
from mover.vault.rotation import KeyUse, Rotation
from mover.vault.secret import Secret

_LONGEST_NAME = 255
_RESERVED = queries.predecessor_of("")


def _nothing_more(_connection: Connection) -> None:
    pass


def _anybody(_connection: Connection, _person: str) -> None:
    pass


def _nobody(_count: int) -> None:
    pass


class Vault:
    """Secrets of persons, each at an owner (`connection:<id>`) and a field (`password`).

    A person here is whoever has a key of their own: `local` for the command line; in the service `organisation:<id>` and
    `person:<id>`. What is destroyed with one of them, and what a change of key costs, goes by these keys.

    What is destroyed, or sealed anew, is gone from the database's files too as soon as nobody else uses them (SQLite).

    Several processes may use the same vault, also while keys change. All methods raise InvalidConfiguration if the
    global key that is needed is not among those given, or a stored secret is damaged; what the providers raise (a key
    service that is away); ValueError for a name that is empty, longer than 255 characters, has a NUL, or is an owner
    that begins with `predecessor:`.

    Args:
        database: Holds ciphertexts.
        provider: Of the global key that the operator prefers. It wraps the first key; which one wraps all others is
            noted in the database and changed by `rotate_global`.
        previous: Providers of other global keys that stored keys may still need, or will need soon.
        expect_there: Raises if a person has ended, so that whoever comes too late makes no new key for one whose key was
            destroyed; called in the transaction that stores a new key.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        provider: KeyProvider,
        *,
        previous: Sequence[KeyProvider] = (),
        expect_there: Callable[[Connection, str], object] = _anybody,
        now: Callable[[], float] = time.time,
    ) -> None:
        ring = KeyRing(provider, previous)
        self._database = database
        self._expect_there = expect_there
        self._keys = PersonKeys(database, ring, now=now)
        self._rotation = Rotation(database, self._keys, ring)
        self._refreshing = Refreshing(database, self._keys)

    async def store(
        self,
        person: str,
        owner: str,
        field: str,
        secret: Secret,
        *,
        along: Callable[[Connection], object] = _nothing_more,
    ) -> None:
        """Store one secret in the place of the one that stood there, if any; makes the person's key on first use.

        `along` writes more in the same transaction; it may be called again if that has to be repeated, and what it
        raises undoes everything.
        """
        await self._put(person, owner, {field: secret}, along)

    async def replace(
        self,
        person: str,
        owner: str,
        secrets: Mapping[str, Secret],
        *,
        along: Callable[[Connection], object] = _nothing_more,
    ) -> None:
        """Make these the only secrets of an owner. `along` as in `store`."""

        def anew(connection: Connection) -> None:
            queries.remove_secrets(connection, owner)
            along(connection)

        if secrets:
            await self._put(person, owner, secrets, anew)
        else:
            await self._database.write(anew)
        await self._database.forget_removed()

    async def prepare(self, person: str) -> None:
        """Make a person's key if there is none, for processes that use keys and may not make them."""

        async def attempt() -> None:
            key, is_new = await self._keys.obtain(person)

            def add(connection: Connection) -> None:
                self._expect_there(connection, person)
                self._keys.add(connection, key)

            if is_new:
                await self._database.write(add)

        await until_not_overtaken(attempt)

    async def fetch(self, person: str, owner: str, field: str) -> Secret:
        """Hand out one secret. Raises NotFound."""
        found = await self._open(person, owner, field)
        if field not in found:
            raise NotFound(f"no secret {field!r} is stored for {owner!r}")
        return found[field]

    async def fetch_or_make(self, person: str, owner: str, field: str, make: Callable[[], Secret]) -> Secret:
        """Hand out one secret; if there is none, store what `make` returns. Of several processes, all get the same one."""

        def expect_none(connection: Connection) -> None:
            if queries.sealed_secrets(connection, person, owner, field):
                raise _MadeElsewhereError

        async def attempt() -> Secret:
            found = (await self._open(person, owner, field)).get(field)
            if found is not None:
                return found
            made = make()
            try:
                await self.store(person, owner, field, made, along=expect_none)
            except (_MadeElsewhereError, IntegrityError):  # the latter on PostgreSQL, at the very same moment
                raise OvertakenError from None
            return made

        return await until_not_overtaken(attempt)

    async def fetch_all(self, person: str, owner: str) -> dict[str, Secret]:
        """Hand out all secrets of an owner by their fields; empty if there are none."""
        return await self._open(person, owner, None)

    async def owners(self, prefix: str) -> list[tuple[str, str]]:
        """List owners that begin so, each with the person whose key protects its secrets."""
        return await self._database.read(lambda connection: queries.owners(connection, prefix))

    async def destroy(self, owner: str, *, along: Callable[[Connection], object] = _nothing_more) -> None:
        """Remove all secrets of an owner. Idempotent. `along` as in `store`."""

        def remove(connection: Connection) -> None:
            queries.remove_secrets(connection, owner)
            along(connection)

        await self._database.write(remove)
        await self._database.forget_removed()

    async def destroy_person(
        self, person: str, *, along: Callable[[Connection], object] = _nothing_more
    ) -> None:
        """Destroy a person's key and all secrets that it sealed. Idempotent. `along` as in `store`.

        A process that stores something for the same person afterwards makes a new key, unless `expect_there` refuses.
        """

        def remove(connection: Connection) -> None:
            queries.remove_person_key(connection, person)
            along(connection)

        await self._database.write(remove)
        await self._database.forget_removed()

    async def refresh(
        self,
        person: str,
        owner: str,
        fields: Collection[str],
        exchange: Exchange,
        is_fresh: Callable[[dict[str, Secret]], bool],
    ) -> dict[str, Secret]:
        """Hand out secrets that are still good, exchanged for new ones if they are not.

        Of all processes that ask at the same time exactly one exchanges; the others wait and get its result. No
        transaction is open meanwhile. A cancelled call lets an exchange that has begun end, and its answer is stored.
        See `refreshing.py` for the one moment in which a crash can lose the answer.

        Args:
            person: Whose secrets.
            owner: Where they are.
            fields: Which of its secrets belong together (`access_token`, `refresh_token`, `expires_at`).
            exchange: Gives the present ones to the service and returns those to be stored; fields that it leaves out
                stay as they are. It has a minute. It is called again with the predecessors if it raises SignInFailed.
            is_fresh: Tells whether these are good as they are.

        Raises NotFound (nothing is stored there, or no longer), TimedOut, Locked (others were at it for minutes), and
        what `exchange` raises.
        """
        _check(person, owner)
        return await self._refreshing.refresh(person, owner, fields, exchange, is_fresh)

    async def rotate_person(self, person: str) -> None:
        """Give a person a new key and seal all secrets with it, in one transaction. Raises NotFound without a key."""
        await self._rotation.renew_person(person)
        await self._database.forget_removed()

    async def rotate_persons(self, *, progress: Callable[[int], object] = _nobody) -> int:
        """Give every person a new key, each in one transaction; return how many. `progress` is told how many are done."""
        try:
            return await self._rotation.renew_all_persons(progress)
        finally:
            await self._database.forget_removed()

    async def rotate_global(self, new: KeyProvider, *, progress: Callable[[int], object] = _nobody) -> int:
        """Wrap all persons' keys with another global key, in batches; return how many. See `rotation.py`.

        Meanwhile other processes go on if they have been given both keys. When this returns, nothing needs the old one.
        If it is interrupted, some keys need the old one and some the new one, until it is done again. `progress` is
        told how many keys are done. Raises Locked if another process rotates to yet another key.
        """
        try:
            return await self._rotation.change_global(new, progress)
        finally:
            await self._database.forget_removed()

    async def global_keys(self) -> list[KeyUse]:
        """Tell of each global key what it is needed for, those that are given first."""
        return await self._rotation.uses()

    async def _open(self, person: str, owner: str, field: str | None) -> dict[str, Secret]:
        async def attempt() -> dict[str, Secret]:
            row, rows = await self._database.read(
                lambda connection: (
                    queries.person_key(connection, person),
                    queries.sealed_secrets(connection, person, owner, field),
                )
            )
            if row is None or not rows:
                return {}
            key = await self._keys.unwrapped(row)
            return {
                found.field: Secret(key.unsealed(found).decode("utf-8", "surrogatepass")) for found in rows
            }

        return await until_not_overtaken(attempt)

    async def _put(
        self, person: str, owner: str, secrets: Mapping[str, Secret], first: Callable[[Connection], object]
    ) -> None:
        _check(person, owner, *secrets)

        async def attempt() -> None:
            key, is_new = await self._keys.obtain(person)
            rows = [
                key.sealed(owner, field, secret.reveal().encode("utf-8", "surrogatepass"))
                for field, secret in secrets.items()
            ]

            def put(connection: Connection) -> None:
                if is_new:
                    self._expect_there(connection, person)
                    self._keys.add(connection, key)
                else:
                    expect_unchanged(connection, key.row)
                first(connection)
                queries.put_secrets(connection, rows)

            await self._database.write(put)

        await until_not_overtaken(attempt)


class _MadeElsewhereError(Exception):
    """Another process made the secret at this moment."""


def _check(person: str, owner: str, *fields: str) -> None:
    for name in (person, owner, *fields):
        if not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
            raise ValueError(f"a name in the vault has 1 to {_LONGEST_NAME} characters, none of them NUL")
    if owner.startswith(_RESERVED) or len(_RESERVED + owner) > _LONGEST_NAME:
        raise ValueError(f"an owner's name is shorter, and does not begin with {_RESERVED!r}")
