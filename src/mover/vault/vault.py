"""The vault: stores, hands out and destroys secrets, and changes the keys that hold them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec
from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, NotFound
from mover.vault import envelope, queries
from mover.vault.envelope import FORMAT, UnsealError
from mover.vault.providers import KeyProvider
from mover.vault.queries import PersonKeyRow, SecretRow
from mover.vault.secret import Secret

_ATTEMPTS = 5


@dataclass(frozen=True)
class _PersonKey:
    """A person's key, usable: lives as long as one call."""

    row: PersonKeyRow
    key: bytes = field(repr=False)


class _OvertakenError(Exception):
    """Another process changed the keys between reading them and writing."""


def _nothing_more(_connection: Connection) -> None:
    pass


class Vault:
    """Secrets of persons, each at an owner (`connection:<id>`) and a field (`password`).

    Several processes may use the same one. All methods raise InvalidConfiguration if the global key is not the one
    that the vault was made with, or a stored secret is damaged; nothing is ever stored under two global keys at once.
    """

    def __init__(
        self, database: Database, provider: KeyProvider, *, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._provider = provider
        self._now = now

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

    async def fetch(self, person: str, owner: str, field: str) -> Secret:
        """Hand out one secret. Raises NotFound."""
        found = await self._open(person, owner, field)
        if field not in found:
            raise NotFound(f"no secret {field!r} is stored for {owner!r}")
        return found[field]

    async def fetch_all(self, person: str, owner: str) -> dict[str, Secret]:
        """Hand out all secrets of an owner by their fields; empty if there are none."""
        return await self._open(person, owner, None)

    async def destroy(self, owner: str, *, along: Callable[[Connection], object] = _nothing_more) -> None:
        """Remove all secrets of an owner. Idempotent. `along` as in `store`."""

        def remove(connection: Connection) -> None:
            queries.remove_secrets(connection, owner)
            along(connection)

        await self._database.write(remove)

    async def destroy_person(
        self, person: str, *, along: Callable[[Connection], object] = _nothing_more
    ) -> None:
        """Destroy a person's key and all secrets that it sealed. Idempotent. `along` as in `store`."""

        def remove(connection: Connection) -> None:
            queries.remove_person_key(connection, person)
            along(connection)

        await self._database.write(remove)

    async def rotate_person(self, person: str) -> None:
        """Give a person a new key and seal all secrets with it, in one transaction. Raises NotFound without a key."""

        async def attempt() -> None:
            row = await self._database.read(lambda connection: queries.person_key(connection, person))
            if row is None:
                raise NotFound(f"nothing is stored in the vault for {person!r}")
            old = await self._unwrapped(row)
            new = await self._new_key(person)

            def change(connection: Connection) -> None:
                _expect(connection, old.row)
                rows = queries.sealed_secrets(connection, person)
                queries.change_person_keys(connection, [new.row])
                queries.put_secrets(
                    connection,
                    [_sealed(new, found.owner, found.field, _unsealed(old, found)) for found in rows],
                )

            await self._database.write(change)

        await _until_not_overtaken(attempt)

    async def rotate_global(self, new: KeyProvider) -> None:
        """Wrap all persons' keys with another global key, in one transaction; the old one is not needed afterwards.

        From then on this vault uses the new provider. If it is interrupted, either all keys are wrapped anew or none.
        """

        async def attempt() -> None:
            before = await self._database.read(queries.all_person_keys)
            after = [await _wrapped(new, row, (await self._unwrapped(row)).key) for row in before]

            def change(connection: Connection) -> None:
                if queries.all_person_keys(connection) != before:
                    raise _OvertakenError
                queries.change_person_keys(connection, after)

            await self._database.write(change)

        await _until_not_overtaken(attempt)
        self._provider = new

    async def _open(self, person: str, owner: str, field: str | None) -> dict[str, Secret]:
        row, rows = await self._database.read(
            lambda connection: (
                queries.person_key(connection, person),
                queries.sealed_secrets(connection, person, owner, field),
            )
        )
        if row is None or not rows:
            return {}
        key = await self._unwrapped(row)
        return {found.field: Secret(_unsealed(key, found).decode("utf-8", "surrogatepass")) for found in rows}

    async def _put(
        self, person: str, owner: str, secrets: Mapping[str, Secret], first: Callable[[Connection], object]
    ) -> None:
        async def attempt() -> None:
            key = await self._key_of(person)
            rows = [
                _sealed(key, owner, field, secret.reveal().encode("utf-8", "surrogatepass"))
                for field, secret in secrets.items()
            ]

            def put(connection: Connection) -> None:
                _expect(connection, key.row)
                first(connection)
                queries.put_secrets(connection, rows)

            await self._database.write(put)

        await _until_not_overtaken(attempt)

    async def _key_of(self, person: str) -> _PersonKey:
        row, used = await self._database.read(
            lambda connection: (queries.person_key(connection, person), queries.global_key_ids(connection))
        )
        if row is not None:
            return await self._unwrapped(row)
        if used:  # before `wrap`, which would make a global key in place of one that got lost
            await self._refuse_others(used)
        fresh = await self._new_key(person)

        def add(connection: Connection) -> None:
            if queries.person_key(connection, person) is not None:
                raise _OvertakenError
            if not queries.global_key_ids(connection) <= {fresh.row.global_key_id}:
                raise _OvertakenError
            queries.add_person_key(connection, fresh.row)

        await self._database.write(add)
        return fresh

    async def _new_key(self, person: str) -> _PersonKey:
        key = envelope.new_key()
        unwrapped = PersonKeyRow(
            person=person,
            key_id=token_hex(16),
            global_key_id="",
            format=FORMAT,
            wrapped=b"",
            created_ns=int(self._now() * 1e9),
        )
        return _PersonKey(await _wrapped(self._provider, unwrapped, key), key)

    async def _unwrapped(self, row: PersonKeyRow) -> _PersonKey:
        await self._refuse_others({row.global_key_id})
        with _explained(f"the vault's key of {row.person!r}"):
            return _PersonKey(row, await self._provider.unwrap(row.wrapped, _place_of_key(row)))

    async def _refuse_others(self, used: set[str]) -> None:
        given = await self._provider.key_id()
        if used != {given}:
            raise InvalidConfiguration(
                f"the vault's global key (id {given[:8]}) is not the one that the stored secrets need "
                f"(id {', '.join(sorted(key_id[:8] for key_id in used))}); put that one back"
            )


async def _wrapped(provider: KeyProvider, row: PersonKeyRow, key: bytes) -> PersonKeyRow:
    wrapped = await provider.wrap(key, _place_of_key(row))
    return msgspec.structs.replace(row, global_key_id=await provider.key_id(), wrapped=wrapped)


def _sealed(key: _PersonKey, owner: str, field: str, plain: bytes) -> SecretRow:
    row = SecretRow(
        person=key.row.person, owner=owner, field=field, key_id=key.row.key_id, format=FORMAT, sealed=b""
    )
    return msgspec.structs.replace(row, sealed=envelope.seal(key.key, plain, _place_of_secret(row)))


def _unsealed(key: _PersonKey, row: SecretRow) -> bytes:
    with _explained(f"the secret {row.field!r} of {row.owner!r}"):
        return envelope.unseal(key.key, row.sealed, _place_of_secret(row))


def _place_of_key(row: PersonKeyRow) -> bytes:
    return envelope.place("person key", str(row.format), row.person, row.key_id)


def _place_of_secret(row: SecretRow) -> bytes:
    return envelope.place("secret", str(row.format), row.key_id, row.person, row.owner, row.field)


def _expect(connection: Connection, row: PersonKeyRow) -> None:
    if queries.person_key(connection, row.person) != row:
        raise _OvertakenError


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except UnsealError:
        raise InvalidConfiguration(
            f"{what} is damaged or does not belong there; connect the service again"
        ) from None


async def _until_not_overtaken(attempt: Callable[[], Awaitable[None]]) -> None:
    for _ in range(_ATTEMPTS):
        with suppress(_OvertakenError):
            return await attempt()
    raise Locked("the vault's keys are being changed by another process")
