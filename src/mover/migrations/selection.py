"""Which pairs a bulk action is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Pairs of one migration: these ids, or all that match a filter but some. Made by `these` or `matching`."""

    migration_id: str
    ids: tuple[int, ...] | None = None
    filter: str = ""
    but: tuple[int, ...] = ()

    @classmethod
    def these(cls, migration_id: str, *ids: int) -> Self:
        """Exactly these; those that are no pairs of the migration are passed over."""
        return cls(migration_id=migration_id, ids=tuple(ids))

    @classmethod
    def matching(cls, migration_id: str, filter: str = "", *, but: tuple[int, ...] = ()) -> Self:  # noqa: A002 - the field's own word
        """All that match the text of a filter box (empty: all), without some."""
        return cls(migration_id=migration_id, filter=filter, but=but)
