"""The key that signs the audit log: one for the installation, so that an organisation's deletion leaves its tombstone signed.

Its private half is in the vault of `audit`, at the owner `signing:<key id>`; whoever has the database alone cannot
sign. Who may make keys is decided by who can run the command line on this machine.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.recording import Auditor
from mover.audit.records import BROKEN, PublicKey
from mover.audit.signing import sign_roster, take_over
from mover.audit.vouching import chains_fault, may_have_signed, report, roster_fault
from mover.database.database import Database
from mover.errors import Locked
from mover.vault.signing import SigningKey
from mover.vault.vault import Vault

HOLDER = "audit"
KEY_MADE = "audit.key_made"
KEY_ROTATED = "audit.key_rotated"
_FIELD = "private"
_ATTEMPTS = 5


class Overtaken(Exception):
    """Another process changed the key at the same moment; what was to be signed with it is to be tried again."""


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """Mover itself or who runs it, as the one who acts."""

    organisation_id: str = ""
    kind: str = "system"
    id: str = "audit"
    name: str = "Mover (audit log)"


class AuditKeys:
    """Makes the key when it is first needed. Several processes may, and get the same one.

    Args:
        database: Holds the public halves.
        vault: Holds the private ones.
        auditor: Keeps that there is a new one.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, vault: Vault, auditor: Auditor, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._vault = vault
        self._auditor = auditor
        self._now_ns = now_ns

    async def all(self) -> list[PublicKey]:
        """All keys, the present one first."""
        return await self._database.read(queries.keys)

    async def present(self) -> SigningKey:
        """The key that signs now; made if there is none. Raises Locked if others keep changing it."""
        for _ in range(_ATTEMPTS):
            key_id = await self._database.read(queries.present_key)
            if key_id is not None:
                return SigningKey.from_secret(await self._vault.fetch(HOLDER, _owner(key_id), _FIELD))
            try:
                return await self._make(None)
            except Overtaken:
                continue
        raise Locked("the key of the audit log is being changed by another process")

    async def rotate(self) -> PublicKey:
        """Sign with a new key from now on; all that the one before signed is signed anew, and that one counts no more.

        Raises Locked if another process does so at this moment.
        """
        before = await self.present()
        try:
            await self._make(before)
        except Overtaken:
            raise Locked("the key of the audit log is being changed by another process") from None
        return (await self.all())[0]

    async def _make(self, before: SigningKey | None) -> SigningKey:
        """Make a key in place of the one before. Raises Overtaken."""
        key, now_ns = SigningKey.make(), self._now_ns()
        published = PublicKey(
            id=key.id, public_key=base64.b64encode(key.public).decode(), created_ns=now_ns, retired_ns=None
        )

        def add(transaction: Connection) -> None:
            if queries.present_key(transaction) != (before.id if before else None):
                raise Overtaken
            if before is None:
                queries.add_key(transaction, published)
                sign_roster(transaction, key, now_ns)
            else:
                self._change(transaction, before, key, published)
            self._auditor.record(
                transaction,
                Operator(),
                KEY_MADE if before is None else KEY_ROTATED,
                f"audit key {key.id}",
                {} if before is None else {"before": before.id},
                now_ns=now_ns,
            )

        await self._vault.store(HOLDER, _owner(key.id), _FIELD, key.secret, along=add)
        return key

    def _change(
        self, transaction: Connection, before: SigningKey, key: SigningKey, published: PublicKey
    ) -> None:
        """Let a key take over from another, as far as what is there was signed by that one."""
        now_ns = published.created_ns
        roster = queries.roster(transaction)
        fault = roster_fault(transaction, roster, before)
        if fault is None and roster is not None:
            fault = chains_fault(transaction, roster)
        keys = {before.id: before.public} if fault else may_have_signed(transaction, roster, before)
        queries.retire_key(transaction, now_ns)
        queries.add_key(transaction, published)
        take_over(transaction, key, keys, now_ns)
        if fault is not None:
            report("", fault)
            self._auditor.record(
                transaction, Operator(), BROKEN, "audit log", {"found": fault}, now_ns=now_ns
            )
        position = max(roster.position if roster else 0, queries.last_position(transaction))
        forgotten = roster.forgotten if roster and not fault else None
        if forgotten is None:
            forgotten = position - queries.sealed_in_chains(transaction)
        sign_roster(transaction, key, now_ns, position=position, forgotten=forgotten)


def expect_present(transaction: Connection, key: SigningKey) -> None:
    """Raise Overtaken if a key does not sign any more."""
    if queries.present_key(transaction) != key.id:
        raise Overtaken


def _owner(key_id: str) -> str:
    return f"signing:{key_id}"
