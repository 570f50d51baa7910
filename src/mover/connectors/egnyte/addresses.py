"""How paths and ids become addresses. Each name is encoded by itself, `$` and `?` too (File System API, "Path encoding")."""

from __future__ import annotations

from urllib.parse import quote

from mover.entries import EntryRef

FILE = "f"
FOLDER = "d"
_KINDS = {FILE: "file", FOLDER: "folder"}


def encoded(path: str) -> str:
    """Return a path as it stands in an address, with its leading slash."""
    return "".join("/" + quote(name, safe="") for name in path.split("/") if name) or "/"


def id_of(kind: str, given: str) -> str:
    """Return what an entry is addressed by: files and folders have different addresses for their ids."""
    return f"{kind}:{given}"


def entry_address(ref: EntryRef) -> str:
    """Return the end of an address: by id where there is one that can be such, else by path."""
    kind, colon, given = (ref.id or "").partition(":")
    if colon and kind in _KINDS and given:
        return f"/ids/{_KINDS[kind]}/{quote(given, safe='')}"
    return encoded(ref.path)
