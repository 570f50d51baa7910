"""An OpenID provider on loopback, with everything about it that a broken or hostile one could do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.servers.certificates import make_certificates

CLIENT_ID = "mover client/1"
CLIENT_SECRET = "s3cret & more"


@cache
def rsa_key(name: str) -> RSAKey:
    """A key for RS256, the same for the same name."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@cache
def ec_key(name: str) -> ECKey:
    """A key for ES256, the same for the same name."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})


@dataclass
class OpenIdProvider:
    """The provider, and what it does wrong.

    Attributes:
        issuer: What it calls itself, and where it is.
        claims: Replace or (None) remove claims of the ID token.
        user: Whom it vouches for.
        header: Replaces parts of the ID token's header.
        metadata: Replaces parts of its description.
        requests: What it was asked, by path.
    """

    issuer: str = ""
    now: float = 0.0
    user: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-1",
            "email": "ben@example.org",
            "email_verified": True,
            "name": "Ben Busy",
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    signing: RSAKey | ECKey = field(default_factory=lambda: rsa_key("first"))
    published: list[RSAKey | ECKey] = field(default_factory=lambda: [rsa_key("first"), ec_key("curve")])
    raw_id_token: str | None = None
    token_status: int = 200
    userinfo: dict[str, Any] | None = None
    names_itself: bool = True
    requests: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    async def page(self, request: web.Request) -> web.Response:
        """What a person sees whom a browser takes there: a link that agrees, and one that does not."""
        back = request.query["redirect_uri"]
        agreed, refused = (
            self.authorize(f"{self.issuer}{request.raw_path}"),
            {"error": "access_denied", "state": request.query["state"]},
        )
        if self.names_itself:
            refused["iss"] = self.issuer
        links = "".join(
            f'<p><a href="{escape(f"{back}?{urlencode(answer)}")}">{words}</a></p>'
            for words, answer in ((f"Continue as {self.user['email']}", agreed), ("Not me", refused))
        )
        text = f"<!doctype html><html lang='en'><title>Provider</title><link rel='icon' href='data:,'>{links}"
        return web.Response(text=text, content_type="text/html")

    def authorize(self, url: str, **changed: str) -> dict[str, str]:
        """What a browser comes back with that was sent to `url` and whose user agreed."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        asked = dict(parse_qsl(parts.query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = token_urlsafe(16)
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"]}
        if self.names_itself:
            answer["iss"] = self.issuer
        return {**answer, **changed}

    def id_token(self, asked: dict[str, str], access_token: str) -> str:
        """Sign what is said about the user."""
        if self.raw_id_token is not None:
            return self.raw_id_token
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "exp": int(self.now) + 300,
            "iat": int(self.now),
            "nonce": asked["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            **self.user,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm = "RS256" if isinstance(self.signing, RSAKey) else "ES256"
        header = {"alg": algorithm, "kid": self.signing.kid, **self.header}
        header = {name: value for name, value in header.items() if value is not None}
        return jwt.encode(header, claims, self.signing)

    async def describe(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": self.names_itself,
        }
        if self.userinfo is not None:
            found["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return web.json_response({**found, **self.metadata})

    async def keys(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        listed: list[Any] = [key.as_dict(private=False) for key in self.published]
        listed.append({"kty": "moon", "kid": "unknown kind"})
        listed.append({"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"})
        return web.json_response({"keys": listed})

    async def token(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        if self.token_status != 200:
            return web.json_response(
                {"error": "invalid_client", "error_description": "who are you?"}, status=self.token_status
            )
        given = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        asked = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        right = (
            asked is not None
            and tuple(unquote_plus(part) for part in given.split(":")) == (CLIENT_ID, CLIENT_SECRET)
            and form["redirect_uri"] == asked["redirect_uri"]
            and challenge.decode().rstrip("=") == asked["code_challenge"]
        )
        if not right or asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        access_token = token_urlsafe(16)
        return web.json_response(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "id_token": self.id_token(asked, access_token),
            }
        )

    async def about_user(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.json_response(self.userinfo)


def unsigned(claims: dict[str, Any], algorithm: str = "none", signature: str = "") -> str:
    """A token that nobody signed."""
    parts = [{"alg": algorithm, "kid": "first"}, claims]
    segments = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*segments, signature])


@asynccontextmanager
async def openid_provider(folder: Path, now: float) -> AsyncIterator[OpenIdProvider]:
    """Run a provider over TLS in this event loop; its authority's certificate is `make_certificates(folder).ca_file`."""
    made = make_certificates(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    provider = OpenIdProvider(now=now)
    application = web.Application()
    application.router.add_get("/.well-known/openid-configuration", provider.describe)
    application.router.add_get("/authorize", provider.page)
    application.router.add_get("/keys", provider.keys)
    application.router.add_post("/token", provider.token)
    application.router.add_get("/userinfo", provider.about_user)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    provider.issuer = f"https://localhost:{port}"
    try:
        yield provider
    finally:
        await runner.cleanup()


@contextmanager
def openid_provider_running(folder: Path) -> Iterator[OpenIdProvider]:
    """Run a provider in a thread of its own, at the time that it is."""
    up: Future[OpenIdProvider] = Future()
    loop = asyncio.new_event_loop()
    ending = asyncio.Event()

    async def run() -> None:
        async with openid_provider(folder, time.time()) as provider:
            up.set_result(provider)
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    try:
        yield up.result(30)
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()
