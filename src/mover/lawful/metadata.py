"""The metadata of an export as lines of JSON: pairs with their runs, and items by name, place, size and state; no more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from mover.entries import join_path

_NS = 1_000_000_000


def moment(at_ns: int | None) -> str | None:
    """A time to the microsecond, as RFC 3339 has it."""
    if at_ns is None:
        return None
    seconds, rest = divmod(at_ns, _NS)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000).isoformat()
    except (ValueError, OverflowError, OSError):  # what a service says of a file can be any number
        return f"{at_ns} ns"


def pair_line(row: Row[Any]) -> bytes:
    """A run of a pair, of `pair_rows`."""
    return _line(
        {
            "pair": row.pair_id,
            "run": row.id,
            "ledger_run": row.ledger_run_id,
            "migration": {"id": row.migration_id, "name": row.migration},
            "source": _side(row.source_connection_id, row.source, row.source_service, row.source_path),
            "destination": _side(
                row.destination_connection_id,
                row.destination,
                row.destination_service,
                row.destination_path,
            ),
            "mode": row.mode,
            "state": row.state,
            "code": row.code,
            "runner": row.runner or None,
            "queued": moment(row.queued_ns),
            "started": moment(row.started_ns),
            "ended": moment(row.ended_ns),
        }
    )


def item_line(row: Row[Any]) -> bytes:
    """An item, of `item_rows`."""
    return _line(
        {
            "item": row.id,
            "ledger_run": row.run_id,
            "kind": row.kind,
            "path": join_path(row.folder_path, row.name),
            "destination_path": join_path(row.destination_folder, row.destination_name),
            "size": row.size,
            "modified": moment(row.modified_ns),
            "state": row.state,
            "reason": row.reason,
            "started": moment(row.started_ns),
            "ended": moment(row.ended_ns),
        }
    )


def _side(connection_id: str, name: str | None, service: str | None, path: str) -> dict[str, object]:
    return {"connection": connection_id, "name": name, "service": service, "path": path}


def _line(content: dict[str, object]) -> bytes:
    return msgspec.json.encode(content) + b"\n"
