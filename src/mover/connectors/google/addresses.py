"""How entries are addressed: Drive's id, and in whose name or in which shared drive it is looked for.

An id as the contract has it is `ID` (My Drive of the account), `DRIVE!ID` (a shared drive) or `USER@DOMAIN!ID` (My Drive of a
user, in the admin form); what a shortcut stands for is `ID.SHORTCUT`. Folders that are Mover's own, such as that of all shared drives, have ids with a colon in front, which
no id of Google's has.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mover.entries import EntryRef
from mover.errors import NotFound

_FIT = re.compile(r"[A-Za-z0-9_-]{1,200}|:[a-z]{1,20}")
_USER = re.compile(r"[^\x00-\x20!/\x7f]{1,254}@[^\x00-\x20!/@\x7f]{1,254}")


@dataclass(frozen=True)
class Address:
    """Where an entry is.

    Attributes:
        item: Google's id, or that of a folder of Mover's own.
        drive: The shared drive that it is in.
        user: Whose My Drive it is in, in the admin form.
        shortcut: Id of the shortcut that stands for it, where one was followed.
    """

    item: str
    drive: str | None = None
    user: str | None = None
    shortcut: str | None = None

    @property
    def text(self) -> str:
        """The id as the contract has it."""
        prefix = self.user or self.drive
        item = f"{self.item}.{self.shortcut}" if self.shortcut else self.item
        return f"{prefix}!{item}" if prefix else item

    @property
    def is_own(self) -> bool:
        """It is a folder of Mover's own."""
        return self.item.startswith(":")

    def beside(self, item: str) -> Address:
        """Address another entry of the same drive."""
        return Address(item, self.drive, self.user)

    @staticmethod
    def is_user(email: str) -> bool:
        """Tell whether an address of somebody fits into an id."""
        return _USER.fullmatch(email) is not None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an id. Raises NotFound for what cannot be one."""
        prefix, _, rest = text.rpartition("!")
        item, _, link = rest.partition(".")
        shortcut = link or None
        if _FIT.fullmatch(item) and (not link or _FIT.fullmatch(link)) and rest in {item, f"{item}.{link}"}:
            if not prefix:
                return cls(item, shortcut=shortcut)
            if _USER.fullmatch(prefix):
                return cls(item, user=prefix, shortcut=shortcut)
            if _FIT.fullmatch(prefix) and not prefix.startswith(":"):
                return cls(item, drive=prefix, shortcut=shortcut)
        raise NotFound("there is no such entry")


ROOT = Address(":root")
DRIVES = Address(":drives")
USERS = Address(":users")
SHARED = Address(":shared")
ORPHANS = Address(":orphans")

MY_DRIVE = "root"
"""By which Google calls the My Drive of whoever asks."""

MY_DRIVE_NAME = "My Drive"
OWN_NAMES = {
    ROOT.item: "",
    DRIVES.item: "Shared drives",
    USERS.item: "Users",
    SHARED.item: "Shared with me",
    ORPHANS.item: "Orphans",
}
"""Names of the folders that are Mover's own."""


def address_of(ref: EntryRef) -> Address | None:
    """Read the id of a reference; None where only its path is known. Raises NotFound."""
    if ref.id is not None:
        return Address.parse(ref.id)
    return ROOT if ref.path == "/" else None
