"""What stands at the destination when a file has arrived: what the next run, or the next attempt, judges by."""

from __future__ import annotations

from mover.entries import Entry
from mover.errors import IntegrityError
from mover.ledger.records import Arrival, Item
from mover.ledger.states import Verification
from mover.naming import NameRules


class DamagedArrival(IntegrityError):
    """What arrived is not what was sent, and stands at the destination. `left` describes it."""

    def __init__(self, message: str, *, path: str, left: Arrival) -> None:
        super().__init__(message, operation="verify", path=path)
        self.left = left


def arrival_of(
    item: Item,
    source: Entry,
    written: Entry,
    rules: NameRules,
    *,
    proof: Verification,
    digest: str | None,
    size: int | None,
) -> Arrival:
    """Describe an arrival.

    Args:
        item: What was moved.
        source: The file as it was read.
        written: What the destination said of it.
        rules: Of the destination.
        proof: How its arrival was proven.
        digest: Its content hash, `name:value`.
        size: In bytes, where the destination did not say.
    """
    path = item.destination_path
    return Arrival(
        source_key=item.source_key,
        path=item.path,
        size=source.size,
        modified_ns=source.modified_ns,
        version=source.version,
        hashes=source.hashes,
        destination_path=path,
        destination_path_key=rules.path_key(path),
        destination_id=written.id,
        destination_size=written.size if written.size is not None else size,
        destination_modified_ns=written.modified_ns,
        destination_version=written.version,
        destination_hashes=written.hashes,
        content_hash=digest,
        verification=proof,
    )
