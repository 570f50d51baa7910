"""Sealing: events that were committed get their places in the chains, and the ends of these are signed anew.

    pending events ──► number, position, hash ──► checkpoint of each chain ──► roster
                            one transaction, at most some hundred events

Acts never wait for it, and it never waits for them: it takes what is committed and leaves the rest to the next time. Of
two that seal at once, one is repeated by the database and finds nothing left to do; so no chain ever forks.

What is not as it was signed is not signed for: it is marked, and the chain goes on from the mark.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.chain import event_hash, words_digest
from mover.audit.keys import AuditKeys, Operator, Overtaken, expect_present
from mover.audit.recording import Recorder
from mover.audit.records import BROKEN, Checkpoint, Event, Roster
from mover.audit.signing import put_roster, put_signed, sign_roster, take_over
from mover.audit.vouching import chains_fault, head_fault, may_have_signed, report, roster_fault
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
        footing = self._footing(transaction, key, sorted({event.organisation_id for event in found}), now_ns)
        if footing.marked:
            marks = queries.pending_marks(transaction)
            known = {event.id for event in marks}
            found = [*marks, *(event for event in found if event.id not in known)]
        heads, position = footing.heads, footing.position
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
        if footing.roster is None or footing.known != len(heads):
            sign_roster(transaction, key, now_ns, position=position, forgotten=footing.forgotten)
        else:
            moved = msgspec.structs.replace(footing.roster, position=position, forgotten=footing.forgotten)
            put_roster(transaction, moved, key, now_ns)
        return len(places)

    def _footing(self, transaction: Connection, key: SigningKey, chains: list[str], now_ns: int) -> _Footing:
        """See whether what is there was signed; mark what was not, and say from where to go on."""
        roster = queries.roster(transaction)
        fault = roster_fault(transaction, roster, key)
        if roster is not None and fault is None and roster.forgotten is None:
            take_over(transaction, key, may_have_signed(transaction, roster, key), now_ns)
        heads, ends = queries.heads(transaction, chains), queries.ends(transaction, chains)
        faults = {
            chain: wrong
            for chain in chains
            if (wrong := head_fault(heads.get(chain), ends.get(chain, 0), {key.id: key.public}))
        }
        if fault is None and roster is not None and len(heads) < len(chains):  # it is going to be signed anew
            fault = chains_fault(transaction, roster)
        if fault is not None:
            faults[""] = "; ".join(filter(None, (faults.get(""), fault)))
        if fault is not None and "" not in heads:
            heads |= queries.heads(transaction, [""])
            ends |= queries.ends(transaction, [""])
        for chain, wrong in faults.items():
            report(chain, wrong)
            details = {"found": wrong}
            Recorder().record(
                transaction, Operator(organisation_id=chain), BROKEN, "audit log", details, now_ns=now_ns
            )
            base = heads.get(chain) or _beginning(chain)
            number = max(base.number, ends.get(chain, 0))
            last = queries.hash_of(transaction, chain, number)
            if chain in heads or number:
                heads[chain] = msgspec.structs.replace(base, number=number, hash=last or base.hash)
        known = sum(chain in heads for chain in {*chains, *faults})
        position = roster.position if roster else 0
        forgotten = roster.forgotten if roster else None
        if faults or forgotten is None:
            for head in heads.values():
                put_signed(transaction, head, key, now_ns)
            position = max(position, queries.last_position(transaction))
            forgotten = position - queries.sealed_in_chains(transaction)
        return _Footing(
            heads=heads,
            known=known,
            roster=None if faults else roster,
            position=position,
            forgotten=forgotten,
            marked=bool(faults),
        )


@dataclass(frozen=True, kw_only=True)
class _Footing:
    """From where sealing goes on.

    Attributes:
        heads: Of the chains that are to go on.
        known: How many of these the roster names.
        roster: None: to be made anew.
        position: Of the last event.
        forgotten: Sealed events that are in no chain.
        marked: Something was not as it had been signed, and there are events that say so.
    """

    heads: dict[str, Checkpoint]
    known: int
    roster: Roster | None
    position: int
    forgotten: int
    marked: bool


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
