"""One call to one of Google's APIs: addresses, parameters, answers that are checked, refusals that become errors."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from mover.connectors.google.faults import BODY_LIMIT, Refused, fault
from mover.errors import MoverError, ProtocolViolation
from mover.transport.http import HttpResponse
from mover.transport.oauth.bearer import BearerSession
from mover.transport.unreadable import UNREADABLE

T = TypeVar("T")

DRIVE = "https://www.googleapis.com/drive/v3"
UPLOAD = "https://www.googleapis.com/upload/drive/v3"
BATCH = "https://www.googleapis.com/batch/drive/v3"
DIRECTORY = "https://admin.googleapis.com/admin/directory/v1"
HOSTS = (
    "www.googleapis.com",
    "oauth2.googleapis.com",
    "docs.google.com",  # exports of more than 10 MB
    "drive.google.com",
    "*.googleusercontent.com",  # where these lead on to
)
"""Where its connections lead."""
DIRECTORY_HOST = "admin.googleapis.com"

_JSON = {"Content-Type": "application/json; charset=UTF-8"}
_NO_HEADERS: Mapping[str, str] = {}
_NO_PARAMETERS: Mapping[str, str] = {}
_LONGEST_ANSWER = 32 * 1024 * 1024
_SUCCESS = range(200, 300)


def address(base: str, *parts: str, **parameters: str | None) -> str:
    """Spell an address; parts of the path are encoded, parameters that are None left out."""
    path = "".join("/" + quote(part, safe="") for part in parts)
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{base}{path}?{urlencode(given)}" if given else base + path


class Calls:
    """Calls of one connection.

    Args:
        session: Signed in.
        service: The connector's name, for errors.
    """

    def __init__(self, session: BearerSession, service: str) -> None:
        self.session = session
        self.service = service

    async def json(
        self,
        method: str,
        url: str,
        kind: type[T],
        *,
        subject: str | None,
        body: object = None,
        operation: str,
        path: str = "",
    ) -> T:
        """Call and read the answer. Raises what `refusal` gives, and ProtocolViolation for an answer that is none."""
        sent = None if body is None else msgspec.json.encode(body)
        async with self.request(
            method,
            url,
            subject=subject,
            headers=_NO_HEADERS if sent is None else _JSON,
            body=sent,
            operation=operation,
            path=path,
        ) as answer:
            return self.decoded(await answer.read(_LONGEST_ANSWER), kind, operation=operation, path=path)

    async def nothing(
        self, method: str, url: str, *, subject: str | None, operation: str, path: str = ""
    ) -> None:
        """Call where the answer says nothing but that it was done."""
        async with self.request(method, url, subject=subject, operation=operation, path=path):
            pass

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        subject: str | None,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterator[bytes] | None = None,
        size: int | None = None,
        also: tuple[int, ...] = (),
        operation: str,
        path: str = "",
    ) -> AsyncGenerator[HttpResponse, None]:
        """Call, and give a successful answer, or one with a status of `also`. Raises what `refusal` gives."""
        async with self.session.request(
            method,
            url,
            subject=subject,
            headers=headers,
            body=body,
            size=size,
            operation=operation,
            path=path,
        ) as answer:
            if answer.status not in _SUCCESS and answer.status not in also:
                raise await self.refusal(answer, operation=operation, path=path)
            yield answer

    async def refusal(self, answer: HttpResponse, *, operation: str, path: str) -> MoverError:
        """Read what a refusal says."""
        body = await answer.read(BODY_LIMIT)
        refused = Refused.read(answer.status, body)
        return fault(refused, answer.headers, operation=operation, path=path).at(service=self.service)

    def decoded(self, body: bytes, kind: type[T], *, operation: str, path: str) -> T:
        """Read an answer. Raises ProtocolViolation."""
        try:
            return msgspec.json.decode(body, type=kind)
        except UNREADABLE as error:
            raise ProtocolViolation(
                "Google's answer cannot be read", service=self.service, operation=operation, path=path
            ) from error
