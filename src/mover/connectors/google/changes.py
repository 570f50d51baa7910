"""Change feeds: of a user's My Drive, and of each shared drive ("Retrieve changes" of the Drive guides).

`ManyFeeds` makes one of them for the folders above.

They tell of permissions, too: an item is told "if and only if the item has changed", permissions are part of it
("REST Resource: files": `permissions`, `permissionIds`, `shared`), and the guide on notifications counts them among what
changes ("X-Goog-Changed: permissions"). That those which are inherited are told for each item below is said nowhere.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec

from mover.connectors.contract import Change
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import MY_DRIVE, Address, address_of
from mover.connectors.google.answers import FileChange
from mover.connectors.google.api import DriveApi
from mover.connectors.google.describing import FIELDS_WITH_PARENTS, entry_of
from mover.connectors.google.folders import Folders
from mover.connectors.google.tree import Tree
from mover.entries import ROOT as ROOT_REF
from mover.entries import EntryRef
from mover.errors import NotFound, ProtocolViolation, Unsupported


class _Feed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one feed stands; `user` and `drive` as in an address."""

    token: str
    user: str | None = None
    drive: str | None = None


class ChangeFeeds:
    """Satisfies `Changes`.

    Args:
        api: For the calls.
        acting: In whose name.
        tree: For the account's drives.
        folders: Learns of folders.
    """

    def __init__(self, api: DriveApi, acting: Acting, tree: Tree, folders: Folders) -> None:
        self._api = api
        self._acting = acting
        self._tree = tree
        self._folders = folders

    async def cursor(self, folder: EntryRef = ROOT_REF) -> str:
        """Return where the feed of a folder's drive stands; one call. Raises Unsupported for folders of Mover's own."""
        address = address_of(folder)
        if address is None:
            address = Address.parse((await self._tree.look_up(folder.path, "changes")).id or "")
        if address.is_own:
            raise Unsupported("Google has a change feed of each user and shared drive, not of all of them")
        drive = Address(address.drive or MY_DRIVE, address.drive, address.user)
        return msgspec.json.encode([await self._start(drive, folder.path)]).decode()

    async def _start(self, drive: Address, path: str) -> _Feed:
        subject = await self._acting.subject(drive, "changes", path)
        token = await self._api.start_of_changes(subject=subject, drive=drive.drive)
        return _Feed(token, drive.user, drive.drive)

    async def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """Yield what changed; a call for each thousand lines. Raises NotFound for a cursor that Google no longer knows."""
        try:
            feeds = msgspec.json.decode(cursor, type=list[_Feed])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotFound("the position in the change feed is not known") from None
        for number, feed in enumerate(feeds):
            async for changes, reached in self._one(feed):
                feeds[number] = reached
                yield changes, msgspec.json.encode(feeds).decode()

    async def _one(self, feed: _Feed) -> AsyncGenerator[tuple[Sequence[Change], _Feed], None]:
        drive = Address(feed.drive or MY_DRIVE, feed.drive, feed.user)
        subject = await self._acting.subject(drive, "changes", "")
        token = feed.token
        while True:
            page = await self._api.changes(
                token, subject=subject, drive=feed.drive, fields=FIELDS_WITH_PARENTS
            )
            following = page.next_page_token or page.new_start_page_token
            if following is None or following == page.next_page_token == token:
                raise ProtocolViolation("Google's change feed does not say where it goes on")
            root = (
                await self._tree.root_id(feed.user, "changes")
                if feed.drive is None and page.changes
                else None
            )
            changes = [self._change(line, drive, root) for line in page.changes if line.file_id is not None]
            yield changes, _Feed(following, feed.user, feed.drive)
            token = following
            if page.next_page_token is None:
                return

    def _change(self, line: FileChange, drive: Address, root: str | None) -> Change:
        assert line.file_id is not None
        address = drive.beside(line.file_id)
        file = line.file
        if line.removed or file is None or file.trashed:
            return Change(address.text, None)
        self._folders.saw(file)
        parent = None
        if file.parents:
            parent = drive.beside(MY_DRIVE if file.parents[0] == root else file.parents[0]).text
        inherited = self._folders.permission_ids(file.parents[0]) if file.parents else None
        return Change(address.text, entry_of(file, address, inherited_ids=inherited), parent)
