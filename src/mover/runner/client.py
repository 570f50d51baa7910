"""The connection to Temporal: made when it is first needed, found again by itself when it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, Interceptor
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from mover.errors import InvalidConfiguration, SignInFailed, Unreachable
from mover.runner.embedded import embedded_address
from mover.runner.payload_keys import payload_keys
from mover.runner.payloads import data_converter
from mover.settings import Settings

CALL_TIMEOUT = timedelta(seconds=10)
_CONNECT_S = 10.0


class TemporalUnreachable(Unreachable):
    """Temporal does not answer. What was asked for is in the database, and happens as soon as it does."""

    advice = "Check that the Temporal server runs, and MOVER_TEMPORAL_ADDRESS. Nothing is lost meanwhile."


class TemporalAccess:
    """One client a process, for everything. Opens nothing when it is made.

    Args:
        settings: Say where and how.
        address: Of the server that this process runs itself; it wins over the settings.
        identity: What this process is called in Temporal.
        interceptors: For tracing.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        address: str | None = None,
        identity: str | None = None,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        self._settings = settings
        self._address = address
        self._identity = identity
        self._interceptors = interceptors
        self._converter = data_converter(payload_keys(settings))
        self._tls = _tls(settings)
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where Temporal listens. Raises InvalidConfiguration: no cluster is named, and none runs here."""
        found = self._address or self._settings.temporal_address or embedded_address(self._settings)
        if found is None:
            raise InvalidConfiguration(
                "no Temporal server is named: set MOVER_TEMPORAL_ADDRESS, or start `mover serve`, which runs one"
            )
        return found

    async def client(self) -> Client:
        """The client, connected. Raises InvalidConfiguration, SignInFailed and TemporalUnreachable."""
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    self._client = await self._connect()
        return self._client

    async def answers(self) -> bool:
        """Tell whether Temporal answers now, for readiness."""
        try:
            client = await self.client()
            return await client.service_client.check_health(timeout=timedelta(seconds=3))
        except (RPCError, Unreachable, SignInFailed, InvalidConfiguration):
            return False

    async def _connect(self) -> Client:
        settings = self._settings
        address = self.address
        key = settings.temporal_api_key
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await Client.connect(
                    address,
                    namespace=settings.temporal_namespace,
                    api_key=key.reveal() if key is not None else None,
                    data_converter=self._converter,
                    interceptors=self._interceptors,
                    tls=self._tls,
                    identity=self._identity,
                )
        except RPCError as error:
            raise explained(error) from None
        except (RuntimeError, TimeoutError):  # temporalio raises a plain RuntimeError if it cannot connect
            raise TemporalUnreachable(f"Temporal at {address} does not answer") from None


def explained(error: RPCError) -> SignInFailed | TemporalUnreachable:
    """What an error of Temporal's means for Mover. Its message is left out: it may repeat what was sent."""
    if error.status in {RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED}:
        return SignInFailed(f"Temporal refuses the certificate or API key ({error.status.name})")
    return TemporalUnreachable(f"Temporal does not do its work ({error.status.name})")


def _tls(settings: Settings) -> TLSConfig | bool:
    named = (settings.temporal_ca_file, settings.temporal_certificate_file, settings.temporal_server_name)
    if any(named):
        return TLSConfig(
            server_root_ca_cert=_read(settings.temporal_ca_file),
            domain=settings.temporal_server_name,
            client_cert=_read(settings.temporal_certificate_file),
            client_private_key=_read(settings.temporal_key_file),
        )
    return settings.temporal_tls or settings.temporal_api_key is not None


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidConfiguration(f"{path} cannot be read: {error.strerror}") from None
