"""From records to rows and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Row

from mover.entries import NO_HASHES, Entry, EntryKind, HashName, join_path
from mover.ledger.estimates import Estimate
from mover.ledger.records import Arrival, FolderTask, Item, NewItem, Outcome, PartRecord, ReportItem, Run
from mover.ledger.states import Action, Code, ItemState, RunMode, Verification

_encode_entry = msgspec.json.encode
_decode_entry = msgspec.json.Decoder(Entry).decode
_encode = msgspec.json.Encoder().encode
_decode_hashes = msgspec.json.Decoder(dict[HashName, str]).decode
_decode_options = msgspec.json.Decoder(dict[str, Any]).decode

KNOWN = "known"  # the state of a folder whose listing the run before has
ARRIVAL_FIELDS = Arrival.__struct_fields__
_VERIFICATIONS = {verification.value: verification for verification in Verification}

FINGERPRINT_ORDER = (
    HashName.SHA256,
    HashName.SHA512,
    HashName.SHA1,
    HashName.DROPBOX,
    HashName.QUICKXOR,
    HashName.MD5,
)


def hashes_text(hashes: Mapping[HashName, str]) -> str | None:
    """JSON, or None for none."""
    return _encode(dict(hashes)).decode() if hashes else None


def hashes_from(text: str | None) -> Mapping[HashName, str]:
    """The reverse of `hashes_text`."""
    return _decode_hashes(text) if text else NO_HASHES


def fingerprint_of(size: int | None, hashes: Mapping[HashName, str]) -> str | None:
    """Text by which the same content is recognised under another name: size and best hash; None without a hash."""
    if not size:
        return None
    for name in FINGERPRINT_ORDER:
        if name in hashes:
            return f"{size}:{name}:{hashes[name]}"
    return None


def item_row(run_id: int, folder_id: int, item: NewItem, now_ns: int) -> dict[str, Any]:
    """Row of a new item."""
    entry = item.entry
    return {
        "run_id": run_id,
        "folder_id": folder_id,
        "source_key": item.source_key,
        "name": entry.name,
        "source_id": entry.id,
        "kind": entry.kind.value,
        "size": entry.size,
        "modified_ns": entry.modified_ns,
        "created_ns": entry.created_ns,
        "version": entry.version,
        "hashes": hashes_text(entry.hashes),
        "media_type": entry.media_type,
        "destination_name": item.destination_name,
        "destination_key": item.destination_key,
        "state": item.state.value,
        "action": item.action.value,
        "large": item.large,
        "interrupted": item.interrupted,
        "reason": item.reason,
        "side": item.side,
        "message": item.message,
        "verification": item.verification.value if item.verification else None,
        "content_hash": item.content_hash,
        "sent_bytes": 0,
        "attempts": 0,
        "ended_ns": now_ns if item.action is Action.NONE else None,
    }


def item_from(row: Row[Any]) -> Item:
    """A planned item, from a row of `items` joined with its folder."""
    return Item(
        id=row.id,
        source_key=row.source_key,
        folder_path=row.path,
        folder_source_id=row.folder_source_id,
        destination_folder_path=row.destination_path,
        destination_folder_id=row.destination_id,
        entry=item_entry_from(row),
        destination_name=row.destination_name,
        destination_key=row.destination_key,
        action=Action(row.action),
        large=row.large,
        interrupted=row.interrupted,
        note=row.message,
    )


def item_entry_from(row: Row[Any]) -> Entry:
    """The entry at the source, from a row of `items`."""
    return Entry(
        name=row.name,
        kind=EntryKind(row.kind),
        id=row.source_id,
        size=row.size,
        modified_ns=row.modified_ns,
        created_ns=row.created_ns,
        version=row.version,
        hashes=hashes_from(row.hashes),
        media_type=row.media_type,
    )


def report_item_from(row: Row[Any]) -> ReportItem:
    """An item for a report, from a row of `items` joined with its folder."""
    return ReportItem(
        id=row.id,
        kind=EntryKind(row.kind),
        path=join_path(row.path, row.name),
        destination_path=join_path(row.destination_path, row.destination_name),
        size=row.size,
        modified_ns=row.modified_ns,
        state=ItemState(row.state),
        action=Action(row.action),
        verification=Verification(row.verification) if row.verification else None,
        content_hash=row.content_hash,
        sent_bytes=row.sent_bytes,
        attempts=row.attempts,
        reason=row.reason,
        side=row.side,
        message=row.message,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
    )


def folder_from(row: Row[Any]) -> FolderTask:
    """A folder of the queue."""
    return FolderTask(
        id=row.id,
        item_id=row.item_id,
        path=row.path,
        source_id=row.source_id,
        destination_path=row.destination_path,
        destination_id=row.destination_id,
        destination_parent_id=row.destination_parent_id,
        destination_exists=row.destination_exists,
        modified_ns=row.modified_ns,
        cursor=row.cursor,
        access_id=row.access_id,
        earlier_id=row.earlier_id,
        known=row.state == KNOWN,
    )


def run_from(row: Row[Any]) -> Run:
    """A run."""
    return Run(
        id=row.id,
        pair_id=row.pair_id,
        mode=RunMode(row.mode),
        dry_run=row.dry_run,
        source_label=row.source_label,
        destination_label=row.destination_label,
        fingerprint=row.fingerprint,
        options=_decode_options(row.options),
        code=Code(row.code),
        finished=row.finished,
        scanned=row.scanned,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        active_ns=row.active_ns,
        message=row.message,
        unencrypted=tuple(row.unencrypted.split(",")) if row.unencrypted else (),
        base_id=row.base_id,
        carries=bool(row.carries),
        source_cursor=row.source_cursor,
        destination_cursor=row.destination_cursor,
        estimate=msgspec.json.decode(row.estimate, type=Estimate) if row.estimate else None,
    )


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """Parameters of the update that ends an item; `item` names the row."""
    return {
        "item": outcome.item_id,
        "state": outcome.state.value,
        "reason": outcome.reason,
        "side": outcome.side,
        "message": outcome.message,
        "verification": outcome.verification.value if outcome.verification else None,
        "content_hash": outcome.content_hash,
        "sent_bytes": outcome.sent_bytes,
        "attempts": outcome.attempts,
        "started_ns": outcome.started_ns,
        "ended_ns": outcome.ended_ns,
    }


def arrival_row(pair_id: int, arrival: Arrival) -> dict[str, Any]:
    """Row of an arrival."""
    return {
        "pair_id": pair_id,
        "source_key": arrival.source_key,
        "path": arrival.path,
        "size": arrival.size,
        "modified_ns": arrival.modified_ns,
        "version": arrival.version,
        "hashes": hashes_text(arrival.hashes),
        "fingerprint": fingerprint_of(arrival.size, arrival.hashes),
        "destination_path": arrival.destination_path,
        "destination_path_key": arrival.destination_path_key,
        "destination_id": arrival.destination_id,
        "destination_size": arrival.destination_size,
        "destination_modified_ns": arrival.destination_modified_ns,
        "destination_version": arrival.destination_version,
        "destination_hashes": hashes_text(arrival.destination_hashes),
        "content_hash": arrival.content_hash,
        "verification": arrival.verification.value,
    }


def arrival_from(row: Iterable[Any]) -> Arrival:
    """An arrival, from a row of exactly `ARRIVAL_FIELDS`, in their order."""
    values = dict(zip(ARRIVAL_FIELDS, row, strict=True))
    values["hashes"] = hashes_from(values["hashes"])
    values["destination_hashes"] = hashes_from(values["destination_hashes"])
    values["verification"] = _VERIFICATIONS[values["verification"]]
    return Arrival(**values)


def part_row(upload_id: int, part: PartRecord) -> dict[str, Any]:
    """Row of a part."""
    return {
        "upload_id": upload_id,
        "number": part.number,
        "size": part.size,
        "receipt": part.receipt,
        "hashes": hashes_text(part.hashes) or "{}",
    }


def part_from(row: Row[Any]) -> PartRecord:
    """A part."""
    return PartRecord(row.number, row.size, row.receipt, hashes_from(row.hashes))


def listing_row(folder_id: int, key: str, entry: Entry) -> dict[str, Any]:
    """Row of an entry of the destination."""
    return {"folder_id": folder_id, "key": key, "entry": entry_text(entry)}


def entry_text(entry: Entry) -> str:
    """JSON of all that is known of an entry."""
    plain = msgspec.structs.replace(entry, hashes=dict(entry.hashes))
    return _encode_entry(plain).decode()


def entry_from(text: str) -> Entry:
    """The reverse of `entry_text`."""
    return _decode_entry(text)


def state_from(text: str) -> ItemState:
    """A state."""
    return ItemState(text)
