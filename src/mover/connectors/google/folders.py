"""What is known of folders from what Drive has described."""

from __future__ import annotations

from mover.connectors.bounded import Bounded
from mover.connectors.google.answers import File
from mover.connectors.google.documents import FOLDER

_MOST_FOLDERS = 100_000


class Folders:
    """What is known of folders: that they are some, and who is permitted to use them."""

    def __init__(self) -> None:
        self._permission_ids: Bounded[str, frozenset[str] | None] = Bounded(_MOST_FOLDERS)

    def saw(self, file: File) -> None:
        """Take note of an entry that Drive described."""
        if file.mime_type == FOLDER:
            ids = None if file.permission_ids is None else frozenset(file.permission_ids)
            self._permission_ids.put(file.id, ids)

    def is_one(self, item: str) -> bool:
        """Tell whether an id was seen to be that of a folder."""
        return item in self._permission_ids

    def permission_ids(self, item: str) -> frozenset[str] | None:
        """Return who has permissions on a folder, if that is known."""
        return self._permission_ids.get(item)

    def sharing_changed(self) -> None:
        """Forget who has permissions: what is permitted on a folder holds for all below it."""
        self._permission_ids.clear()
