"""What sources that are read in another form have in common: they only hand out, and tell no hashes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from mover.connectors.contract import (
    Account,
    Capabilities,
    Changes,
    Connector,
    Content,
    DescribedReads,
    PartUploads,
    Permissions,
    Places,
    Quota,
    Remarks,
    Renames,
    ServiceHashes,
    Setting,
    Target,
    Times,
    Versions,
)
from mover.entries import Entry, EntryRef
from mover.errors import Unsupported


class ReadInAnotherForm:
    """The part of `contract.Connector` that is the same for all of them. Nothing can be written through it.

    What the wrapped connector has and this one does not is None here: earlier versions are neither sealed nor opened,
    and hashes that a service tells are of the other form.
    """

    part_uploads: PartUploads | None = None
    described_reads: DescribedReads | None = None
    hashes: ServiceHashes | None = None
    times: Times | None = None
    renames: Renames | None = None
    quota: Quota | None = None
    changes: Changes | None = None
    sharing_changes: Changes | None = None
    versions: Versions | None = None

    def __init__(self, inner: Connector) -> None:
        self._inner = inner

    @property
    def service(self) -> str:
        """See `contract.Connector`, as for all that follows."""
        return self._inner.service

    @property
    def capabilities(self) -> Capabilities:
        """What the service can do, but for what needs its own bytes."""
        return replace(
            self._inner.capabilities,
            listed_hashes=frozenset(),
            returned_hashes=frozenset(),
            parts=None,
            modified=Setting.NEVER,
            created=Setting.NEVER,
            folder_modified=Setting.NEVER,
            alters=frozenset(),
        )

    @property
    def calls(self) -> int:
        """Requests so far."""
        return self._inner.calls

    @property
    def permissions(self) -> Permissions | None:
        """Who may do what: the same, whatever form the content has."""
        return self._inner.permissions

    @property
    def places(self) -> Places | None:
        """People and sites."""
        return self._inner.places

    @property
    def remarks(self) -> Sequence[str]:
        """What the connector noticed, if it is one that says so."""
        return self._inner.remarks if isinstance(self._inner, Remarks) else ()

    async def sign_in(self) -> Account:
        """Sign in."""
        return await self._inner.sign_in()

    async def close(self) -> None:
        """Let go of connections."""
        await self._inner.close()

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Refused with Unsupported: it is a source."""
        raise Unsupported(
            "files are only read in this form", operation="create folder", path=f"{parent.path}/{name}"
        )

    async def upload(self, target: Target, content: Content) -> Entry:  # noqa: ARG002 - the contract's parameters
        """Refused with Unsupported: it is a source."""
        raise Unsupported("files are only read in this form", operation="upload", path=target.ref.path)


async def begun(stream: AsyncGenerator[bytes, None], first: bytes) -> AsyncGenerator[bytes, None]:
    """A stream of which something has been taken already: that, then the rest, in pieces of at most 1 MiB."""
    try:
        for at in range(0, len(first), 1 << 20):
            yield first[at : at + (1 << 20)]
        async for piece in stream:
            yield piece
    finally:
        await stream.aclose()
