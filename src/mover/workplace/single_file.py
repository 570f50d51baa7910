"""Copying one file: the source is the folder that holds it, as if nothing else stood there."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from mover.connectors.contract import Connector, Page, Renames
from mover.connectors.paced import Paced
from mover.entries import EntryRef
from mover.transport.pacing import Pacer


class OneFile(Paced):
    """A connector in whose folders only one file stands: a large folder is not listed for the sake of one file."""

    def __init__(self, inner: Connector, pacer: Pacer, file: EntryRef) -> None:
        super().__init__(inner, pacer)
        self._file = file

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:  # noqa: ARG002 - the contract's parameters
        """Yield the one file, as it is now."""
        yield Page([await self.refresh(self._file)])


class WithoutRenames(Paced):
    """A destination where nothing is renamed: one file alone does not tell which others are gone from the source."""

    @property
    def renames(self) -> Renames | None:
        """None."""
        return None
