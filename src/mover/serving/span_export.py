"""Sends spans to a collector (OTLP over HTTP, protobuf) through the one way out, as everything else.

OpenTelemetry's own exporter brings an HTTP client of its own, which knows neither the proxy nor the authorities of the
operator's settings. Source: OpenTelemetry Protocol Specification 1.x, "OTLP/HTTP".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mover.errors import MoverError, Transient
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.transport.retries import Retries, RetryPolicy
from mover.transport.status import error_from_status

_PATH = "/v1/traces"
_HEADERS = {"Content-Type": "application/x-protobuf"}
_RETRIES = RetryPolicy(attempts=3, first_s=0.5, cap_s=2.0, total_s=10.0)
_LIMIT_S = 20.0
_OK = range(200, 300)

_log = logging.getLogger(__name__)


class CollectorExporter(SpanExporter):
    """Posts what it is given, and waits for the answer; meant for the thread of a `BatchSpanProcessor`.

    Args:
        endpoint: The collector's address; `/v1/traces` is added unless it has that path.
        egress: Makes the way out, for one request: each runs in an event loop of its own, whoever's thread asks.
    """

    def __init__(self, endpoint: str, egress: Callable[[], Egress]) -> None:
        bare = endpoint.rstrip("/")
        self._url = bare if bare.endswith(_PATH) else bare + _PATH
        self._egress = egress
        self._thread = ThreadPoolExecutor(1, "spans")

    @classmethod
    def from_settings(cls, endpoint: str, settings: Settings) -> CollectorExporter:
        """Make it with the operator's proxy, authorities and limits.

        The address is the operator's own, so that it may be a private one.
        """
        return cls(endpoint, lambda: Egress.from_settings(settings, allowed=PrivateAddresses(every=True)))

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; what cannot be sent is dropped, with a word in the log."""
        message = encode_spans(spans).SerializeToString()
        try:
            self._thread.submit(lambda: asyncio.run(self._post(message))).result()
        except (MoverError, TimeoutError) as error:
            _log.warning("%d spans were not sent to the collector: %s", len(spans), error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - OpenTelemetry's signature
        """Nothing waits here."""
        return True

    async def _post(self, message: bytes) -> None:
        egress = self._egress()
        tries = Retries(_RETRIES)
        try:
            async with asyncio.timeout(_LIMIT_S):
                while True:
                    try:
                        return await self._once(egress, message)
                    except Transient as error:
                        await tries.wait_or_raise(error)
        finally:
            await egress.close()

    async def _once(self, egress: Egress, message: bytes) -> None:
        session = egress.http("collector", allow_plain=self._url.startswith("http://"), connections=1)
        async with session.request("POST", self._url, headers=_HEADERS, body=message) as answer:
            if answer.status not in _OK:
                raise error_from_status(answer.status, headers=answer.headers, service="collector")
