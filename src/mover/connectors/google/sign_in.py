"""How tokens are got: from a person in a browser, or by a service account that acts for the users of a domain."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from mover.connectors.google.config import GoogleAdminConfig
from mover.errors import InvalidConfiguration
from mover.transport.http import HttpSession
from mover.transport.oauth.app_tokens import AccessToken, Fetch
from mover.transport.oauth.description import OAuthDescription
from mover.transport.oauth.endpoint import request_token
from mover.vault.secret import Secret

T = TypeVar("T")

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SCOPE = "https://www.googleapis.com/auth/"
_DIRECTORY = _SCOPE + "admin.directory.user.readonly"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 3600
_EARLY_S = 30  # for a clock that is ahead of Google's
_LARGEST_KEY_FILE = 64 * 1024
_EMAIL = re.compile(r"[!-~]{1,254}")


def drive_scope(config: Any) -> str:
    """Return the scope that moving needs: all of Drive, since what is moved was not made by Mover."""
    return _SCOPE + ("drive.readonly" if config.read_only else "drive")


def _hints(config: Any) -> dict[str, str]:
    return {"hd": config.allowed_domain} if config.allowed_domain else {}


OAUTH = OAuthDescription(
    vendor="google",
    authorize_url=lambda _config: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url=lambda _config: TOKEN_URL,
    revoke_url=lambda _config: "https://oauth2.googleapis.com/revoke",
    scopes=lambda config: (drive_scope(config),),
    # A refresh token is given only where the person is asked, so that he is asked each time.
    extra={"access_type": "offline", "prompt": "consent select_account"},
    hints=_hints,
)
"""Google's flow ("Using OAuth 2.0 for Web Server Applications")."""


class ServiceAccount(msgspec.Struct, frozen=True):
    """What the JSON key of a service account holds."""

    client_email: str
    private_key: str
    type: str = ""

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return f"ServiceAccount({self.client_email!r})"


def read_key(given: Secret) -> tuple[str, RSAKey]:
    """Return the account's address and key, given as JSON or as the path of a file. Raises InvalidConfiguration."""
    text = given.reveal().strip()
    # What begins like JSON is never taken for a path: that is what the service's rules for pasted keys rely on.
    data = text.encode() if text.startswith("{") else _key_file(Path(text))
    try:
        account = msgspec.json.decode(data, type=ServiceAccount)
        key = RSAKey.import_key(account.private_key)
        key.check_key_op("sign")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, JoseError, ValueError, TypeError):
        account, key = None, None  # their words could quote the key
    if account is None or key is None or not _EMAIL.fullmatch(account.client_email):
        raise InvalidConfiguration("service_account is not the JSON key of a service account")
    return account.client_email, key


def assertion_fetch(
    config: GoogleAdminConfig, http: HttpSession, *, now: Callable[[], float] = time.time
) -> Fetch:
    """Return what gets tokens in the name of users: an assertion that is signed with the account's key (RFC 7523).

    Without a subject it is the administrator's. "Using OAuth 2.0 for Server to Server Applications".
    """
    known: list[tuple[str, RSAKey]] = []

    async def fetch(subject: str | None) -> AccessToken:
        if not known:
            known.append(read_key(config.service_account))
        email, key = known[0]
        user = subject or config.admin
        scopes = [drive_scope(config), *([_DIRECTORY] if user == config.admin else [])]
        issued = int(now()) - _EARLY_S
        claims = {
            "iss": email,
            "sub": user,
            "scope": " ".join(scopes),
            "aud": TOKEN_URL,
            "iat": issued,
            "exp": issued + _LIFETIME_S,
        }
        signed = jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, key)
        granted = await request_token(
            http, TOKEN_URL, {"grant_type": _JWT_BEARER, "assertion": Secret(signed)}, now=now
        )
        return granted.access(now())

    return fetch


def _key_file(path: Path) -> bytes:
    with suppress(OSError, RuntimeError, ValueError), path.expanduser().open("rb") as file:
        return file.read(_LARGEST_KEY_FILE)
    # Not the path: it may be a key that was pasted in a form that is not understood.
    raise InvalidConfiguration("service_account is neither a JSON key nor the path of a readable file")
