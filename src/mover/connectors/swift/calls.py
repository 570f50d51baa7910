"""One request to the storage: where it goes, with which token, and the one new sign-in when the token is refused."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from mover.connectors.swift.addresses import encode
from mover.connectors.swift.faults import SERVICE, UNAUTHORIZED, Fault
from mover.connectors.swift.tokens import Grant, Tokens
from mover.errors import MoverError, ServiceFault
from mover.transport.http import HttpResponse, HttpSession

_FAULT_LIMIT = 1024 * 1024
_FIRST_NO_SUCCESS = 300


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request to the storage.

    Attributes:
        method: Upper case.
        container: None for the account.
        key: Empty for the container.
        query: Names and values; a value that is None is left out with its `=`.
        headers: Beside the token.
        body: Bytes, or what makes a fresh iterator over them.
        size: Of an iterator's body; None if unknown.
        repeatable: The body can be had twice.
        operation: For errors, as is `path`.
        path: See `operation`.
    """

    method: str
    container: str | None
    key: str = ""
    query: tuple[tuple[str, str | None], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], AsyncIterator[bytes]] | None = None
    size: int | None = None
    repeatable: bool = True
    operation: str
    path: str

    @property
    def place(self) -> str:
        """Path and query below the account's address."""
        path = "" if self.container is None else "/" + encode(self.container)
        if self.key:
            path += "/" + encode(self.key)
        words = [urlencode({name: value}) if value is not None else name for name, value in self.query]
        return f"{path}?{'&'.join(words)}" if words else path

    def error(self, fault: Fault, now: Callable[[], float]) -> MoverError:
        """Return what a refusal of this call means."""
        return fault.error(operation=self.operation, path=self.path, now=now)


class Caller:
    """Sends calls to one account.

    Args:
        http: The connections.
        tokens: Keeps the account signed in.
        now: Seconds since 1970.
    """

    def __init__(self, http: HttpSession, tokens: Tokens, *, now: Callable[[], float] = time.time) -> None:
        self.http = http
        self.tokens = tokens
        self.now = now

    @asynccontextmanager
    async def exchange(self, call: Call) -> AsyncIterator[HttpResponse | Fault]:
        """Send a call; give the answer if it is a success, what is wrong with it if it is not.

        What a service says of the token itself is not passed on. After a refused token it is sent once more with a new one. Raises ServiceFault where its body cannot be had
        twice: whoever has the content begins again.
        """
        grant = await self.tokens.current()
        for left in (1, 0):
            async with self._send(call, grant) as response:
                if response.status < _FIRST_NO_SUCCESS:
                    yield response
                    return
                body = b"" if call.method == "HEAD" else await response.read(_FAULT_LIMIT)
                secrets = [grant.token.reveal()]
                fault = Fault.read(response.status, response.headers, body, secrets=secrets)
            if fault.status != UNAUTHORIZED or not left:
                yield fault
                return
            grant = await self.tokens.after_refusal(grant)
            if not call.repeatable:
                raise ServiceFault(
                    "the token ended when the upload began; it was renewed",
                    service=SERVICE,
                    operation=call.operation,
                    path=call.path,
                )

    def _send(self, call: Call, grant: Grant) -> AbstractAsyncContextManager[HttpResponse]:
        body = call.body
        return self.http.request(
            call.method,
            grant.storage_url + call.place,
            headers={**call.headers, "X-Auth-Token": grant.token.reveal()},
            body=body if body is None or isinstance(body, bytes) else body(),
            size=call.size,
            operation=call.operation,
            path=call.path,
        )
