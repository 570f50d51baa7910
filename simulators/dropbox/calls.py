"""One call of the API: who calls, in whose name, from which root, with which argument; and how answers look."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from simulators.accounts import Person
from simulators.blobs import Blob
from simulators.dropbox.refusals import BadInputError
from simulators.dropbox.state import State
from simulators.dropbox.views import View

_PATH_PATTERN = "(/(.|[\\\\r\\\\n])*|id:.*)|(rev:[0-9a-f]{9,})|(ns:[0-9]+(/.*)?)"


@dataclass
class Call:
    """A call that may be answered.

    Attributes:
        dropbox: The service.
        route: As `files/upload`.
        request: As received.
        arg: The argument.
        person: In whose name; None for calls of a team.
        admin: Who signed the team's app in.
        view: What that person sees; None for calls of a team.
    """

    dropbox: State
    route: str
    request: Request
    arg: Any
    person: Person | None
    admin: Person | None
    found_view: View | None

    @property
    def view(self) -> View:
        """What the person sees."""
        assert self.found_view is not None
        return self.found_view

    def path(self, key: str = "path", *, root_allowed: bool = False) -> str:
        """Return a path of the argument. Raises BadInputError for what is none."""
        path = self.arg.get(key)
        if not isinstance(path, str):
            raise BadInputError(self.route, f"request body: {key}: expected string, got {path!r}")
        if path == "" and root_allowed:
            return path
        if path == "/" and root_allowed:
            raise BadInputError(
                self.route,
                'request body: path: Specify the root folder as an empty string rather than as "/".',
            )
        if not path.startswith(("/", "id:", "rev:", "ns:")):
            raise BadInputError(
                self.route, f"request body: {key}: '{path}' did not match pattern '{_PATH_PATTERN}'"
            )
        return path

    def value(self, key: str, default: Any = None) -> Any:
        """Return a field of the argument."""
        found = self.arg.get(key)
        return default if found is None else found

    def tag(self, key: str, default: str) -> str:
        """Return the tag of a field that is a union; `{".tag": "x"}` and `"x"` are the same."""
        found = self.value(key, default)
        return str(found[".tag"] if isinstance(found, dict) else found)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    """A route of the API.

    Attributes:
        handler: Answers it; what it returns becomes JSON unless it is a Response.
        style: `rpc`, `upload` or `download`.
        host: `api`, `content` or `notify`.
        auth: `user`, `team` or `noauth`.
        scope: Which the token needs.
        admin: Select-Admin is allowed.
    """

    handler: Handler
    style: str = "rpc"
    host: str = "api"
    auth: str = "user"
    scope: str | None = None
    admin: bool = True


def read_argument(route: str, style: str, headers: Mapping[str, str], body: bytes) -> Any:
    """Read a call's argument from where its style has it. Raises BadInputError."""
    if style == "rpc":
        content_type = headers.get("content-type", "").partition(";")[0].strip()
        if body and content_type not in {"application/json", "text/plain"}:
            raise BadInputError(
                route,
                f'Bad HTTP "Content-Type" header: "{content_type}".  Expecting one of "application/json", '
                '"application/json; charset=utf-8", "text/plain; charset=dropbox-cors-hack".',
            )
        text: str | bytes = body or b"null"
        where = "request body"
    else:
        text = headers.get("dropbox-api-arg", "")
        where = 'HTTP header "Dropbox-API-Arg"'
        if not text:
            raise BadInputError(route, f'Must provide {where} or URL parameter "arg".')
        if not text.isascii():
            raise BadInputError(route, f"{where}: could not decode input as JSON")
        if style == "upload" and headers.get("content-type") != "application/octet-stream":
            raise BadInputError(
                route,
                f'Bad HTTP "Content-Type" header: "{headers.get("content-type", "")}".  Expecting one of '
                '"application/octet-stream", "text/plain; charset=dropbox-cors-hack".',
            )
    try:
        return json.loads(text)
    except ValueError:
        raise BadInputError(route, f"{where}: could not decode input as JSON") from None


def download(result: Mapping[str, Any], blob: Blob, headers: Mapping[str, str]) -> Response:
    """Answer with a content, or the part that `Range` asks for, and the result in a header."""
    size = blob.size
    shown = {
        "Dropbox-API-Result": json.dumps(result, ensure_ascii=True),
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
        "ETag": f'W/"{result.get("rev", "x")}"',
    }
    offset, length, status = 0, size, 200
    asked = headers.get("range", "")
    if asked.startswith("bytes="):
        first, _, last = asked.removeprefix("bytes=").partition("-")
        if first:
            offset = int(first)
            end = min(int(last) if last else size - 1, size - 1)
        else:
            offset, end = max(0, size - int(last)), size - 1
        if offset >= size:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        length, status = end - offset + 1, 206
        shown["Content-Range"] = f"bytes {offset}-{end}/{size}"
    shown["Content-Length"] = str(length)

    def pieces() -> Iterator[bytes]:
        yield from blob.pieces(offset, length)

    return StreamingResponse(_stepped(pieces()), status, shown)


async def _stepped(pieces: Iterator[bytes]) -> Any:
    for piece in pieces:
        yield piece
