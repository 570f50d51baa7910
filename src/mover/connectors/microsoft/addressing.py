"""URLs of items: by id, or by a path below one ("Address resources in a drive on OneDrive")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote

GRAPH = "https://graph.microsoft.com/v1.0"
ROOT_ITEM = "root"
"""Stands for a drive's root, whatever its id."""


@dataclass(frozen=True)
class Address:
    """An item of a drive: the one with the id `item`, or what stands at `below` (`a/b`) from there."""

    drive: str
    item: str = ROOT_ITEM
    below: str = ""

    def child(self, name: str) -> Address:
        """Address what has that name in this folder."""
        return replace(self, below=f"{self.below}/{name}" if self.below else name)

    def url(self, action: str = "") -> str:
        """The address of the item, or of something about it."""
        url = f"{drive_url(self.drive)}/{ROOT_ITEM}"
        if self.item != ROOT_ITEM:
            url = f"{drive_url(self.drive)}/items/{quote(self.item, safe='!')}"
        if self.below:
            # All but unreserved characters are encoded, and a final colon keeps a name's last dot.
            url += f":/{'/'.join(quote(name, safe='') for name in self.below.split('/'))}:"
        return f"{url}/{action}" if action else url


def drive_url(drive_id: str) -> str:
    """The address of a drive."""
    return f"{GRAPH}/drives/{quote(drive_id, safe='!')}"
