"""What stands in a folder, in pages: together with other folders where that saves calls, else alone with a cursor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence

from mover.connectors.contract import Page
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import DRIVES, MY_DRIVE, ORPHANS, ROOT, SHARED, USERS, Address
from mover.connectors.google.answers import DirectoryUser, File, FileList
from mover.connectors.google.api import DriveApi, file_address, quoted
from mover.connectors.google.batches import MOST as MOST_IN_BATCH
from mover.connectors.google.batches import Batches
from mover.connectors.google.describing import FIELDS, FIELDS_WITH_PARENTS, entry_of
from mover.connectors.google.documents import FOLDER, shown_name
from mover.connectors.google.folders import Folders
from mover.connectors.google.shared_listings import PAGE_WITH_PARENTS, Corpus, SharedListings
from mover.connectors.google.taken import MOST_NAMES_OF_A_FOLDER, TakenNames
from mover.connectors.google.tree import Tree, my_drive, own_query, shared_drive
from mover.entries import Entry
from mover.errors import NotFound, ServiceFault

_ANEW = 3  # times that one listing begins again


class Listings:
    """Lists folders.

    Args:
        api: For the calls.
        acting: In whose name.
        tree: For Mover's own folders.
        folders: Learns of folders.
        taken: Learns what names they hold.
        together: Lists several at once.
        batches: Asks for what shortcuts point to; None: they are told as shortcuts.
    """

    def __init__(
        self,
        api: DriveApi,
        acting: Acting,
        tree: Tree,
        folders: Folders,
        taken: TakenNames,
        together: SharedListings,
        batches: Batches | None,
    ) -> None:
        self._api = api
        self._acting = acting
        self._tree = tree
        self._folders = folders
        self._taken = taken
        self._together = together
        self._batches = batches

    async def pages(self, folder: Address, cursor: str | None, path: str) -> AsyncGenerator[Page, None]:
        """Yield what stands in a folder. Raises NotFound."""
        if folder.is_own:
            async for page in self._own(folder, path):
                yield page
            return
        corpus = await self._corpus(folder, path)
        if cursor is None and folder.item != MY_DRIVE:  # answers tell Google's own id of it
            files = await self._together.whole(corpus, folder.item)
            if files is not None:
                yield Page(await self._entries(folder, corpus, files, path))
                self._taken.learn(folder, files)
                if not files:
                    await self._check(folder, path)
                return
        async for page in self._alone(folder, corpus, cursor, path):
            yield page

    async def _alone(
        self, folder: Address, corpus: Corpus, cursor: str | None, path: str
    ) -> AsyncGenerator[Page, None]:
        seen: list[File] | None = [] if cursor is None else None
        before: set[str] = set()
        token, count, again = cursor, 0, _ANEW
        while True:
            try:
                page = await self._page(folder, corpus, token, path)
            except NotFound:  # cursors live for some hours; whoever comes later begins again
                if token is None:
                    raise
                if not again:
                    raise ServiceFault("Google forgets over and over how far the listing had come") from None
                token, again = None, again - 1
                continue
            # A page that comes twice is not told twice.
            files = [file for file in page.files if file.id not in before]
            before = {file.id for file in page.files}
            count += len(files)
            if seen is not None:
                seen = [*seen, *files] if count <= MOST_NAMES_OF_A_FOLDER else None
            if page.next_page_token is None and not count and cursor is None:
                await self._check(folder, path)
            yield Page(await self._entries(folder, corpus, files, path), page.next_page_token)
            token = page.next_page_token
            if token is None:
                break
        if seen is not None:
            self._taken.learn(folder, seen)
        if cursor is None:
            self._together.came_alone(corpus, count)

    async def _page(self, folder: Address, corpus: Corpus, token: str | None, path: str) -> FileList:
        query = f"{quoted(folder.item)} in parents and trashed = false"

        return _complete(
            await self._api.search(
                query,
                subject=corpus.user,
                drive=corpus.drive,
                token=token,
                operation="list_folder",
                path=path,
            )
        )

    async def look(self, folder: Address, name: str | None) -> FileList:
        """A page of a folder's names, or what has one of them."""
        subject = await self._acting.subject(folder, "look_up", "")
        query = f"{quoted(folder.item)} in parents and trashed = false"
        if name is not None:
            query += f" and name = {quoted(name)}"
        return _complete(
            await self._api.search(
                query, subject=subject, drive=folder.drive, fields="id,name,mimeType", operation="look_up"
            )
        )

    async def search_together(self, corpus: Corpus, folders: Sequence[str], token: str | None) -> FileList:
        """One page of what stands in several folders."""
        inside = " or ".join(f"{quoted(folder)} in parents" for folder in folders)
        return _complete(
            await self._api.search(
                f"({inside}) and trashed = false",
                subject=corpus.user,
                drive=corpus.drive,
                fields=FIELDS_WITH_PARENTS,
                size=PAGE_WITH_PARENTS,
                token=token,
                operation="list_folder",
            )
        )

    async def _corpus(self, folder: Address, path: str) -> Corpus:
        return Corpus(await self._acting.subject(folder, "list_folder", path), folder.drive)

    async def changed(self, folder: Address) -> None:
        """Take note that something was changed in a folder."""
        subject = await self._acting.subject(folder, "list_folder", "")
        self._together.forget(Corpus(subject, folder.drive), folder.item)

    async def _entries(
        self, folder: Address, corpus: Corpus, files: Sequence[File], path: str
    ) -> list[Entry]:
        for file in files:
            self._folders.saw(file)
        self._together.saw(corpus, [file.id for file in files if file.mime_type == FOLDER])
        inherited = await self._inherited(folder, files, path)
        targets = await self._targets(files, corpus)
        entries = []
        for file in files:
            target = targets.get(file.id)
            if target is None:
                entries.append(entry_of(file, folder.beside(file.id), inherited_ids=inherited))
            else:
                address = Address(target.id, folder.drive, folder.user, shortcut=file.id)
                entries.append(entry_of(target, address, name=shown_name(file.name, target.mime_type)))
        return entries

    async def _targets(self, files: Sequence[File], corpus: Corpus) -> dict[str, File]:
        """Return what shortcuts to files point to, by the shortcut's id; what is gone, or not for this account, is missing."""
        if self._batches is None:
            return {}
        links = {
            file.id: file.shortcut_details.target_id
            for file in files
            if file.shortcut_details is not None
            and file.shortcut_details.target_id
            and file.shortcut_details.target_mime_type != FOLDER
        }
        found: dict[str, File] = {}
        shortcuts = list(links)
        for start in range(0, len(shortcuts), MOST_IN_BATCH):
            some = shortcuts[start : start + MOST_IN_BATCH]
            answers = await self._batches.get(
                [file_address(links[shortcut]) for shortcut in some],
                File,
                subject=corpus.user,
                operation="list_folder",
            )
            found |= {
                shortcut: answer
                for shortcut, answer in zip(some, answers, strict=True)
                if isinstance(answer, File) and not answer.trashed
            }
        return found

    async def _inherited(self, folder: Address, files: Sequence[File], path: str) -> Collection[str] | None:
        """Return who has permissions on the folder; asked for only where something in it is shared and it is not known."""
        if folder.drive is not None or not any(file.shared for file in files):
            return None
        known = self._folders.permission_ids(folder.item)
        if known is not None:
            return known
        subject = await self._acting.subject(folder, "list_folder", path)
        found = await self._api.get(
            folder.item,
            subject=subject,
            fields="id,mimeType,permissionIds",
            operation="list_folder",
            path=path,
        )
        self._folders.saw(found)
        return found.permission_ids

    async def _check(self, folder: Address, path: str) -> None:
        """Make sure that a folder in which nothing is found is one. Raises NotFound."""
        if self._folders.is_one(folder.item) or folder.item in {folder.drive, MY_DRIVE}:
            return
        subject = await self._acting.subject(folder, "list_folder", path)
        found = await self._api.get(folder.item, subject=subject, operation="list_folder", path=path)
        if found.mime_type != FOLDER or found.trashed:
            raise NotFound("it is not a folder, or no longer there")
        self._folders.saw(found)

    async def _own(self, folder: Address, path: str) -> AsyncGenerator[Page, None]:
        match folder:
            case _ if folder == ROOT:
                mine = [] if self._tree.is_domain else [my_drive(None)]
                yield Page([*mine, *self._tree.root_entries()])
            case _ if folder == DRIVES:
                yield Page([shared_drive(drive) for drive in await self._tree.drives("list_folder")])
            case _ if folder == USERS:
                async for users in self.users("list_folder"):
                    # Suspended ones too: listing theirs says why nothing comes of it.
                    yield Page([my_drive(email) for user in users if Address.is_user(email := _email(user))])
            case _ if folder in {SHARED, ORPHANS}:
                async for page in self._found(folder, path):
                    yield page
            case _:
                raise NotFound("there is no such entry")

    async def users(self, operation: str) -> AsyncGenerator[Sequence[DirectoryUser], None]:
        """Yield the domain's users, in pages."""
        token = None
        assert self._acting.admin is not None
        while True:
            page = await self._api.users(subject=self._acting.admin, token=token, operation=operation)
            yield page.users
            token = page.next_page_token
            if token is None:
                return

    async def _found(self, folder: Address, path: str) -> AsyncGenerator[Page, None]:
        token = None
        while True:
            found = _complete(
                await self._api.search(
                    own_query(folder),
                    subject=None,
                    token=token,
                    fields=FIELDS_WITH_PARENTS if folder == ORPHANS else FIELDS,
                    operation="list_folder",
                    path=path,
                )
            )
            files = [file for file in found.files if folder == SHARED or not file.parents]
            for file in files:
                self._folders.saw(file)
            yield Page([entry_of(file, _with_drive(file)) for file in files])
            token = found.next_page_token
            if token is None:
                return


def _email(user: DirectoryUser) -> str:
    return user.primary_email.lower()


def _with_drive(file: File) -> Address:
    return Address(file.id, drive=file.drive_id)


def _complete(page: FileList) -> FileList:
    """Refuse a page of a search that did not look everywhere: entries that are not told would seem to be gone."""
    if page.incomplete_search:
        raise ServiceFault("Google could not search all of the drive")
    return page
