"""A source of age files: those whose names end in `.age` are opened as they are read, all others left alone.

Only its header tells how large a file is when it is opened, so a listing reads the beginning of each age file, where
that costs no more than its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Connector, Page
from mover.connectors.sealed.evidence import evidence_of, is_repeatable, size_in
from mover.connectors.sealed.index import Line
from mover.connectors.sealed.opened import LeftAsTheyAre, OpenedSource, words_for
from mover.connectors.sealed.source import begun
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import MoverError, NotFound, NotOpened, Unsupported
from mover.sealing.age.files import FIRST_READ, SUFFIX, Opened, layout_of, open_header
from mover.sealing.age.identities import Identities
from mover.sealing.age.payload import NONCE
from mover.sealing.age.stanzas import LARGEST_HEADER, MAGIC, Header, Incomplete, NotAge, read_header
from mover.sealing.names import SEALED_INDEX_NAME, looks_hidden
from mover.sealing.streams import opened_range, opened_whole

_REMEMBERED = 4_096  # files whose headers are known
_LOOKS_AT_ONCE = 8
_LARGEST_INDEX = 64 << 20  # bytes of a folder's file of names
_FOR_OTHERS = "the file does not open: it is encrypted for other keys than those that were given"
_INDEX = "it tells the names of the encrypted files beside it"


@dataclass(frozen=True)
class _Start:
    """How a file begins: its header, and the bytes up to the first block. Without a header it is no age file."""

    header: Header | None
    bytes: bytes


class AgeSource(OpenedSource):
    """Satisfies `contract.Connector`."""

    def __init__(self, inner: Connector, root: str, identities: Identities) -> None:
        super().__init__(inner, root)
        self._identities = identities
        self._starts = Bounded[str, _Start](_REMEMBERED)
        self._plain = LeftAsTheyAre()
        self._unnamed = LeftAsTheyAre()

    @property
    def remarks(self) -> Sequence[str]:
        """What was left alone."""
        return [
            *super().remarks,
            *self._plain.words("were not encrypted, and were moved as they are"),
            *self._unnamed.words("keep sealed names, since the files that tell them could not be opened, in"),
        ]

    def is_opened(self, ref: EntryRef) -> bool:
        """Whether a file that was read proved to be an age file."""
        return self.is_to_be_opened(ref) and ref.path not in self._plain

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path, without or with the ending that it has at the service."""
        at = EntryRef(path)
        with words_for(path):
            try:
                found = await self._inner.look_up(path)
            except NotFound:
                at = EntryRef(path + SUFFIX)
                found = await self._inner.look_up(at.path)
            return await self._opened(found, EntryRef(at.path, found.id), {})

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh."""
        if ref.id is None:
            return await self.look_up(ref.path)
        at = self.inner_ref(ref)
        with words_for(ref.path):
            found = await self._opened(await self._inner.refresh(at), at, {})
        return msgspec.structs.replace(found, name=ref.name)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:  # noqa: ARG002 - the contract's
        """Yield pages, without cursors: whether two files have one name now shows in the whole listing only."""
        at = self.inner_ref(folder)
        names: dict[str, str] | None = None
        taken = set[int]()
        slots = asyncio.Semaphore(_LOOKS_AT_ONCE)

        async def opened(entry: Entry) -> Entry:
            async with slots:
                return await self._opened(entry, at.child(entry.name, entry.id), names or {})

        with words_for(folder.path):
            async with aclosing(self._inner.list_folder(at)) as pages:
                async for page in pages:
                    if names is None and any(looks_hidden(entry.name) for entry in page.entries):
                        names = await self._names(at, folder.path)
                    entries = await asyncio.gather(*(opened(entry) for entry in page.entries))
                    yield Page([_distinct(entry, taken) for entry in entries])

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, opened if it is an age file. Raises NotOpened."""
        at = self.inner_ref(file)
        is_range = bool(offset) or length is not None
        if not self.is_to_be_opened(file):
            self._plain.add(file.path)
            reading = self.inner_read(at, version)(offset, length)
        elif is_range:
            reading = await self._range(file, at, offset, length, await self.version_of(file, version))
        else:
            reading = self._whole(file, at, version)
        with words_for(file.path):
            async with aclosing(reading) as pieces:
                async for piece in pieces:
                    yield piece

    async def _whole(self, file: EntryRef, at: EntryRef, version: str | None) -> AsyncGenerator[bytes, None]:
        stream = self.inner_read(at, version)(0, None)
        try:
            start = await _start(stream)
            if start.header is None:
                self._plain.add(file.path)
                pieces = begun(stream, start.bytes)
            else:
                opened = self._open(start, file)
                body = begun(stream, start.bytes[opened.layout.prefix :])
                pieces = opened_whole(opened.cipher, body, empty_block=True)
            async with aclosing(pieces) as opened_pieces:
                async for piece in opened_pieces:
                    yield piece
        finally:
            await stream.aclose()

    async def _range(
        self, file: EntryRef, at: EntryRef, offset: int, length: int | None, version: str | None
    ) -> AsyncGenerator[bytes, None]:
        if version is None or not is_repeatable(version):
            raise Unsupported("a file of which nothing tells its version is read whole", path=file.path)
        inner = self.inner_read(at, version)
        with words_for(file.path):
            start = await self._known_start(at, version)
        if start.header is None:
            self._plain.add(file.path)
            return inner(offset, length)
        opened = self._open(start, file)
        return opened_range(opened.cipher, opened.layout, size_in(version), inner, offset, length)

    def _open(self, start: _Start, file: EntryRef) -> Opened:
        assert start.header is not None
        with words_for(file.path):
            opened = open_header(start.header, start.bytes, self._identities)
        if opened is None:
            raise NotOpened(_FOR_OTHERS, operation="read", path=file.path)
        return opened

    async def _known_start(self, at: EntryRef, version: str) -> _Start:
        key = f"{at.id or at.path}\n{version}"
        if (found := self._starts.get(key)) is not None:
            return found
        inner = self.inner_read(at, version)
        size = size_in(version)
        for most in (FIRST_READ, LARGEST_HEADER + NONCE):
            stream = inner(0, min(most, size))
            try:
                found = await _start(stream, to_end=size <= most)
            except Incomplete:
                continue
            finally:
                await stream.aclose()
            self._starts.put(key, found)
            return found
        raise NotAge("its header is too long")

    async def _opened(self, entry: Entry, at: EntryRef, names: dict[str, str]) -> Entry:
        """An entry as it is here, with the size that it has when it is opened, if that can be learnt."""
        name = names.get(entry.name, entry.name)
        if entry.kind is not EntryKind.FILE:
            return self.described(entry, at, name, size=entry.size, opened=False)
        if entry.name == SEALED_INDEX_NAME:
            found = self.described(entry, at, name, size=entry.size, opened=True)
            return msgspec.structs.replace(found, internal=_INDEX)
        if not entry.name.lower().endswith(SUFFIX) or entry.name.lower() == SUFFIX:
            return self.described(entry, at, name, size=entry.size, opened=False)
        if name.lower().endswith(SUFFIX):
            name = name[: -len(SUFFIX)]
        can = self._inner.capabilities
        version = evidence_of(entry, can)
        if not (is_repeatable(version) and can.range_reads and can.bounded_reads):
            return self.described(entry, at, name, size=None, opened=True)
        assert version is not None
        size = None
        try:
            start = await self._known_start(at, version)
            if start.header is None:
                return self.described(
                    entry, at, names.get(entry.name, entry.name), size=entry.size, opened=False
                )
            size = layout_of(start.header).size(size_in(version))
        except (MoverError, NotAge, ValueError):
            pass  # whatever it is, reading the file meets it too, and it becomes the outcome of the file
        return self.described(entry, at, name, size=size, opened=True)

    async def _index(self, folder: EntryRef) -> Entry:
        """Find a folder's file of names; by listing it, since the path may not be known. Raises NotFound."""
        async with aclosing(self._inner.list_folder(folder)) as pages:
            async for page in pages:
                for entry in page.entries:
                    if entry.name == SEALED_INDEX_NAME:
                        return entry
        raise NotFound("the folder has no file that tells names", path=folder.path)

    async def _names(self, at: EntryRef, shown: str) -> dict[str, str]:
        """What the names of a folder stand for, by its file of names; empty if that cannot be read."""
        try:
            entry = await self._index(at)
            place = at.child(SEALED_INDEX_NAME, entry.id)
            ref = EntryRef(place.path, self.described(entry, place, entry.name, size=None, opened=True).id)
            text = bytearray()
            async with aclosing(self.read(ref)) as pieces:
                async for piece in pieces:
                    text += piece
                    if len(text) > _LARGEST_INDEX:
                        raise NotOpened("the file of names is too large", path=place.path)
            lines = msgspec.json.Decoder(Line).decode_lines(bytes(text))
        except (MoverError, msgspec.DecodeError):
            self._unnamed.add(shown)
            return {}
        return {line.sealed: line.name for line in lines if line.name not in {"", ".", ".."}}


async def _start(stream: AsyncGenerator[bytes, None], *, to_end: bool = True) -> _Start:
    """Read as much of a file as tells how it begins.

    Raises NotAge: it begins as an age file, and goes on otherwise; Incomplete, unless that is all of the file.
    """
    start = b""
    while True:
        try:
            header = read_header(start)
        except Incomplete:
            pass
        except NotAge:
            if start.startswith(MAGIC):
                raise
            return _Start(None, start)
        else:
            if len(start) >= header.length + NONCE:
                return _Start(header, start)
        piece = await anext(stream, None)
        if piece is None:
            break
        start += piece
    if not to_end:
        raise Incomplete
    if start.startswith(MAGIC):
        raise NotAge("it ends within its header")
    return _Start(None, start)


def _distinct(entry: Entry, taken: set[int]) -> Entry:
    """Give an entry another name where one of the folder has it already: `a` beside `a.age`, opened."""
    name, number = entry.name, 1
    while hash(name) in taken:
        number += 1
        stem, dot, ending = entry.name.rpartition(".")
        name = f"{stem} ({number}).{ending}" if dot and stem else f"{entry.name} ({number})"
    taken.add(hash(name))
    return entry if name == entry.name else msgspec.structs.replace(entry, name=name)
