"""Everything that the key of the audit log signs, and how one key takes over from another."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.chain import chains_digest, checkpoint_bytes, keys_digest, redaction_bytes, roster_bytes
from mover.audit.records import Checkpoint, Event, Redaction, Roster
from mover.audit.vouching import Publics, head_fault, is_redaction_signed
from mover.vault.signing import SigningKey


def put_signed(transaction: Connection, head: Checkpoint, key: SigningKey, now_ns: int) -> None:
    """Sign the state of a chain, and store it."""
    unsigned = msgspec.structs.replace(head, signed_ns=now_ns, key_id=key.id, signature="")
    queries.put_head(
        transaction, msgspec.structs.replace(unsigned, signature=key.sign(checkpoint_bytes(unsigned)))
    )


def put_roster(transaction: Connection, one: Roster, key: SigningKey, now_ns: int) -> None:
    """Sign the list of chains and keys as it is given, and store it."""
    unsigned = msgspec.structs.replace(one, signed_ns=now_ns, key_id=key.id, signature="")
    queries.put_roster(
        transaction, msgspec.structs.replace(unsigned, signature=key.sign(roster_bytes(unsigned)))
    )


def sign_roster(
    transaction: Connection,
    key: SigningKey,
    now_ns: int,
    *,
    position: int | None = None,
    forgotten: int | None = None,
) -> None:
    """Sign which chains and keys there are now.

    Args:
        transaction: In which they are what they are to be.
        key: The present one.
        now_ns: Nanoseconds since 1970 UTC.
        position: Of the last event, if that has changed.
        forgotten: How many sealed events are in no chain any more, if that has changed.
    """
    before = queries.roster(transaction)
    chains = queries.heads(transaction)
    if forgotten is None:
        forgotten = before.forgotten if before else 0
    one = Roster(
        chains=len(chains),
        chains_digest=chains_digest(chains),
        keys_digest=keys_digest(queries.keys(transaction)),
        position=position if position is not None else before.position if before else 0,
        forgotten=forgotten,
        signed_ns=now_ns,
        key_id=key.id,
        signature="",
    )
    put_roster(transaction, one, key, now_ns)


def resigned(event: Event, digest: str, key: SigningKey, now_ns: int) -> Event:
    """Sign what an event says now, in place of the words of this digest."""
    one = Redaction(digest=digest, redacted_ns=now_ns, key_id=key.id, signature="")
    signed_one = msgspec.structs.replace(one, signature=key.sign(redaction_bytes(event, one)))
    return msgspec.structs.replace(event, salt=None, redaction=msgspec.json.encode(signed_one).decode())


def take_over(transaction: Connection, key: SigningKey, keys: Publics, now_ns: int) -> None:
    """Sign all checkpoints and redactions with a new key, so that a key before it counts for nothing any more.

    What none of `keys` has signed stays as it is, and is found by whoever verifies.
    """
    for head in queries.heads(transaction).values():
        if head.key_id != key.id and head_fault(head, 0, keys) is None:
            put_signed(transaction, head, key, now_ns)
    for event in _redacted(transaction):
        if is_redaction_signed(event, keys):
            one = msgspec.json.decode(event.redaction or "", type=Redaction)
            if one.key_id != key.id:
                queries.redact(transaction, resigned(event, one.digest, key, one.redacted_ns))


def _redacted(transaction: Connection) -> Iterator[Event]:
    after = -(2**62)
    while found := queries.redacted(transaction, after):
        yield from found
        after = found[-1].id
