"""Reading a multistatus (RFC 4918 section 14.16) piece by piece, as fast and as mistrustfully as possible.

expat rather than a tree: a folder of any size is read in flat memory at about 10 µs an entry. A document type
declaration ends the reading at once, so there are no entities, no external files and no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.parsers import expat

import msgspec

from mover.errors import ProtocolViolation, Unreachable

DAV = "DAV:"
OWNCLOUD = "http://owncloud.org/ns"
_GAP = " "  # stands between namespace and name; no URI has one

_MULTISTATUS = f"{DAV}{_GAP}multistatus"
_RESPONSE = f"{DAV}{_GAP}response"
_HREF = f"{DAV}{_GAP}href"
_PROPSTAT = f"{DAV}{_GAP}propstat"
_PROP = f"{DAV}{_GAP}prop"
_STATUS = f"{DAV}{_GAP}status"
_COLLECTION = f"{DAV}{_GAP}collection"
_SIZE = f"{DAV}{_GAP}getcontentlength"
_MODIFIED = f"{DAV}{_GAP}getlastmodified"
_ETAG = f"{DAV}{_GAP}getetag"
_FREE = f"{DAV}{_GAP}quota-available-bytes"
_CHECKSUM = f"{OWNCLOUD}{_GAP}checksum"
_ID = f"{OWNCLOUD}{_GAP}id"
_VALUES = frozenset({_SIZE, _MODIFIED, _ETAG, _FREE, _CHECKSUM, _ID})
_KNOWN = _VALUES | {_MULTISTATUS, _RESPONSE, _HREF, _PROPSTAT, _PROP, _STATUS, _COLLECTION}

_LONGEST_TEXT = 64 * 1024
_LONGEST_TOKEN = 1024 * 1024  # one tag, comment or the like, which expat holds until its end
_DEEPEST = 64
_MOST_STRANGE_NAMES = 1_000  # in one document; expat remembers each for good


class Resource(msgspec.Struct, frozen=True):
    """One response of a multistatus, with the properties that the server answered with success.

    Attributes:
        href: As spelled by the server.
        status: Of the response as a whole; None where each property has its own.
        folder: Its resource type is a collection.
        size: In bytes, as text.
        modified: HTTP date.
        etag: As spelled by the server.
        free: Bytes available, as text; negative for "unlimited" and "unknown" (Nextcloud).
        checksums: `SHA1:... MD5:...` (ownCloud).
        id: The file's id with the instance's (ownCloud, Nextcloud).
        principal: Path of the signed-in user's principal (RFC 5397), as spelled by the server.
        refused: Some property came with another status than success.
    """

    href: str
    status: int | None = None
    folder: bool = False
    size: str | None = None
    modified: str | None = None
    etag: str | None = None
    free: str | None = None
    checksums: str | None = None
    id: str | None = None
    principal: str | None = None
    refused: bool = False


class MultistatusReader:
    """Takes the bytes of an answer as they come and gives the responses that are complete."""

    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate(namespace_separator=_GAP)
        parser.buffer_text = True
        parser.buffer_size = 16 * 1024
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        self._fed = 0
        self._depth = 0
        self._strange: set[str] = set()
        self._text = ""
        self._done: list[Resource] = []
        self._reset()

    def feed(self, data: bytes) -> list[Resource]:
        """Take more bytes; return the responses that they complete. Raises ProtocolViolation."""
        self._fed += len(data)
        try:
            self._parser.Parse(data, False)
        except (expat.ExpatError, LookupError, ValueError) as error:  # the last two: strange encodings
            raise ProtocolViolation("the server's answer is not the XML of WebDAV", said=str(error)) from None
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise ProtocolViolation("the server's answer has a piece of XML of absurd length")
        return self._taken()

    def end(self) -> None:
        """Say that no more bytes come. Raises Unreachable if the document is not complete."""
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Unreachable("the server's answer broke off", said=str(error)) from None

    def _taken(self) -> list[Resource]:
        done, self._done = self._done, []
        return done

    def _reset(self) -> None:
        self._in_prop = False
        self._folder = False
        self._refused = False
        self._href: str | None = None
        self._principal: str | None = None
        self._status = ""
        self._pending: dict[str, str] = {}
        self._pending_folder = False
        self._pending_principal: str | None = None
        self._values: dict[str, str] = {}

    def _refuse_doctype(self, *_: object) -> None:
        raise ProtocolViolation("the server's answer declares a document type, which WebDAV never does")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._text = ""
        self._depth += 1
        if name not in _KNOWN or attributes:
            self._meet_strange(name, attributes)
        if name == _PROP:
            self._in_prop = True
        elif name == _COLLECTION:
            self._pending_folder = self._in_prop
        if self._depth > _DEEPEST:
            raise ProtocolViolation("the server's answer nests its XML deeper than WebDAV does")

    def _meet_strange(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._depth == 1 and name != _MULTISTATUS:
            raise ProtocolViolation("the server's answer is not the XML of WebDAV", said=name)
        self._strange.add(name)
        self._strange.update(attributes)
        if len(self._strange) > _MOST_STRANGE_NAMES:
            raise ProtocolViolation("the server's answer has more kinds of XML elements than WebDAV")

    def _characters(self, text: str) -> None:
        self._text += text
        if len(self._text) > _LONGEST_TEXT:
            raise ProtocolViolation("the server's answer has a value of absurd length")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name in _VALUES:
            self._pending[name] = self._text
        elif name == _HREF:
            self._end_href()
        elif name == _STATUS:
            self._status = self._text
        elif name == _PROP:
            self._in_prop = False
        elif name == _PROPSTAT:
            self._end_propstat()
        elif name == _RESPONSE:
            self._end_response()
        self._text = ""

    def _end_href(self) -> None:
        if self._in_prop:
            self._pending_principal = self._text.strip()
        elif self._href is None:  # a response to DELETE or MOVE may list several; the first names it
            self._href = self._text

    def _end_propstat(self) -> None:
        if _is_success(self._status):
            self._values |= self._pending
            self._folder |= self._pending_folder
            self._principal = self._pending_principal or self._principal
        else:
            self._refused = True
        self._pending = {}
        self._pending_folder, self._pending_principal, self._status = False, None, ""

    def _end_response(self) -> None:
        if self._href is None:
            raise ProtocolViolation("the server's answer describes an entry without naming it")
        get = self._values.get
        self._done.append(
            Resource(
                self._href,
                status_code(self._status) if self._status else None,
                self._folder,
                get(_SIZE),
                get(_MODIFIED),
                get(_ETAG),
                get(_FREE),
                get(_CHECKSUM),
                get(_ID),
                self._principal,
                self._refused,
            )
        )
        self._reset()


def _is_success(line: str) -> bool:
    if line == "HTTP/1.1 200 OK":  # as nearly all are
        return True
    code = status_code(line)
    return code is None or 200 <= code < 300  # noqa: PLR2004 - HTTP statuses are best known as numbers


def status_code(line: str) -> int | None:
    """Read `HTTP/1.1 200 OK`; None if it is something else."""
    fields = line.split(None, 2)
    if len(fields) > 1 and len(fields[1]) == 3 and fields[1].isascii() and fields[1].isdigit():  # noqa: PLR2004 - RFC 9110 15
        return int(fields[1])
    return None
