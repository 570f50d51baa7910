"""Persons' keys, usable: made, unwrapped, and wrapped anew, under whichever global key the database calls current."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked
from mover.vault import envelope, queries
from mover.vault.envelope import FORMAT, UnsealError
from mover.vault.providers import KeyProvider
from mover.vault.queries import PersonKeyRow, SecretRow
from mover.vault.ring import KeyRing

T = TypeVar("T")

_ATTEMPTS = 10


@dataclass(frozen=True)
class PersonKey:
    """A person's key: lives as long as one call."""

    row: PersonKeyRow
    key: bytes = field(repr=False)

    def sealed(self, owner: str, field: str, plain: bytes) -> SecretRow:
        """Seal a secret for its place."""
        row = SecretRow(
            person=self.row.person,
            owner=owner,
            field=field,
            key_id=self.row.key_id,
            format=FORMAT,
            sealed=b"",
        )
        return msgspec.structs.replace(row, sealed=envelope.seal(self.key, plain, _place_of_secret(row)))

    def unsealed(self, row: SecretRow) -> bytes:
        """Open a secret. Raises InvalidConfiguration if it is damaged or not in its place."""
        with _explained(f"the secret {row.field!r} of {row.owner!r}"):
            return envelope.unseal(self.key, row.sealed, _place_of_secret(row))


class OvertakenError(Exception):
    """Another process changed the keys between reading them and writing."""


class PersonKeys:
    """The keys of persons.

    Args:
        database: Holds them, wrapped.
        ring: The global keys that this process can use.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, database: Database, ring: KeyRing, *, now: Callable[[], float]) -> None:
        self._database = database
        self._ring = ring
        self._now = now
        self._proven: set[str] = set()

    async def obtain(self, person: str) -> tuple[PersonKey, bool]:
        """Return a person's key, and whether it was made now since there is none: then `add` stores it.

        Raises OvertakenError.
        """
        row = await self._database.read(lambda connection: queries.person_key(connection, person))
        if row is not None:
            return await self.unwrapped(row), False
        return await self.fresh(person), True

    def add(self, connection: Connection, fresh: PersonKey) -> None:
        """Store a new key of a person who has none. Raises OvertakenError if there is one by now."""
        if queries.person_key(connection, fresh.row.person) is not None:
            raise OvertakenError
        self.expect_current(connection, fresh.row.global_key_id)
        queries.add_person_key(connection, fresh.row)

    async def fresh(self, person: str) -> PersonKey:
        """Make a new key, wrapped by the current global key, and store nothing."""
        current, sample = await self._database.read(_current_with_sample)
        # Before `wrap`, which might make a global key in place of one that got lost.
        provider = self._ring.preferred if current is None else await self._ring.find(current)
        if sample is not None:
            await self._prove(provider, sample)
        key = envelope.new_key()
        row = PersonKeyRow(
            person=person,
            key_id=token_hex(16),
            global_key_id="",
            format=FORMAT,
            wrapped=b"",
            created_ns=self.now_ns(),
        )
        return PersonKey(await wrapped(provider, row, key), key)

    async def unwrapped(self, row: PersonKeyRow) -> PersonKey:
        """Unwrap a stored key.

        Raises InvalidConfiguration (its global key is not given, or it is damaged), and OvertakenError if meanwhile it was
        wrapped by another global key.
        """
        try:
            provider = await self._ring.find(row.global_key_id)
            with _explained(f"the vault's key of {row.person!r}"):
                return PersonKey(row, await provider.unwrap(row.wrapped, place_of_key(row)))
        except InvalidConfiguration:
            now_there = await self._database.read(
                lambda connection: queries.person_key(connection, row.person)
            )
            if now_there != row:
                raise OvertakenError from None
            raise

    def expect_current(self, connection: Connection, key_id: str) -> None:
        """Make sure that a key wrapped by this global key may be stored. Raises OvertakenError.

        As long as nothing is stored, any is: it becomes the current one.
        """
        match queries.current_key_id(connection):
            case None:
                queries.make_current(connection, key_id, self.now_ns())
            case current if current != key_id:
                raise OvertakenError
            case _:
                pass

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return int(self._now() * 1e9)

    async def prove(self, provider: KeyProvider) -> None:
        """Make sure that a provider has the very key that stored keys were wrapped with, if any were.

        The ids of some providers are names, and a lost key may have been made again under the same name. Raises
        InvalidConfiguration.
        """
        key_id = await provider.key_id()
        sample = await self._database.read(lambda connection: queries.any_key_under(connection, key_id))
        if sample is not None:
            await self._prove(provider, sample)

    async def _prove(self, provider: KeyProvider, sample: PersonKeyRow) -> None:
        if sample.global_key_id in self._proven:
            return
        try:
            await provider.unwrap(sample.wrapped, place_of_key(sample))
        except UnsealError:
            if await self._database.read(lambda c: queries.person_key(c, sample.person)) != sample:
                raise OvertakenError from None
            raise InvalidConfiguration(
                f"{provider.title} does not open the stored key of {sample.person!r}: it has the name of the vault's global "
                "key but is another one, or that key is damaged; put the right one back"
            ) from None
        self._proven.add(sample.global_key_id)


async def wrapped(provider: KeyProvider, row: PersonKeyRow, key: bytes) -> PersonKeyRow:
    """Wrap a person's key with a provider's global key."""
    secret = await provider.wrap(key, place_of_key(row))
    return msgspec.structs.replace(row, global_key_id=await provider.key_id(), wrapped=secret)


def place_of_key(row: PersonKeyRow) -> bytes:
    """Where a person's key belongs."""
    return envelope.place("person key", str(row.format), row.person, row.key_id)


def _place_of_secret(row: SecretRow) -> bytes:
    return envelope.place("secret", str(row.format), row.key_id, row.person, row.owner, row.field)


def _current_with_sample(connection: Connection) -> tuple[str | None, PersonKeyRow | None]:
    current = queries.current_key_id(connection)
    return current, None if current is None else queries.any_key_under(connection, current)


def expect_unchanged(connection: Connection, row: PersonKeyRow) -> None:
    """Make sure that a person's key is still the one that was read. Raises OvertakenError."""
    if queries.person_key(connection, row.person) != row:
        raise OvertakenError


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except UnsealError:
        raise InvalidConfiguration(
            f"{what} is damaged or does not belong there; connect the service again"
        ) from None


async def until_not_overtaken(attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeat an attempt that other processes' changes of keys came in between of. Raises Locked after ten."""
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except OvertakenError:
            continue
    raise Locked("the vault's keys are being changed by another process")
