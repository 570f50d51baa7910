"""The server's side of TLS: 1.2 or newer, ciphers with forward secrecy only, and a certificate that can change.

New connections get whatever certificate stands in the files now; those that are open keep theirs, so that nothing is
dropped when a certificate is renewed.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from mover.errors import InvalidConfiguration, MoverError
from mover.serving.certificates import Now, OwnCertificate, name_of_this_machine, own_certificate, utc_now
from mover.serving.strength import weakness

LOOKED_AT_EVERY_S = 60.0
_SOON = dt.timedelta(days=14)
_READABLE_BY_ALL = 0o007
# TLS 1.2 with forward secrecy and authenticated encryption; those of TLS 1.3 are all of that kind.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"

_log = logging.getLogger(__name__)

Files = tuple[Path, Path | None]
Prepare = Callable[[], Files]


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Make the context of the server.

    Args:
        certificate: PEM, with the chain behind it.
        key: PEM, unencrypted; None if it stands in `certificate`.

    Raises InvalidConfiguration: a file is missing or is not what it should be, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would make OpenSSL ask on the terminal; an empty password makes it fail instead.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        told = "the key does not belong to the certificate" if "MISMATCH" in (error.reason or "") else ""
        raise InvalidConfiguration(
            f"{told or 'no certificate with its unencrypted key could be read'}: {certificate}"
            + (f" and {key}" if key else "")
        ) from None
    except OSError as error:
        raise InvalidConfiguration(
            f"the certificate {certificate} cannot be read: {error.strerror}"
        ) from None
    return context


def check_operators_files(certificate: Path, key: Path | None, *, now: Now = utc_now) -> x509.Certificate:
    """Refuse what would fail later, is too weak, or could be read by others; return the server's certificate.

    Raises InvalidConfiguration: not a certificate, a weak one, expired, not valid yet, or a key that everybody here can read.
    """
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
        mode = (key or certificate).stat().st_mode
    except OSError as error:
        raise InvalidConfiguration(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InvalidConfiguration(f"MOVER_TLS_CERT_FILE: {certificate} is not a certificate (PEM)") from None
    if mode & _READABLE_BY_ALL:
        raise InvalidConfiguration(
            f"the key {key or certificate} can be read by everybody; run: chmod o= on it"
        )
    if (weak := weakness(chain)) is not None:
        raise InvalidConfiguration(f"the certificate {certificate} {weak}")
    found = chain[0]
    if found.not_valid_after_utc <= now():
        raise InvalidConfiguration(
            f"the certificate {certificate} expired on {found.not_valid_after_utc:%Y-%m-%d}"
        )
    if found.not_valid_before_utc > now():
        raise InvalidConfiguration(
            f"the certificate {certificate} is not valid before {found.not_valid_before_utc:%Y-%m-%d}"
        )
    return found


class _Warning:
    """Says that a certificate ends soon, once a day; soon is a third of its life, and two weeks at most.

    One that lives for days only, as authorities without OCSP issue them, is in order until it should long have been renewed.
    """

    def __init__(self) -> None:
        self._said: tuple[int, dt.date] | None = None

    def look(self, found: x509.Certificate, now: dt.datetime) -> None:
        soon = min(_SOON, (found.not_valid_after_utc - found.not_valid_before_utc) / 3)
        if found.not_valid_after_utc - now >= soon:
            return
        said = (found.serial_number, now.date())
        if said != self._said:
            self._said = said
            _log.warning(
                "the certificate of this server expires on %s",
                f"{found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
            )


@dataclass(frozen=True)
class _Look:
    """What files were like."""

    seen: tuple[tuple[int, int, int], ...]

    @classmethod
    def at(cls, files: Files) -> _Look:
        looks = []
        for path in files:
            if path is not None:
                found = path.stat()
                looks.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return cls(tuple(looks))


class ServerTls:
    """The certificate in use.

    Args:
        prepare: Makes, renews or checks the files and says where they are; called again now and then.

    Raises InvalidConfiguration, as `prepare` and `server_context`.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._files = prepare()
        self._look = _Look.at(self._files)
        self._context = server_context(*self._files)

    def context(self) -> ssl.SSLContext:
        """What the next connection gets."""
        return self._context

    def refresh(self) -> bool:
        """Take what stands in the files now; tells whether it changed. What cannot be used is logged and not taken."""
        try:
            files = self._prepare()
            look = _Look.at(files)
            if (files, look) == (self._files, self._look):
                return False
            context = server_context(*files)
        except (MoverError, OSError) as error:
            _log.error("the new certificate is not used, the old one stays: %s", error)
            return False
        self._files, self._look, self._context = files, look, context
        _log.info("the certificate was replaced")
        return True

    async def keep_fresh(self, *, every_s: float = LOOKED_AT_EVERY_S) -> None:
        """Refresh now and then, until it is cancelled."""
        while True:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.refresh)


def operators_certificate(certificate: Path, key: Path | None, *, now: Now = utc_now) -> ServerTls:
    """Use the operator's files. Raises InvalidConfiguration."""
    warning = _Warning()

    def prepare() -> Files:
        warning.look(check_operators_files(certificate, key, now=now), now())
        return certificate, key

    return ServerTls(prepare)


def own_made_certificate(
    folder: Path, names: tuple[str, ...], *, now: Now = utc_now
) -> tuple[ServerTls, OwnCertificate]:
    """Use a certificate of our own making, and renew it in time. Raises InvalidConfiguration."""
    wished = name_of_this_machine()
    made = own_certificate(folder, names, wished=wished, now=now)

    def prepare() -> Files:
        return own_certificate(folder, names, wished=wished, now=now).server_file, None

    return ServerTls(prepare), made
