"""From a WebDAV server's refusal to one of `mover.errors`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mover.errors import (
    IntegrityError,
    MalwareFlagged,
    MoverError,
    NameRejected,
    NotFound,
    ProtocolViolation,
)
from mover.transport.status import error_from_status

BODY_LIMIT = 64 * 1024

# Only the parts of an error page that are meant for people: a debugging page may show anything else, even headers.
_EXCEPTION = re.compile(r"<(?:\w+:)?exception>([^<]{1,200})<")
_MESSAGE = re.compile(r"<(?:\w+:)?(?:message|responsedescription)>([^<]{1,2000})<")
_TITLE = re.compile(r"<title>([^<]{1,500})<", re.IGNORECASE)
_CHECKSUM_REFUSED = re.compile(r"checksum", re.IGNORECASE)
_SIZE_REFUSED = re.compile(r"Expected filesize|do not sum up", re.IGNORECASE)
_MALWARE = re.compile(r"virus|malware|infected", re.IGNORECASE)


def fault(status: int, headers: Mapping[str, str], body: bytes, *, operation: str, path: str) -> MoverError:
    """Return the error for an answer that is none of those expected."""
    text = body.decode("utf-8", "replace")
    said = _first(_MESSAGE, text) or _first(_TITLE, text)
    return _meaning(status, headers, said, _first(_EXCEPTION, text)).at(
        service="webdav", operation=operation, path=path
    )


def _meaning(status: int, headers: Mapping[str, str], said: str, exception: str) -> MoverError:
    match status:
        case 300 | 301 | 302 | 303 | 307 | 308:
            return ProtocolViolation(
                "the server sends us to another address; if that is the right one, connect to it"
            )
        case 409:  # of PUT, MKCOL, MOVE (RFC 4918 sections 9.3.1, 9.7.1, 9.9.4)
            return NotFound("the folder that it should go into is not there", said=said)
        case 400 if _CHECKSUM_REFUSED.search(said) or _SIZE_REFUSED.search(said):
            return IntegrityError("the server received other bytes than were sent", said=said)
        case 400 if "InvalidPath" in exception:
            return NameRejected("the server does not accept this name", said=said)
        case 403 | 415 if _MALWARE.search(said):
            return MalwareFlagged("the server considers this file malicious", said=said)
    return error_from_status(status, headers=headers, said=said)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
