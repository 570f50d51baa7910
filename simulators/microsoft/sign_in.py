"""login.microsoftonline.com: the page that asks, codes, refresh tokens, and apps in their own name.

A refresh token is answered with a new one; the old one stays good. Secrets of apps and certificates are checked; the form of
refusals is that of "Microsoft identity platform and OAuth 2.0", with AADSTS numbers.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.consent import App, Consent, ConsentRules, OAuthError
from simulators.microsoft.state import State

LOGIN = "login.microsoftonline.com"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REFRESH_LIFETIME_S = 90 * 24 * 3600.0
_NUMBERS = {
    "invalid_grant": 70008,
    "invalid_client": 7000215,
    "unauthorized_client": 700016,
    "unsupported_grant_type": 70003,
    "invalid_request": 900144,
}


class SignIn:
    """The authorization server.

    Attributes:
        certificates: Of apps, by client id.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        rules = ConsentRules(access_lifetime_s=3600, refresh_lifetime_s=_REFRESH_LIFETIME_S)
        app = App(redirect_uris=("http://localhost/", *App().redirect_uris))
        self.consent = Consent(state.accounts, rules, app)
        self.certificates: dict[str, list[x509.Certificate]] = {}

    async def page(self, request: Request) -> Response:
        """GET and POST /{tenant}/oauth2/v2.0/authorize."""
        request.scope["operation"] = f"{request.method} authorize"
        return await self.consent.page(request)

    async def token(self, request: Request) -> Response:
        """POST /{tenant}/oauth2/v2.0/token."""
        request.scope["operation"] = "POST token"
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            self._check_tenant(request.path_params["tenant"])
            told = self._granted(form, request.path_params["tenant"])
        except OAuthError as error:
            return self._refusal(error)
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    def _granted(self, form: Mapping[str, str], tenant: str) -> dict[str, object]:
        if form.get("grant_type") == "client_credentials":
            return self._for_app(form, tenant)
        if form.get("grant_type") == "refresh_token":
            self._check_active(form.get("refresh_token", ""))
        told = self.consent.exchange(form)
        token = self._state.accounts.tokens[str(told["access_token"])]
        if "offline_access" in token.scopes:
            refresh = self._state.accounts.issue(
                token.person,
                kind="refresh",
                lifetime_s=_REFRESH_LIFETIME_S,
                scopes=token.scopes,
                client_id=token.client_id,
            )
            told["refresh_token"] = refresh.value
        else:
            told.pop("refresh_token", None)
        told["scope"] = " ".join(scope for scope in token.scopes if scope != "offline_access")
        return {**told, "token_type": "Bearer", "ext_expires_in": told["expires_in"]}

    def _for_app(self, form: Mapping[str, str], tenant: str) -> dict[str, object]:
        app = self._app(form, tenant)
        if not form.get("scope", "").endswith("/.default"):
            raise OAuthError("invalid_scope", "AADSTS1002012: The provided value for scope is not valid.")
        lifetime_s = self.consent.rules.access_lifetime_s
        issued = self._state.accounts.issue(None, lifetime_s=lifetime_s, client_id=app.client_id)
        claims = {"appid": app.client_id, "roles": sorted(self._state.roles_of(app.client_id))}
        issued = replace(issued, value=_as_jwt(claims, issued.value))
        self._state.accounts.tokens[issued.value] = issued
        return {
            "token_type": "Bearer",
            "expires_in": int(lifetime_s),
            "ext_expires_in": int(lifetime_s),
            "access_token": issued.value,
        }

    def _app(self, form: Mapping[str, str], tenant: str) -> App:
        app = self.consent.apps.get(form.get("client_id", ""))
        if app is None:
            raise OAuthError(
                "unauthorized_client",
                f"AADSTS700016: Application with identifier '{form.get('client_id', '')}' was not found in the directory.",
            )
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            self._check_assertion(form.get("client_assertion", ""), app, tenant)
        elif form.get("client_secret") != app.client_secret:
            raise OAuthError("invalid_client", "AADSTS7000215: Invalid client secret provided.")
        return app

    def _check_assertion(self, assertion: str, app: App, tenant: str) -> None:
        """Check a signed JWT ("application authentication certificate credentials")."""
        registry = JWSRegistry(algorithms=["PS256", "RS256"])
        registry.header_registry.pop("x5t#S256", None)
        now = int(self._state.clock.now_s())
        for certificate in self.certificates.get(app.client_id, []):
            public = certificate.public_key()
            assert isinstance(public, RSAPublicKey)
            key = RSAKey.import_key(public_pem(public))
            try:
                token = jwt.decode(assertion, key, algorithms=["PS256", "RS256"])
            except (JoseError, ValueError):
                continue
            claims, header = token.claims, token.header
            url = f"https://{LOGIN}/{tenant}/oauth2/v2.0/token"
            if (
                header.get("x5t#S256") == thumbprint(certificate)
                and claims.get("iss") == claims.get("sub") == app.client_id
                and claims.get("aud") == url
                and claims.get("nbf", 0) <= now < claims.get("exp", 0) <= now + 24 * 3600
                and claims.get("jti")
            ):
                return
        raise OAuthError(
            "invalid_client",
            "AADSTS700027: The certificate with identifier used to sign the client assertion is not "
            "registered on application.",
        )

    def _check_tenant(self, tenant: str) -> None:
        known = {self._state.tenant_id, f"{self._state.tenant}.onmicrosoft.com", self._state.domain}
        if tenant not in known | {"common", "organizations", "consumers"}:
            raise OAuthError("invalid_request", f"AADSTS90002: Tenant '{tenant}' not found.")

    def _check_active(self, refresh_token: str) -> None:
        found = self._state.accounts.tokens.get(refresh_token)
        if found is not None and found.person is not None and not found.person.is_active:
            raise OAuthError("invalid_grant", "AADSTS50057: The user account is disabled.")

    def _refusal(self, error: OAuthError) -> Response:
        text = error.description
        number = _NUMBERS.get(error.error, 70000)
        if text.startswith("AADSTS"):
            number = int(text[6:].partition(":")[0])
        else:
            text = f"AADSTS{number}: {text}"
        trace = str(uuid.UUID(int=number))
        moment = datetime.fromtimestamp(self._state.clock.now_s(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body = {
            "error": error.error,
            "error_description": f"{text} Trace ID: {trace} Correlation ID: {trace} Timestamp: {moment}",
            "error_codes": [number],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": f"https://{LOGIN}/error?code={number}",
        }
        return JSONResponse(body, 401 if error.error == "invalid_client" else 400)


def _as_jwt(claims: Mapping[str, object], signature: str) -> str:
    """Spell a token as those for apps are seen to be: a JWT, whose claim `roles` has the app's permissions."""
    parts = [json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "RS256"}, claims)]
    spelled = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts]
    return ".".join([*spelled, signature])


def thumbprint(certificate: x509.Certificate) -> str:
    """The `x5t#S256` of a certificate."""
    return base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).decode().rstrip("=")


def public_pem(key: RSAPublicKey) -> bytes:
    """Spell a public key."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - here alone

    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
