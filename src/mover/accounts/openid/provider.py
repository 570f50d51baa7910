"""Talking to a provider: its description (Discovery 1.0), its keys (RFC 7517), and codes for tokens (RFC 6749)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from mover.accounts.refusals import NotAcceptable, SignInRefused
from mover.errors import ProtocolViolation, ServiceFault, Throttled, one_line
from mover.transport.egress import Egress
from mover.transport.http import HttpSession
from mover.vault.secret import Secret

_LONGEST_ANSWER = 256 * 1024
_LONGEST_URL = 2000
_MOST_KEYS = 100
_KEPT_S = 3600.0
_KEYS_ANEW_AFTER_S = 60.0
_OK = 200
_TOO_MANY = 429
_FIRST_SERVER_FAULT = 500
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})


@dataclass(frozen=True)
class Description:
    """What a provider says about itself, as far as it is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    names_itself_in_answers: bool  # RFC 9207
    takes_secret_in_header: bool


@dataclass(frozen=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: Secret
    access_token: Secret


@dataclass
class _Kept:
    """What is remembered of one provider."""

    description: Description
    until_s: float
    keys: list[Key] = field(default_factory=list)
    keys_at_s: float | None = None


class Providers:
    """OpenID providers, through the one way out.

    Raises, besides what is named: Unreachable, TimedOut, UntrustedServer, AddressRefused, ServiceFault, Throttled, and
    ProtocolViolation for answers that are none.

    Args:
        egress: The way out, with its address rules. Only https is spoken.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, egress: Egress, *, now: Callable[[], float]) -> None:
        self._egress = egress
        self._now = now
        self._session: HttpSession | None = None
        self._kept: dict[str, _Kept] = {}

    async def describe(self, issuer: str) -> Description:
        """Ask a provider for its description; remembered for an hour. Raises InvalidConfiguration."""
        kept = self._kept.get(issuer)
        if kept is not None and kept.until_s > self._now():
            return kept.description
        _checked_url(issuer, "the issuer")
        found = await self._json("GET", get_well_known_url(issuer, external=True))
        if found.get("issuer") != issuer:  # Discovery 1.0 section 4.3
            raise ProtocolViolation(
                f"the provider at {one_line(issuer, limit=200)} calls itself another name",
                said=str(found.get("issuer")),
            )
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        description = Description(
            issuer=issuer,
            authorization_endpoint=_endpoint(found, "authorization_endpoint"),
            token_endpoint=_endpoint(found, "token_endpoint"),
            jwks_uri=_endpoint(found, "jwks_uri"),
            userinfo_endpoint=_endpoint(found, "userinfo_endpoint")
            if found.get("userinfo_endpoint")
            else None,
            names_itself_in_answers=found.get("authorization_response_iss_parameter_supported") is True,
            takes_secret_in_header="client_secret_basic" in methods,
        )
        self._kept[issuer] = _Kept(description, self._now() + _KEPT_S)
        return description

    async def keys(self, issuer: str, *, wanted: str | None) -> KeySet:
        """The provider's keys; asked for anew if the `wanted` one (`kid`) is not among them, at most once a minute."""
        description = await self.describe(issuer)
        kept = self._kept[issuer]
        now = self._now()
        known = any(key.kid == wanted for key in kept.keys) if wanted is not None else bool(kept.keys)
        age_s = None if kept.keys_at_s is None else now - kept.keys_at_s
        if age_s is None or age_s > _KEPT_S or (not known and age_s >= _KEYS_ANEW_AFTER_S):
            kept.keys = _keys(await self._json("GET", description.jwks_uri))
            kept.keys_at_s = now
        return KeySet(kept.keys)

    async def redeem(
        self,
        description: Description,
        *,
        client_id: str,
        client_secret: Secret | None,
        code: Secret,
        verifier: Secret,
        redirect_uri: str,
    ) -> Tokens:
        """Exchange a code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5). Raises SignInFailed."""
        form = {
            "grant_type": "authorization_code",
            "code": code.reveal(),
            "redirect_uri": redirect_uri,
            "code_verifier": verifier.reveal(),
            "client_id": client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if client_secret is not None and description.takes_secret_in_header:
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret.reveal())}"  # RFC 6749 section 2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
        elif client_secret is not None:
            form["client_secret"] = client_secret.reveal()
        found = await self._json(
            "POST", description.token_endpoint, headers=headers, body=urlencode(form).encode("ascii")
        )
        id_token, access_token = found.get("id_token"), found.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise ProtocolViolation("the provider gave no ID token")
        return Tokens(Secret(id_token), Secret(access_token))

    async def userinfo(self, description: Description, access_token: Secret, subject: str) -> dict[str, Any]:
        """Ask for what the ID token did not say about its subject; empty if the provider has no such service."""
        if description.userinfo_endpoint is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token.reveal()}", "Accept": "application/json"}
        found = await self._json("GET", description.userinfo_endpoint, headers=headers)
        if found.get("sub") != subject:  # OpenID Connect Core section 5.3.2
            raise ProtocolViolation("the provider's answers are about two different people")
        return found

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        if self._session is not None:
            await self._session.close()

    async def _json(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> dict[str, Any]:
        if self._session is None:
            self._session = self._egress.http("single sign-on", connections=8)
        where = urlsplit(url).netloc
        async with self._session.request(
            method, url, headers=headers or {"Accept": "application/json"}, body=body, operation="sign-in"
        ) as response:
            content = await response.read(_LONGEST_ANSWER)
            status = response.status
        found = _parsed(content)
        if status == _TOO_MANY:
            raise Throttled(f"the provider {where} asks for fewer sign-ins")
        if status >= _FIRST_SERVER_FAULT:
            raise ServiceFault(f"the provider {where} failed ({status})")
        if status != _OK:
            said = str(found.get("error_description") or found.get("error") or "") if found else ""
            raise SignInRefused(f"the provider {where} refused ({status})", said=said)
        if found is None:
            raise ProtocolViolation(f"the provider {where} did not answer with a JSON object")
        return found


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _endpoint(found: Mapping[str, Any], name: str) -> str:
    url = found.get(name)
    if not isinstance(url, str):
        raise ProtocolViolation(f"the provider's description names no {name}")
    return _checked_url(url, f"the provider's {name}")


def _checked_url(url: str, what: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.username is None
    except ValueError:
        usable = False
    else:
        usable = (
            usable and not parts.fragment and len(url) <= _LONGEST_URL and url.isascii() and url.isprintable()
        )
    if not usable:
        raise NotAcceptable(f"{what} has to be an https address: {one_line(url, limit=200)!r}")
    return url


def _keys(found: Mapping[str, Any]) -> list[Key]:
    """Read the keys that signatures are checked with; those of kinds that are not known here are passed over."""
    listed = found.get("keys")
    if not isinstance(listed, list):
        raise ProtocolViolation("the provider's list of keys is none")
    keys = []
    for one in listed[:_MOST_KEYS]:
        if not isinstance(one, dict) or one.get("kty") not in _ASYMMETRIC or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return keys
