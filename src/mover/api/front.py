"""What is decided before a request reaches anything: who sent it, by which scheme, and to which host.

A host name in a request is the sender's word. What is made of it (links in mail, redirects) goes to the public URL of the
settings instead, and a request for another host is refused, which ends DNS rebinding, too (RFC 9110 section 7.4: 421).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mover.api.problems import HttpProblem, problem_response
from mover.api.request_ids import request_id
from mover.api.security_headers import API_PREFIXES
from mover.settings import IPAddress, IPNetwork

PROBES = ("/healthz", "/readyz")
"""Asked by orchestrators, by address and often without TLS; they tell strangers nothing."""

_NOWHERE = ipaddress.ip_address("0.0.0.0")  # noqa: S104 - stands for an unknown peer; nothing listens on it


class Front:
    """Settles sender, scheme and host of each request.

    Args:
        app: What answers.
        public_url: Where people and programs reach this Mover, `https://host[:port]`.
        trusted_proxies: Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    """

    def __init__(self, app: ASGIApp, *, public_url: str, trusted_proxies: Iterable[IPNetwork] = ()) -> None:
        self._app = app
        self._public_url = public_url.rstrip("/")
        parts = urlsplit(public_url)
        self._host = (parts.hostname or "").lower().rstrip(".")
        self._port = parts.port or 443
        self._trusted = tuple(trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nothing here speaks WebSocket; the server closes the connection
        headers = Headers(scope=scope)
        sender = _address(scope["client"][0] if scope.get("client") else "")
        scheme = scope["scheme"]
        if self._is_trusted(sender):
            sender = self._forwarded_for(headers, sender)
            scheme = _forwarded_scheme(headers) or scheme
        # In place: the layers outside look at the same scope afterwards, for the route that was found.
        scope["scheme"], scope["client"] = scheme, (str(sender), 0)
        if scope["path"] not in PROBES:
            refusal = self._host_refusal(headers) or self._scheme_refusal(scope)
            if refusal is not None:
                await problem_response(refusal, request_id())(scope, receive, send)
                return
            if scheme != "https":
                await self._redirect(scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_trusted(self, address: IPAddress) -> bool:
        return any(address in network for network in self._trusted)

    def _forwarded_for(self, headers: Headers, peer: IPAddress) -> IPAddress:
        """The last sender that no trusted proxy vouches for: what stands before it is what it claims itself."""
        hops = [hop.strip() for line in headers.getlist("x-forwarded-for") for hop in line.split(",")]
        sender = peer
        for hop in reversed(hops):
            try:
                sender = _plain(ipaddress.ip_address(hop))
            except ValueError:
                return sender
            if not self._is_trusted(sender):
                return sender
        return sender

    def _host_refusal(self, headers: Headers) -> HttpProblem | None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_ours(hosts[0]):
            return None
        return HttpProblem(
            HTTPStatus.MISDIRECTED_REQUEST,
            "wrong_host",
            "this is not the host that the request names",
            advice="Use the address that the operator set as MOVER_PUBLIC_URL.",
        )

    def _is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        return name.rstrip(".") == self._host and port in {None, 80, self._port}

    def _scheme_refusal(self, scope: Scope) -> HttpProblem | None:
        if scope["scheme"] == "https":
            return None
        if scope["path"].startswith(API_PREFIXES) or scope["method"] not in {"GET", "HEAD"}:
            # Not redirected: the credentials have been on the wire in the clear already, and whoever sent them must notice.
            return HttpProblem(
                HTTPStatus.FORBIDDEN,
                "not_encrypted",
                "this is answered over TLS only",
                advice=f"Use {self._public_url}; replace the API key or password that was sent in the clear.",
            )
        return None

    def _redirect(self, scope: Scope) -> RedirectResponse:
        path = "/" + quote(scope["path"], safe="/:@!$&'()*+,;=-._~").lstrip("/")
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(
            self._public_url + path + (f"?{query}" if query else ""), HTTPStatus.PERMANENT_REDIRECT
        )


def _forwarded_scheme(headers: Headers) -> str | None:
    values = headers.getlist("x-forwarded-proto")
    return values[-1].strip().lower() if values and values[-1].strip().lower() in {"http", "https"} else None


def _address(text: str) -> IPAddress:
    try:
        return _plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:  # a UNIX socket has no address
        return _NOWHERE


def _plain(address: IPAddress) -> IPAddress:
    """An IPv4 address as such, also where a dual-stack socket shows it as IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
