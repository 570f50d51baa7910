"""How servers prove who they are: TLS 1.2 or newer, certificates verified, host names compared. There is no other way."""

from __future__ import annotations

import ssl
from pathlib import Path

from mover.errors import InvalidConfiguration, MoverError, SignInFailed, Unreachable, UntrustedServer


def tls_context(
    *,
    ca_file: Path | None = None,
    client_certificate: Path | None = None,
    client_key: Path | None = None,
    protocols: tuple[str, ...] = (),
) -> ssl.SSLContext:
    """Make the context of a client.

    Args:
        ca_file: Certificates (PEM) to trust instead of the system's.
        client_certificate: Certificate (PEM, with its chain) that this client shows when it is asked to.
        client_key: Its private key, unencrypted; None if it stands in `client_certificate`.
        protocols: What to offer in ALPN (`http/1.1`).

    Raises:
        InvalidConfiguration: A file is missing or is not what it should be.
    """
    # Not ssl.create_default_context: that writes session keys wherever SSLKEYLOGFILE in the environment points.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(f"no CA certificates could be read from {str(ca_file)!r}") from error
    if client_certificate is not None:
        try:
            # An encrypted key would make OpenSSL ask on the terminal; an empty password makes it fail instead.
            context.load_cert_chain(client_certificate, client_key, password="")
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(
                f"no client certificate with its key could be read from {str(client_certificate)!r}"
            ) from error
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


class SharedContext:
    """The context of all connections that trust the same and show no certificate of their own.

    To read all of a system's certificates takes some 20 ms. When they change on disk they are read again. Its arguments
    are those of `tls_context`.
    """

    def __init__(self, *, ca_file: Path | None, protocols: tuple[str, ...]) -> None:
        self._ca_file = ca_file
        self._protocols = protocols
        self._made: tuple[int, ssl.SSLContext] | None = None

    def current(self) -> ssl.SSLContext:
        """Return it; it must not be changed. Raises InvalidConfiguration."""
        changed = _changed_ns(self._ca_file)
        if self._made is None or self._made[0] != changed:
            self._made = changed, tls_context(ca_file=self._ca_file, protocols=self._protocols)
        return self._made[1]


def _changed_ns(ca_file: Path | None) -> int:
    path = ca_file or ssl.get_default_verify_paths().cafile
    try:
        return Path(path).stat().st_mtime_ns if path else 0
    except OSError:  # reading it will say what is wrong
        return 0


def error_from_tls(error: ssl.SSLError, host: str) -> MoverError:
    """Say what a failed TLS connection to `host` means: not trusted, not signed in, or merely broken off."""
    reason = (error.reason or "").replace("_", " ").lower()
    match error:
        case ssl.SSLCertVerificationError():
            why = (error.verify_message or reason).rstrip(".")
            return UntrustedServer(f"the certificate of {host} is not trusted: {why}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Unreachable(f"{host} broke off the TLS connection")
        case _ if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
            return SignInFailed(f"{host} demands a client certificate that it trusts")
        case _ if "handshake failure" in reason:
            return UntrustedServer(
                f"no TLS connection with {host}: it offers nothing safe enough, or demands a client certificate"
            )
        case _:
            return UntrustedServer(f"no TLS connection with {host}: {reason or 'unknown TLS error'}")
