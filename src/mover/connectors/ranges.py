"""Whether an answer holds the range of bytes that was asked for (RFC 9110, section 14.4)."""

from __future__ import annotations

import re

from mover.errors import IntegrityError, ProtocolViolation
from mover.transport.http import HttpResponse

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_PARTIAL = 206


def check_range(
    answer: HttpResponse, offset: int, expected: int | None, *, to_the_end: bool, service: str, path: str
) -> None:
    """Compare what an answer says with what was asked for; sizes in bytes.

    Args:
        answer: To a request with a range.
        offset: Where the range begins.
        expected: Bytes in it, as far as they are known.
        to_the_end: It was to reach the end of the object.
        service: Whose answer it is, for errors.
        path: Of the object, for errors.

    Raises:
        ProtocolViolation: It is another range.
        IntegrityError: It ends too early.
    """
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != _PARTIAL or found is None or int(found[1]) != offset:
        raise ProtocolViolation(
            "the service answered another range than was asked for",
            service=service,
            operation="read",
            path=path,
        )
    size = int(found[2]) - offset + 1
    if expected is not None and size != expected:
        raise IntegrityError(
            f"the object has only {size} of the {expected} bytes that were asked for",
            service=service,
            operation="read",
            path=path,
        )
    if to_the_end and found[3] != "*" and offset + size != int(found[3]):
        raise IntegrityError(
            "the service sends less than the rest of the object", service=service, operation="read", path=path
        )
