"""Whether what is there is what was signed: asked before anything is signed anew, so that nobody's forgery is signed for.

Without that, whoever writes to the database would change or cut off a chain, let its checkpoint say so without a
signature, and wait for the next event: sealing it would sign for the rest. What is found is marked by an event in the
chain itself, which no later signature takes away, and which `verifying.py` tells of for as long as it is kept.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.chain import (
    chains_digest,
    checkpoint_bytes,
    event_hash,
    keys_digest,
    redaction_bytes,
    roster_bytes,
    words_digest,
)
from mover.audit.records import Checkpoint, Event, Redaction, Roster
from mover.vault.signing import SigningKey, is_signed

_log = logging.getLogger(__name__)

Publics = Mapping[str, bytes]
"""Public keys by their ids."""


def head_fault(head: Checkpoint | None, end: int, keys: Publics) -> str | None:
    """Say what is wrong with the checkpoint of a chain; None: nothing.

    Args:
        head: None: there is none.
        end: The highest number of its events; 0: it has none.
        keys: Those that may have signed it.
    """
    if head is None:
        return "its checkpoint was not there" if end else None
    if not is_signed(keys.get(head.key_id, b""), checkpoint_bytes(head), head.signature):
        return "its checkpoint was not as it had been signed"
    return "it had events behind its checkpoint" if end > head.number else None


def roster_fault(transaction: Connection, roster: Roster | None, key: SigningKey) -> str | None:
    """Say what is wrong with the list of chains and keys; None: nothing."""
    if roster is None:
        return "the list of chains was not there"
    if roster.key_id != key.id or not is_signed(key.public, roster_bytes(roster), roster.signature):
        return "the list of chains was not as it had been signed"
    if keys_digest(queries.keys(transaction)) != roster.keys_digest:
        return "a key had been added, removed or changed"
    if queries.last_position(transaction) > roster.position:
        return "there were events behind the last position"
    if roster.forgotten is None:  # of a Mover that did not count
        return None
    missing = roster.position - roster.forgotten - queries.sealed_in_chains(transaction)
    return None if missing == 0 else f"{missing} sealed events were in no chain"


def chains_fault(transaction: Connection, roster: Roster) -> str | None:
    """Say whether a chain was removed or put in. Reads all checkpoints."""
    if chains_digest(queries.heads(transaction)) == roster.chains_digest:
        return None
    return "a chain had been removed or put in"


def may_have_signed(transaction: Connection, roster: Roster | None, key: SigningKey) -> Publics:
    """The keys that may have signed checkpoints and redactions: the present one, since a rotation signs all anew.

    Where that was not so yet (a roster of an earlier Mover), also those before it, which the roster names.
    """
    if roster is None or roster.forgotten is not None:
        return {key.id: key.public}
    return {one.id: base64.b64decode(one.public_key) for one in queries.keys(transaction)}


def is_redaction_signed(event: Event, keys: Publics) -> bool:
    """Tell whether an event says what it was sealed with, or what somebody who may signed instead."""
    if event.redaction is None:
        return True
    try:
        one = msgspec.json.decode(event.redaction, type=Redaction)
    except (msgspec.MsgspecError, UnicodeError):
        return False
    return is_signed(keys.get(one.key_id, b""), redaction_bytes(event, one), one.signature)


def follow(head: Checkpoint, events: Iterable[Event]) -> bool:
    """Tell whether events are the first ones behind the cut of a chain, each with the hash that it has to have."""
    number, previous = head.cut_number, head.cut_hash
    for event in events:
        number += 1
        if event.number != number or event_hash(previous, event, _sealed_digest(event)) != event.hash:
            return False
        previous = event.hash
    return True


def report(chain: str, fault: str) -> None:
    """Say in the log of the process that something is not as it was signed."""
    where = f"of organisation {chain}" if chain else "of no organisation"
    _log.error("the audit log %s was changed by somebody: %s; run `mover audit verify`", where, fault)


def _sealed_digest(event: Event) -> str:
    if event.redaction is None:
        return words_digest(event)
    try:
        return msgspec.json.decode(event.redaction, type=Redaction).digest
    except (msgspec.MsgspecError, UnicodeError):
        return ""
