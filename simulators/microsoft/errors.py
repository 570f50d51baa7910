"""Refusals in Graph's form ("Microsoft Graph error responses and resource types")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.microsoft.calls import Answer

_NO_HEADERS: Mapping[str, str] = {}


class GraphError(Exception):
    """What Graph answers instead of a result.

    Args:
        status: Of HTTP.
        code: `itemNotFound` and the like.
        message: For developers.
        inner: More exact codes, the outer one first.
        headers: Beside the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: tuple[str, ...] = (),
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.headers = headers

    def answer(self, now_s: float, request_id: str) -> Answer:
        """Return it as an answer."""
        details: dict[str, Any] = {
            "date": datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        nested: dict[str, Any] = {}
        for code in reversed(self.inner):
            nested = {"code": code} | ({"innerError": nested} if nested else {})
        return Answer(
            self.status,
            {"error": {"code": self.code, "message": self.message, "innerError": nested | details}},
            dict(self.headers),
        )


def not_found() -> GraphError:
    """There is no such item."""
    return GraphError(404, "itemNotFound", "The resource could not be found.")


def invalid(message: str, *inner: str) -> GraphError:
    """The request is malformed or incorrect."""
    return GraphError(400, "invalidRequest", message, inner=inner)


def taken() -> GraphError:
    """The name is in use."""
    return GraphError(409, "nameAlreadyExists", "An item with the same name already exists under the parent")


def modified() -> GraphError:
    """The tag given is not the item's."""
    return GraphError(412, "resourceModified", "ETag does not match current item's value")


def denied() -> GraphError:
    """The caller may not do this."""
    return GraphError(403, "accessDenied", "Access denied")


def full() -> GraphError:
    """The storage is used up."""
    return GraphError(507, "quotaLimitReached", "Insufficient Space Available")
