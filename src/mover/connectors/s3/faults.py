"""What the error codes of S3 and of its imitators mean.

Source: "Error Responses", Amazon S3 API Reference; codes with a prefix are those of MinIO and Ceph.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mover.connectors.s3.xml import Document, read_document
from mover.errors import (
    Conflict,
    IntegrityError,
    InvalidConfiguration,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    TooLarge,
    Transient,
    Unsupported,
)
from mover.transport.status import error_from_status, parse_retry_after

_MEANINGS: Mapping[type[MoverError], tuple[str, frozenset[str]]] = {
    NotFound: (
        "there is no such object, upload or bucket",
        frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NoSuchVersion"}),
    ),
    SignInFailed: (
        "the service does not accept the access key",
        frozenset(
            {
                "InvalidAccessKeyId",
                "SignatureDoesNotMatch",
                "ExpiredToken",
                "TokenRefreshRequired",
                "InvalidToken",
                "InvalidSecurity",
                "NotSignedUp",
                "AccountProblem",
                "InvalidClientTokenId",
                "UnrecognizedClientException",
                "AuthorizationHeaderMalformed",
            }
        ),
    ),
    PermissionDenied: (
        "the account may not do this",
        frozenset(
            {"AccessDenied", "AllAccessDisabled", "AccountSuspended", "MethodNotAllowed", "ObjectLocked"}
        ),
    ),
    Throttled: (
        "the service asks for fewer calls",
        frozenset(
            {
                "SlowDown",
                "SlowDownRead",
                "SlowDownWrite",
                "TooManyRequests",
                "RequestLimitExceeded",
                "Throttling",
                "ThrottlingException",
                "XMinioServerNotInitialized",
                "XRateLimitExceeded",
            }
        ),
    ),
    ServiceFault: (
        "the service reports a fault of its own",
        frozenset({"InternalError", "ServiceUnavailable", "Busy"}),
    ),
    TimedOut: ("the service grew tired of waiting for the request", frozenset({"RequestTimeout"})),
    Locked: ("somebody else is changing this at the moment", frozenset({"OperationAborted"})),
    IntegrityError: (
        "other bytes arrived than were sent",
        frozenset(
            {
                "BadDigest",
                "InvalidDigest",
                "XAmzContentSHA256Mismatch",
                "XAmzContentChecksumMismatch",
                "IncompleteBody",
                "InvalidPart",
                "InvalidPartOrder",
            }
        ),
    ),
    TooLarge: (
        "the service does not accept objects of this size",
        frozenset({"EntityTooLarge", "MaxMessageLengthExceeded"}),
    ),
    Conflict: (
        "something else stands there",
        frozenset(
            {
                "PreconditionFailed",
                "ConditionalRequestConflict",
                "BucketAlreadyExists",
                "XMinioParentIsObject",
                "XMinioObjectExistsAsDirectory",
                "ObjectExistsAsDirectory",
                "ParentIsObject",
                "ExistingObjectIsDirectory",
                "ExistingObjectIsFile",
            }
        ),
    ),
    QuotaExceeded: (
        "the storage is full",
        frozenset(
            {
                "QuotaExceeded",
                "XMinioStorageFull",
                "XMinioAdminBucketQuotaExceeded",
                "XMinioBucketQuotaExceeded",
                "StorageFull",
                "InsufficientCapacity",
                "InsufficientStorage",
                "TooManyBuckets",
                "StorageQuotaExceeded",
            }
        ),
    ),
    PathTooLong: ("the key is too long for the service", frozenset({"KeyTooLongError", "KeyTooLong"})),
    NameRejected: (
        "the service does not accept this name",
        frozenset({"InvalidBucketName", "InvalidObjectName", "InvalidURI", "XMinioInvalidObjectName"}),
    ),
    Unsupported: ("the service cannot do this", frozenset({"NotImplemented", "MissingContentLength"})),
}
_ARCHIVED = "the object is archived (Glacier); restore it at the service first, then run again"

_BY_CODE = {code: (kind, message) for kind, (message, codes) in _MEANINGS.items() for code in codes} | {
    "InvalidObjectState": (Unsupported, _ARCHIVED)
}


@dataclass(frozen=True)
class Fault:
    """An error answer as far as it can be read; answers to HEAD have no body, and then `code` is empty."""

    status: int
    headers: Mapping[str, str]
    code: str = ""
    message: str = ""
    region: str = ""

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], body: bytes) -> Fault:
        """Read what there is; proxies in between answer with anything, so that an unreadable body is no error."""
        try:
            document = read_document(body) if body else Document()
        except ProtocolViolation:
            document = Document()
        fields = document.fields if document.root == "Error" else {}
        return cls(
            status,
            headers,
            fields.get("Code", ""),
            fields.get("Message", ""),
            fields.get("Region") or headers.get("x-amz-bucket-region", ""),
        )

    def error(
        self, *, service: str, operation: str, path: str, now: Callable[[], float] = time.time
    ) -> MoverError:
        """Return the error that this answer means."""
        said = f"{self.code}: {self.message}" if self.code else ""
        kind, message = _BY_CODE.get(self.code, (None, ""))
        if kind is None:
            if self.status in {301, 307, 308}:
                return InvalidConfiguration(
                    "the service wants to be called at another address, and credentials are not sent there; correct the endpoint",
                    service=service,
                    operation=operation,
                    path=path,
                    said=said or self.headers.get("location", ""),
                )
            if self.status == 503:  # noqa: PLR2004 - S3 throttles with 503, named or not
                kind, message = Throttled, "the service asks for fewer calls"
            else:
                return error_from_status(
                    self.status,
                    headers=self.headers,
                    said=said,
                    service=service,
                    operation=operation,
                    path=path,
                    now=now,
                )
        if issubclass(kind, Transient):
            retry_after_s = parse_retry_after(self.headers.get("retry-after"), now=now)
            return kind(
                message,
                retry_after_s=retry_after_s,
                service=service,
                operation=operation,
                path=path,
                said=said,
            )
        return kind(message, service=service, operation=operation, path=path, said=said)
