"""Showing the server who we are: the `Authorization` header, and what to make of a 401."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Protocol

from mover.connectors.webdav.challenges import read_challenges
from mover.connectors.webdav.config import SignIn, WebDavConfig
from mover.connectors.webdav.digest import Digest
from mover.vault.secret import Secret


class Authentication(Protocol):
    """Signs requests to one origin. The caller sends nothing of it to any other."""

    def header(self, method: str, target: str) -> str | None:
        """Return `Authorization` for one request, None for none; `target` as in the request line."""

    def learn(self, headers: Mapping[str, str], sent: str | None) -> bool:
        """Look at a 401's headers; tell whether the same request, signed anew, may succeed.

        `sent` is what `header` gave for the refused request.
        """

    def accepted(self) -> None:
        """Note that a request was not refused."""

    @property
    def may_be_stale(self) -> bool:
        """An empty request should go first, without `Authorization`, before one with a long body."""


def authentication_for(config: WebDavConfig, *, secure: bool) -> Authentication:
    """Make the authentication that a configuration asks for. `secure`: over TLS."""
    if config.token is not None:
        return Bearer(config.token)
    if config.username is None:
        return Anonymous()
    return PasswordSignIn(config.username, config.password or Secret(""), how=config.auth, secure=secure)


class Anonymous:
    """Nobody in particular."""

    may_be_stale = False

    def header(self, method: str, target: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Return None."""
        return None

    def learn(self, headers: Mapping[str, str], sent: str | None) -> bool:  # noqa: ARG002 - likewise
        """Return False: there is nothing else to try."""
        return False

    def accepted(self) -> None:
        """Do nothing."""


class Bearer(Anonymous):
    """A token (RFC 6750)."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def header(self, method: str, target: str) -> str | None:  # noqa: ARG002 - likewise
        """Return the token."""
        return f"Bearer {self._token.reveal()}"


class PasswordSignIn:
    """User name and password, by whichever scheme the server takes.

    Until the server has said what it takes, nothing is sent, unless Basic was asked for by name; then Basic (RFC 7617)
    goes with every request at once. Over TLS, Basic is preferred because it needs no round trips; without TLS, Digest,
    because the password does not travel.
    """

    def __init__(self, username: str, password: Secret, *, how: SignIn, secure: bool) -> None:
        self._username = username
        self._password = password
        self._how = how
        self._preferred = ("basic", "digest") if secure else ("digest", "basic")
        self._digest = Digest(username, password)
        self._scheme = "basic" if how is SignIn.BASIC else None

    def header(self, method: str, target: str) -> str | None:
        """Return the scheme's header; None as long as no scheme is known."""
        match self._scheme:
            case "basic":
                return "Basic " + b64encode(f"{self._username}:{self._password.reveal()}".encode()).decode()
            case "digest":
                return self._digest.header(method, target)
            case _:
                return None

    def learn(self, headers: Mapping[str, str], sent: str | None) -> bool:
        """Choose a scheme, or take a new nonce."""
        joined = ", ".join(value for name, value in headers.items() if name.lower() == "www-authenticate")
        challenges = read_challenges(joined)
        offered = {challenge.scheme for challenge in challenges}
        if self._how is not SignIn.AUTO:
            offered &= {self._how.value}
        for scheme in self._preferred:
            if scheme not in offered:
                continue
            if scheme == "basic":
                self._scheme = scheme
                return sent is None or not sent.startswith("Basic ")
            if self._digest.learn(challenges, sent=sent):
                self._scheme = scheme
                return True
        return False

    def accepted(self) -> None:
        """Note that the nonce in use is good, and the password with it."""
        self._digest.accepted()

    @property
    def may_be_stale(self) -> bool:
        """Only a nonce grows old."""
        return self._scheme == "digest" and self._digest.may_be_stale
