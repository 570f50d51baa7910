"""What a person can choose about permissions."""

from __future__ import annotations

import enum

import msgspec

from mover.transfer.grantees import GranteeMap


class Unmapped(enum.StrEnum):
    """Who gets the permissions of somebody of whom no row of the map speaks."""

    SAME = "same"  # whoever has the same address at the destination, if it knows one
    DROP = "drop"  # nobody; the report says so


class Wider(enum.StrEnum):
    """What becomes of an entry that more people could see at the destination than at the source."""

    HOLD = "hold"  # it is not put there, and the run says who would have seen it
    ALLOW = "allow"  # it is put there all the same


class SharingRules(msgspec.Struct, frozen=True, kw_only=True):
    """How permissions are re-created.

    Attributes:
        map: Who becomes whom.
        unmapped: What is done for those whom it does not name.
        external: Give people outside of the organisation what they had, too; else they are only listed.
        links: Make shares by link again, for whoever has the new link; else they are only listed.
        wider: What becomes of entries that would be open to more people than at the source.
        map_mark: What stands for the map in the fingerprint of the options; None: its rows themselves.
    """

    map: GranteeMap = msgspec.field(default_factory=GranteeMap)
    unmapped: Unmapped = Unmapped.SAME
    external: bool = False
    links: bool = False
    wider: Wider = Wider.HOLD
    map_mark: str | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for rules by which an interrupted run may go on."""
        mark = self.map.mark if self.map_mark is None else self.map_mark
        return f"{mark} {self.unmapped} {self.external} {self.links} {self.wider}"
