"""From Drive's description of a file to an entry."""

from __future__ import annotations

import re
from collections.abc import Collection

from mover.connectors.google import documents, times
from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import File, Revision
from mover.entries import Entry, EntryKind, HashName

FIELDS = (
    "id,name,mimeType,size,modifiedTime,createdTime,md5Checksum,sha1Checksum,sha256Checksum,headRevisionId,trashed,shared,"
    "permissionIds,hasAugmentedPermissions,owners(emailAddress),driveId,shortcutDetails(targetId,targetMimeType)"
)
FIELDS_WITH_PARENTS = FIELDS + ",parents"

_HEX = {
    HashName.MD5: re.compile(r"[0-9a-f]{32}"),
    HashName.SHA1: re.compile(r"[0-9a-f]{40}"),
    HashName.SHA256: re.compile(r"[0-9a-f]{64}"),
}
_DOCUMENT = "document "


def kind_of(file: File) -> EntryKind:
    """Tell what a file is."""
    match file.mime_type:
        case documents.FOLDER:
            return EntryKind.FOLDER
        case documents.SHORTCUT:
            return EntryKind.SHORTCUT
        case kind if documents.is_document(kind):
            return EntryKind.NATIVE
    return EntryKind.FILE


def entry_of(
    file: File, address: Address, *, inherited_ids: Collection[str] | None = None, name: str | None = None
) -> Entry:
    """Describe a file.

    Args:
        file: As Drive describes it.
        address: Its own.
        inherited_ids: Ids of the permissions of the folder that holds it, where they are known.
        name: Instead of its own.
    """
    kind = kind_of(file)
    target = file.shortcut_details.target_id if file.shortcut_details else None
    version = address.beside(target).text if kind is EntryKind.SHORTCUT and target else version_of(file)
    return Entry(
        name=documents.shown_name(file.name, file.mime_type) if name is None else name,
        kind=kind,
        id=address.text,
        size=bytes_from(file.size) if kind is EntryKind.FILE else None,
        modified_ns=times.read(file.modified_time),
        created_ns=times.read(file.created_time),
        version=version,
        hashes=hashes_of(file) if kind is EntryKind.FILE else {},
        target=target,
        media_type=_export_type(file) if kind is EntryKind.NATIVE else file.mime_type or None,
        owner=_owner(file),
        shared=_shared(file, inherited_ids),
    )


def version_of(file: File) -> str | None:
    """Return what changes exactly when the content does.

    Drive's own `version` changes whenever somebody so much as looks at a file. Files have a revision, and with the MD5 beside
    it a reader can tell whether what he got is that revision. Documents have only the time of their last change; their
    exports differ from one to the next though nothing changed.
    """
    match kind_of(file):
        case EntryKind.NATIVE:
            return f"{_DOCUMENT}{file.mime_type} {file.modified_time}" if file.modified_time else None
        case EntryKind.FILE:
            md5 = hashes_of(file).get(HashName.MD5, "")
            return f"{file.head_revision_id}:{md5}" if file.head_revision_id else md5 or None
        case _:
            return None


def document_type(version: str | None) -> str | None:
    """Return the kind of document that a version is of; None where it is of a file, or not known."""
    if version is None or not version.startswith(_DOCUMENT):
        return None
    return version.removeprefix(_DOCUMENT).partition(" ")[0]


def revision_and_md5(version: str) -> tuple[str, str]:
    """Take a file's version apart; both may be empty."""
    revision, colon, md5 = version.rpartition(":")
    return (revision, md5) if colon else ("", version)


def hashes_of(file: File) -> dict[HashName, str]:
    """Return the hashes that Drive tells; SHA-1 and SHA-256 are missing on old files."""
    told = {
        HashName.MD5: file.md5_checksum,
        HashName.SHA1: file.sha1_checksum,
        HashName.SHA256: file.sha256_checksum,
    }
    return {name: text for name, text in told.items() if text and _HEX[name].fullmatch(text)}


def md5_of(revision: Revision) -> str | None:
    """Return the MD5 that Drive tells of a revision."""
    text = revision.md5_checksum
    return text if text and _HEX[HashName.MD5].fullmatch(text) else None


def bytes_from(text: str | None) -> int | None:
    """Read a size: an int64, which comes as text."""
    digits = text or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None  # noqa: PLR2004 - digits of 2^64


def _export_type(file: File) -> str:
    export = documents.EXPORTS.get(file.mime_type)
    return export.media_type if export else file.mime_type


def _owner(file: File) -> str | None:
    email = file.owners[0].email_address if file.owners else None
    return email.lower() if email else None


def _shared(file: File, inherited_ids: Collection[str] | None) -> bool | None:
    """Tell whether an entry has permissions of its own.

    Google says so of entries in shared drives. Of those in My Drive it says only who has any, inherited or not, so they are
    compared with the folder's.
    """
    if file.has_augmented_permissions is not None or file.drive_id is not None:
        return file.has_augmented_permissions
    if not file.shared:
        return file.shared
    if file.permission_ids is None or inherited_ids is None:
        return None
    return set(file.permission_ids) != set(inherited_ids)
