"""Small files that are asked for at once, and what is likely to be asked for next, fetched as one archive of their folder.

One call brings a folder with all below it, and the content hash of each file's listing proves it. Folders are cut by size,
since an archive is held in memory: larger ones are read file by file.

Source: the API's description, `/2/files/download_zip`. It has no ranges, and is not for administrators (`Select-Admin`).
"""

from __future__ import annotations

from collections.abc import Sequence

from mover.connectors.archives import Small
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.calls import Purpose, Who
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.known_folders import Bundle, KnownFolders
from mover.connectors.together import Archives, Fetch
from mover.entries import Entry, EntryRef
from mover.hashing.blocks import DropboxHash


class SmallReads:
    """Reads small files of one connection.

    Args:
        api: The calls.
    """

    def __init__(self, api: FilesApi) -> None:
        self._api = api
        self._known = KnownFolders()
        self._archives = Archives(_hash)

    def listed(
        self, folder: EntryRef, at: str, entries: Sequence[Entry], *, begins: bool, ends: bool
    ) -> None:
        """Take note of what a listing tells of one folder, page by page; see `KnownFolders.listed`.

        Whoever lists many folders at once calls it for each of them.
        """
        if self._archives.are_given_out:
            self._known.listed(folder, at, entries, begins=begins, ends=ends)

    async def read(self, file: EntryRef, version: str | None, who: Who) -> bytes | None:
        """Return the content of a file with those that are wanted, too; None: it has to be read on its own.

        Each file is offered once, so that a second attempt is on its own, but for one that is told to come later. Raises
        Throttled, SignInFailed.
        """
        file_id = file.id
        if who.admin is not None or file_id is None:
            return None
        came_along = file_id in self._archives
        if not came_along:
            await self._consider(file, file_id, version, who)
        content = await self._archives.take(file_id, version)
        if came_along and content is not None:
            self._known.count_one()
        return content

    async def close(self) -> None:
        """End what is under way, and forget what waits. Idempotent."""
        await self._archives.close()

    async def _consider(self, file: EntryRef, file_id: str, version: str | None, who: Who) -> None:
        """Have an archive fetched that the file is in, where that is worth it."""
        if not self._archives.are_given_out or not self._known.ask(file, version):
            return
        await self._archives.let_others_ask()
        if file_id in self._archives:
            return
        bundle = self._known.worthwhile(file)
        if bundle is None:
            self._known.drop(file)
            return
        taken = self._known.take(bundle)

        def give_back(small: Small) -> None:
            self._known.give_back(*taken[small.id])

        self._archives.begin(
            [small for _, _, small in taken.values() if small.id not in self._archives],
            self._fetch(bundle, who),
            entries=bundle.entries,
            size=bundle.size,
            give_back=give_back,
        )

    def _fetch(self, bundle: Bundle, who: Who) -> Fetch:
        purpose = Purpose(who=who, operation="read", path=bundle.top.path)

        async def fetch(most: int) -> bytes:
            async with self._api.download_zip(purpose, bundle.top.at) as answer:
                if isinstance(answer, Fault):
                    raise self._api.caller.error(purpose, answer)
                return await answer.read(most)

        return fetch


def _hash(content: bytes) -> str:
    hasher = DropboxHash()
    hasher.update(content)
    return hasher.hexdigest()
