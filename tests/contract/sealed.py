"""Services whose files are sealed: read through the connectors that open, written as a run that seals writes.

Mover wraps sources alone, so what writes here is of the tests: it seals names and contents with the same rooms that a
run seals with, and hands them to the service's own connector.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Protocol, cast

import msgspec

from mover.connectors.contract import Account, Capabilities, Connector, Content, Setting, Target
from mover.connectors.sealed.opened_age import AgeSource
from mover.connectors.sealed.opened_crypt import CryptSource
from mover.entries import NO_HASHES, Entry, EntryKind, EntryRef, HashName, join_path
from mover.errors import Changed, Conflict, NotFound
from mover.naming import NameRules
from mover.sealing.age.files import AgeSeal
from mover.sealing.age.identities import read_identities
from mover.sealing.age.recipients import read_recipients
from mover.sealing.blocks import Layout
from mover.sealing.crypt.files import Crypt
from mover.sealing.crypt.settings import CryptSettings
from mover.sealing.names import AgeNames
from mover.sealing.streams import Sealing, sealed_whole
from mover.transfer.forms import SealedNames
from mover.vault.secret import Secret

# Made with age-keygen for these tests; it opens nothing else.
IDENTITY = "AGE-SECRET-KEY-1KLPW5MR2VP9LQNWJDQUD4N4CP5FSJTX3MZ89HZQWTA49U8YU6MCS0E6DZ6"
RECIPIENT = "age1g4gegvpwsrfcze5ctzz3nym32lfwz92weaslezaesgks543nw3hqwe2qfv"
PASSWORD = "for tests alone"
_LONGEST_OF_CRYPT = 143  # bytes of a name that fit into 255 letters, as rclone's documentation says


class Makes(Protocol):
    """Seals files."""

    @property
    def layout(self) -> Layout: ...
    def file(self) -> Sealing: ...


@dataclass(frozen=True)
class SealedContent:
    """Content on its way to the service."""

    content: Content
    seal: Makes
    hashes: Mapping[HashName, str] = field(default_factory=lambda: NO_HASHES)
    repeatable: bool = False

    @property
    def size(self) -> int | None:
        size = self.content.size
        return None if size is None else self.seal.layout.sealed_size(size)

    async def chunks(self) -> AsyncIterator[bytes]:
        async with aclosing(sealed_whole(self.seal.file(), _stream(self.content))) as pieces:
            async for piece in pieces:
                yield piece


class Sealed:
    """A connector of the suite. What is not here is the reading connector's."""

    def __init__(
        self, inner: Connector, reads: AgeSource | CryptSource, seal: Makes, names: SealedNames, longest: int
    ) -> None:
        self._inner = inner
        self._reads = reads
        self._seal = seal
        self._names = names
        self._longest = longest

    def __getattr__(self, name: str) -> object:
        return getattr(self._reads, name)

    @property
    def capabilities(self) -> Capabilities:
        can = self._inner.capabilities
        return replace(
            self._reads.capabilities,
            names=NameRules(
                longest_name=self._longest,
                case_sensitive=can.names.case_sensitive,
                normalisation_sensitive=can.names.normalisation_sensitive,
            ),
            modified=can.modified if can.modified is Setting.AT_UPLOAD else Setting.NEVER,
        )

    async def sign_in(self) -> Account:
        return await self._inner.sign_in()

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        await self._only(parent, name, folder_=True)
        made = await self._inner.create_folder(self._there(parent), self._names.name(name, folder=True))
        return self._found(parent, made, name)

    async def upload(self, target: Target, content: Content) -> Entry:
        self.capabilities.names.accepted(target.name)
        await self._only(target.folder, target.name, folder_=False)
        replaces = None
        if target.replaces is not None:
            ref = target.folder.child(target.name, target.replaces.id)
            try:
                if (await self._reads.refresh(ref)).version != target.replaces.version:
                    raise Changed("it is another version by now", path=ref.path)
            except NotFound:
                raise Changed("it is gone", path=ref.path) from None
            replaces = await self._inner.refresh(self._there(ref))
        name = self._names.name(target.name, folder=False)
        inner = replace(target, folder=self._there(target.folder), name=name, replaces=replaces)
        written = await self._inner.upload(inner, SealedContent(content, self._seal))
        return self._found(target.folder, written, target.name, size=content.size)

    async def _only(self, folder: EntryRef, name: str, *, folder_: bool) -> None:
        """Raise Conflict if a folder and a file would have one name when they are opened."""
        there = self._names.name(name, folder=not folder_)
        if there == self._names.name(name, folder=folder_):
            return
        with suppress(NotFound):
            await self._inner.look_up(join_path(self._there(folder).path, there))
            raise Conflict("something else of that name is there", path=folder.child(name).path)

    def _there(self, ref: EntryRef) -> EntryRef:
        return self._reads.inner_ref(ref)

    def _found(self, folder: EntryRef, entry: Entry, name: str, *, size: int | None = None) -> Entry:
        at = self._there(folder).child(entry.name, entry.id)
        found = self._reads.described(entry, at, name, size=size, opened=entry.kind is EntryKind.FILE)
        return msgspec.structs.replace(found, version=found.version if entry.size is not None else None)


def sealed_with_age(inner: Connector) -> Connector:
    """A service that holds age files."""
    identities = read_identities([Secret(IDENTITY)])
    seal = AgeSeal(read_recipients([RECIPIENT]))
    return cast("Connector", Sealed(inner, AgeSource(inner, "/", identities), seal, AgeNames(), 251))


def sealed_with_crypt(inner: Connector) -> Connector:
    """A service that holds files of rclone's crypt."""
    crypt = _crypt()
    return cast("Connector", Sealed(inner, CryptSource(inner, "/", crypt), crypt, crypt, _LONGEST_OF_CRYPT))


@cache
def _crypt() -> Crypt:
    return Crypt(CryptSettings(password=Secret(PASSWORD)))  # once: scrypt takes a moment


async def _stream(content: Content) -> AsyncGenerator[bytes, None]:
    async for chunk in content.chunks():
        yield chunk
