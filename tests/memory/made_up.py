"""An account with any number of made-up files: nothing is held, each page is made when it is asked for.

Folders `/folder-0000000`, `/folder-0000001`, ... hold files `file-000000000.bin`, ...; everything about a file follows
from its number. Two accounts of the same numbers are equal, so that one can stand for the copy of the other.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NoReturn

from tests.memory.contents import Pattern, pieces
from tests.memory.service import DRIVE, EPOCH_NS, NO_NAMES, SECOND_NS

from mover.connectors.contract import Account, Capabilities, Change, Changes, Content, Page, Setting, Target
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import MoverError, NotFound, PermissionDenied

SERVICE = "made-up"
_ROOT = Entry(name="", kind=EntryKind.FOLDER, id="root")
_PAGE = 1000


class MadeUpConnector:
    """A connector to an account that may only be read.

    Args:
        files: How many there are.
        files_in_folder: How many of them stand in one folder.
        size: The size of the file of a number.
        change_feed: There is one, in which nothing ever happens but what `changed` names.
    """

    part_uploads = None
    described_reads = None
    hashes = None
    times = None
    renames = None
    quota = None
    changes: Changes | None
    sharing_changes = None
    permissions = None
    versions = None
    places = None

    def __init__(
        self,
        files: int,
        *,
        files_in_folder: int = 1000,
        size: Callable[[int], int] = lambda number: number % 5000,
        change_feed: bool = False,
    ) -> None:
        self.changes = MadeUpChanges(self) if change_feed else None
        self.changed: list[Change] = []
        self._files = files
        self._files_in_folder = files_in_folder
        self._folders = -(-files // files_in_folder)
        self._size = size
        self._calls = 0

    @property
    def service(self) -> str:
        """The connector's name."""
        return SERVICE

    @property
    def capabilities(self) -> Capabilities:
        """As of a drive, but without hashes, since nobody could make up so many, and without parts."""
        return replace(
            DRIVE, listed_hashes=NO_NAMES, returned_hashes=NO_NAMES, parts=None, folder_modified=Setting.NEVER
        )

    @property
    def calls(self) -> int:
        """Operations so far."""
        return self._calls

    async def sign_in(self) -> Account:
        """Sign in."""
        return Account("an account that is made up", secure=True)

    async def close(self) -> None:
        """Nothing is open."""

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path."""
        async with self._operation("look_up", path):
            names = path.strip("/").split("/")
            match names:
                case [""]:
                    return _ROOT
                case [folder]:
                    return self._folder(_number(folder))
                case [folder, file] if self._file(_number(file)).name == file:
                    if _number(file) // self._files_in_folder == _number(folder):
                        return self._file(_number(file))
            raise NotFound("there is no such entry")

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe a known entry afresh."""
        async with self._operation("refresh", ref.path):
            return self._by_ref(ref) if ref.id is not None else await self.look_up(ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Make the entries of a folder, a page at a time."""
        async with self._operation("list_folder", folder.path):
            if folder.path == "/":
                start, end, made = 0, self._folders, self._folder
            else:
                number = _number(self._by_ref(folder).name)
                start = number * self._files_in_folder
                end, made = min(start + self._files_in_folder, self._files), self._file
        position = int(cursor) if cursor is not None else start
        while True:
            async with self._operation("list_folder", folder.path):
                page = [made(number) for number in range(position, min(position + _PAGE, end))]
            position += len(page)
            yield Page(page, str(position) if position < end else None)
            if position >= end:
                return

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Make a file's bytes; there is but one version."""
        async with self._operation("read", file.path):
            entry = self._by_ref(file)
            assert version in {None, entry.version}, "nobody was told of another version"
            number = _number(entry.name)
            for piece in pieces(Pattern(self._size(number), seed=number), offset, length):
                yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Return the folder if it is there; no other may be made."""
        try:
            return await self.look_up(parent.child(name).path)
        except NotFound:
            _refuse("create_folder", parent.child(name).path)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Refuse: nothing may be written."""
        _refuse("upload", f"{target.ref.path} ({content.size} bytes)")

    async def counted(self) -> None:
        """Count an operation of the change feed."""
        async with self._operation("changes", "/"):
            pass

    @asynccontextmanager
    async def _operation(self, name: str, path: str) -> AsyncIterator[None]:
        self._calls += 1
        try:
            yield
        except MoverError as error:
            error.at(service=SERVICE, operation=name, path=path)
            raise

    def _by_ref(self, ref: EntryRef) -> Entry:
        if ref.path == "/":
            return _ROOT
        name = ref.name
        return self._file(_number(name)) if name.endswith(".bin") else self._folder(_number(name))

    def _folder(self, number: int) -> Entry:
        if not 0 <= number < self._folders:
            raise NotFound("there is no such folder")
        return Entry(name=f"folder-{number:07}", kind=EntryKind.FOLDER, id=f"d{number}")

    def _file(self, number: int) -> Entry:
        if not 0 <= number < self._files:
            raise NotFound("there is no such file")
        return Entry(
            name=f"file-{number:09}.bin",
            kind=EntryKind.FILE,
            id=f"f{number}",
            size=self._size(number),
            modified_ns=EPOCH_NS + number * SECOND_NS,
            version="v1",
        )


class MadeUpChanges:
    """The change feed."""

    def __init__(self, connector: MadeUpConnector) -> None:
        self._connector = connector

    async def cursor(self, _folder: EntryRef = ROOT) -> str:
        """Return a cursor for now."""
        await self._connector.counted()
        return str(len(self._connector.changed))

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """Yield what was changed."""
        await self._connector.counted()
        changed = self._connector.changed
        if changed[int(cursor) :]:
            yield changed[int(cursor) :], str(len(changed))


def _number(name: str) -> int:
    """Read the number out of a name; -1, which nothing has, where there is none."""
    digits = name.rpartition("-")[2].removesuffix(".bin")
    return int(digits) if digits.isdecimal() else -1


def _refuse(operation: str, path: str) -> NoReturn:
    raise PermissionDenied("this account may only be read", service=SERVICE, operation=operation, path=path)
