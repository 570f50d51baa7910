"""Refusals as Google spells them ("Resolve errors" of the Drive guides; bodies as measured on the live service)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication "
    "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_ANONYMOUS = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of "
    "API consumer identity to call this API."
)


class Refusal(Exception):
    """An answer that is not a success."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: str | None = None,
        location_type: str = "parameter",
        long_message: str | None = None,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        first = {"message": message, "domain": domain, "reason": reason}
        if location is not None:
            first |= {"location": location, "locationType": location_type}
        error: dict[str, object] = {"errors": [first], "code": status, "message": long_message or message}
        if name is not None:
            error["status"] = name
        self.status = status
        self.body = {"error": error}
        self.headers = dict(headers or {})

    def answer(self) -> JSONResponse:
        """Return the response."""
        return JSONResponse(self.body, status_code=self.status, headers=self.headers)


def not_found(file_id: str) -> Refusal:
    """There is no such file, or the caller may not see it."""
    return Refusal(404, "notFound", f"File not found: {file_id}.", location="fileId")


def unauthenticated() -> Refusal:
    """The token is not good, or no longer."""
    return Refusal(
        401,
        "authError",
        "Invalid Credentials",
        location="Authorization",
        location_type="header",
        long_message=_UNAUTHENTICATED,
        name="UNAUTHENTICATED",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def anonymous() -> Refusal:
    """There is no token at all."""
    return Refusal(403, "forbidden", _ANONYMOUS, name="PERMISSION_DENIED")


def insufficient_permissions() -> Refusal:
    """The caller sees the file and may not do this to it."""
    return Refusal(
        403,
        "insufficientFilePermissions",
        "The user does not have sufficient permissions for this file.",
    )


def insufficient_scopes() -> Refusal:
    """The token is not good for this API."""
    return Refusal(
        403,
        "insufficientPermissions",
        "Insufficient Permission: Request had insufficient authentication scopes.",
    )


def required(parameter: str) -> Refusal:
    """A parameter is missing."""
    return Refusal(400, "required", f"Required parameter: {parameter}", location=parameter)


def invalid(parameter: str, message: str = "Invalid Value") -> Refusal:
    """A parameter cannot be understood."""
    return Refusal(400, "invalid", message, location=parameter)


def bad_request(message: str = "Bad Request") -> Refusal:
    """The body cannot be understood."""
    return Refusal(400, "badRequest", message)


def storage_full() -> Refusal:
    """The owner has no room."""
    return Refusal(403, "storageQuotaExceeded", "The user's Drive storage quota has been exceeded.")


def rate_limited() -> Refusal:
    """The user calls too often."""
    return Refusal(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")


def no_sharing(why: str) -> Refusal:
    """The grantee cannot be granted anything."""
    return Refusal(400, "invalidSharingRequest", f'Bad Request. User message: "{why}"')
