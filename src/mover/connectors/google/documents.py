"""Google's own kinds of entries: what documents are exported to, and which files can be turned into documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PREFIX = "application/vnd.google-apps."
FOLDER = _PREFIX + "folder"
SHORTCUT = _PREFIX + "shortcut"
_OFFICE = "application/vnd.openxmlformats-officedocument."


@dataclass(frozen=True)
class Export:
    """What a kind of document becomes."""

    media_type: str
    ending: str


EXPORTS: Mapping[str, Export] = {
    _PREFIX + "document": Export(_OFFICE + "wordprocessingml.document", ".docx"),
    _PREFIX + "spreadsheet": Export(_OFFICE + "spreadsheetml.sheet", ".xlsx"),
    _PREFIX + "presentation": Export(_OFFICE + "presentationml.presentation", ".pptx"),
    _PREFIX + "drawing": Export("image/svg+xml", ".svg"),
    _PREFIX + "script": Export("application/vnd.google-apps.script+json", ".json"),
}
"""By media type ("Export MIME types for Google Workspace documents"). Forms, sites, maps and others have no export."""

IMPORTS: Mapping[str, str] = {
    ".docx": _PREFIX + "document",
    ".xlsx": _PREFIX + "spreadsheet",
    ".pptx": _PREFIX + "presentation",
}
"""What files with these endings can be turned into."""

MOST_CONVERTED = 50 * 1024 * 1024
"""Bytes of a file that can be turned into a document ("Files you can store in Google Drive")."""


def is_document(media_type: str) -> bool:
    """Tell whether an entry is a document of Google's own, exportable or not."""
    return media_type.startswith(_PREFIX) and media_type not in {FOLDER, SHORTCUT}


def shown_name(name: str, media_type: str) -> str:
    """Return the name under which a document is exported: with the ending of what it becomes, unless it has that."""
    export = EXPORTS.get(media_type)
    if export is None or name.lower().endswith(export.ending):
        return name
    return name + export.ending


def imported_as(name: str) -> str | None:
    """Return what a file of that name can be turned into; None: nothing."""
    return next((kind for ending, kind in IMPORTS.items() if name.lower().endswith(ending)), None)


def without_ending(name: str) -> str:
    """Return a name without the ending that an export would put behind it again."""
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name
