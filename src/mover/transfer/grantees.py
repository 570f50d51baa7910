"""Who becomes whom: a map from the people, groups and domains of a source to those of a destination."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from mover.entries import GranteeKind
from mover.ledger.grants import Grantee
from mover.transfer.folding import fold


class Found(msgspec.Struct, frozen=True):
    """What the map says of somebody: a destination, empty if the share is dropped, and the row that says so."""

    destination: str
    by: str


class GranteeMap:
    """A map, applied once: who a row leads to is not looked up again, so that two may change places.

    A person's own row counts first, then that of their domain, which keeps what stands before the @; so do groups that
    have addresses. Case does not matter.

    Args:
        rows: Source and destination of each row, by the folded source; a domain without its @.
    """

    def __init__(self, rows: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._rows = dict(rows or {})

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    @property
    def mark(self) -> str:
        """Equal for maps of equal rows."""
        digest = hashlib.sha256()
        for key in sorted(self._rows):
            digest.update(f"{key}\0{fold(self._rows[key][1])}\n".encode())
        return digest.hexdigest()[:32]

    def look_up(self, identity: str) -> Found | None:
        """What becomes of a person, group or domain; None if no row speaks of them."""
        if (own := self._rows.get(fold(identity.strip()))) is not None:
            return Found(own[1], own[0])
        local, at, domain = identity.strip().rpartition("@")
        if at and local and (whole := self._rows.get(fold(domain))) is not None:
            return Found(f"{local}@{whole[1]}" if whole[1] else "", whole[0])
        return None


def grantee(kind: GranteeKind, identity: str) -> Grantee:
    """Somebody of that name at the destination.

    Addresses and domains are compared in lower case. What a person is mapped to without an address is a group.
    """
    if kind is GranteeKind.PERSON and "@" not in identity:
        kind = GranteeKind.GROUP
    return Grantee(kind, identity.lower() if "@" in identity or kind is GranteeKind.DOMAIN else identity)
