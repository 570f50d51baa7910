"""A source that rclone's crypt has written: names and contents are decrypted as they are read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.contract import Connector, Page
from mover.connectors.sealed.evidence import is_repeatable, size_in
from mover.connectors.sealed.opened import OpenedSource, words_for
from mover.connectors.sealed.source import begun
from mover.entries import Entry, EntryKind, EntryRef, join_path
from mover.errors import InvalidConfiguration, NotFound, Unsupported
from mover.sealing.crypt.files import LAYOUT, BoxCipher, Crypt
from mover.sealing.streams import opened_range, opened_whole

_REMEMBERED = 4_096  # files whose nonces are known
_NOT_ENCRYPTED = "its name was not encrypted with this password, so rclone's crypt would not show it either"

_NOTHING_FITS = (
    "the password of crypt is another one, or the folder is none of crypt: no name in it can be decrypted"
)


class CryptSource(OpenedSource):
    """Satisfies `contract.Connector`. Everything below `root` is of the crypt remote."""

    def __init__(self, inner: Connector, root: str, crypt: Crypt) -> None:
        super().__init__(inner, root)
        self._crypt = crypt
        self._ciphers = Bounded[str, BoxCipher](_REMEMBERED)
        self._fits = not crypt.hides_names  # whether some name has shown that the password is the right one

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path: as the service has it down to the root, and decrypted below."""
        prefix = self._root.rstrip("/") + "/"
        if not path.startswith(prefix) or path == prefix:
            with words_for(path):
                found = await self._inner.look_up(path)
            return self._decrypted(found, EntryRef(path), path.rpartition("/")[2])
        *folders, last = path.removeprefix(prefix).split("/")
        at = self._root
        for folder in folders:
            at = join_path(at, self._crypt.name(folder, folder=True))
        places = dict.fromkeys(
            join_path(at, self._crypt.name(last, folder=is_folder)) for is_folder in (False, True)
        )
        with words_for(path):
            return await self._first_of(list(places), last)

    async def _first_of(self, places: Sequence[str], name: str) -> Entry:
        """Describe what stands at one of these places. Raises NotFound."""
        for there in places[:-1]:
            try:
                return self._decrypted(await self._inner.look_up(there), EntryRef(there), name)
            except NotFound:
                continue
        there = places[-1]
        return self._decrypted(await self._inner.look_up(there), EntryRef(there), name)

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh."""
        if ref.id is None:
            return await self.look_up(ref.path)
        at = self.inner_ref(ref)
        with words_for(ref.path):
            return self._decrypted(await self._inner.refresh(at), at, ref.name)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield pages. Raises InvalidConfiguration where no name at all is of this password."""
        at = self.inner_ref(folder)
        with words_for(folder.path):
            async with aclosing(self._inner.list_folder(at, cursor)) as pages:
                async for page in pages:
                    entries = [self._listed(entry, at) for entry in page.entries]
                    if not self._fits and any(entry.internal == _NOT_ENCRYPTED for entry in entries):
                        raise InvalidConfiguration(_NOTHING_FITS, path=folder.path)
                    yield Page(entries, page.cursor)

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, decrypted. Raises NotOpened."""
        at = self.inner_ref(file)
        known = await self.version_of(file, version) if offset or length is not None else version
        inner = self.inner_read(at, known)
        with words_for(file.path):
            if not offset and length is None:
                stream = inner(0, None)
                try:
                    start = await _start(stream)
                    cipher = self._crypt.opened(start)
                    body = begun(stream, start[LAYOUT.prefix :])
                    async with aclosing(opened_whole(cipher, body, empty_block=False)) as pieces:
                        async for piece in pieces:
                            yield piece
                finally:
                    await stream.aclose()
                return
            if known is None or not is_repeatable(known):
                raise Unsupported("a file of which nothing tells its version is read whole", path=file.path)
            key = f"{at.id or at.path}\n{known}"
            cipher_ = self._ciphers.get(key)
            if cipher_ is None:
                cipher_ = self._crypt.opened(await _start(inner(0, LAYOUT.prefix)))
                self._ciphers.put(key, cipher_)
            async with aclosing(
                opened_range(cipher_, LAYOUT, size_in(known), inner, offset, length)
            ) as pieces:
                async for piece in pieces:
                    yield piece

    def _listed(self, entry: Entry, folder: EntryRef) -> Entry:
        at = folder.child(entry.name, entry.id)
        is_folder = entry.kind is EntryKind.FOLDER
        try:
            name = self._crypt.plain_name(entry.name, folder=is_folder)
        except ValueError:
            return msgspec.structs.replace(
                self.described(entry, at, entry.name, size=entry.size, opened=False), internal=_NOT_ENCRYPTED
            )
        if not (is_folder and self._crypt.plain_name_is_no_proof):
            self._fits = True
        return self._decrypted(entry, at, name)

    def _decrypted(self, entry: Entry, at: EntryRef, name: str) -> Entry:
        is_file = entry.kind is EntryKind.FILE
        size = entry.size
        if is_file and size is not None:
            try:
                size = LAYOUT.size(size)
            except ValueError:
                size = None  # it was cut off: reading says so
        return self.described(entry, at, name, size=size, opened=is_file)


async def _start(stream: AsyncGenerator[bytes, None]) -> bytes:
    start = b""
    while len(start) < LAYOUT.prefix and (piece := await anext(stream, None)) is not None:
        start += piece
    return start
