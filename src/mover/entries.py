"""What all services have in common: entries, their hashes, and how one is addressed.

Paths are text, components separated by `/`, always starting with `/`; `/` alone is the root of a connection. A name
that itself contains a slash (Google Drive allows it) is shown in paths with U+FF0F instead; such services address
entries by id, so that nothing depends on the path. Names that are not valid Unicode (local folders, SFTP) are spelled
reversibly by `mover.naming.text_from_bytes`, so every name here is encodable as UTF-8.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

NO_HASHES: Mapping[HashName, str] = MappingProxyType({})
SLASH_IN_NAME = "\N{FULLWIDTH SOLIDUS}"
_MOST = 2**63 - 1  # that databases and JSON hold; as a time, the year 2262
_LARGEST = 2**50  # bytes


class EntryKind(enum.StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    NATIVE = (
        "native"  # a document of the service's own, without a size and without bytes until it is exported
    )
    SHORTCUT = "shortcut"  # points elsewhere: symbolic link, Drive shortcut
    SPECIAL = "special"  # device, socket, pipe: nothing that could be moved


class HashName(enum.StrEnum):
    """The content hashes that services publish. Values are always lower-case hexadecimal text.

    `S3_ETAG` is the ETag of an S3 multipart upload, `<md5 of the parts' md5s>-<number of parts>`: it depends on the
    part size and compares only with one made with the same parts.
    """

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"
    CRC32 = "crc32"
    CRC32C = "crc32c"
    CRC64NVME = "crc64nvme"
    QUICKXOR = "quickxor"
    DROPBOX = "dropbox"
    S3_ETAG = "s3etag"


class EntryRef(msgspec.Struct, frozen=True):
    """How an entry is addressed: by `id` where the service has ids, else by `path`; both are given where known."""

    path: str
    id: str | None = None

    def child(self, name: str, id: str | None = None) -> EntryRef:  # noqa: A002 - the field's own word
        """Address an entry of this folder."""
        return EntryRef(join_path(self.path, name), id)

    @property
    def name(self) -> str:
        """The last component; empty for the root."""
        return self.path.rpartition("/")[2]


ROOT = EntryRef("/")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a folder as a service describes it. What a service does not tell is None, never a guess.

    Nor is a number that cannot be handled told: a time outside of the years 1677 to 2262, a size below 0 or beyond a
    pebibyte: so large is nothing that a service keeps, and a few thousand larger ones would add up to more than databases count to.

    Attributes:
        name: As the service spells it, without path.
        kind: What it is.
        id: The service's stable id, kept over renames and moves; None where the path is the only address.
        size: In bytes; None where the service cannot say in advance.
        modified_ns: Last change of the content, nanoseconds since 1970 UTC.
        created_ns: Likewise, where the service has it.
        version: Opaque text that changes whenever the content changes (ETag, revision); None without such a thing. Of a
            shortcut the id of what it points to, where the service tells one.
        hashes: The content hashes that the service publishes, free of charge.
        target: Where a shortcut points, for reports.
        media_type: As the service stores it.
        internal: Why the service or its clients keep it for themselves (the segments of large objects), in words for
            people; None for everything else. Scans pass such entries over and say so.
        owner: E-mail address of whose it is, in lower case; None where the service does not tell in listings.
        shared: It has permissions of its own, besides those that it inherits (besides its owner's, that is), or does not
            inherit all of them; None where listings do not tell.
    """

    name: str
    kind: EntryKind
    id: str | None = None
    size: int | None = None
    modified_ns: int | None = None
    created_ns: int | None = None
    version: str | None = None
    hashes: Mapping[HashName, str] = NO_HASHES
    target: str | None = None
    media_type: str | None = None
    internal: str | None = None
    owner: str | None = None
    shared: bool | None = None

    def __post_init__(self) -> None:
        """Forget what is out of range: one absurd date must not end the move of all the others."""
        if self.size is not None and not 0 <= self.size <= _LARGEST:
            msgspec.structs.force_setattr(self, "size", None)
        if self.modified_ns is not None and not -_MOST <= self.modified_ns <= _MOST:
            msgspec.structs.force_setattr(self, "modified_ns", None)
        if self.created_ns is not None and not -_MOST <= self.created_ns <= _MOST:
            msgspec.structs.force_setattr(self, "created_ns", None)


class AccessRole(enum.StrEnum):
    """What a permission allows, as far as services have it in common; the higher one includes the lower ones."""

    OWNER = "owner"
    WRITE = "write"
    READ = "read"


class GranteeKind(enum.StrEnum):
    """Who is permitted something."""

    PERSON = "person"
    GROUP = "group"
    DOMAIN = "domain"  # everybody of an organisation
    ANYONE = "anyone"  # whoever has the link, or the whole world


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the permissions of an entry.

    Attributes:
        kind: Who.
        identity: What a map names the grantee by: an e-mail address in lower case; the group's name where a service has
            no addresses for groups; the domain; empty for anyone.
        role: What is allowed.
        service_role: The role as the service calls it, for reports ("Viewer Uploader").
        name: For people; empty where the service has none.
        inherited: It comes from a folder above.
        external: The grantee is not of the account's own organisation; None where the service does not tell.
        link: It is a share by link.
    """

    kind: GranteeKind
    identity: str
    role: AccessRole
    service_role: str = ""
    name: str = ""
    inherited: bool = False
    external: bool | None = None
    link: bool = False


def join_path(folder: str, name: str) -> str:
    """Append a name to a folder's path; a slash inside the name becomes U+FF0F."""
    safe = name.replace("/", SLASH_IN_NAME) if "/" in name else name
    return folder + safe if folder.endswith("/") else f"{folder}/{safe}"


def parent_path(path: str) -> str:
    """Return the path of the folder that holds `path`; the root is its own parent."""
    return path.rpartition("/")[0] or "/"


def clean_path(text: str) -> str:
    """Bring a path typed by a person into canonical form: leading slash, no empty components, no final slash.

    Raises:
        ValueError: It has a `.` or `..` component or a NUL character.
    """
    parts = [part for part in text.split("/") if part]
    if any(part in {".", ".."} for part in parts):
        raise ValueError(f"a path must not contain '.' or '..' components: {text!r}")
    if "\0" in text:
        raise ValueError("a path must not contain a NUL character")
    return "/" + "/".join(parts)
