"""A source whose files are sealed as they are read.

Every file has a key of its own, which follows from a seed that lasts as long as a run does, and from what tells this
version of the file from others. So the same file gives the same bytes again within a run, also after a restart, and
ranges of it can be read in any order; and when the seed is destroyed, nothing here opens what was sealed. Where a
service tells too little of a file, its key is drawn for each reading, and its size is not told: then it is read whole.

Files that are sealed already are handed out as they are. A listing judges by the name; reading looks, and raises
Changed where the name misled, so that the file is looked at again: from then on it is known. Nothing is handed out
as it is before its header was seen.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Capabilities, Change, Changes, Connector, DescribedReads, Page
from mover.connectors.sealed.evidence import evidence_of, is_repeatable, size_in, version_in
from mover.connectors.sealed.index import FolderNames
from mover.connectors.sealed.source import ReadInAnotherForm, begun
from mover.entries import NO_HASHES, ROOT, Entry, EntryKind, EntryRef, join_path
from mover.errors import Changed, Unsupported
from mover.sealing.age.files import SeededDraw
from mover.sealing.age.recipients import Draw
from mover.sealing.age.stanzas import LARGEST_HEADER
from mover.sealing.blocks import Layout
from mover.sealing.streams import Sealing, sealed_range, sealed_whole

_REMEMBERED = 20_000  # files of which it is known that their names mislead, or that they were looked at
_SEALED_TYPE = "application/octet-stream"


class Seal(Protocol):
    """A format that files are sealed in."""

    @property
    def layout(self) -> Layout:
        """Where the bytes of its files are."""

    def file(self, draw: Draw) -> Sealing:
        """How one file is sealed."""

    def is_sealed(self, start: bytes) -> bool | None:
        """Whether a file that starts so is sealed already; None: more of it is needed to tell."""

    def is_called_sealed(self, name: str) -> bool:
        """Whether a file of that name is expected to be sealed already."""


class RunKeys(Protocol):
    """What the keys of a run's files follow from."""

    @property
    def seed(self) -> bytes:
        """Random bytes that last as long as the run."""

    @property
    def scheme(self) -> str:
        """For whom it is sealed, and how, so that one seed serves no two ways of sealing."""


