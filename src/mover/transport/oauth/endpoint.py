"""The token endpoint (RFC 6749 sections 3.2, 4 and 5): something that proves a right goes there, tokens come back.

What comes back is from outside, and what goes there is secret: an answer is taken only if it is one, and nothing that was
sent is repeated in an error, whatever the service says about it.
"""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from mover.errors import MoverError, ProtocolViolation, ServiceFault, Throttled, Transient
from mover.transport.http import HttpSession
from mover.transport.oauth.description import AppRegistration, ClientProof
from mover.transport.oauth.holding import AccessToken
from mover.transport.oauth.refusals import refusal
from mover.transport.status import error_from_status, parse_retry_after
from mover.transport.unreadable import UNREADABLE
from mover.vault.secret import Secret

Form = Mapping[str, str | Secret]

_LONGEST_ANSWER = 256 * 1024
_LONGEST_TOKEN = 32 * 1024
_LONGEST_LIFETIME_S = 10 * 366 * 24 * 3600.0
_LONGEST_SAID = 1000
_FIT_FOR_HEADER = re.compile(
    r"[\x21-\x7e]+"
)  # RFC 6749 appendix A.12, without the space that no header could carry
_VISIBLE = re.compile(r"[\x20-\x7e]+")  # appendix A.17
_SHORTEST_SECRET = 4  # what is shorter would be cut out of every word

_OK = 200
_THROTTLED = frozenset({403, 409, 429, 503})
_TOO_MANY = 429
_REFUSALS = frozenset({400, 401, 403})
_FAULTS = frozenset({"server_error", "temporarily_unavailable"})


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a token endpoint gave (RFC 6749 section 5.1).

    Attributes:
        access_token: Fit to be sent in a header.
        lifetime_s: Of the access token in seconds; None if the service named none, or none ever ends.
        refresh_token: None if there is none, or the one that was shown stays good.
        id_token: Of OpenID Connect; not verified.
        scopes: What was granted; None: what was asked for.
    """

    access_token: Secret
    lifetime_s: float | None = None
    refresh_token: Secret | None = None
    id_token: Secret | None = None
    scopes: tuple[str, ...] | None = None

    def access(self, now_s: float) -> AccessToken:
        """The access token with the moment of its end, if it was given at `now_s` (seconds since 1970 UTC)."""
        return AccessToken(
            self.access_token, math.inf if self.lifetime_s is None else now_s + self.lifetime_s
        )


class _Answer(msgspec.Struct, frozen=True):
    access_token: str | None = None
    token_type: str | None = None
    expires_in: float | str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | list[str] | None = None


class _Refusal(msgspec.Struct, frozen=True):
    error: msgspec.Raw = msgspec.Raw(b"null")
    error_description: msgspec.Raw = msgspec.Raw(b"null")


async def request_token(
    http: HttpSession,
    url: str,
    form: Form,
    *,
    app: AppRegistration | None = None,
    proof: ClientProof = ClientProof.BODY,
    now: Callable[[], float] = time.time,
) -> Granted:
    """Ask a token endpoint for tokens. Tries once.

    Args:
        http: The way there.
        url: The endpoint; https.
        form: The grant, with its `grant_type`.
        app: As what Mover shows itself; None where the grant itself says so (a signed JWT).
        proof: How it does that.
        now: Seconds since 1970 UTC, for a `Retry-After` that is a date.

    Raises GrantRefused (AppRefused) with the service's error code, Throttled, ServiceFault, Unreachable, TimedOut,
    ProtocolViolation for an answer that is none.
    """
    content, status, headers = await _post(http, url, form, app, proof)
    if status == _OK:
        granted = _granted(content)
        if granted is not None:
            return granted
    raise _error(content, status, headers, _secrets_in(form, app), now)


async def show_token(
    http: HttpSession,
    url: str,
    form: Form,
    *,
    app: AppRegistration | None = None,
    proof: ClientProof = ClientProof.BODY,
    now: Callable[[], float] = time.time,
) -> None:
    """Send a form to an endpoint that answers with nothing but yes or no: revocation (RFC 7009). Raises as `request_token`."""
    content, status, headers = await _post(http, url, form, app, proof)
    if not _OK <= status < 300:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        raise _error(content, status, headers, _secrets_in(form, app), now)


async def _post(
    http: HttpSession, url: str, form: Form, app: AppRegistration | None, proof: ClientProof
) -> tuple[bytes, int, Mapping[str, str]]:
    fields = {name: _text(value) for name, value in form.items()}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if app is not None and app.client_secret is not None and proof is ClientProof.BASIC:
        pair = f"{quote_plus(app.client_id)}:{quote_plus(app.client_secret.reveal())}"  # section 2.3.1
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    elif app is not None:
        fields["client_id"] = app.client_id
        if app.client_secret is not None:
            fields["client_secret"] = app.client_secret.reveal()
    body = urlencode(fields, errors="surrogatepass").encode("ascii")
    async with http.request("POST", url, headers=headers, body=body, operation="sign-in") as answer:
        return await answer.read(_LONGEST_ANSWER), answer.status, dict(answer.headers)


def _granted(content: bytes) -> Granted | None:
    """Read a success; None if it is a refusal in the clothes of one."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except UNREADABLE:
        answer = None  # its words could quote the answer
    if answer is None:
        raise ProtocolViolation("the service's answer to the sign-in cannot be read", operation="sign-in")
    if answer.access_token is None:
        return None
    if answer.token_type is not None and answer.token_type.lower() != "bearer":
        raise ProtocolViolation(
            "the service gave a token of another kind than Bearer",
            operation="sign-in",
            said=answer.token_type,
        )
    scopes = answer.scope.split() if isinstance(answer.scope, str) else answer.scope
    return Granted(
        access_token=_token(answer.access_token, _FIT_FOR_HEADER),
        lifetime_s=_lifetime(answer.expires_in),
        refresh_token=_token(answer.refresh_token, _VISIBLE) if answer.refresh_token else None,
        id_token=_token(answer.id_token, _FIT_FOR_HEADER) if answer.id_token else None,
        scopes=None if scopes is None else tuple(scopes),
    )


