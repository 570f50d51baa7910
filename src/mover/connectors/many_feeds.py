"""One change feed of many: of a folder above drives, accounts or libraries, each of which has a feed of its own.

No service that is known here has a feed above those, so one is put together. A position holds where each feed stands, and
which folders there were: who came, left or was renamed since is found by listing the folders above, which is a call or
two for each of them. What has no feed now, or one that no longer reaches back, is told as gone; a line that is wrong
about that does no harm, since the listing that it leads to decides.

    /            above      listed each time, and compared
    /Users       above      likewise
    /Users/ann   a top      its own feed, read from where it stood
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

import msgspec

from mover.connectors.contract import Change, Changes, Page
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import AccountSuspended, NotFound, PermissionDenied, ProtocolViolation, Unsupported
from mover.transport.unreadable import UNREADABLE

_PREFIX = "feeds:"
_OPERATION = "changes"
MOST = 500
"""Feeds of one position: what reads more of them costs about as much as listing does, and a position grows with each."""
_CLOSED = (NotFound, PermissionDenied, AccountSuspended, Unsupported)


class _Folder(msgspec.Struct, frozen=True):
    """A folder above drives, or at the top of one.

    Attributes:
        id: As the listing of the folder above has it.
        path: In the connection.
        above: Id of the folder that holds it; None for that which is followed, where it has none.
        is_above: It stands above drives.
        top: Id by which its feed calls it.
        cursor: Where its feed stands; None: it has none, or none now.
    """

    id: str
    path: str
    above: str | None
    is_above: bool = False
    top: str | None = None
    cursor: str | None = None

    @property
    def ref(self) -> EntryRef:
        """Its address."""
        return EntryRef(self.path, self.id)


class _Position(msgspec.Struct, frozen=True):
    id: str | None
    path: str
    folders: list[_Folder]


class ManyFeeds:
    """Satisfies `Changes`, for all folders of a connection.

    Args:
        inner: The feed of each drive, account or library.
        is_above: Tells whether a folder stands above those.
        list_folder: Lists one that does.
        top_of: Tells by which id a feed calls the folder at its top, where it tells one.
    """

    def __init__(
        self,
        inner: Changes,
        *,
        is_above: Callable[[EntryRef], Awaitable[bool]],
        list_folder: Callable[[EntryRef], AsyncGenerator[Page, None]],
        top_of: Callable[[EntryRef], Awaitable[str | None]],
    ) -> None:
        self._inner = inner
        self._is_above = is_above
        self._list_folder = list_folder
        self._top_of = top_of

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """See the contract. Raises Unsupported where there are too many feeds below the folder, or things without ids."""
        if not await self._is_above(folder):
            return await self._inner.cursor(folder)
        begun = [await self._begun(found) for found, _ in await self._below(folder)]
        if not any(one.cursor for one in begun):
            raise Unsupported("nothing below this folder has a change feed", operation=_OPERATION)
        return _spelled(_Position(folder.id, folder.path, begun))

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """See the contract. A listing of the folders above, and what each feed costs."""
        if not cursor.startswith(_PREFIX):
            async with aclosing(self._inner.since(cursor)) as pages:
                async for page in pages:
                    yield page
            return
        try:
            position = msgspec.json.decode(cursor.removeprefix(_PREFIX), type=_Position)
        except (*UNREADABLE, UnicodeEncodeError):
            raise NotFound("the position in the change feeds is not known", operation=_OPERATION) from None
        folders: list[_Folder] = []
        lines = await self._compared(position, folders)

        def reached() -> str:
            return _spelled(_Position(position.id, position.path, folders))

        yield lines, reached()
        for number, folder in enumerate(folders):
            if folder.cursor is None:
                continue
            try:
                async with aclosing(self._inner.since(folder.cursor)) as pages:
                    async for changes, following in pages:
                        folders[number] = msgspec.structs.replace(folder, cursor=following)
                        yield _told(folder, changes), reached()
            except _CLOSED:
                folders[number] = await self._begun(msgspec.structs.replace(folder, cursor=None))
                yield [Change(folder.id, None)], reached()

    async def _compared(self, position: _Position, folders: list[_Folder]) -> list[Change]:
        """Add the folders that there are now to `folders`; returns what of them changed. Feeds that are new begin here."""
        before = {folder.id: folder for folder in position.folders}
        lines: list[Change] = []
        for found, entry in await self._below(EntryRef(position.path, position.id)):
            known = before.pop(found.id, None)
            is_same = known is not None and (known.path, known.above, known.is_above) == (
                found.path,
                found.above,
                found.is_above,
            )
            if known is not None and is_same and (found.is_above or known.cursor is not None):
                folders.append(known)
                continue
            # The position is taken before anything is listed for this line.
            folders.append(await self._begun(found))
            lines += [Change(found.id, None), Change(found.id, entry, found.above)]
        lines += [Change(folder.id, None) for folder in before.values()]
        return lines

    async def _below(self, folder: EntryRef) -> list[tuple[_Folder, Entry]]:
        """List all folders above drives, and the tops of drives, that stand below one."""
        found: list[tuple[_Folder, Entry]] = []
        waiting = [folder]
        seen = {folder.id}
        tops = 0
        while waiting:
            above = waiting.pop(0)
            async with aclosing(self._list_folder(above)) as pages:
                async for page in pages:
                    for entry in page.entries:
                        if entry.id is None or entry.kind is not EntryKind.FOLDER:
                            raise Unsupported("what stands here cannot be followed", operation=_OPERATION)
                        if entry.id in seen:
                            raise ProtocolViolation(
                                "the service lists a folder twice", operation=_OPERATION, path=above.path
                            )
                        seen.add(entry.id)
                        ref = above.child(entry.name, entry.id)
                        is_above = await self._is_above(ref)
                        found.append((_Folder(entry.id, ref.path, above.id, is_above), entry))
                        if is_above:
                            waiting.append(ref)
                        else:
                            tops += 1
                    if tops > MOST:
                        raise Unsupported(
                            f"there are more than {MOST} change feeds here", operation=_OPERATION
                        )
        return found

    async def _begun(self, folder: _Folder) -> _Folder:
        if folder.is_above:
            return folder
        try:
            cursor = await self._inner.cursor(folder.ref)
            top = await self._top_of(folder.ref)
        except _CLOSED:
            return folder
        return msgspec.structs.replace(folder, cursor=cursor, top=top)


def _told(folder: _Folder, changes: Sequence[Change]) -> list[Change]:
    """Let the lines of a feed call the folder at its top as listings do."""
    told: list[Change] = []
    for change in changes:
        if change.id and change.id == folder.top:
            if change.entry is None:
                told.append(Change(folder.id, None))
        elif change.entry is not None and change.parent_id in {None, folder.top}:
            told.append(msgspec.structs.replace(change, parent_id=folder.id))
        else:
            told.append(change)
    return told


def _spelled(position: _Position) -> str:
    return _PREFIX + msgspec.json.encode(position).decode()
