"""Which names are taken in a folder.

Drive lets any number of entries of one name stand in one folder, so that it is for us to look before something is created. A
folder is looked at once; what a listing has shown, or what was created here, need not be asked for.

An entry that somebody else makes in the meantime is not noticed: then two of that name stand there, and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mover.connectors.bounded import Bounded
from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import File, FileList
from mover.connectors.google.documents import FOLDER, shown_name

MOST_NAMES_OF_A_FOLDER = 20_000
_MOST_FOLDERS = 5_000

Look = Callable[[Address, str | None], Awaitable[FileList]]
"""One page of what is in a folder, or of what has a name there."""


@dataclass(frozen=True)
class Standing:
    """An entry that has a name."""

    id: str
    is_folder: bool


@dataclass
class _Folder:
    names: dict[str, list[Standing]] = field(default_factory=dict)
    count: int = 0
    ours: dict[Standing, str] = field(default_factory=dict)

    def add(self, name: str, standing: Standing) -> None:
        same = self.names.setdefault(name, [])
        if standing not in same:
            same.append(standing)
            self.count += 1

    def remove(self, name: str, item: str) -> None:
        same = [each for each in self.names.pop(name, ()) if each.id != item]
        if same:
            self.names[name] = same
        for standing in [each for each in self.ours if each.id == item]:
            del self.ours[standing]


class TakenNames:
    """Names in the folders that are written to.

    Args:
        look: Asks Drive.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._folders: Bounded[str, _Folder] = Bounded(_MOST_FOLDERS)
        self._large: Bounded[str, None] = Bounded(_MOST_FOLDERS)
        self._locks: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def claimed(self, folder: Address, name: str) -> AsyncGenerator[None, None]:
        """Keep others of this connector from creating that name at the same time."""
        async with self._locked((folder.text, name)):
            yield

    async def find(self, folder: Address, name: str) -> list[Standing]:
        """Return what has a name in a folder: no call where the folder is known, else one for all its names."""
        known = await self._known(folder)
        if known is not None:
            return list(known.names.get(name, ()))
        page = await self._look(folder, name)
        return [_standing(file) for file in page.files if shown_name(file.name, file.mime_type) == name]

    def learn(self, folder: Address, files: Iterable[File]) -> None:
        """Take over a complete listing of a folder. What was created here stays known: listings lag behind."""
        known = _Folder()
        before = self._folders.get(folder.text)
        for standing, name in before.ours.items() if before is not None else ():
            known.add(name, standing)
            known.ours[standing] = name
        for file in files:
            known.add(shown_name(file.name, file.mime_type), _standing(file))
            if known.count > MOST_NAMES_OF_A_FOLDER:
                self._is_large(folder)
                return
        self._folders.put(folder.text, known)

    def is_empty(self, folder: Address) -> None:
        """Take note of a folder that was just made."""
        self._folders.put(folder.text, _Folder())

    def added(self, folder: Address, name: str, item: str, *, is_folder: bool) -> None:
        """Take note of an entry that was created."""
        known = self._folders.get(folder.text)
        if known is not None:
            standing = Standing(item, is_folder)
            known.add(name, standing)
            known.ours[standing] = name

    def removed(self, folder: Address, name: str, item: str) -> None:
        """Take note of an entry that is no longer there."""
        known = self._folders.get(folder.text)
        if known is not None:
            known.remove(name, item)

    def forget(self, folder: Address) -> None:
        """Look again the next time."""
        self._folders.pop(folder.text)

    async def _known(self, folder: Address) -> _Folder | None:
        async with self._locked((folder.text, "")):
            if folder.text in self._large:
                return None
            if (known := self._folders.get(folder.text)) is None:
                page = await self._look(folder, None)
                if page.next_page_token is not None:
                    self._is_large(folder)
                    return None
                self.learn(folder, page.files)
                known = self._folders.get(folder.text)
            return known

    def _is_large(self, folder: Address) -> None:
        self._folders.pop(folder.text)
        self._large.put(folder.text, None)

    @asynccontextmanager
    async def _locked(self, key: tuple[str, str]) -> AsyncGenerator[None, None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)


def _standing(file: File) -> Standing:
    return Standing(file.id, file.mime_type == FOLDER)