def _token(text: str, fit: re.Pattern[str]) -> Secret:
    if len(text) > _LONGEST_TOKEN or not fit.fullmatch(text):
        raise ProtocolViolation("the service gave a token that cannot be one", operation="sign-in")
    return Secret(text)


def _lifetime(given: float | str | None) -> float | None:
    """Read a lifetime in seconds: a number, which some services spell as text, and -1 for one without end (Egnyte)."""
    try:
        seconds = math.inf if given is None else float(given)
    except ValueError:
        raise ProtocolViolation("the service gave a token with a lifetime that is no number") from None
    if math.isnan(seconds):
        raise ProtocolViolation("the service gave a token with a lifetime that is no number")
    return None if seconds < 0 or math.isinf(seconds) else min(seconds, _LONGEST_LIFETIME_S)


def _error(
    content: bytes,
    status: int,
    headers: Mapping[str, str],
    secrets: tuple[str, ...],
    now: Callable[[], float],
) -> MoverError:
    retry_after_s = parse_retry_after(headers.get("Retry-After"), now=now)
    if status == _TOO_MANY or (status in _THROTTLED and retry_after_s is not None):
        return Throttled(
            f"the service asks for fewer sign-ins (HTTP {status})",
            retry_after_s=retry_after_s,
            operation="sign-in",
        )
    code, description = _said(content, secrets)
    if code in _FAULTS:
        return ServiceFault(
            "the service cannot give tokens at the moment", operation="sign-in", said=description or code
        )
    if status == _OK and not code:
        return ProtocolViolation("the service's answer to the sign-in holds no token", operation="sign-in")
    if status in _REFUSALS or status == _OK:
        return refusal(code, description, operation="sign-in")
    said = ": ".join(part for part in (code, description) if part)
    error = error_from_status(status, headers=headers, said=said, operation="sign-in", now=now)
    if isinstance(error, Transient):
        return error
    # Here a 404 is about no entry, and a 409 about no name: nobody is to take it for that.
    return ProtocolViolation(
        f"the service's sign-in gave an answer that is none (HTTP {status})", said=said, operation="sign-in"
    )


def _said(content: bytes, secrets: tuple[str, ...]) -> tuple[str, str]:
    """Read the service's error code and its words, without anything that was sent to it."""
    try:
        found = msgspec.json.decode(content, type=_Refusal)
        texts = [_as_text(found.error), _as_text(found.error_description)]
    except UNREADABLE:
        return "", ""
    for secret in secrets:
        texts = [text.replace(secret, "…") for text in texts]
    return texts[0][:_LONGEST_SAID], texts[1][:_LONGEST_SAID]


def _as_text(raw: msgspec.Raw) -> str:
    found = msgspec.json.decode(raw)
    return found if isinstance(found, str) else ""


def _secrets_in(form: Form, app: AppRegistration | None) -> tuple[str, ...]:
    """All spellings in which a service could repeat what it was sent."""
    sent = [value.reveal() for value in form.values() if isinstance(value, Secret)]
    if app is not None and app.client_secret is not None:
        sent.append(app.client_secret.reveal())
    spelled = {
        text
        for secret in sent
        for text in (
            secret,
            quote(secret, safe="", errors="replace"),
            quote_plus(secret, errors="replace"),
        )
    }
    return tuple(sorted((text for text in spelled if len(text) >= _SHORTEST_SECRET), key=len, reverse=True))


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
