"""Keys that sign reconciliations: Ed25519, one an organisation, its private half in the vault."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from mover.accounts.actor import Actor, Permission
from mover.accounts.audit import Auditor
from mover.database.database import Database
from mover.errors import Locked
from mover.migrations.acts import Act
from mover.migrations.queries.connections import holder
from mover.migrations.tables import signing_keys
from mover.vault.signing import SigningKey
from mover.vault.vault import Vault

_c = signing_keys.c
_FIELD = "private"
_ATTEMPTS = 5


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A published key: 32 bytes in base64. `retired_ns`: it signs nothing new since then."""

    id: str
    public_key: str
    created_ns: int
    retired_ns: int | None


class _OvertakenError(Exception):
    """Another process made a key at the same moment."""


class SigningKeys:
    """Makes an organisation's key when it is first needed. Several processes may, and get the same one.

    The private half is at the owner `signing:<key id>` of the vault of `organisation:<id>`, and goes with it when the
    organisation is deleted; what was signed can be checked all the same, by the public half that is in each file.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        auditor: Auditor,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._auditor = auditor
        self._vault = vault
        self._now_ns = now_ns

    async def public_keys(self, actor: Actor) -> list[PublicKey]:
        """All keys, newest first; the first one is made if there is none. Needs READ."""
        actor.require(Permission.READ)
        await self.present(actor.organisation_id)
        query = (
            select(signing_keys)
            .where(_c.organisation_id == actor.organisation_id)
            .order_by(_c.retired_ns.is_not(None), _c.created_ns.desc(), _c.id)
        )
        return await self._database.read(
            lambda connection: [
                PublicKey(
                    id=row.id,
                    public_key=row.public_key,
                    created_ns=row.created_ns,
                    retired_ns=row.retired_ns,
                )
                for row in connection.execute(query)
            ]
        )

    async def rotate(self, actor: Actor) -> PublicKey:
        """Sign with a new key from now on; what was signed stays valid. Needs OWN."""
        actor.require(Permission.OWN)
        try:
            await self._add(actor.organisation_id, await self._present_id(actor.organisation_id), actor)
        except _OvertakenError:
            raise Locked("the organisation's signing key is being changed by another process") from None
        return (await self.public_keys(actor))[0]

    async def present(self, organisation_id: str) -> SigningKey:
        """The key that signs now; made if there is none. Raises Locked if others keep changing it."""
        for _ in range(_ATTEMPTS):
            key_id = await self._present_id(organisation_id)
            if key_id is not None:
                secret = await self._vault.fetch(holder(organisation_id), _owner(key_id), _FIELD)
                return SigningKey.from_secret(secret)
            with suppress(_OvertakenError):
                await self._add(organisation_id, None)
        raise Locked("the organisation's signing key is being changed by another process")

    async def _present_id(self, organisation_id: str) -> str | None:
        query = select(_c.id).where(_c.organisation_id == organisation_id, _c.retired_ns.is_(None))
        return await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())

    async def _add(self, organisation_id: str, before: str | None, actor: Actor | None = None) -> None:
        """Make a key in place of the one before, which is somebody's act if they asked for it. Raises _OvertakenError."""
        key, now_ns = SigningKey.make(), self._now_ns()

        def add(connection: Connection) -> None:
            mine = (_c.organisation_id == organisation_id, _c.retired_ns.is_(None))
            retired = connection.execute(update(signing_keys).where(*mine).values(retired_ns=now_ns)).rowcount
            if retired != (before is not None):
                raise _OvertakenError
            connection.execute(
                insert(signing_keys).values(
                    id=key.id,
                    organisation_id=organisation_id,
                    public_key=base64.b64encode(key.public).decode(),
                    created_ns=now_ns,
                    retired_ns=None,
                )
            )
            if actor is not None:
                self._auditor.record(
                    connection, actor, Act.SIGNING_KEY_ROTATED, f"signing key {key.id}", now_ns=now_ns
                )

        try:
            await self._vault.store(holder(organisation_id), _owner(key.id), _FIELD, key.secret, along=add)
        except IntegrityError:  # there is one present key at most; the other process was first
            raise _OvertakenError from None


def _owner(key_id: str) -> str:
    return f"signing:{key_id}"
