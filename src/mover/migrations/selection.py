"""Which pairs a bulk action is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from mover.errors import InvalidConfiguration

_MOST_LEFT_OUT = 500


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Pairs of one migration: these ids, or all that match a filter but some. Made by `these` or `matching`."""

    migration_id: str
    ids: tuple[int, ...] | None = None
    filter: str = ""
    but: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.but) > _MOST_LEFT_OUT:
            raise InvalidConfiguration(
                f"at most {_MOST_LEFT_OUT} pairs can be left out; narrow the filter instead"
            )

    @classmethod
    def these(cls, migration_id: str, *ids: int) -> Self:
        """Exactly these; those that are no pairs of the migration are passed over."""
        return cls(migration_id=migration_id, ids=tuple(ids))

    @classmethod
    def matching(cls, migration_id: str, filter: str = "", *, but: tuple[int, ...] = ()) -> Self:  # noqa: A002 - the field's own word
        """All that match the text of a filter box (empty: all), without some. Raises InvalidConfiguration."""
        return cls(migration_id=migration_id, filter=filter, but=but)
