"""One request to Graph, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.microsoft.addressing import ROOT_ITEM, Address
from mover.connectors.microsoft.faults import error_of
from mover.connectors.microsoft.units import Units
from mover.errors import MoverError, NotFound, ProtocolViolation, ServiceFault, UserNotFound
from mover.transport.http import HttpResponse
from mover.transport.oauth.bearer import BearerSession
from mover.transport.unreadable import UNREADABLE

T = TypeVar("T")

_LONGEST_FAULT = 64 * 1024
_LONGEST_ANSWER = 32 * 1024 * 1024  # of a page of a thousand entries
_FRESH_FOR_S = 60.0
_MOST_FRESH = 10_000
_FIRST_NO_SUCCESS = 300
_NO_HEADERS: Mapping[str, str] = {}


class Fresh:
    """Items that this process made just now: for some seconds a replica of the service may not know them yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: Bounded[tuple[str, str], float] = Bounded(_MOST_FRESH)

    def add(self, drive: str, item: str) -> None:
        """Remember one."""
        self._made.put((drive, item), self._clock())

    def holds(self, address: Address) -> bool:
        """Tell whether an item, or the one that a path begins at, was made just now."""
        made = self._made.get((address.drive, address.item))
        return address.item != ROOT_ITEM and made is not None and self._clock() - made < _FRESH_FOR_S


class Caller:
    """Sends calls of one account.

    Args:
        service: The connector's name, for errors.
        bearer: Shows the account's token.
        fresh: What was made just now.
        units: What calls may still cost.
    """

    def __init__(self, service: str, bearer: BearerSession, fresh: Fresh, units: Units) -> None:
        self.service = service
        self.fresh = fresh
        self._bearer = bearer
        self._units = units

    @asynccontextmanager
    async def signed(self, method: str, url: str, **what: Any) -> AsyncGenerator[HttpResponse, None]:
        """A call with the token, as `BearerSession.request`, when its turn comes; the answer as it comes."""
        async with (
            self._units.spent(method, url) as answered,
            self._bearer.request(method, url, **what) as answer,
        ):
            answered(answer.status, answer.headers)
            yield answer

    @asynccontextmanager
    async def unsigned(self, method: str, url: str, **what: Any) -> AsyncGenerator[HttpResponse, None]:
        """Likewise of an address that carries its own right, without the token."""
        http = self._bearer.unsigned
        async with self._units.spent(method, url) as answered, http.request(method, url, **what) as answer:
            answered(answer.status, answer.headers)
            yield answer

    async def ask(
        self,
        method: str,
        url: str,
        kind: type[T],
        *,
        operation: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        about: Address | None = None,
    ) -> T:
        """Call, and return the answer read as `kind`. Raises what the refusal means.

        `about` is the item concerned: one that was made just now is not known to be missing.
        """
        content = None if body is None else msgspec.json.encode(body)
        sent = {**headers, "Accept": "application/json"}
        if content is not None:
            sent["Content-Type"] = "application/json"
        elif method != "GET":
            content = b""
        async with self.signed(
            method, url, headers=sent, body=content, operation=operation, path=path
        ) as answer:
            if answer.status >= _FIRST_NO_SUCCESS:
                raise await self.refusal(answer, operation=operation, path=path, about=about)
            data = await answer.read(_LONGEST_ANSWER)
        return self.read(data, kind, operation=operation, path=path)

    async def do(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        path: str,
        about: Address | None = None,
    ) -> None:
        """Call for the sake of what it does."""
        async with self.signed(
            method, url, headers={"Accept": "application/json"}, operation=operation, path=path
        ) as answer:
            if answer.status >= _FIRST_NO_SUCCESS:
                raise await self.refusal(answer, operation=operation, path=path, about=about)

    async def refusal(
        self, answer: HttpResponse, *, operation: str, path: str, about: Address | None = None
    ) -> MoverError:
        """Return what an answer that is no success means."""
        body = await answer.read(_LONGEST_FAULT)
        return self.meaning(answer.status, answer.headers, body, operation=operation, path=path, about=about)

    def meaning(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        *,
        operation: str,
        path: str,
        about: Address | None = None,
    ) -> MoverError:
        """Return what a refusal means."""
        error = error_of(status, headers, body, service=self.service, operation=operation, path=path)
        if (
            isinstance(error, NotFound)
            and not isinstance(error, UserNotFound)
            and about is not None
            and self.fresh.holds(about)
        ):
            return ServiceFault(
                "the service does not know yet what it has just made",
                retry_after_s=1.0,
                service=self.service,
                operation=operation,
                path=path,
                said=error.said,
            )
        return error

    def read(self, data: bytes | msgspec.Raw, kind: type[T], *, operation: str, path: str) -> T:
        """Read JSON as `kind`. Raises ProtocolViolation."""
        try:
            return msgspec.json.decode(data, type=kind)
        except UNREADABLE:
            raise ProtocolViolation(
                "the service's answer cannot be read", service=self.service, operation=operation, path=path
            ) from None
