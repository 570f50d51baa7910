"""Files that are sealed or opened on their way, as far as the engine has to know.

What it reads from such a source are the bytes that are to arrive, so reading, staging, sending and verifying are the same
as ever. It has to know that the bytes of a sealed file are other ones in each run, and how names look at the destination.
"""

from __future__ import annotations

from typing import Protocol

from mover.entries import EntryRef
from mover.ledger.states import Verification


class Form(Protocol):
    """The form in which the files of a source are read."""

    @property
    def edition(self) -> str:
        """Text that is another one when the same version of a file is read as other bytes than before."""

    @property
    def sealed(self) -> bool:
        """The bytes of this run cannot be made again in the next one: only what was noted of them can be compared."""

    def told(self, file: EntryRef, verification: Verification) -> str:
        """What is said of a file that was moved in this form, and of how it was verified."""


class SealedNames(Protocol):
    """How names look at a destination that holds sealed files."""

    @property
    def what(self) -> str:
        """What files there are, for people: "files that are sealed with age"."""

    @property
    def reversible(self) -> bool:
        """Names can be unsealed by themselves, so one that is to be another one is changed before it is sealed."""

    def name(self, name: str, *, folder: bool) -> str:
        """The name under which an entry stands there. Raises NameRejected."""

    def is_always_moved(self, name: str) -> bool:
        """Whether filters do not concern a file of the source: it tells the names of the others."""
