"""One signed request to S3: where it goes, and what is corrected when the service says how.

Two answers are not the end: one that names the bucket's region, and one that shows that this machine's clock is wrong.
After both the request is signed anew and sent again, once. Nothing is ever sent to a host that an answer names.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from mover.connectors.s3.addresses import DEFAULT_REGION, Endpoint, is_region
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.signing import EMPTY_SHA256, UNSIGNED_PAYLOAD, Signer, encode_query
from mover.errors import MoverError, ProtocolViolation
from mover.transport.http import HttpResponse, HttpSession

SERVICE = "s3"

_MOST_CORRECTIONS = 2
_FAULT_LIMIT = 256 * 1024
_CLOCK_TOLERANCE_S = 240.0  # services refuse from 15 minutes on
_FORBIDDEN = 403
_INSTRUCTIVE = frozenset({301, 307, 308, 400, _FORBIDDEN})
_LONGEST_DATE = 64


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request before it is signed.

    Attributes:
        method: Upper case.
        bucket: None for the account.
        key: Empty for the bucket.
        query: Names and values, in any order.
        headers: With lower-case names; all are signed.
        body: Bytes, or what makes a fresh iterator over them.
        size: Of an iterator's body.
        payload: SHA-256 of an iterator's body in hexadecimal, or `UNSIGNED_PAYLOAD`; bytes are hashed if None.
        repeatable: The body can be had twice.
        operation: For errors, as is `path`.
        path: See `operation`.
    """

    method: str
    bucket: str | None
    key: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], AsyncIterator[bytes]] | None = None
    size: int | None = None
    payload: str | None = None
    repeatable: bool = True
    operation: str
    path: str

    def error(self, fault: Fault, now: Callable[[], float]) -> MoverError:
        """Return what a refusal of this call means."""
        return fault.error(service=SERVICE, operation=self.operation, path=self.path, now=now)


class Caller:
    """Sends calls to one service.

    Args:
        http: The connections.
        endpoint: Where the service is.
        signer: Signs with the account's key.
        region: Where to begin; buckets elsewhere are found out.
        now: Seconds since 1970.

    Attributes:
        server: What the service calls itself, once it has answered.
    """

    def __init__(
        self,
        http: HttpSession,
        endpoint: Endpoint,
        signer: Signer,
        *,
        region: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.http = http
        self.endpoint = endpoint
        self.region = region or endpoint.region or DEFAULT_REGION
        self.now = now
        self.server = ""
        self._signer = signer
        self._regions: dict[str | None, str] = {}
        self._skew_s = 0.0

    def region_of(self, bucket: str | None) -> str:
        """The region of a bucket as far as it is known."""
        return self._regions.get(bucket, self.region)

    @asynccontextmanager
    async def exchange(self, call: Call) -> AsyncIterator[HttpResponse | Fault]:
        """Send a call; give the answer if it is a success, what is wrong with it if it is not."""
        for left in range(_MOST_CORRECTIONS, -1, -1):
            region, skew_s = self.region_of(call.bucket), self._skew_s
            async with self._send(call, region, skew_s) as response:
                self.server = self.server or response.headers.get("server", "")
                if response.status < 300:  # noqa: PLR2004 - success
                    yield response
                    return
                body = b""
                if call.method != "HEAD":
                    with suppress(ProtocolViolation):  # somebody's long error page: the status says enough
                        body = await response.read(_FAULT_LIMIT)
                fault = Fault.read(response.status, response.headers, body)
            if not (left and call.repeatable and self._learned(call.bucket, fault, region, skew_s)):
                yield fault
                return

    def _send(self, call: Call, region: str, skew_s: float) -> AbstractAsyncContextManager[HttpResponse]:
        authority, path = self.endpoint.locate(call.bucket, call.key, region)
        query = encode_query(call.query) if call.query else ""
        body = call.body
        if body is None:
            payload = EMPTY_SHA256
        elif isinstance(body, bytes):
            payload = call.payload or hashlib.sha256(body).hexdigest()
        else:
            payload = call.payload or UNSIGNED_PAYLOAD
        headers = self._signer.sign(
            call.method,
            authority=authority,
            path=path,
            query=query,
            headers=call.headers,
            payload=payload,
            region=region,
            at_s=self.now() + skew_s,
        )
        return self.http.request(
            call.method,
            f"{self.endpoint.scheme}://{authority}{path}" + (f"?{query}" if query else ""),
            headers=headers,
            body=body if body is None or isinstance(body, bytes) else body(),
            size=call.size,
            operation=call.operation,
            path=call.path,
        )

    def _learned(self, bucket: str | None, fault: Fault, region: str, skew_s: float) -> bool:
        """Learn region or clock from a refusal; False if it teaches nothing new to a call made with these.

        Another call may have learned the same meanwhile: what counts is what the refused one was signed with.
        """
        if fault.status not in _INSTRUCTIVE:
            return False
        if fault.region and is_region(fault.region) and fault.region != region:
            self._regions[bucket] = fault.region
            return True
        found_s = self._skew(fault)
        if found_s is None or abs(found_s - skew_s) < _CLOCK_TOLERANCE_S:
            return False
        self._skew_s = found_s
        return True

    def _skew(self, fault: Fault) -> float | None:
        """How far the service's clock is ahead, if that may be why it refused (answers to HEAD give no reason)."""
        date = fault.headers.get("date", "")
        if (
            fault.status != _FORBIDDEN
            or fault.code not in {"", "RequestTimeTooSkewed", "AccessDenied"}
            or len(date) > _LONGEST_DATE
        ):
            return None
        try:
            return parsedate_to_datetime(date).timestamp() - self.now()
        except (ValueError, OverflowError):
            return None
