"""The headers that every answer carries, whoever makes it: pages, API, problems.

Source: the OWASP HTTP Headers Cheat Sheet; CSP Level 3; Fetch metadata and cross-origin policies of the HTML standard.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere. `data:` images are QR codes of the second factor."""

_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "X-Permitted-Cross-Domain-Policies": "none",
}
API_PREFIXES = ("/api/", "/app/", "/staff/api/")
"""Addresses for programs: their answers are data, and are kept nowhere."""


class SecurityHeaders:
    """Adds what is missing; a header that an answer has already is its own decision (a page's stricter policy)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        for_programs = scope["path"].startswith(API_PREFIXES)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault(
                    "Content-Security-Policy", _API_POLICY if for_programs else CONTENT_SECURITY_POLICY
                )
                # Whatever does not say otherwise (the pages' static files do) is somebody's own.
                headers.setdefault("Cache-Control", "no-store")
                if for_programs:
                    headers.add_vary_header("Authorization, Cookie")
            await send(message)

        await self._app(scope, receive, with_headers)
