"""The connection to Temporal: made when it is first needed, found again by itself when it was lost.

The SDK reads certificates once, when it connects. So whoever asks for the client after a file was renewed gets a new one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, Interceptor
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from mover.errors import InvalidConfiguration, MoverError, SignInFailed, Unreachable, UntrustedServer
from mover.runner.embedded import embedded_address
from mover.runner.payload_keys import payload_keys
from mover.runner.payloads import data_converter
from mover.settings import Settings

CALL_TIMEOUT = timedelta(seconds=10)
_CONNECT_S = 10.0
_RENEW_AGAIN_S = 60.0
_WRONG_KEY = re.compile(r"code: (?:Unauthenticated|PermissionDenied)\b")
_OUR_CERTIFICATE = re.compile(r"received fatal alert: (\w*(?:Certificate|UnknownCA|AccessDenied)\w*)")
_ITS_CERTIFICATE = re.compile(r"InvalidCertificate\((\w+)")

_AFTER_CONNECTING = "call error after connection"

_log = logging.getLogger(__name__)

_Seen = tuple[tuple[int, int, int], ...]
"""What tells that files are the same as before."""


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
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        address: str | None = None,
        identity: str | None = None,
        interceptors: Sequence[Interceptor] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._address = address
        self._identity = identity
        self._interceptors = interceptors
        self._converter = data_converter(payload_keys(settings))
        self._clock = clock
        _tls(settings)  # whoever starts Mover is told now what cannot be read
        self._client: Client | None = None
        self._seen: _Seen = ()
        self._not_before = 0.0
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
        """The client, connected, with the certificates as they are now.

        Raises InvalidConfiguration, SignInFailed, UntrustedServer and TemporalUnreachable.
        """
        if (client := self._present()) is None:
            async with self._connecting:
                if (client := self._present()) is None:
                    client = self._client = await self._renewed(self._client)
        return client

    def _present(self) -> Client | None:
        """The client, unless there is none, or certificates were renewed since and it is time to try with them."""
        renewed = self._seen != _seen(self._settings) and self._clock() >= self._not_before
        return None if renewed else self._client

    async def _renewed(self, before: Client | None) -> Client:
        """Connect; if that fails, the connection that stands goes on, with the certificates that it was made with."""
        seen = _seen(self._settings)
        try:
            made = await self._connect()
        except MoverError as error:
            if before is None:
                raise
            _log.warning("the certificates for Temporal were renewed, but cannot be used: %s", error)
            self._not_before = self._clock() + _RENEW_AGAIN_S
            return before
        if before is not None:
            _log.info("the certificates for Temporal were renewed, and are used from now on")
        self._seen = seen
        return made

    async def answers(self) -> bool:
        """Tell whether Temporal answers now, for readiness."""
        try:
            client = await self.client()
            return await client.service_client.check_health(timeout=timedelta(seconds=3))
        except (RPCError, MoverError):
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
                    tls=_tls(settings),
                    identity=self._identity,
                )
        except RPCError as error:
            raise explained(error) from None
        except TimeoutError:
            raise TemporalUnreachable(f"Temporal at {address} does not answer") from None
        except RuntimeError as error:  # temporalio raises a plain one if it cannot connect
            raise _refused(str(error), address) from None


def _refused(said: str, address: str) -> MoverError:
    """What the SDK's words mean: it has no other form for what went wrong while it connected."""
    if _WRONG_KEY.search(said):
        return SignInFailed(f"Temporal at {address} refuses the API key; see MOVER_TEMPORAL_API_KEY")
    if alert := _OUR_CERTIFICATE.search(said):
        return SignInFailed(
            f"Temporal at {address} refuses the certificate that Mover shows, or wants one ({alert[1]}); "
            "see MOVER_TEMPORAL_CERTIFICATE_FILE"
        )
    if reason := _ITS_CERTIFICATE.search(said):
        return UntrustedServer(
            f"the certificate of Temporal at {address} cannot be trusted ({reason[1]}); "
            "see MOVER_TEMPORAL_CA_FILE and MOVER_TEMPORAL_SERVER_NAME"
        )
    if _AFTER_CONNECTING in said:
        # With TLS 1.3 a server says what it has against a certificate after the handshake, and the end of the connection
        # may overtake that (RFC 8446 section 4.4.2.4).
        return TemporalUnreachable(
            f"Temporal at {address} breaks connections off; it may want TLS, or another certificate"
        )
    return TemporalUnreachable(f"Temporal at {address} does not answer")


def _seen(settings: Settings) -> _Seen:
    named = (settings.temporal_ca_file, settings.temporal_certificate_file, settings.temporal_key_file)
    found: list[tuple[int, int, int]] = []
    for path in named:
        try:
            about = path.stat() if path is not None else None
        except OSError:  # in the moment in which it is replaced
            about = None
        found.append((about.st_ino, about.st_mtime_ns, about.st_size) if about else (0, 0, 0))
    return tuple(found)


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
