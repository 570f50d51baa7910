"""What may go of the audit log, and how it stays verifiable when it has gone.

    old events       the beginning of a chain is cut off; the checkpoint says up to where, and signs it
    an organisation  its chain is cut down to its tombstone, the event that says who deleted it, and closed
    a person         the words that name them are replaced by a pseudonym; the digest of what stood there stays in the
                     chain, its salt goes, and the new words are signed

Each step is a transaction of its own. What is not as it was sealed stays: it is evidence.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.chain import words_digest
from mover.audit.keys import AuditKeys
from mover.audit.recording import Recorder
from mover.audit.records import Checkpoint, Event, Redaction
from mover.audit.sealing import Sealer, signed
from mover.audit.signing import put_signed, resigned, sign_roster
from mover.audit.vouching import (
    chains_fault,
    follow,
    head_fault,
    is_redaction_signed,
    may_have_signed,
    report,
    roster_fault,
)
from mover.database.database import Database
from mover.vault.signing import SigningKey
from mover.vault.vault import Vault

DAY_NS = 86_400 * 1_000_000_000
DELETED = "organisation.deleted"
_EVENTS = 1_000
_REDACTED_AT_ONCE = 100
_NAME_OF_A_PERSON = frozenset({"invited_by"})  # details that say a name as people typed it


def _nobody() -> None:
    pass


def pseudonym(person_id: str) -> str:
    """What the log calls a person who was deleted: the same everywhere, and nobody's name."""
    return f"person {person_id[:8]} (deleted)"


@dataclass(frozen=True)
class _Forgotten:
    """A person who is being forgotten: mail addresses, wherever they stand, and names, where details name people."""

    person_id: str
    addresses: re.Pattern[str]
    names: frozenset[str]


