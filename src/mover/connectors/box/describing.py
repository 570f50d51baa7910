"""Box's items as entries."""

from __future__ import annotations

import re
from collections import OrderedDict

from mover.connectors.box.addresses import FILE, FOLDER, ROOT_ID, WEB_LINK, id_of
from mover.connectors.box.answers import Item, time_ns, whole
from mover.entries import NO_HASHES, Entry, EntryKind, HashName
from mover.errors import ProtocolViolation

BOX_NOTE = ".boxnote"
_KINDS = {FILE: EntryKind.FILE, FOLDER: EntryKind.FOLDER, WEB_LINK: EntryKind.SHORTCUT}
_SHA1 = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"([0-9]{1,20})\.([0-9]{1,20})")
_MOST_PLAIN = 100_000
_DEEPEST = 1000
_SAYS_NOTHING = frozenset(
    {"collaborators"}
)  # such a link opens nothing to anybody who is not permitted already


class Descriptions:
    """Describes items.

    Listings tell of an entry whether somebody collaborates on it, and that may be told of what only inherits it as well
    (Box's description does not say). So it is remembered which folders nobody collaborates on: of what stands directly in
    these it is certain. Of the rest it is unknown.

    Args:
        leaves_others: What others share stands in a user's root, and is kept out of moves: it is moved by its owner.

    Attributes:
        account: Box's id of who is signed in, where that is the user whose tree it is.
        has_seen_notes: There are Box Notes.
    """

    def __init__(self, *, leaves_others: bool = True) -> None:
        self.account: str | None = None
        self._leaves_others = leaves_others
        self._plain: OrderedDict[str, str | None] = OrderedDict()
        self._shared_since: set[str] = set()
        self.has_seen_notes = False

    def entry(self, item: Item, *, in_folder: str | None = None, size: int | None = None) -> Entry:
        """Describe an item.

        Args:
            item: As Box tells it.
            in_folder: Our id of the folder in which it stands.
            size: Of a file, if it is known and the item does not tell it.

        Raises ProtocolViolation.
        """
        kind = _KINDS.get(item.type)
        if kind is None or not item.name:
            raise ProtocolViolation("the service tells of an entry without kind or name", said=item.type)
        found = id_of(item.type, item.id)
        if kind is EntryKind.FILE and item.name.lower().endswith(BOX_NOTE):
            self.has_seen_notes = True
        if kind is EntryKind.FOLDER and item.has_collaborations is False:
            self.remember_plain(found, in_folder)
        is_file = kind is EntryKind.FILE
        sha1 = (item.sha1 or "").lower()
        owner = item.owned_by.login if item.owned_by else None
        return Entry(
            name=item.name,
            kind=kind,
            id=found,
            size=(size if item.size is None else whole(item.size)) if is_file else None,
            modified_ns=time_ns(item.content_modified_at),
            created_ns=time_ns(item.content_created_at),
            version=version_of(item) if is_file else None,
            hashes={HashName.SHA1: sha1} if is_file and _SHA1.fullmatch(sha1) else NO_HASHES,
            target=item.url,
            internal=self._internal(item, in_folder),
            owner=owner.lower() if owner else None,
            shared=self._shared(item, in_folder),
        )

    def is_shared_now(self, found: str) -> None:
        """Take note that somebody collaborates on an entry by now, and so on all that is below it."""
        self._shared_since.add(found)
        if len(self._shared_since) > _MOST_PLAIN:
            self._shared_since.clear()
            self._plain.clear()

    def remember_plain(self, folder: str, in_folder: str | None = None) -> None:
        """Take note that nobody collaborates on a folder, and where it stands."""
        self._plain[folder] = in_folder
        self._plain.move_to_end(folder)
        if len(self._plain) > _MOST_PLAIN:
            self._plain.popitem(last=False)

    def _is_plain(self, folder: str | None) -> bool:
        if folder not in self._plain:
            return False
        for _ in range(_DEEPEST):
            if folder is None:
                return True
            if folder in self._shared_since:
                return False
            folder = self._plain.get(folder)
        return False

    def _internal(self, item: Item, in_folder: str | None) -> str | None:
        """Why an entry is kept out of moves: it stands in a root, and belongs to somebody else."""
        user = _user_of_root(in_folder, self.account) if self._leaves_others else None
        owner = item.owned_by
        if user is None or owner is None or owner.id is None or owner.id == user:
            return None
        return f"shared by {owner.login or owner.name or 'somebody else'}, with whose files it is moved"

    def _shared(self, item: Item, in_folder: str | None) -> bool | None:
        if is_opened(item):
            return True
        if not item.has_collaborations:
            return item.has_collaborations
        return True if self._is_plain(in_folder) else None


def _user_of_root(folder: str | None, account: str | None) -> str | None:
    """Whose root a folder is; None for all other folders."""
    if folder == f"{FOLDER}-{ROOT_ID}":
        return account
    return folder.removeprefix("user-") if folder is not None and folder.startswith("user-") else None


def is_opened(item: Item) -> bool:
    """Tell whether an item has a share by link that opens it to anybody who could not see it otherwise."""
    link = item.shared_link
    return link is not None and (link.effective_access or link.access) not in _SAYS_NOTHING


def version_of(item: Item) -> str | None:
    """What changes with the content, and names it: the etag, which counts all changes of the file, and the version's id."""
    version = item.file_version
    if item.etag is None or version is None or version.id is None:
        return None
    text = f"{item.etag}.{version.id}"
    return text if _VERSION.fullmatch(text) else None


def etag_of(version: str | None) -> str | None:
    """The etag in a version."""
    found = _VERSION.fullmatch(version or "")
    return found[1] if found else None


def version_id_of(version: str | None) -> str | None:
    """Box's id of a version."""
    found = _VERSION.fullmatch(version or "")
    return found[2] if found else None
