"""What is hashed and what is signed, to the byte. Changing anything here makes every log that there is unverifiable.

Each is a JSON list without blanks, in ASCII, behind a line that says what it is:

    digest     SHA-256 of ["mover audit words 1", salt, actor_name, subject, details]
    hash       SHA-256 of ["mover audit event 1", hash before, organisation_id, number, position, id, happened_ns,
               actor_kind, actor_id, action, digest]; the hash before the first event is empty
    checkpoint, roster, redaction: signed (Ed25519)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from mover.audit.records import Checkpoint, Event, PublicKey, Redaction, Roster

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def _bytes(what: str, values: Sequence[object]) -> bytes:
    return _encode([f"mover audit {what} 1", *values]).encode("ascii")


def _hash(what: str, values: Sequence[object]) -> str:
    return hashlib.sha256(_bytes(what, values)).hexdigest()


def words_digest(event: Event) -> str:
    """Digest what an event says in words, as the event says it now."""
    return _hash("words", [event.salt, event.actor_name, event.subject, event.details])


def event_hash(previous: str, event: Event, digest: str) -> str:
    """Hash an event behind another.

    Args:
        previous: The hash of the one before; empty for the first.
        event: With its number and position.
        digest: Of its words as they were sealed.
    """
    return _hash(
        "event",
        [
            previous,
            event.organisation_id,
            event.number,
            event.position,
            event.id,
            event.happened_ns,
            event.actor_kind,
            event.actor_id,
            event.action,
            digest,
        ],
    )


def checkpoint_bytes(one: Checkpoint) -> bytes:
    """What the signature of a checkpoint is over."""
    return _bytes(
        "checkpoint",
        [
            one.organisation_id,
            one.cut_number,
            one.cut_hash,
            one.number,
            one.hash,
            one.closed,
            one.signed_ns,
            one.key_id,
        ],
    )


def roster_bytes(one: Roster) -> bytes:
    """What the signature of the roster is over."""
    return _bytes(
        "roster",
        [
            one.chains,
            one.chains_digest,
            one.keys_digest,
            one.position,
            one.signed_ns,
            one.key_id,
            *(() if one.forgotten is None else (one.forgotten,)),
        ],
    )


def redaction_bytes(event: Event, one: Redaction) -> bytes:
    """What the signature of a redaction is over: which event, what it said (by its digest), and what it says now."""
    return _bytes(
        "redaction",
        [
            event.organisation_id,
            event.number,
            event.id,
            one.digest,
            event.actor_name,
            event.subject,
            event.details,
            one.redacted_ns,
            one.key_id,
        ],
    )


def chains_digest(organisation_ids: Iterable[str]) -> str:
    """Digest which chains there are."""
    return _hash("chains", sorted(organisation_ids))


def keys_digest(keys: Iterable[PublicKey]) -> str:
    """Digest which keys there are."""
    told = sorted(
        (key.id, key.public_key, key.created_ns, key.retired_ns or 0, key.retired_ns is None) for key in keys
    )
    return _hash("keys", told)
