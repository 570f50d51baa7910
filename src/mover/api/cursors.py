"""Cursors: where a list goes on, as text that only Mover can have made, for this caller and this list.

A connector's cursor can be an address that is called next, and a list's a value that goes into a query: neither is taken
from outside. So each cursor carries a MAC whose key is derived from the caller's credential. That needs no key to be kept,
and every process can check it. With a new credential one begins the list anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from http import HTTPStatus

from starlette.requests import Request

from mover.api.admitted import Admitted
from mover.api.problems import FieldError, HttpProblem

_MAC_BYTES = 16
LONGEST_CURSOR = 4096


class Cursors:
    """Makes and opens the cursors of one caller for one list (`of`: its address, with what it was asked for)."""

    def __init__(self, admitted: Admitted, of: str) -> None:
        self._key = admitted.derive("cursors")
        self._of = of.encode()

    def make(self, position: str | None) -> str | None:
        """Wrap a position; None (the last page) stays None."""
        if position is None:
            return None
        inner = position.encode()
        return base64.urlsafe_b64encode(self._mac(inner) + inner).decode().rstrip("=")

    def open(self, cursor: str | None) -> str | None:
        """Unwrap what `make` made. Raises HttpProblem (400) for anything else."""
        if cursor is None:
            return None
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            mac, inner = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
            if hmac.compare_digest(mac, self._mac(inner)):
                return inner.decode()
        except (binascii.Error, ValueError):
            pass
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            "bad_cursor",
            "the cursor was not made for this list and this caller",
            advice="Ask for the first page again, without a cursor, and with the same filter from page to page.",
            errors=[FieldError("is not a cursor of this list", parameter="cursor")],
        )

    def _mac(self, inner: bytes) -> bytes:
        return hmac.new(self._key, self._of + b"\0" + inner, hashlib.sha256).digest()[:_MAC_BYTES]


def cursors_of(request: Request, admitted: Admitted) -> Cursors:
    """The cursors of the list that a request asks for: they hold for the same address and the same query."""
    query = [pair for pair in request.query_params.multi_items() if pair[0] not in {"cursor", "limit"}]
    return Cursors(admitted, f"{request.url.path}?{sorted(query)}")