class Custodian:
    """Lets go of what is not kept. Several may at the same time.

    Args:
        database: With the log.
        vault: With the key.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(self, database: Database, vault: Vault, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._keys = AuditKeys(database, vault, Recorder(), now_ns=now_ns)
        self._sealer = Sealer(database, vault, now_ns=now_ns)
        self._now_ns = now_ns

    async def remove_old(
        self, *, days: int, days_of_nobody: int, alive: Callable[[], object] = _nobody
    ) -> int:
        """Cut off the beginnings of all chains, as far as it happened longer ago; returns how many events went.

        Args:
            days: Of the chains of organisations, also of those that were deleted.
            days_of_nobody: Of what happened in no organisation: strangers write there.
            alive: Called between steps.
        """
        removed = 0
        for organisation_id in await self._database.read(queries.heads):
            kept = days if organisation_id else days_of_nobody
            before_ns = self._now_ns() - kept * DAY_NS
            while some := await self._signed(
                lambda transaction, key, chain=organisation_id, before_ns=before_ns: self._cut(  # type: ignore[misc]  # mypy does not infer a default
                    transaction, key, chain, before_ns
                )
            ):
                removed += some
                alive()
        return removed

    async def bury(self, organisation_id: str, *, limit: int = _EVENTS) -> int:
        """Cut the chain of a deleted organisation down to its tombstone, at most about `limit` events at a time.

        Returns how many went. 0: nothing but the tombstone is left.
        """
        await self._sealer.seal_due()
        head = await self._database.read(lambda transaction: queries.heads(transaction, [organisation_id]))
        if not head:
            return 0
        return await self._signed(
            lambda transaction, key: self._bury(transaction, key, organisation_id, limit)
        )

    def will_forget(self, transaction: Connection, person_id: str, names: Iterable[str]) -> None:
        """Note in the transaction that deletes a person that the log is to forget them; `forget_due` does it.

        Args:
            transaction: Of the deletion.
            person_id: Theirs; stays, as it is nobody's name.
            names: Mail addresses, which are replaced wherever they stand (those that the person's own events show are
                added), and what has no @: names, which are replaced where a detail is the name of a person.
        """
        queries.put_forgetting(transaction, person_id, json.dumps(sorted(names)), self._now_ns())

    async def forget_due(self) -> int:
        """Replace what names people who were deleted by a pseudonym; returns how many events were changed."""
        changed = 0
        for person_id, names in await self._database.read(queries.forgetting):
            changed += await self._forget(person_id, json.loads(names))
            await self._database.write(
                lambda transaction, person_id=person_id: queries.remove_forgetting(transaction, person_id)  # type: ignore[misc]  # mypy does not infer a default
            )
        if changed:
            await self._database.forget_removed()
        return changed

    async def _forget(self, person_id: str, names: Iterable[str]) -> int:
        await self._sealer.seal_due()
        called = {name for name in names if name and "@" not in name}
        known = {name.lower() for name in names if "@" in name}
        own = await self._database.read(lambda transaction: queries.naming(transaction, person_id, []))
        known |= {one.actor_name.lower() for one in own if "@" in one.actor_name}
        found = await self._database.read(
            lambda transaction: queries.naming(
                transaction, person_id, sorted({*known, *(json.dumps(name).lower() for name in called)})
            )
        )
        forgotten = _Forgotten(person_id, _whole(known), frozenset(called))
        changed = 0
        for begin in range(0, len(found), _REDACTED_AT_ONCE):
            ids = [event.id for event in found[begin : begin + _REDACTED_AT_ONCE]]
            changed += await self._signed(
                lambda transaction, key, ids=ids: self._redact(transaction, key, ids, forgotten)  # type: ignore[misc]  # likewise
            )
        return changed

    async def _signed(self, work: Callable[[Connection, SigningKey], int]) -> int:
        return await signed(self._database, self._keys, work)

    def _cut(self, transaction: Connection, key: SigningKey, organisation_id: str, before_ns: int) -> int:
        """Cut off some of what is old. A chain that was closed and has nothing left is forgotten."""
        head = self._head(transaction, key, organisation_id)
        if head is None:
            return 0
        first = queries.first_to_keep(transaction, organisation_id, before_ns)
        until = head.number if first is None else first - 1
        if head.closed and head.cut_number == head.number:
            self._forget_chain(transaction, key, head)
            return 0
        return self._cut_off(transaction, key, head, min(until, head.cut_number + _EVENTS))

    def _head(self, transaction: Connection, key: SigningKey, organisation_id: str) -> Checkpoint | None:
        """The checkpoint of a chain; None if there is none, or it is not as it was signed."""
        head = queries.heads(transaction, [organisation_id]).get(organisation_id)
        keys = may_have_signed(transaction, queries.roster(transaction), key)
        fault = head_fault(head, queries.ends(transaction, [organisation_id]).get(organisation_id, 0), keys)
        if fault is not None:
            report(organisation_id, fault)
            return None
        return head

    def _forget_chain(self, transaction: Connection, key: SigningKey, head: Checkpoint) -> None:
        roster = queries.roster(transaction)
        fault = roster_fault(transaction, roster, key)
        if roster is None or fault is not None or chains_fault(transaction, roster) is not None:
            report("", fault or "a chain had been removed or put in")
            return
        queries.remove_head(transaction, head.organisation_id)
        forgotten = None if roster.forgotten is None else roster.forgotten + head.number
        sign_roster(transaction, key, self._now_ns(), forgotten=forgotten)

    def _bury(self, transaction: Connection, key: SigningKey, organisation_id: str, limit: int) -> int:
        head = self._head(transaction, key, organisation_id)
        if head is None:
            return 0
        tombstone = queries.last_of(transaction, organisation_id, DELETED)
        until = head.number if tombstone is None else tombstone - 1
        if head.closed and until <= head.cut_number:
            return 0
        closed = msgspec.structs.replace(head, closed=True)
        removed = self._cut_off(transaction, key, closed, min(until, head.cut_number + limit))
        if removed == 0:
            put_signed(transaction, closed, key, self._now_ns())
        return removed

    def _cut_off(self, transaction: Connection, key: SigningKey, head: Checkpoint, until: int) -> int:
        if until <= head.cut_number:
            return 0
        going = queries.some_of_chain(transaction, head.organisation_id, head.cut_number, until)
        if len(going) != until - head.cut_number or not follow(head, going):
            report(head.organisation_id, "events that are old were not as they had been sealed, and stay")
            return 0
        cut = msgspec.structs.replace(head, cut_number=until, cut_hash=going[-1].hash)
        # The word first: on PostgreSQL a role may remove only what a checkpoint says is cut off.
        put_signed(transaction, cut, key, self._now_ns())
        return queries.remove_up_to(transaction, head.organisation_id, until)

    def _redact(
        self,
        transaction: Connection,
        key: SigningKey,
        ids: list[int],
        forgotten: _Forgotten,
    ) -> int:
        changed = 0
        keys = may_have_signed(transaction, queries.roster(transaction), key)
        for event_id in ids:
            before = queries.with_id(transaction, event_id)
            if before is None:  # cut off meanwhile
                continue
            if not is_redaction_signed(before, keys):
                report(before.organisation_id, f"words of event {before.number} had been replaced, and stay")
                continue
            after = _redacted(before, forgotten)
            if (after.actor_name, after.subject, after.details) == (
                before.actor_name,
                before.subject,
                before.details,
            ):
                continue
            queries.redact(transaction, _resigned(before, after, key, self._now_ns()))
            changed += 1
        return changed


def _whole(words: Iterable[str]) -> re.Pattern[str]:
    """Finds words where they are not the end or the beginning of longer ones: ann@ is not in joann@."""
    any_of = "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)"
    return re.compile(rf"(?<![\w.+-])(?:{any_of})(?![\w-])", re.IGNORECASE)


def _redacted(event: Event, forgotten: _Forgotten) -> Event:
    instead = pseudonym(forgotten.person_id)
    mine = event.actor_kind == "person" and event.actor_id == forgotten.person_id

    def told(text: str, longest: int | None = None) -> str:
        return forgotten.addresses.sub(instead, text)[:longest]

    details = {
        key: instead if key in _NAME_OF_A_PERSON and value in forgotten.names else told(value)
        for key, value in json.loads(event.details).items()
    }
    if mine and "name" in details and event.action == "person.changed":
        details["name"] = instead  # an earlier one
    subject = told(event.subject, 300)
    return msgspec.structs.replace(
        event,
        actor_name=instead if mine else told(event.actor_name, 254),
        subject=subject.removeprefix("person ") if subject.startswith(f"person {instead}") else subject,
        details=json.dumps(details),
    )


def _resigned(before: Event, after: Event, key: SigningKey, now_ns: int) -> Event:
    if before.redaction is None:
        digest = words_digest(before)
    else:  # of what was sealed, however often it is redacted
        digest = msgspec.json.decode(before.redaction, type=Redaction).digest
    return resigned(after, digest, key, now_ns)
