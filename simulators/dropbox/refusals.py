"""How Dropbox refuses: the shapes of its errors, to the letter.

Source: "Dropbox API v2: Errors", and recorded answers.
"""

from __future__ import annotations

import itertools
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

_dots = itertools.cycle(("..", ".", "...", "....", ""))


class RefusalError(Exception):
    """An answer other than success."""

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        raise NotImplementedError


class RouteError(RefusalError):
    """409: an error of the route itself, as nested union tags.

    RouteError("path", "conflict", "file") is `path/conflict/file`. `inner` are further fields of the innermost tag, `outer`
    those of the outermost, where that is a struct: then the tags within are its `reason`.
    """

    def __init__(
        self, *tags: str, inner: dict[str, Any] | None = None, outer: dict[str, Any] | None = None
    ) -> None:
        super().__init__("/".join(tags))
        self.tags = tags
        self.inner = inner or {}
        self.outer = outer

    def union(self) -> dict[str, Any]:
        """The union as it stands in `error`, and in the answers of batches.

        Each tag's value stands under the tag's own name: {".tag": "path", "path": {".tag": "conflict", "conflict": {...}}}.
        """
        made: dict[str, Any] = {".tag": self.tags[-1], **self.inner}
        for tag in reversed(self.tags[1:-1]):
            made = {".tag": tag, tag: made}
        if len(self.tags) == 1:
            return made
        first = self.tags[0]
        if self.outer is not None:
            return {".tag": first, "reason": made, **self.outer}
        return {".tag": first, first: made}

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        return _union_answer(409, "/".join(self.tags), self.union(), request_id)


class BadInputError(RefusalError):
    """400: the request cannot be understood; text for developers."""

    def __init__(self, route: str, text: str) -> None:
        super().__init__(text)
        self._text = f'Error in call to API function "{route}": {text}'

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        return PlainTextResponse(self._text, 400, {"X-Dropbox-Request-Id": request_id})


class UnauthorizedError(RefusalError):
    """401: the token, or whom it is to act for."""

    def __init__(self, tag: str, **fields: str) -> None:
        super().__init__(tag)
        self._tag = tag
        self._fields = fields

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        answer = _union_answer(401, self._tag, {".tag": self._tag, **self._fields}, request_id)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="https://www.dropbox.com/", error="invalid_token"'
        return answer


class ForbiddenError(RefusalError):
    """403: the account may not use this route."""

    def __init__(self, *tags: str) -> None:
        super().__init__("/".join(tags))
        self._tags = tags

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        return _union_answer(403, "/".join(self._tags), RouteError(*self._tags).union(), request_id)


class PathRootError(RefusalError):
    """422: the namespace that paths are to begin in."""

    def __init__(self, tag: str, root_info: dict[str, Any] | None = None) -> None:
        super().__init__(tag)
        self._tag = tag
        self._root_info = root_info

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        union: dict[str, Any] = {".tag": self._tag}
        if self._root_info is not None:
            union[self._tag] = self._root_info
        return _union_answer(422, self._tag, union, request_id)


class SlowDownError(RefusalError):
    """429: too many calls, or too many writes in one namespace at once.

    Args:
        reason: The tag.
        retry_after_s: For the header.
        as_text: Upload and download routes answer in plain text.
    """

    def __init__(self, reason: str, retry_after_s: int, *, as_text: bool = False) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self._reason = reason
        self._as_text = as_text

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        if self._as_text:
            answer: Response = PlainTextResponse(f"{self._reason}/{next(_dots)}", 429)
        else:
            answer = _union_answer(429, self._reason, {"reason": {".tag": self._reason}}, request_id)
        answer.headers["Retry-After"] = str(self.retry_after_s)
        answer.headers["X-Dropbox-Request-Id"] = request_id
        return answer


def _union_answer(status: int, summary: str, union: dict[str, Any], request_id: str) -> Response:
    body = {"error_summary": f"{summary}/{next(_dots)}", "error": union}
    return JSONResponse(body, status, {"X-Dropbox-Request-Id": request_id})
