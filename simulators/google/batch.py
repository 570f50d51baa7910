"""Many calls in one: `POST /batch/drive/v3`, multipart/mixed, at most 100 ("Improve performance" of the Drive guides)."""

from __future__ import annotations

import email.parser
import email.policy
from email.message import EmailMessage
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

_MOST = 100
_BOUNDARY = "batch_simulated"


class Batch:
    """Answers the parts of a batch one after the other.

    Args:
        app: Answers each.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def answer(self, request: Request) -> Response:
        """POST a batch."""
        request.scope["operation"] = "batch"
        head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + await request.body())
        parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
        if not parts or len(parts) > _MOST:
            return Response(f"The batch request exceeds the maximum of {_MOST} calls.", status_code=400)
        answered = b""
        for part in parts:
            answered += b"--" + _BOUNDARY.encode() + b"\r\n" + await self._one(request, part) + b"\r\n"
        answered += b"--" + _BOUNDARY.encode() + b"--\r\n"
        return Response(answered, media_type=f"multipart/mixed; boundary={_BOUNDARY}")

    async def _one(self, outer: Request, part: EmailMessage) -> bytes:
        inner = part.get_payload(decode=True)
        assert isinstance(inner, bytes)
        head, _, body = inner.replace(b"\r\n", b"\n").partition(b"\n\n")
        first, *lines = head.decode().splitlines()
        method, target, *_ = first.split(" ")
        headers = [
            (name.strip().lower().encode(), value.strip().encode())
            for name, _, value in (line.partition(":") for line in lines)
        ]
        if not any(name == b"authorization" for name, _ in headers):
            headers.append((b"authorization", outer.headers.get("authorization", "").encode()))
        url = urlsplit(target)
        scope = {
            **outer.scope,
            "method": method,
            "path": url.path,
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": headers,
        }
        scope.pop("path_params", None)
        scope.pop("endpoint", None)
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        status = said[0]["status"]
        content = b"".join(message.get("body", b"") for message in said[1:])
        content_id = str(part.get("Content-ID", "")).strip("<>")
        named = f"Content-ID: <response-{content_id}>\r\n" if content_id else ""
        answer = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: {len(content)}\r\n\r\n"
        return f"Content-Type: application/http\r\n{named}\r\n{answer}".encode() + content
