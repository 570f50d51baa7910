"""An OAuth 2.0 authorization server over TLS in a thread of its own, with an account behind it, and all that goes wrong with one.

It runs beside the event loop of a test, so that browsers and other processes can ask it, too.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from tests.servers.certificates import make_certificates
from tests.servers.processes import LOOPBACK

CLIENT_ID = "mover app/1"
CLIENT_SECRET = "s3cret & more"
PEOPLE = ("ann@example.org", "ben@elsewhere.example")


@dataclass
class Token:
    """Something that was given out. `family`: of the consent that it comes from."""

    kind: str
    family: str
    email: str
    until_s: float
    spent: bool = False
    answer: dict[str, Any] | None = None


@dataclass
class Answer:
    """What is answered instead of the truth; `status` 0 hangs up."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class AuthorizationServer:
    """The server. Times are real ones; `skew_s` moves its clock.

    Attributes:
        url: Where it is.
        rotating: A refresh token is good for one exchange.
        forgiving: One that was used already gets the same answer once more, as long as its successor was not used.
        kills_family: One that was used already makes all tokens of its consent worthless (reuse detection).
        lifetime_s: Of access tokens; None is not told.
        refresh_lifetime_s: Of refresh tokens.
        redirects: What is registered; None: anything.
        instead: Answers of the token endpoint (and of revocation) that are given first.
        hold: While it is not set, the token endpoint does not answer.
        asked: Set with each request to the token endpoint.
        forms: What was sent to the token endpoint.
        revocations: Tokens that were to be revoked.
        issuer: What it calls itself in answers (RFC 9207).
    """

    url: str = ""
    ca_file: Path = Path()
    rotating: bool = True
    forgiving: bool = False
    kills_family: bool = True
    lifetime_s: float | None = 3600
    refresh_lifetime_s: float = 60 * 24 * 3600
    redirects: tuple[str, ...] | None = None
    issuer: str | None = None
    skew_s: float = 0.0
    instead: deque[Answer] = field(default_factory=deque)
    hold: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    forms: list[dict[str, str]] = field(default_factory=list)
    revocations: list[str] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def exchanges(self) -> list[str]:
        """Refresh tokens that were presented, in order."""
        return [form["refresh_token"] for form in self.forms if form.get("grant_type") == "refresh_token"]

    def now_s(self) -> float:
        return time.time() + self.skew_s

    def consent(self, email: str = PEOPLE[0]) -> dict[str, Any]:
        """What the token endpoint answers after somebody has agreed."""
        return self._given(token_urlsafe(8), email)

    def expire(self, kind: str = "access") -> None:
        """Let the time of all tokens of a kind be over."""
        for token in self.tokens.values():
            if token.kind == kind:
                token.until_s = 0

    def is_good(self, value: str, kind: str = "access") -> bool:
        """Tell whether a token would be accepted."""
        token = self.tokens.get(value)
        return token is not None and token.kind == kind and not token.spent and token.until_s > self.now_s()

    def agree(self, address: str, email: str = PEOPLE[0]) -> str:
        """Be a browser whose person agrees; returns the address where it ends."""
        return self.back(dict(parse_qsl(urlsplit(address).query)), email)

    def back(self, asked: dict[str, str], email: str | None) -> str:
        """Where a browser is sent."""
        answer = {"state": asked["state"]} if "state" in asked else {}
        if self.issuer is not None:
            answer["iss"] = self.issuer
        if email is None:
            answer |= {"error": "access_denied", "error_description": "The person said no."}
        else:
            code = token_urlsafe(16)
            self.tokens[code] = Token("code", token_urlsafe(8), email, self.now_s() + 60, answer=asked)
            answer["code"] = code
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | str:
        """Answer the token endpoint; a string is an error code."""
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return "invalid_client"
        with self.lock:
            match form.get("grant_type"):
                case "authorization_code":
                    return self._for_code(form)
                case "refresh_token":
                    return self._for_refresh_token(form["refresh_token"])
        return "unsupported_grant_type"

    def _for_code(self, form: dict[str, str]) -> dict[str, Any] | str:
        code = self.tokens.get(form.get("code", ""))
        if code is None or code.kind != "code" or code.spent or code.until_s < self.now_s():
            return "invalid_grant"
        assert code.answer is not None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            form.get("redirect_uri") != code.answer["redirect_uri"]
            or challenge != code.answer["code_challenge"]
        ):
            return "invalid_grant"
        code.spent = True
        return self._given(code.family, code.email)

    def _for_refresh_token(self, value: str) -> dict[str, Any] | str:
        token = self.tokens.get(value)
        if token is None or token.kind != "refresh" or token.until_s < self.now_s():
            return "invalid_grant"
        if token.spent:
            if token.answer is None:
                return "invalid_grant"  # revoked
            if self.forgiving and not self.tokens[token.answer["refresh_token"]].spent:
                return token.answer
            if self.kills_family:
                self._kill(token.family)
            return "invalid_grant"
        given = self._given(token.family, token.email, refresh=self.rotating)
        if self.rotating:
            token.spent, token.answer = True, given
        return given

    def _given(self, family: str, email: str, *, refresh: bool = True) -> dict[str, Any]:
        access = token_urlsafe(24)
        lifetime_s = 3600.0 if self.lifetime_s is None else self.lifetime_s
        self.tokens[access] = Token("access", family, email, self.now_s() + lifetime_s)
        answer: dict[str, Any] = {"access_token": access, "token_type": "bearer", "scope": "files"}
        if self.lifetime_s is not None:
            answer["expires_in"] = self.lifetime_s
        if refresh:
            answer["refresh_token"] = token_urlsafe(24)
            until_s = self.now_s() + self.refresh_lifetime_s
            self.tokens[answer["refresh_token"]] = Token("refresh", family, email, until_s)
        return answer

    def revoke(self, value: str) -> bool:
        """End the consent that a token comes from."""
        self.revocations.append(value)
        token = self.tokens.get(value)
        if token is None or token.spent:
            return False
        self._kill(token.family)
        return True

    def _kill(self, family: str) -> None:
        for token in self.tokens.values():
            if token.family == family:
                token.spent = True


