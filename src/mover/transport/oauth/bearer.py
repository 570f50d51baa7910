"""An HTTP session that shows a bearer token with every request (RFC 6750), and renews it when the service refuses it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from mover.errors import MoverError, TokenRenewed
from mover.transport.http import HttpResponse, HttpSession
from mover.transport.oauth.tokens import Tokens

_UNAUTHORIZED = 401
_NO_HEADERS: Mapping[str, str] = {}


class BearerSession:
    """An `HttpSession` of an account with tokens.

    Args:
        http: Closed by whoever made it.
        tokens: Of the account.
    """

    def __init__(self, http: HttpSession, tokens: Tokens) -> None:
        self._http = http
        self._tokens = tokens

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return self._http.calls

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        subject: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes | AsyncIterator[bytes] | None = None,
        size: int | None = None,
        operation: str = "",
        path: str = "",
    ) -> AsyncGenerator[HttpResponse, None]:
        """As `HttpSession.request`, in the name of `subject` where the account administers those of others.

        A 401 renews the token. A request whose body can be sent again is then sent once more; one whose body is used up
        raises TokenRenewed. A second 401 is given to the caller as any other answer.
        """
        for is_last in (False, True):
            with self._located(operation, path):
                token = await self._tokens.access(subject)
            shown = {**headers, "Authorization": f"Bearer {token.reveal()}"}
            async with self._http.request(
                method, url, headers=shown, body=body, size=size, operation=operation, path=path
            ) as answer:
                if answer.status != _UNAUTHORIZED or is_last:
                    yield answer
                    return
            with self._located(operation, path):
                await self._tokens.refused(token, subject)
                if body is not None and not isinstance(body, bytes):
                    raise TokenRenewed("the access token expired while the file was being sent")

    @contextmanager
    def _located(self, operation: str, path: str) -> Iterator[None]:
        try:
            yield
        except MoverError as error:
            error.at(service=self._http.service, operation=operation, path=path)
            raise

    @property
    def unsigned(self) -> HttpSession:
        """The session beneath, for addresses that carry a right of their own (upload sessions, download links)."""
        return self._http
