"""From paths of the connection to calls: in whose name, and at which path of Dropbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mover.connectors.dropbox.calls import MYSELF, Who


@dataclass(frozen=True)
class Area:
    """A part of the connection's tree that is one tree at Dropbox.

    Attributes:
        who: In whose name it is used.
        top: Its path in the connection; empty for the connection's root.
    """

    who: Who
    top: str = ""


@dataclass(frozen=True)
class Location:
    """An entry's place: the area, and the path in it as Dropbox spells it; `""` is its root."""

    area: Area
    path: str

    @property
    def who(self) -> Who:
        """In whose name it is used."""
        return self.area.who

    def child(self, name: str) -> Location:
        """The place of an entry of this folder."""
        return Location(self.area, f"{self.path}/{name}")


class Areas(Protocol):
    """Finds places."""

    async def locate(self, path: str, operation: str) -> Location | None:
        """Find the place of a path; None for folders that Mover itself makes up above the areas.

        Raises NotFound, UserNotFound, AccountSuspended.
        """

    async def top_id(self, path: str, operation: str) -> str | None:
        """Return the id of an area's top, or of a folder that Mover makes up; None where there is no need for one."""


class OneArea:
    """A person's own account."""

    def __init__(self) -> None:
        self._area = Area(MYSELF)

    def begin_at(self, root_namespace_id: str) -> None:
        """Let paths begin at the top of the team's space rather than in the person's own folder."""
        self._area = Area(Who(namespace=root_namespace_id, is_root=True))

    async def locate(self, path: str, operation: str) -> Location | None:  # noqa: ARG002 - it is one for all
        """See `Areas`."""
        return Location(self._area, "" if path == "/" else path)

    async def top_id(self, path: str, operation: str) -> str | None:  # noqa: ARG002 - there is one top
        """See `Areas`."""
        return None