class _Handler(BaseHTTPRequestHandler):
    service: AuthorizationServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = urlsplit(self.path)
        match parts.path:
            case "/authorize":
                self._authorize(dict(parse_qsl(parts.query)))
            case "/me":
                value = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if self.service.is_good(value):
                    email = self.service.tokens[value].email
                    self._send(200, {"email": email, "tenant": email.partition("@")[2]})
                else:
                    self._send(401, {"error": "invalid_token"})
            case "/favicon.ico":  # browsers look for it, and complain
                self._answer(Answer(204))
            case _:
                self._send(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        parts = urlsplit(self.path)
        if parts.path == "/authorize":
            asked = dict(parse_qsl(parts.query))
            self._redirect(self.service.back(asked, form.get("person")))
            return
        given = self.headers.get("Authorization", "")
        if given.startswith("Basic "):
            pair = base64.b64decode(given.removeprefix("Basic ")).decode()
            form["client_id"], form["client_secret"] = (unquote_plus(part) for part in pair.split(":"))
        self.service.forms.append(form)
        self.service.asked.set()
        self.service.hold.wait(60)
        if self.service.instead:
            self._answer(self.service.instead.popleft())
        elif parts.path == "/revoke":
            value = form.get("token") or given.removeprefix("Bearer ")
            bearer = "token" not in form
            good = self.service.revoke(value)
            self._send(401 if bearer and not good else 200, {})
        else:
            found = self.service.exchange(form)
            if isinstance(found, str):
                self._send(400, {"error": found, "error_description": f"no good: {body}"})
            else:
                self._send(200, found)

    def _authorize(self, asked: dict[str, str]) -> None:
        service = self.service
        wrong_address = service.redirects is not None and asked.get("redirect_uri") not in service.redirects
        if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code" or wrong_address:
            self._send(400, {"error": "redirect_uri_mismatch"})
            return
        assert asked["code_challenge_method"] == "S256"
        buttons = "".join(
            f'<form method="post"><button name="person" value="{html.escape(email)}">Continue as {html.escape(email)}'
            "</button></form>"
            for email in PEOPLE
        )
        page = (
            "<!doctype html><html lang=en><title>Acme</title><h1>Choose an account</h1>"
            f'{buttons}<form method="post"><button>Deny</button></form>'
        )
        self._answer(Answer(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"}))

    def _redirect(self, where: str) -> None:
        self._answer(Answer(302, b"", {"Location": where}))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        self._answer(Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"}))

    def _answer(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            self.connection.close()
            return
        with suppress(OSError):  # whoever asked was killed
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    def handle(self) -> None:
        with suppress(OSError):  # likewise
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):  # likewise
            super().finish()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((LOOPBACK, 0), handler)
        self._tls = tls

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            request.settimeout(60)
            wrapped = self._tls.wrap_socket(request, server_side=True)
        except OSError:
            return  # it did not trust us, or changed its mind
        super().finish_request(wrapped, client_address)
        with suppress(OSError):
            wrapped.close()


@contextmanager
def authorization_server(folder: Path) -> Iterator[AuthorizationServer]:
    """Run a server for the time of a `with` block; its authority is `ca_file`."""
    made = make_certificates(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    service = AuthorizationServer(ca_file=made.ca_file)
    service.hold.set()
    server = _Server(tls, type("Handler", (_Handler,), {"service": service}))
    service.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()
