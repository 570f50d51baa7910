"""Many calls in one: multipart/mixed with a request in each part ("Improve performance", of the Drive guides).

Google answers each for itself, throttles each for itself, and says which is which by `Content-ID`.
"""

from __future__ import annotations

import email.parser
import email.policy
import re
import secrets
from collections.abc import Sequence
from email.message import EmailMessage
from typing import TypeVar
from urllib.parse import urlsplit

from mover.connectors.google.calls import BATCH, Calls
from mover.connectors.google.faults import Refused, fault
from mover.errors import MoverError, NotFound, ProtocolViolation, Transient

T = TypeVar("T")

MOST = 100
"""Calls in a batch."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")
_NUMBER = re.compile(r"<?response-([0-9]{1,3})>?")
_LONGEST = 32 * 1024 * 1024


class Batches:
    """Batches of one connection."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def get(
        self, urls: Sequence[str], kind: type[T], *, subject: str | None, operation: str
    ) -> Sequence[T | MoverError]:
        """GET all of some addresses, at most 100, with one call; answers or terminal refusals in their order.

        A single one goes by itself. Raises a Transient refusal: all are asked again then.
        """
        if len(urls) <= 1:
            return [await self._one(url, kind, subject, operation) for url in urls]
        boundary = secrets.token_hex(20)
        async with self._calls.request(
            "POST",
            BATCH,
            subject=subject,
            headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
            body=_body(urls, boundary),
            operation=operation,
        ) as answer:
            content_type = answer.headers.get("Content-Type", "")
            answered = _answers(await answer.read(_LONGEST), content_type)
        if answered.keys() != set(range(len(urls))):
            raise ProtocolViolation("Google did not answer all calls of a batch", operation=operation)
        return [self._read(*answered[number], kind, operation) for number in range(len(urls))]

    async def _one(self, url: str, kind: type[T], subject: str | None, operation: str) -> T | MoverError:
        try:
            return await self._calls.json("GET", url, kind, subject=subject, operation=operation)
        except NotFound as error:
            return error

    def _read(self, status: int, body: bytes, kind: type[T], operation: str) -> T | MoverError:
        if status == 200:  # noqa: PLR2004 - HTTP statuses are best known as numbers
            return self._calls.decoded(body, kind, operation=operation, path="")
        refused = fault(Refused.read(status, body), {}, operation=operation, path="")
        refused.at(service=self._calls.service)
        if isinstance(refused, Transient):
            raise refused
        return refused


def _body(urls: Sequence[str], boundary: str) -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n"
        f"GET {_target(url)} HTTP/1.1\r\nAccept: application/json\r\n\r\n"
        for number, url in enumerate(urls)
    ]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _answers(body: bytes, content_type: str) -> dict[int, tuple[int, bytes]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found = {}
    for part in message.iter_parts():
        number = _NUMBER.fullmatch(str(part.get("Content-ID", "")).strip())
        inner = part.get_payload(decode=True) if isinstance(part, EmailMessage) else None
        if number is None or not isinstance(inner, bytes):
            raise ProtocolViolation("Google's answer to a batch cannot be read")
        status = _STATUS.match(inner)
        if status is None:
            raise ProtocolViolation("Google's answer to a batch cannot be read")
        _, _, content = inner.replace(b"\r\n", b"\n").partition(b"\n\n")
        found[int(number[1])] = (int(status[1]), content)
    return found
