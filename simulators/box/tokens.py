"""Signing in: people through the consent page, apps with their secret or a signed assertion.

Wording of refusals as recorded in issues of Box's SDKs and the guide "Client Credentials Grant".
"""

from __future__ import annotations

import base64
import json
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Person
from simulators.box.organisation import ENTERPRISE_ID, Organisation
from simulators.consent import Consent, ConsentRules, OAuthError

RULES = ConsentRules(
    access_lifetime_s=3600, refresh_lifetime_s=60 * 24 * 3600, code_lifetime_s=30, rotating=True
)
AUDIENCE = "https://api.box.com/oauth2/token"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION_S = 60
_JTI_LENGTHS = range(16, 129)


class SigningIn:
    """The routes of OAuth.

    Args:
        organisation: Whose users there are.

    Attributes:
        consent: The consent page and people's tokens.
        keys: Public keys (PEM) of apps that sign assertions, by key id.
        enterprise_access: The app was authorized in the admin console.
    """

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self.consent = Consent(organisation.accounts, RULES)
        self.keys: dict[str, bytes] = {}
        self.enterprise_access = True
        self._spent: set[str] = set()

    def routes(self) -> list[Route]:
        """Return them."""
        return [
            Route("/api/oauth2/authorize", self.consent.page, methods=["GET", "POST"]),
            Route("/oauth2/token", self._token, methods=["POST"]),
            Route("/api/oauth2/token", self._token, methods=["POST"]),
            Route("/oauth2/revoke", self._revoke, methods=["POST"]),
        ]

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            return JSONResponse(self._granted(form))
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)

    def _granted(self, form: dict[str, str]) -> dict[str, Any]:
        match form.get("grant_type"):
            case "client_credentials":
                app = self._app(form)
                subject, kind = form.get("box_subject_id", ""), form.get("box_subject_type", "")
            case grant if grant == _JWT_GRANT:
                app = self._app(form)
                subject, kind = self._asserted(form.get("assertion", ""), app)
            case "refresh_token" | "authorization_code" as grant:
                self._app(form)
                return self._of_people(form, grant)
            case _:
                raise OAuthError(
                    "unsupported_grant_type", "Invalid grant_type parameter or parameter missing"
                )
        person = self._subject(subject, kind)
        answer = self.consent.tokens_for(
            person, self.consent.apps[app], ("manage_managed_users", "as_user"), offline=False
        )
        return {**_spelled(answer), "restricted_to": []}

    def _of_people(self, form: dict[str, str], grant: str) -> dict[str, Any]:
        try:
            answer = self.consent.exchange(form)
        except OAuthError as error:
            if error.error != "invalid_grant":
                raise
            words = {
                "refresh_token": "Refresh token has expired",
                "authorization_code": "The authorization code has expired",
            }
            raise OAuthError("invalid_grant", words[grant]) from None
        return {**_spelled(answer), "restricted_to": []}

    def _app(self, form: dict[str, str]) -> str:
        app = self.consent.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.client_secret:
            raise OAuthError("invalid_client", "The client credentials are invalid")
        return app.client_id

    def _subject(self, subject: str, kind: str) -> Person:
        refused = OAuthError("invalid_grant", "Grant credentials are invalid")
        if kind == "enterprise" and subject == ENTERPRISE_ID and self.enterprise_access:
            return self._organisation.service_account
        person = self._organisation.accounts.people.get(subject) if kind == "user" else None
        if person is None or not person.is_active or not self.enterprise_access:
            raise refused
        return person

    def _asserted(self, assertion: str, app: str) -> tuple[str, str]:
        now_s = self._organisation.clock.now_s()
        try:
            # The header is read first to find the key; nothing of it is believed before the signature was.
            key_id = _key_id(assertion)
            key = RSAKey.import_key(self.keys[key_id])
            claims = jwt.decode(assertion, key, algorithms=["RS256", "RS384", "RS512"]).claims
        except (JoseError, KeyError, ValueError):
            raise OAuthError("invalid_grant", "OAuth JWT signature verification failed") from None
        if claims.get("iss") != app:
            raise OAuthError("invalid_grant", "Please check the 'iss' claim.")
        if claims.get("aud") != AUDIENCE:
            raise OAuthError("invalid_grant", "Please check the 'aud' claim.")
        if (
            not isinstance(claims.get("exp"), int)
            or not now_s < claims["exp"] <= now_s + _LONGEST_ASSERTION_S
        ):
            raise OAuthError("invalid_grant", "Please check the 'exp' claim.")
        jti = claims.get("jti")
        if not isinstance(jti, str) or len(jti) not in _JTI_LENGTHS or jti in self._spent:
            raise OAuthError("invalid_grant", "Please check the 'jti' claim.")
        self._spent.add(jti)
        if not isinstance(claims.get("sub"), str):
            raise OAuthError("invalid_grant", "Please check the 'sub' claim.")
        return claims["sub"], str(claims.get("box_sub_type"))

    async def _revoke(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            self._app(form)
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)
        self.consent.revoke(form.get("token", ""))
        return Response(status_code=200)


def _spelled(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "scope"}


def _key_id(assertion: str) -> str:
    head = assertion.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
