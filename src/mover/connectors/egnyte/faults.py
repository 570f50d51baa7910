"""What an answer other than success means.

The gateway refuses calls over the limits with 403, a header and a page (api-support's notes on X-Mashery-Error-Code); the
service itself speaks JSON of several shapes, `{"errorMessage"}`, `{"message"}`, `{"inputErrors"}`, `{"errors"}`,
`{"code", "msg"}`, or a page for people.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from mover.errors import (
    ApiQuotaExceeded,
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    QuotaExceeded,
    Throttled,
    UserNotFound,
)
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

SERVICE = "egnyte"
_CODE = "X-Mashery-Error-Code"
_OVER_SECOND = "ERR_403_DEVELOPER_OVER_QPS"
_OVER_DAY = "ERR_403_DEVELOPER_OVER_RATE"
_LONGEST_SAID = 4000
_DEEPEST = 6
_TAG = re.compile(r"<[^<>]{0,200}>")
_REFUSALS = frozenset({400, 403, 409})
_MEANINGS: tuple[tuple[re.Pattern[str], type[MoverError], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), kind, message)
    for words, kind, message in (
        (r"already exists|exists at (this|the)", Conflict, "something of this name stands there already"),
        (r"checksum", IntegrityError, "other bytes arrived than were sent"),
        (r"\b(is|file) locked\b|lock", Locked, "the file is locked"),
        (r"(storage|quota).*(limit|exceed|full|reached)", QuotaExceeded, "the domain's storage is used up"),
        (r"upload (does not exist|.*expired)", NotFound, "the upload is gone"),
        (r"(name|path) is too long", PathTooLong, "the name or path is too long"),
        (r"unsupported characters|invalid (file|folder) ?name", NameRejected, "the service refuses the name"),
        (r"(user|group).*(does not exist|not found)", UserNotFound, "there is no such user or group"),
    )
)


def error_from(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    operation: str,
    path: str,
    now: Callable[[], float] = time.time,
) -> MoverError:
    """Return the error that an answer means."""
    said = " ".join(words_of(body))[:_LONGEST_SAID]
    where = {"service": SERVICE, "operation": operation, "path": path}
    code = headers.get(_CODE, "")
    retry_after_s = parse_retry_after(headers.get("Retry-After"), now=now)
    if code == _OVER_DAY:
        return ApiQuotaExceeded("the calls that Egnyte grants for a day are used up", said=said, **where)
    if code:
        return Throttled(
            "Egnyte asks for fewer calls", retry_after_s=retry_after_s, said=said or code, **where
        )
    if status in _REFUSALS:
        for pattern, kind, message in _MEANINGS:
            if pattern.search(said):
                return kind(message, said=said, **where)
        if status == 409 and retry_after_s is not None:  # noqa: PLR2004 - the token endpoint's way of asking for fewer calls
            return Throttled("Egnyte asks for fewer calls", retry_after_s=retry_after_s, said=said, **where)
    return error_from_status(status, headers=headers, said=said, now=now, **where)


def words_of(body: bytes) -> Iterator[str]:
    """Yield the messages in an answer, in whatever shape they come."""
    try:
        found = msgspec.json.decode(body[:_LONGEST_SAID])
    except UNREADABLE:
        text = body[:_LONGEST_SAID].decode("utf-8", "replace")
        yield " ".join(_TAG.sub(" ", text).split())
        return
    yield from _messages(found, _DEEPEST)


def _messages(found: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    match found:
        case str():
            yield found
        case list():
            for each in found:
                yield from _messages(each, depth - 1)
        case dict():
            for name in ("errorMessage", "message", "msg", "errors", "inputErrors"):
                if name in found:
                    yield from _messages(found[name], depth - 1)
            if not {"errorMessage", "message", "msg"} & found.keys():
                for each in found.values():
                    if isinstance(each, dict | list):
                        yield from _messages(each, depth - 1)
        case _:
            pass
