"""What is answered to somebody who speaks plain HTTP: where to go, and never anything else.

A page that a person asks for is redirected to https (308). A request that carries a credential or a body has already
given it away to everybody on the line: it is refused with the reason, so that its sender notices.
"""

from __future__ import annotations

import json
import re

LONGEST_HEAD = 16 * 1024

_REQUEST = re.compile(rb"(GET|HEAD) (/[!-~]{0,4000}) HTTP/1\.[01]\r?\n")
_HOST = re.compile(rb"(?im)^host:[ \t]*([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?[ \t]*\r?$")
_CREDENTIAL = re.compile(rb"(?im)^(?:authorization|cookie|x-api-key)[ \t]*:")


def is_complete(head: bytes) -> bool:
    """Tell whether the header of a request is there to its end."""
    return b"\r\n\r\n" in head or b"\n\n" in head


def answer(head: bytes, *, https_port: int | None) -> bytes:
    """Return the whole answer to a request that came without TLS.

    Args:
        head: The request up to the end of its header, or as much of it as was sent. From outside.
        https_port: Where https is spoken; None: at the port that the request was sent to.
    """
    request, host = _REQUEST.match(head), _HOST.search(head)
    if request is None or host is None or not is_complete(head) or _CREDENTIAL.search(head):
        return _refusal()
    port = host[2] if https_port is None else str(https_port).encode()
    place = host[1] + (b":" + port if port and port != b"443" else b"")
    return (
        b"HTTP/1.1 308 Permanent Redirect\r\n"
        b"Location: https://" + place + request[2] + b"\r\n"
        b"Content-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )


def _refusal() -> bytes:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": "Use https",
            "status": 400,
            "detail": "This server speaks https only, and plain http was sent. If the request carried a password or a "
            "key, replace it: others may have read along.",
        }
    ).encode()
    return (
        b"HTTP/1.1 400 Bad Request\r\n"
        b"Content-Type: application/problem+json\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n"
        b"Connection: close\r\n\r\n" + body
    )
