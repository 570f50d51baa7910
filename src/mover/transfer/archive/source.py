"""The archive as the one file of a source: what sends files sends it like any other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.connectors.contract import Capabilities, Connector, Page, Setting
from mover.connectors.sealed.source import ReadInAnotherForm
from mover.entries import Entry, EntryRef
from mover.naming import EXACT
from mover.transfer.archive.writing import ArchiveWriter

ARCHIVE = Capabilities(
    names=EXACT,
    modified=Setting.NEVER,
    modified_resolution_ns=1,
    bounded_reads=False,
    versioned_reads=True,
    exclusive_create=False,
)
"""It can be read from any offset on; several ranges at once would read its members in disorder."""


class ArchiveSource(ReadInAnotherForm):
    """Satisfies `contract.Connector`, with the archive as its only entry. Read by one at a time, and only forwards.

    Args:
        inner: Where the members stand.
        entry: What the archive is listed as.
        writer: Of its bytes.
    """

    def __init__(self, inner: Connector, entry: Entry, writer: ArchiveWriter) -> None:
        super().__init__(inner)
        self._entry = entry
        self._writer = writer

    @property
    def capabilities(self) -> Capabilities:
        """It can be read from any offset on; several ranges at once would read its members in disorder."""
        return ARCHIVE

    async def look_up(self, path: str) -> Entry:  # noqa: ARG002 - the contract's parameter
        """The archive."""
        return self._entry

    async def refresh(self, ref: EntryRef) -> Entry:  # noqa: ARG002 - the contract's parameter
        """The archive."""
        return self._entry

    async def list_folder(
        self,
        folder: EntryRef,  # noqa: ARG002 - the contract's parameter
        cursor: str | None = None,  # noqa: ARG002 - likewise
    ) -> AsyncGenerator[Page, None]:
        """The archive alone."""
        yield Page([self._entry])

    async def read(
        self,
        file: EntryRef,  # noqa: ARG002 - there is one
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,  # noqa: ARG002 - there is one
    ) -> AsyncGenerator[bytes, None]:
        """Its bytes. Raises what ends the run; a member that fails is left out."""
        left = length
        async with aclosing(self._writer.stream(offset)) as pieces:
            async for piece in pieces:
                if left is None:
                    yield piece
                    continue
                yield piece[:left]
                left -= min(left, len(piece))
                if not left:
                    return