class SealedSource(ReadInAnotherForm):
    """Satisfies `contract.Connector`, and `contract.DescribedReads` where the wrapped one has it.

    Args:
        inner: Signed in, paced.
        seal: The format.
        keys: Of the run.
        names: Makes the files that tell the names of sealed names, one a folder; None: names are not sealed.
    """

    def __init__(self, inner: Connector, seal: Seal, keys: RunKeys, names: FolderNames | None = None) -> None:
        super().__init__(inner)
        self._seal = seal
        self._keys = keys
        self._names = names
        self._as_is = Bounded[str, bool](_REMEMBERED)  # whether reading found it sealed

    @property
    def capabilities(self) -> Capabilities:
        """Times do not make two sealed files the same: they may be sealed for others."""
        return replace(super().capabilities, modified_resolution_ns=None)

    @property
    def described_reads(self) -> DescribedReads | None:  # type: ignore[override]
        """Reading that tells the time, if the service has it."""
        return self if self._inner.described_reads is not None else None

    @property
    def changes(self) -> Changes | None:  # type: ignore[override]
        """The change feed; none with sealed names, since each folder's file of names comes with its listing."""
        return self._feed(self._inner.changes)

    @property
    def sharing_changes(self) -> Changes | None:  # type: ignore[override]
        """Likewise the one that tells of permissions."""
        return self._feed(self._inner.sharing_changes)

    def _feed(self, feed: Changes | None) -> Changes | None:
        return _SealedChanges(feed, self._sealed) if feed is not None and self._names is None else None

    def was_sealed_before(self, ref: EntryRef, name: str) -> bool:
        """Whether a file that was read is handed out as it is."""
        found = self._as_is.get(_key(ref))
        return self._seal.is_called_sealed(name) if found is None else found

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path."""
        return self._sealed(await self._inner.look_up(path), path)

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh."""
        if self._names is not None and self._names.is_index(ref):
            return await self._names.refresh(self._inner, ref, self._seal.layout)
        return self._sealed(await self._inner.refresh(ref), ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield pages, and at the end the file of names, if names are sealed."""
        if self._names is not None:
            async with aclosing(self._names.list_with_index(self._inner, folder, self._seal.layout)) as pages:
                async for page in pages:
                    yield Page(self._page(folder, page.entries))
            return
        async with aclosing(self._inner.list_folder(folder, cursor)) as pages:
            async for page in pages:
                yield Page(self._page(folder, page.entries), page.cursor)

    async def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
        found: Callable[[Entry], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the sealed file's bytes. `found` is for `described_reads`."""
        if self._names is not None and self._names.is_index(file):
            async with aclosing(self._index(file, offset, length, version)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        if version is None and (offset or length is not None):
            version = (await self.refresh(file)).version
            if not is_repeatable(version):
                raise Unsupported("a file of which nothing tells its version is read whole", path=file.path)
        reading = self._reading(file, version, offset, length, found)
        async with aclosing(reading) as pieces:
            async for piece in pieces:
                yield piece

    def _reading(
        self,
        file: EntryRef,
        version: str | None,
        offset: int,
        length: int | None,
        found: Callable[[Entry], None] | None,
    ) -> AsyncGenerator[bytes, None]:
        def inner(at: int, most: int | None) -> AsyncGenerator[bytes, None]:
            described = self._inner.described_reads
            if found is not None and described is not None:
                return described.read(
                    file,
                    offset=at,
                    length=most,
                    version=version_in(version),
                    found=lambda entry: found(self._sealed(entry, file.path)),
                )
            return self._inner.read(file, offset=at, length=most, version=version_in(version))

        if self.was_sealed_before(file, file.name):
            return self._as_it_is(file, inner, offset, length)

        def content(at: int, most: int | None) -> AsyncGenerator[bytes, None]:
            return self._not_sealed_yet(file, inner(at, most)) if at == 0 else inner(at, most)

        if version is None or not is_repeatable(version):
            return sealed_whole(self._seal.file(secrets.token_bytes), content(0, None))
        sealing = self._seal.file(self._draw(file, version))
        return sealed_range(sealing, size_in(version), content, offset, length)

    async def _not_sealed_yet(
        self, file: EntryRef, stream: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        """Content that is to be sealed. Raises Changed if it is sealed already."""
        start, sealed = await self._look(stream)
        if sealed:
            await stream.aclose()
            self._as_is.put(_key(file), True)
            raise Changed(
                "the file turned out to be encrypted already, so it is moved as it is", path=file.path
            )
        async with aclosing(begun(stream, start)) as pieces:
            async for piece in pieces:
                yield piece

    async def _as_it_is(
        self,
        file: EntryRef,
        inner: Callable[[int, int | None], AsyncGenerator[bytes, None]],
        offset: int,
        length: int | None,
    ) -> AsyncGenerator[bytes, None]:
        """A file that is sealed already. Raises Changed if it is not: nothing of it has been handed out then."""
        start = b""
        stream = inner(offset, length)
        try:
            if self._as_is.get(_key(file)) is None:
                if offset == 0 and (length is None or length >= LARGEST_HEADER):
                    start, sealed = await self._look(stream)
                else:
                    async with aclosing(inner(0, None)) as whole:
                        _, sealed = await self._look(whole)
                self._as_is.put(_key(file), sealed)
                if not sealed:
                    raise Changed(
                        "the file is not encrypted, though its name says so: it is sealed", path=file.path
                    )
            async with aclosing(begun(stream, start)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await stream.aclose()

    async def _look(self, stream: AsyncGenerator[bytes, None]) -> tuple[bytes, bool]:
        """Read until it is clear whether a file is sealed already. Returns what was read."""
        start = b""
        while (sealed := self._seal.is_sealed(start)) is None:
            piece = await anext(stream, None)
            if piece is None:
                return start, False
            start += piece
        return start, sealed

    async def _index(
        self, file: EntryRef, offset: int, length: int | None, version: str | None
    ) -> AsyncGenerator[bytes, None]:
        assert self._names is not None
        names = self._names
        known = version or (await self.refresh(file)).version
        assert known is not None
        sealing = self._seal.file(self._draw(file, known))

        def content(at: int, most: int | None) -> AsyncGenerator[bytes, None]:
            return names.read(self._inner, file, known, at, most)

        async with aclosing(sealed_range(sealing, size_in(known), content, offset, length)) as pieces:
            async for piece in pieces:
                yield piece

    def _draw(self, file: EntryRef, version: str) -> SeededDraw:
        return SeededDraw(self._keys.seed, f"{self._keys.scheme}\n{_key(file)}\n{version}")

    def _page(self, folder: EntryRef, entries: Sequence[Entry]) -> list[Entry]:
        return [self._sealed(entry, join_path(folder.path, entry.name)) for entry in entries]

    def _sealed(self, entry: Entry, path: str) -> Entry:
        """An entry as it is read here."""
        if entry.kind not in {EntryKind.FILE, EntryKind.NATIVE} or (
            self._names is not None and self._names.is_index(EntryRef(path, entry.id))
        ):
            return entry
        version = evidence_of(entry, self._inner.capabilities)
        size = None
        if is_repeatable(version) and entry.size is not None:
            as_is = self.was_sealed_before(EntryRef(path, entry.id), entry.name)
            size = entry.size if as_is else self._seal.layout.sealed_size(entry.size)
        return msgspec.structs.replace(
            entry, size=size, version=version, hashes=NO_HASHES, media_type=_SEALED_TYPE
        )


class _SealedChanges:
    def __init__(self, inner: Changes, sealed: Callable[[Entry, str], Entry]) -> None:
        self._inner = inner
        self._sealed = sealed

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        return await self._inner.cursor(folder)

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        async with aclosing(self._inner.since(cursor)) as pages:
            async for changes, after in pages:
                yield [self._change(change) for change in changes], after

    def _change(self, change: Change) -> Change:
        if change.entry is None:
            return change
        path = change.path or f"/{change.entry.name}"
        return msgspec.structs.replace(change, entry=self._sealed(change.entry, path))


def _key(ref: EntryRef) -> str:
    return ref.id or ref.path
