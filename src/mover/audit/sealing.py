"""Sealing: events that were committed get their places in the chains, and the ends of these are signed anew.

    pending events ──► number, position, hash ──► checkpoint of each chain ──► roster
                            one transaction, at most some hundred events

Acts never wait for it, and it never waits for them: it takes what is committed and leaves the rest to the next time. Of
two that seal at once, one is repeated by the database and finds nothing left to do; so no chain ever forks.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.chain import checkpoint_bytes, event_hash, roster_bytes, words_digest
from mover.audit.keys import AuditKeys, Overtaken, expect_present, sign_roster
from mover.audit.recording import Recorder
from mover.audit.records import Checkpoint, Event
from mover.database.database import Database
from mover.errors import Locked
from mover.vault.signing import SigningKey
from mover.vault.vault import Vault

AT_ONCE = 500
_ATTEMPTS = 5


class Sealer:
    """Seals. Several may at the same time.

    Args:
        database: With the log.
        vault: With the key.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(self, database: Database, vault: Vault, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._keys = AuditKeys(database, vault, Recorder(), now_ns=now_ns)
        self._now_ns = now_ns

    async def seal_due(self, *, at_once: int = AT_ONCE) -> int:
        """Seal everything that was committed before this call; returns how many events it was.

        Raises Locked if the key is changed again and again meanwhile, and what the vault raises (a key service that is
        away): then events wait.
        """
        sealed = 0
        while await self._database.read(lambda transaction: queries.pending(transaction, 1)):
            some = await self._signed(lambda transaction, key: self._seal(transaction, key, at_once))
            sealed += some
            if some < at_once:
                break
        return sealed

    async def _signed(self, work: Callable[[Connection, SigningKey], int]) -> int:
        return await signed(self._database, self._keys, work)

    def _seal(self, transaction: Connection, key: SigningKey, limit: int) -> int:
        found = queries.pending(transaction, limit)
        if not found:
            return 0
        now_ns = self._now_ns()
        heads = queries.heads(transaction, sorted({event.organisation_id for event in found}))
        known = len(heads)
        roster = queries.roster(transaction)
        position = roster.position if roster else 0
        places: list[Event] = []
        for event in found:
            position += 1
            head = heads.get(event.organisation_id) or _beginning(event.organisation_id)
            placed = msgspec.structs.replace(event, number=head.number + 1, position=position)
            placed = msgspec.structs.replace(placed, hash=event_hash(head.hash, placed, words_digest(placed)))
            assert placed.hash is not None
            heads[event.organisation_id] = msgspec.structs.replace(
                head, number=head.number + 1, hash=placed.hash
            )
            places.append(placed)
        queries.seal(transaction, places)
        for head in heads.values():
            put_signed(transaction, head, key, now_ns)
        if roster is None or known != len(heads) or roster.key_id != key.id:
            sign_roster(transaction, key, now_ns, position=position)
        else:
            moved = msgspec.structs.replace(roster, position=position, signed_ns=now_ns)
            queries.put_roster(
                transaction, msgspec.structs.replace(moved, signature=key.sign(roster_bytes(moved)))
            )
        return len(places)


async def signed(database: Database, keys: AuditKeys, work: Callable[[Connection, SigningKey], int]) -> int:
    """Do something that signs, in one transaction, with the key that is the present one in it. Raises Locked."""

    def with_key(transaction: Connection, key: SigningKey) -> int:
        expect_present(transaction, key)
        return work(transaction, key)

    for _ in range(_ATTEMPTS):
        key = await keys.present()
        try:
            return await database.write(lambda transaction, key=key: with_key(transaction, key))  # type: ignore[misc]  # mypy does not infer a default
        except Overtaken:
            continue
    raise Locked("the key of the audit log is being changed by another process")


def put_signed(transaction: Connection, head: Checkpoint, key: SigningKey, now_ns: int) -> None:
    """Sign the state of a chain, and store it."""
    unsigned = msgspec.structs.replace(head, signed_ns=now_ns, key_id=key.id, signature="")
    queries.put_head(
        transaction, msgspec.structs.replace(unsigned, signature=key.sign(checkpoint_bytes(unsigned)))
    )


def _beginning(organisation_id: str) -> Checkpoint:
    return Checkpoint(
        organisation_id=organisation_id,
        cut_number=0,
        cut_hash="",
        number=0,
        hash="",
        closed=False,
        signed_ns=0,
        key_id="",
        signature="",
    )
