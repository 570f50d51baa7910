"""Box's refusals, as its guide "Common errors" lists them.

Where the wording was seen in the wild rather than there, the place that raises it says so.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_HELP = "http://developers.box.com/docs/#errors"
_numbers = itertools.count(1)


class BoxError(Exception):
    """A refusal with a code.

    Attributes:
        status: Of HTTP.
        code: Box's.
        message: Box's.
        context: What `context_info` holds; None: there is none.
        headers: Beside the usual ones.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        context: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.context = context
        self.headers = dict(headers or {})


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer with a refusal."""
    assert isinstance(error, BoxError)
    if error.status == 401:  # noqa: PLR2004 - HTTP statuses are best known as numbers
        # Seen: no body at all, and the reason in the header (box-node-sdk issue 157).
        description = 'error="invalid_token", error_description="The access token provided is invalid."'
        return Response(
            status_code=401, headers={"WWW-Authenticate": f'Bearer realm="Service", {description}'}
        )
    request_id = f"sim{next(_numbers):013x}"
    body: dict[str, Any] = {"type": "error", "status": error.status, "code": error.code}
    if error.context is not None:
        body["context_info"] = error.context
    body |= {"help_url": _HELP, "message": error.message, "request_id": request_id}
    return JSONResponse(body, error.status, headers={**error.headers, "Box-Request-Id": request_id})


def unauthorized() -> BoxError:
    """No token, or one that is no good."""
    return BoxError(401, "unauthorized", "Unauthorized")


def not_found(what: str = "Not Found") -> BoxError:
    """Not there, or not for this user."""
    return BoxError(404, "not_found", what)


def trashed() -> BoxError:
    """It lies in the trash."""
    return BoxError(404, "trashed", "Item is trashed")


def denied() -> BoxError:
    """The user may see it, and not do this."""
    return BoxError(403, "access_denied_insufficient_permissions", "Access denied - insufficient permission")


def insufficient_scope() -> BoxError:
    """The app may not do this for anybody (header as seen in box-windows-sdk-v2 issue 264)."""
    message = "The request requires higher privileges than provided by the access token."
    header = f'Bearer realm="Service", error="insufficient_scope", error_description="{message}"'
    return BoxError(403, "insufficient_scope", message, headers={"WWW-Authenticate": header})


def bad_request(message: str = "Bad Request", code: str = "bad_request") -> BoxError:
    """A parameter is missing or wrong."""
    return BoxError(400, code, message)


def precondition_failed() -> BoxError:
    """The entry is not what `If-Match` says."""
    return BoxError(
        412,
        "precondition_failed",
        "The resource has been modified. Please retrieve the resource again and retry",
    )


def name_in_use(conflicts: object) -> BoxError:
    """Something of that name stands there.

    `conflicts` is one item for files and a list for folders: seen (support post 6760227005459, rclone's types), though
    the description says that it always is a list.
    """
    return BoxError(
        409, "item_name_in_use", "Item with the same name already exists", {"conflicts": conflicts}
    )


def blocked() -> BoxError:
    """Another operation on the tree is under way."""
    return BoxError(
        409, "operation_blocked_temporary", "The operation is blocked by another ongoing operation"
    )


def locked() -> BoxError:
    """Somebody has locked the file."""
    return BoxError(403, "access_denied_item_locked", "Access denied - item locked")


def over_quota() -> BoxError:
    """The owner has no room."""
    return BoxError(403, "storage_limit_exceeded", "Account storage limit reached")


def too_large() -> BoxError:
    """The file is larger than the owner's plan allows."""
    return BoxError(403, "file_size_limit_exceeded", "File size exceeds the folder owner's file size limit")


def rate_limited(retry_after_s: int) -> BoxError:
    """Too many calls."""
    return BoxError(
        429,
        "rate_limit_exceeded",
        "Request rate limit exceeded, please try again later",
        headers={"Retry-After": str(retry_after_s)},
    )
