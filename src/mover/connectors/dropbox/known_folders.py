"""What listings told of folders: enough to say what an archive of one would bring, and how much of that is wanted.

An archive of a folder contains everything below it. So a folder is asked for only when all below it is known and little,
and most of it is likely to be asked for. What is likely is told by what was asked for so far: files are read in the order
in which they were listed, and those that have not changed since the last run are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mover.connectors.archives import Small, small_of
from mover.connectors.together import Asked
from mover.entries import Entry, EntryKind, EntryRef, HashName, parent_path

LARGEST = 1024 * 1024
"""Bytes of a file that is taken out of an archive."""
HEAVIEST = 12 * 1024 * 1024
"""Bytes of all files in an archive. One that is being fetched takes twice as much of `together.ROOM`."""
MOST = 2_000
"""Files and folders in an archive."""

MOST_REMEMBERED = 30_000  # of all folders, that are remembered
_MOST_FOLDERS = 20_000
_DEEPEST = 32
_DOCUMENT = 256 * 1024  # nobody tells the size of a document, nor whether it comes along
_A_CALL = 64 * 1024  # bytes that may come along for nothing, for each call that is spared
_SOME = 4  # files of a folder that must have been asked for, to say something of the others
_SOME_OVERALL = 8


class Folder(msgspec.Struct):
    """A folder as listings told of it.

    Attributes:
        path: In the connection.
        at: How Dropbox is told of it; empty: it cannot be asked for.
        files: Small files in it that nobody has read yet, by id, with their places in the listing.
        left: The size of these, in bytes.
        entries: Of the listing.
        size: Of all files in it, in bytes, small or not.
        below: Paths of folders in it.
        is_whole: All of its listing is known.
        asked: How many of its files are asked for.
    """

    path: str
    at: str
    files: dict[str, tuple[int, Small]] = {}
    left: int = 0
    entries: int = 0
    size: int = 0
    below: list[str] = []
    is_whole: bool = False
    asked: Asked = msgspec.field(default_factory=Asked)

    def put(self, place: int, small: Small) -> bool:
        """Offer a file; tells whether it was not there yet."""
        if small.id in self.files:
            return False
        self.files[small.id] = place, small
        self.left += small.size
        return True

    def pop(self, file_id: str) -> bool:
        """Offer a file no more; tells whether it was there."""
        found = self.files.pop(file_id, None)
        if found is None:
            return False
        self.left -= found[1].size
        return True


class Bundle(msgspec.Struct, frozen=True):
    """Folders that come with one archive.

    Attributes:
        top: The one that is asked for.
        folders: It, and all below it.
        entries: Files and folders, as the listings told.
        size: Of all files, in bytes.
    """

    top: Folder
    folders: Sequence[Folder]
    entries: int
    size: int


class KnownFolders:
    """The folders that listings told of, as long as there is room."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}
        self._files = 0
        self._asked = Asked()

    def listed(
        self, folder: EntryRef, at: str, entries: Sequence[Entry], *, begins: bool, ends: bool
    ) -> None:
        """Take note of a page of a listing.

        Args:
            folder: In the connection.
            at: How Dropbox is told of it.
            entries: Of the page.
            begins: It is the first page.
            ends: It is the last one.
        """
        if begins:
            self._forget(folder.path)
            if len(self._folders) < _MOST_FOLDERS and self._files < MOST_REMEMBERED:
                self._folders[folder.path] = Folder(folder.path, at)
        known = self._folders.get(folder.path)
        if known is None:
            return
        for entry in entries:
            if entry.kind is EntryKind.FOLDER:
                if entry.internal is None:  # else nothing of it is shown, nor given out
                    known.below.append(folder.child(entry.name).path)
            elif entry.kind is not EntryKind.SHORTCUT:
                known.size += _DOCUMENT if entry.size is None else entry.size
                small = small_of(entry, HashName.DROPBOX, LARGEST)
                if small is not None:
                    self._files += known.put(known.entries, small)
            known.entries += 1
        known.is_whole = ends
        if known.entries > MOST or known.size > HEAVIEST:
            self._forget(folder.path)

    def ask(self, file: EntryRef, version: str | None) -> bool:
        """Note that a file is asked for; tells whether it is known in that version."""
        folder = self._folders.get(parent_path(file.path))
        if (
            folder is None
            or (known := folder.files.get(file.id or "")) is None
            or known[1].version != version
        ):
            return False
        self._asked.count(folder.asked.count_at(known[0]))
        return True

    def count_one(self) -> None:
        """Note that a file is asked for that came with others."""
        self._asked.count(0)

    def worthwhile(self, file: EntryRef) -> Bundle | None:
        """Return the most that is worth being fetched together with a file; None: it is better read on its own."""
        path = parent_path(file.path)
        best = None
        for _ in range(_DEEPEST):
            bundle = self._bundle(path)
            if bundle is None:
                break
            if bundle.top.at and self._is_worthwhile(bundle):
                best = bundle
            above = parent_path(path)
            if above == path:
                break
            path = above
        return best

    def take(self, bundle: Bundle) -> dict[str, tuple[Folder, int, Small]]:
        """Return the small files of a bundle by their ids, and forget them: each is offered once."""
        taken = {
            small.id: (folder, place, small)
            for folder in bundle.folders
            for place, small in folder.files.values()
        }
        self._files -= len(taken)
        for folder, _, small in taken.values():
            folder.pop(small.id)
        return taken

    def give_back(self, folder: Folder, place: int, small: Small) -> None:
        """Offer a file again."""
        if self._folders.get(folder.path) is folder:
            self._files += folder.put(place, small)

    def drop(self, file: EntryRef) -> None:
        """Forget a file: it is read on its own."""
        folder = self._folders.get(parent_path(file.path))
        if folder is not None:
            self._files -= folder.pop(file.id or "")

    def _forget(self, path: str) -> None:
        folder = self._folders.pop(path, None)
        if folder is not None:
            self._files -= len(folder.files)

    def _bundle(self, path: str) -> Bundle | None:
        """Gather a folder with all below it; None where something of it is not known, or it is too much."""
        folders: list[Folder] = []
        waiting = [path]
        entries, size = 1, 0
        while waiting:
            folder = self._folders.get(waiting.pop())
            if folder is None or not folder.is_whole:
                return None
            folders.append(folder)
            entries += folder.entries
            size += folder.size
            if entries > MOST or size > HEAVIEST:
                return None
            waiting += folder.below
        return Bundle(folders[0], folders, entries, size)

    def _is_worthwhile(self, bundle: Bundle) -> bool:
        files = size = 0.0
        for folder in bundle.folders:
            share = self._share(folder)
            files += share * len(folder.files)
            size += share * folder.left
        for_nothing = bundle.size - size
        return files >= 2 and for_nothing <= size and for_nothing <= (files - 1) * _A_CALL  # noqa: PLR2004 - a call for two

    def _share(self, folder: Folder) -> float:
        """How much of a folder's files is likely to be asked for."""
        if folder.asked.files >= min(_SOME, (len(folder.files) + 1) // 2):
            return folder.asked.share
        return self._asked.share if self._asked.files >= _SOME_OVERALL else 0.0
