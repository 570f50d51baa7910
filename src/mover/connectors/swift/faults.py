"""What an answer other than success means: Swift's own statuses, Rackspace's, and those of the sign-in services.

Source: "Swift API: Response codes"; the middlewares ratelimit (497, 498), container_quotas and account_quotas (413 with
"Upload exceeds quota."), slo and bulk; Rackspace's "Cloud Files: Rate limits" (413 OverLimit with Retry-After).
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from mover.errors import (
    IntegrityError,
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    TooLarge,
    Unreachable,
)
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE

SERVICE = "swift"

UNAUTHORIZED = 401
NOT_FOUND = 404
CONFLICT = 409
PRECONDITION_FAILED = 412
RANGE_NOT_SATISFIABLE = 416

_TOO_LARGE = 413
_MEANINGS: Mapping[int, tuple[type[MoverError], str]] = {
    422: (IntegrityError, "other bytes arrived than were sent"),
    429: (Throttled, "the service asks for fewer calls"),
    497: (PermissionDenied, "the service has locked the account out"),
    498: (Throttled, "the service asks for fewer calls"),
    499: (Unreachable, "the service lost the connection in the middle of the request"),
}
_REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
_LONGEST_SAID = 2000
_TAG = re.compile(r"<[^<>]{0,200}>")


@dataclass(frozen=True)
class Fault:
    """An answer that is no success; answers to HEAD have no body, and then `said` is empty."""

    status: int
    headers: Mapping[str, str]
    said: str = ""

    @classmethod
    def read(
        cls, status: int, headers: Mapping[str, str], body: bytes, *, secrets: Iterable[str] = ()
    ) -> Fault:
        """Read what there is: a page for people, JSON, or anything that a proxy in between may answer.

        What shows one of `secrets` anywhere, as a page that repeats the request does, is not passed on at all.
        """
        return cls(status, headers, "" if any(_shows(body, secret) for secret in secrets) else _words(body))

    def error(
        self, *, operation: str, path: str, service: str = SERVICE, now: Callable[[], float] = time.time
    ) -> MoverError:
        """Return the error that this answer means."""
        kind, message = self._meaning()
        where = {"service": service, "operation": operation, "path": path, "said": self.said}
        if kind is Throttled:
            retry_after_s = parse_retry_after(self.headers.get("retry-after"), now=now)
            return Throttled(message, retry_after_s=retry_after_s, **where)
        if kind is not None:
            return kind(message, **where)
        return error_from_status(self.status, headers=self.headers, now=now, **where)

    def _meaning(self) -> tuple[type[MoverError] | None, str]:
        """The kind of error where this service means more than the status says; else None."""
        if self.status == _TOO_LARGE:
            return self._too_large()
        if self.status in _REDIRECTS:
            return (
                InvalidConfiguration,
                "the service wants to be called at another address, and credentials are not sent there",
            )
        return _MEANINGS.get(self.status, (None, ""))

    def _too_large(self) -> tuple[type[MoverError], str]:
        """413 has three meanings, and only the words tell which."""
        said = self.said.lower()
        if "quota" in said:
            return QuotaExceeded, "the account's or container's quota does not allow more"
        if "overlimit" in said or "retry-after" in self.headers:
            return Throttled, "the service asks for fewer calls"
        return TooLarge, "the service does not accept objects of this size"


def status_of(text: str) -> int:
    """Read the number of a status such as `404 Not Found` inside an answer; 502 where there is none."""
    number = text.strip()[:3]
    return int(number) if number.isascii() and number.isdigit() else 502


def _shows(body: bytes, secret: str) -> bool:
    """Tell whether a secret stands in an answer: as it is, or as HTML, JSON and forms spell it."""
    spellings = {
        secret,
        html.escape(secret),
        html.escape(secret, quote=False),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
    }
    return any(spelling.encode() in body for spelling in spellings if spelling)


def _words(body: bytes) -> str:
    text = body[:_LONGEST_SAID].decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            return " ".join(_messages(msgspec.json.decode(body))) or text
        except UNREADABLE:
            return text
    return " ".join(_TAG.sub(" ", text).split())


def _messages(found: Any, depth: int = 0) -> list[str]:
    """Names of errors and their messages, as Keystone and Rackspace nest them: `{"overLimit": {"message": ...}}`."""
    if not isinstance(found, dict) or depth > 1:
        return []
    told = []
    for name, value in list(found.items())[:5]:
        if isinstance(value, dict):
            told += [str(name), *_messages(value, depth + 1)]
        elif name in {"message", "title"} and isinstance(value, str):
            told.append(value)
    return told
