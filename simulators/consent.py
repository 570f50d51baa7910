"""OAuth 2.0 as a vendor's server does it: the page that asks for consent, codes with PKCE, tokens, revocation.

What differs between vendors is data (`ConsentRules`); addresses and the spelling of errors are the vendor's.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from simulators.accounts import Accounts, Person, Token


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True, kw_only=True)
class App:
    """An app that is registered at the vendor. Redirect addresses of this machine may have any port (RFC 8252 section 7.3)."""

    client_id: str = "test-app"
    client_secret: str = "test-secret"  # noqa: S105 - of nothing real
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1/", "http://localhost/", "https://localhost/")


@dataclass(frozen=True, kw_only=True)
class ConsentRules:
    """What differs between vendors.

    Attributes:
        access_lifetime_s: Of access tokens.
        refresh_lifetime_s: Of refresh tokens; None: until revoked.
        code_lifetime_s: Of codes.
        rotating: A refresh token is good for one exchange and replaced by the answer.
        offline: Tells from the parameters of the authorization address whether a refresh token is given out.
    """

    access_lifetime_s: float = 3600
    refresh_lifetime_s: float | None = None
    code_lifetime_s: float = 600
    rotating: bool = False
    offline: Mapping[str, str] = field(default_factory=dict)


class Consent:
    """The authorization server of one vendor."""

    def __init__(self, accounts: Accounts, rules: ConsentRules, app: App | None = None) -> None:
        self.accounts = accounts
        self.rules = rules
        app = app or App()
        self.apps = {app.client_id: app}

    async def page(self, request: Request) -> Response:
        """GET: show who may consent, a button each. POST: send the browser back with a code, or with access_denied."""
        asked = dict(request.query_params)
        app = self.apps.get(asked.get("client_id", ""))
        if app is None or not _is_registered(app, asked.get("redirect_uri", "")):
            return HTMLResponse("<h1>Error 400: redirect_uri_mismatch</h1>", status_code=400)
        if asked.get("response_type") != "code":
            return _back(asked, error="unsupported_response_type")
        if request.method == "GET":
            return HTMLResponse(self._buttons(asked))
        chosen = dict(await request.form())
        person = self.accounts.person_of(str(chosen.get("person", "")))
        if person is None or not person.is_active or chosen.get("decision") != "allow":
            return _back(asked, error="access_denied")
        code = self.accounts.issue(
            person,
            kind="code",
            lifetime_s=self.rules.code_lifetime_s,
            scopes=asked.get("scope", "").split(),
            client_id=app.client_id,
            details=asked,
        )
        return _back(asked, code=code.value)

    def exchange(self, form: Mapping[str, str]) -> dict[str, object]:
        """Answer a request to the token endpoint for a code or a refresh token. Raises OAuthError."""
        app = self.check_app(form)
        match form.get("grant_type"):
            case "authorization_code":
                return self._for_code(app, form)
            case "refresh_token":
                return self._for_refresh_token(app, form)
            case _:
                raise OAuthError("unsupported_grant_type", "this grant is not supported")

    def check_app(self, form: Mapping[str, str]) -> App:
        """Find the app that asks, by `client_id` and, where it gives one, `client_secret`. Raises OAuthError."""
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret", app.client_secret) != app.client_secret:
            raise OAuthError("invalid_client", "The client credentials are invalid")
        return app

    def tokens_for(
        self, person: Person | None, app: App, scopes: tuple[str, ...], *, offline: bool
    ) -> dict[str, object]:
        """Issue tokens and return the answer that tells them."""
        access = self.accounts.issue(
            person, lifetime_s=self.rules.access_lifetime_s, scopes=scopes, client_id=app.client_id
        )
        answer: dict[str, object] = {
            "access_token": access.value,
            "token_type": "bearer",
            "expires_in": int(self.rules.access_lifetime_s),
            "scope": " ".join(scopes),
        }
        if offline:
            refresh = self.accounts.issue(
                person,
                kind="refresh",
                lifetime_s=self.rules.refresh_lifetime_s,
                scopes=scopes,
                client_id=app.client_id,
            )
            answer["refresh_token"] = refresh.value
        return answer

    def revoke(self, value: str) -> bool:
        """Make a token worthless, and all others of its person and app. Returns whether it was good."""
        found = self.accounts.tokens.get(value)
        if found is None or found.is_spent:
            return False
        for token in self.accounts.tokens.values():
            if token.person is found.person and token.client_id == found.client_id:
                token.is_spent = True
        return True

    def _for_code(self, app: App, form: Mapping[str, str]) -> dict[str, object]:
        code = self._spend(form.get("code", ""), "code", app)
        if form.get("redirect_uri", "") != code.details.get("redirect_uri", ""):
            raise OAuthError("invalid_grant", "redirect_uri does not match")
        challenge = code.details.get("code_challenge")
        if challenge is not None and challenge != _s256(form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "code_verifier does not match")
        if challenge is None and "client_secret" not in form:
            raise OAuthError("invalid_client", "client_secret is missing")
        offline = all(code.details.get(name) == value for name, value in self.rules.offline.items())
        return self.tokens_for(code.person, app, code.scopes, offline=offline)

    def _for_refresh_token(self, app: App, form: Mapping[str, str]) -> dict[str, object]:
        value = form.get("refresh_token", "")
        if self.rules.rotating:
            token = self._spend(value, "refresh", app)
            return self.tokens_for(token.person, app, token.scopes, offline=True)
        found = self.accounts.find(value, "refresh")
        if found is None or found.client_id != app.client_id or not _may_sign_in(found):
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        return self.tokens_for(found.person, app, found.scopes, offline=False)

    def _spend(self, value: str, kind: str, app: App) -> Token:
        token = self.accounts.find(value, kind)
        if token is None or token.client_id != app.client_id or not _may_sign_in(token):
            raise OAuthError("invalid_grant", "The grant has expired, was revoked, or was used already.")
        token.is_spent = True
        return token

    def _buttons(self, asked: Mapping[str, str]) -> str:
        people = [person for person in self.accounts.people.values() if person.is_active]
        rows = "".join(
            '<form method="post"><input type="hidden" name="decision" value="allow">'
            f'<input type="hidden" name="person" value="{html.escape(person.email)}">'
            f"<button>Continue as {html.escape(person.email)}</button></form>"
            for person in people
        )
        return (
            "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>Sign in (simulated)</title>"
            "<h1>Choose an account</h1><p>This is a simulator: no password is needed.</p>"
            f"<p>{html.escape(asked.get('client_id', ''))} wants to use: {html.escape(asked.get('scope', ''))}</p>"
            f'{rows}<form method="post"><input type="hidden" name="decision" value="deny"><button>Deny</button></form>'
        )


def _may_sign_in(token: Token) -> bool:
    return token.person is None or token.person.is_active


def _is_registered(app: App, redirect_uri: str) -> bool:
    asked = urlsplit(redirect_uri)
    for registered in map(urlsplit, app.redirect_uris):
        if asked.scheme != registered.scheme or asked.hostname != registered.hostname:
            continue
        any_port = registered.hostname in {"127.0.0.1", "localhost"}
        if any_port or asked.port == registered.port:
            return True
    return False


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _back(asked: Mapping[str, str], **answer: str) -> Response:
    if "state" in asked:
        answer["state"] = asked["state"]
    joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{joint}{urlencode(answer)}", status_code=302)
