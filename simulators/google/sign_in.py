"""Sign-in: the consent page, codes and refresh tokens of people; signed assertions of service accounts (RFC 7523).

"Using OAuth 2.0 for Web Server Applications" and "... for Server to Server Applications" of Google's identity guides.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.accounts import Accounts
from simulators.consent import App, Consent, ConsentRules, OAuthError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = frozenset({"https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"})
_HOUR_S = 3600
RULES = ConsentRules(access_lifetime_s=3599, offline={"access_type": "offline"})


@dataclass(frozen=True)
class ServiceAccount:
    """An account of a program.

    Attributes:
        email: Who it says it is.
        key: What it signs with.
        delegated: Scopes for which it may act as any user of the domain.
    """

    email: str
    key: rsa.RSAPrivateKey
    delegated: frozenset[str]

    @property
    def key_file(self) -> str:
        """The JSON file that Google gives out."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "mover-simulated",
                "private_key_id": "0123456789abcdef",
                "private_key": pem,
                "client_email": self.email,
                "client_id": "100000000000000000001",
                "auth_uri": "https://accounts.google.com/o/oauth2/auth",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )


class SignIn:
    """Google's authorization server.

    Args:
        accounts: Who there is.
        now_s: The world's clock.
    """

    def __init__(self, accounts: Accounts, now_s: Callable[[], float], app: App | None = None) -> None:
        self.accounts = accounts
        self.consent = Consent(accounts, RULES, app)
        self.service_accounts: dict[str, ServiceAccount] = {}
        self._now_s = now_s

    def add_service_account(
        self, scopes: frozenset[str], key: rsa.RSAPrivateKey | None = None
    ) -> ServiceAccount:
        """Make a service account with domain-wide delegation for some scopes."""
        number = len(self.service_accounts) + 1
        made = ServiceAccount(
            f"mover-{number}@mover-simulated.iam.gserviceaccount.com",
            key or rsa.generate_private_key(public_exponent=65537, key_size=2048),
            scopes,
        )
        self.service_accounts[made.email] = made
        return made

    async def page(self, request: Request) -> Response:
        """GET and POST of the consent page."""
        request.scope["operation"] = "oauth.authorize"
        return await self.consent.page(request)

    async def token(self, request: Request) -> Response:
        """POST of the token endpoint."""
        request.scope["operation"] = "oauth.token"
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            if form.get("grant_type") == JWT_BEARER:
                return JSONResponse(self._for_assertion(form.get("assertion", "")))
            answer = self.consent.exchange(form)
        except OAuthError as error:
            status = 401 if error.error in {"invalid_client", "unauthorized_client"} else 400
            return JSONResponse(
                {"error": error.error, "error_description": error.description}, status_code=status
            )
        return JSONResponse({**answer, "token_type": "Bearer"})

    async def revoke(self, request: Request) -> Response:
        """POST of the revocation endpoint."""
        request.scope["operation"] = "oauth.revoke"
        form = dict(await request.form())
        if self.consent.revoke(str(form.get("token") or request.query_params.get("token", ""))):
            return JSONResponse({})
        return JSONResponse(
            {"error": "invalid_token", "error_description": "Token expired or revoked"}, status_code=400
        )

    def _for_assertion(self, assertion: str) -> Mapping[str, object]:
        claims, account = self._verified(assertion)
        scopes = str(claims.get("scope", "")).split()
        subject = claims.get("sub")
        if subject is None or subject == account.email:
            raise OAuthError("unauthorized_client", "The service account has no storage of its own here.")
        if not scopes or not set(scopes) <= account.delegated:
            raise OAuthError(
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
                "scopes requested.",
            )
        person = self.accounts.person_of(str(subject))
        if person is None or not person.is_active:
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        token = self.accounts.issue(person, lifetime_s=_HOUR_S - 1, scopes=scopes, client_id=account.email)
        return {"access_token": token.value, "expires_in": _HOUR_S - 1, "token_type": "Bearer"}

    def _verified(self, assertion: str) -> tuple[dict[str, object], ServiceAccount]:
        try:
            head, body, signature = assertion.split(".")
            header, claims = json.loads(_decoded(head)), json.loads(_decoded(body))
            signed = _decoded(signature)
        except ValueError:
            raise OAuthError("invalid_grant", "Bad Request") from None
        account = self.service_accounts.get(str(claims.get("iss")))
        if account is None:
            raise OAuthError("invalid_grant", "Invalid grant: account not found")
        if header.get("alg") != "RS256":
            raise OAuthError("invalid_grant", "Invalid JWT Signature.")
        try:
            account.key.public_key().verify(
                signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            raise OAuthError("invalid_grant", "Invalid JWT Signature.") from None
        issued, expires = float(claims.get("iat", 0)), float(claims.get("exp", 0))
        now = self._now_s()
        if (
            claims.get("aud") not in _AUDIENCES
            or expires - issued > _HOUR_S
            or not issued - 300 < now < expires
        ):
            raise OAuthError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and "
                "exp values in the JWT claim.",
            )
        return claims, account


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
