"""What S3 tells about an object in headers and listings, as entries; and what Mover writes there."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import msgspec

from mover.connectors.metadata import http_date_ns, read_mtime
from mover.entries import NO_HASHES, Entry, EntryKind, HashName

MTIME_HEADER = "x-amz-meta-mtime"

_MD5 = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"[0-9a-f]{32}-[1-9][0-9]{0,4}")
_ETAG = re.compile(r"[!-~]{1,256}")
_DIGITS = re.compile(r"[0-9]{1,15}")
_CHECKSUM_BYTES = {
    HashName.CRC64NVME: 8,
    HashName.CRC32C: 4,
    HashName.CRC32: 4,
    HashName.SHA1: 20,
    HashName.SHA256: 32,
}


class ObjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer's headers say about an object.

    Attributes:
        size: Of the answer's body; of the object where the whole object was asked for.
        etag: Without quotes; None without one that is fit to be sent back.
        modified_ns: What was stored with the object as its modified time, else when it arrived.
        checksums: Of the whole object, computed by the service.
        plain: The service encrypts in no way that would make the ETag something else than an MD5.
        media_type: As stored.
    """

    size: int | None
    etag: str | None
    modified_ns: int | None
    checksums: Mapping[HashName, str]
    plain: bool
    media_type: str | None

    @property
    def hashes(self) -> Mapping[HashName, str]:
        """The content hashes that follow."""
        if not self.plain:
            return self.checksums
        return {**etag_hashes(self.etag), **self.checksums} if self.checksums else etag_hashes(self.etag)


def facts_from(headers: Mapping[str, str]) -> ObjectFacts:
    """Read the headers of an answer to GET, HEAD, PUT."""
    modified_ns = read_mtime(headers.get(MTIME_HEADER, ""))
    size = headers.get("content-length", "")
    return ObjectFacts(
        size=int(size) if _DIGITS.fullmatch(size) else None,
        etag=read_etag(headers.get("etag", "")),
        modified_ns=http_date_ns(headers.get("last-modified")) if modified_ns is None else modified_ns,
        checksums=_checksums(headers),
        plain=not headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        and "x-amz-server-side-encryption-customer-algorithm" not in headers,
        media_type=headers.get("content-type"),
    )


def file_entry(name: str, facts: ObjectFacts) -> Entry:
    """Describe an object as a file."""
    return Entry(
        name=name,
        kind=EntryKind.FILE,
        size=facts.size,
        modified_ns=facts.modified_ns,
        version=facts.etag,
        hashes=facts.hashes,
        media_type=facts.media_type,
    )


def folder_entry(name: str) -> Entry:
    """Describe a prefix, or a bucket, as a folder."""
    return Entry(name=name, kind=EntryKind.FOLDER)


def read_etag(text: str) -> str | None:
    """Take the quotes off; None for what could not be sent back in a header."""
    etag = text.removeprefix("W/").strip('"')
    return etag if _ETAG.fullmatch(etag) else None


def etag_hashes(etag: str | None) -> Mapping[HashName, str]:
    """Return the hash that an ETag is, provided that the object is not encrypted under a key of KMS or the customer's.

    Source: "Common Response Headers", Amazon S3 API Reference; the form with a number is that of multipart uploads.
    """
    if etag is None:
        return NO_HASHES
    if _MD5.fullmatch(etag):
        return {HashName.MD5: etag}
    if _MULTIPART.fullmatch(etag):
        return {HashName.S3_ETAG: etag}
    return NO_HASHES


def is_md5(etag: str | None) -> bool:
    """Tell whether an ETag looks like an MD5."""
    return etag is not None and _MD5.fullmatch(etag) is not None


def base64_of(hexadecimal: str) -> str:
    """Spell a hash as S3's headers do."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def read_checksum(name: HashName, text: str) -> str | None:
    """Read a checksum of a whole object; None for one of parts (`...-3`) and for rubbish."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.hex() if len(raw) == _CHECKSUM_BYTES[name] else None


def _checksums(headers: Mapping[str, str]) -> Mapping[HashName, str]:
    if headers.get("x-amz-checksum-type", "FULL_OBJECT") != "FULL_OBJECT":
        return NO_HASHES
    found = {}
    for name in _CHECKSUM_BYTES:
        text = headers.get(f"x-amz-checksum-{name}")
        if text is not None and (value := read_checksum(name, text)) is not None:
            found[name] = value
    return found or NO_HASHES
