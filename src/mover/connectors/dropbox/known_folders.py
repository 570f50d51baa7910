"""What listings told of folders: enough to say what an archive of one would bring, and how much of that is wanted.

An archive of a folder contains everything below it. So a folder is asked for only when all below it is known and little,
and most of it is likely to be asked for. What is likely is told by what was asked for so far: files are read in the order
in which they were listed, and those that have not changed since the last run are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_MOST_FILES = 30_000  # of all folders, that are remembered
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
        reached: The furthest place in its listing that was asked for.
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
    reached: int = -1

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


class _Tree(msgspec.Struct):
    """What has been told so far of all below a folder.

    Attributes:
        folders: By path; None: more stood there, or too much.
        places: Of small files, by id.
    """

    folders: dict[str, Folder | None] = {}
    places: dict[str, str] = {}


class KnownFolders:
    """The folders that listings told of, as long as there is room."""

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}  # by path as Dropbox compares it
        self._trees: dict[str, _Tree] = {}
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
        key = folder.path.lower()
        if begins:
            self._forget(key)
            if len(self._folders) < _MOST_FOLDERS and self._files < _MOST_FILES:
                self._folders[key] = Folder(folder.path, at)
        known = self._folders.get(key)
        if known is None:
            return
        for entry in entries:
            self._files += _note(known, entry, folder.child(entry.name).path.lower())
        known.is_whole = ends
        if _is_too_much(known):
            self._forget(key)

    def tree_listed(
        self,
        folder: EntryRef,
        at: str,
        lines: Iterable[tuple[str, Entry | None]],
        *,
        begins: bool,
        ends: bool,
    ) -> None:
        """Take note of a page of all that stands below a folder, which comes in any order.

        Args:
            folder: In the connection.
            at: Its path at Dropbox; empty: the top.
            lines: Lower-case paths from below the folder, beginning with a slash, and what stands there; None: nothing any more.
            begins: It is the first page.
            ends: It is the last one; from then on all is known.
        """
        top = "" if folder.path == "/" else folder.path.lower()
        if begins:
            self._trees[top] = _Tree({top or "/": Folder(folder.path, at)})
        tree = self._trees.get(top)
        if tree is None:
            return
        for place, entry in lines:
            above = place.rpartition("/")[0]
            known = self._of_tree(tree, (top + above) or "/", at + above)
            if entry is None:
                tree.folders[(top + above) or "/"] = None  # what stood there has been counted already
            elif known is not None:
                if _note(known, entry, top + place) and entry.id is not None:
                    tree.places[entry.id] = place
                if _is_too_much(known) or self._files + len(tree.places) > _MOST_FILES:
                    for file_id in known.files:
                        tree.places.pop(file_id, None)
                    tree.folders[(top + above) or "/"] = None
            if entry is not None and entry.kind is EntryKind.FOLDER:
                self._of_tree(tree, top + place, at + place)
        if ends:
            self._keep(self._trees.pop(top))

    def _of_tree(self, tree: _Tree, path: str, at: str) -> Folder | None:
        if path not in tree.folders and len(self._folders) + len(tree.folders) < _MOST_FOLDERS:
            tree.folders[path] = Folder(path, at)
        return tree.folders.get(path)

    def _keep(self, tree: _Tree) -> None:
        """Remember what a tree has told; its files are read in the order of their names, folder by folder."""
        for path, folder in tree.folders.items():
            self._forget(path)
            if folder is not None:
                read_so = sorted(folder.files.items(), key=lambda file: tree.places[file[0]])
                folder.files = {file_id: (place, file[1]) for place, (file_id, file) in enumerate(read_so)}
                folder.is_whole = True
                self._folders[path] = folder
                self._files += len(folder.files)

    def ask(self, file: EntryRef, version: str | None) -> bool:
        """Note that a file is asked for; tells whether it is known in that version."""
        folder = self._folders.get(parent_path(file.path).lower())
        if (
            folder is None
            or (known := folder.files.get(file.id or "")) is None
            or known[1].version != version
        ):
            return False
        place = known[0]
        passed_over = place - folder.reached - 1 if place > folder.reached else -1
        folder.reached = max(folder.reached, place)
        folder.asked.count(passed_over)
        self._asked.count(passed_over)
        return True

    def count_one(self) -> None:
        """Note that a file is asked for that came with others."""
        self._asked.count(0)

    def worthwhile(self, file: EntryRef) -> Bundle | None:
        """Return the most that is worth being fetched together with a file; None: it is better read on its own."""
        path = parent_path(file.path).lower()
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
        if self._folders.get(folder.path.lower()) is folder:
            self._files += folder.put(place, small)

    def drop(self, file: EntryRef) -> None:
        """Forget a file: it is read on its own."""
        folder = self._folders.get(parent_path(file.path).lower())
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


def _note(folder: Folder, entry: Entry, path: str) -> int:
    """Take note of an entry of a folder; returns how many small files that makes more."""
    added = 0
    if entry.kind is EntryKind.FOLDER:
        if entry.internal is None:  # else nothing of it is shown, nor given out
            folder.below.append(path)
    elif entry.kind is not EntryKind.SHORTCUT:
        folder.size += _DOCUMENT if entry.size is None else entry.size
        small = small_of(entry, HashName.DROPBOX, LARGEST)
        if small is not None:
            added = folder.put(folder.entries, small)
    folder.entries += 1
    return added


def _is_too_much(folder: Folder) -> bool:
    return folder.entries > MOST or folder.size > HEAVIEST
