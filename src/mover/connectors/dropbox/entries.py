"""Entries as Dropbox describes them, as the contract has them; and addresses of entries.

A document that can only be exported (Paper, and what other programs keep in Dropbox) is called as its export would be, and
its id tells in which form it is read: `docx!id:...`. One that cannot be exported has `!id:...`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from mover.connectors.dropbox.answers import Folder, Metadata
from mover.entries import NO_HASHES, Entry, EntryKind, EntryRef, HashName
from mover.errors import NotFound

ABOVE = ":"
"""Begins ids of what no id of Dropbox names: a team's people and team folders, and the folders above them."""
_SECOND_NS = 1_000_000_000
_HASH = re.compile(r"[0-9a-f]{64}")
_REV = re.compile(r"[0-9a-f]{9,64}")
_ID = re.compile(r"(?:([a-z0-9_]{0,32})!)?(id:[A-Za-z0-9_-]{1,128})")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")
_EARLIEST, _LATEST = (
    datetime(1, 1, 1, tzinfo=UTC).timestamp(),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp(),
)
_EXTENSIONS = {"markdown": "md", "plain_text": "txt"}
_BEST_FORMS = ("docx", "xlsx", "pptx", "markdown", "html", "pdf")


def entry_of(found: Metadata) -> Entry:
    """Describe a file or folder."""
    if found.tag == "folder":
        sharing = found.sharing_info
        return Entry(
            name=found.name,
            kind=EntryKind.FOLDER,
            id=found.id,
            shared=sharing is not None and sharing.shared_folder_id is not None,
            internal="a folder that the account may not look into" if sharing and sharing.no_access else None,
        )
    if found.symlink_info is not None:
        return Entry(name=found.name, kind=EntryKind.SHORTCUT, id=found.id, target=found.symlink_info.target)
    if not found.is_downloadable:
        return _document(found)
    return Entry(
        name=found.name,
        kind=EntryKind.FILE,
        id=found.id,
        size=found.size,
        modified_ns=read_time(found.client_modified),
        version=found.rev,
        hashes=hashes_of(found.content_hash),
        shared=found.has_explicit_shared_members,
    )


def folder_entry(found: Folder) -> Entry:
    """Describe a folder that was made."""
    sharing = found.sharing_info
    shared = sharing is not None and sharing.shared_folder_id is not None
    return Entry(name=found.name, kind=EntryKind.FOLDER, id=found.id, shared=shared)


def _document(found: Metadata) -> Entry:
    form = _best_form(found)
    name = found.name
    if form:
        stem = name.rpartition(".")[0] or name
        name = f"{stem}.{_EXTENSIONS.get(form, form)}"
    return Entry(
        name=name,
        kind=EntryKind.NATIVE,
        id=None if found.id is None else f"{form}!{found.id}",
        modified_ns=read_time(found.client_modified),
        version=found.rev,
        shared=found.has_explicit_shared_members,
    )


def _best_form(found: Metadata) -> str:
    info = found.export_info
    if info is None:
        return ""
    forms = [form for form in (info.export_as, *(info.export_options or ())) if form]
    forms = [form for form in forms if re.fullmatch(r"[a-z0-9_]{1,32}", form)]
    return next((form for form in _BEST_FORMS if form in forms), forms[0] if forms else "")


def split_id(entry_id: str) -> tuple[str | None, str]:
    """Take an entry's id apart: the form in which it is exported (None for ordinary files), and Dropbox's id.

    Raises NotFound for what is no id of Dropbox.
    """
    match = _ID.fullmatch(entry_id)
    if match is None:
        raise NotFound("there is no such entry")
    return match[1], match[2]


def its_id(ref: EntryRef) -> str | None:
    """Return an entry's id, where it is one of Dropbox: folders that Mover makes up above people's have ids of their own."""
    return None if ref.id is None or ref.id.startswith(ABOVE) else ref.id


def address(ref: EntryRef, path: str) -> str:
    """Return how the API is told of an entry: by id where there is one, else by its path there. Raises NotFound."""
    known = its_id(ref)
    return path if known is None else split_id(known)[1]


def hashes_of(content_hash: str | None) -> dict[HashName, str]:
    """Return the hash that Dropbox publishes."""
    if content_hash is None or not _HASH.fullmatch(content_hash):
        return dict(NO_HASHES)
    return {HashName.DROPBOX: content_hash}


def is_revision(version: str) -> bool:
    """Tell whether a version is one that Dropbox can be asked for."""
    return _REV.fullmatch(version) is not None


def read_time(text: str | None) -> int | None:
    """Read a time of the API, as nanoseconds since 1970."""
    match = _TIME.fullmatch(text or "")
    if match is None:
        return None
    try:
        moment = datetime(*map(int, match.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return int(moment.timestamp()) * _SECOND_NS


def spell_time(ns: int | None) -> str | None:
    """Spell a time as the API takes it: whole seconds, rounded down; None where it has no such year."""
    if ns is None:
        return None
    seconds = ns // _SECOND_NS
    if not _EARLIEST <= seconds <= _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
