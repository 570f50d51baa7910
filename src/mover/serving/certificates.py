"""Mover's own certificate, where the operator has none: a small authority made on first start, and what it signs.

The authority (`MOVER_HOME/tls/ca.pem`) may sign for the names of this server and no others (RFC 5280 4.2.1.10), so
who trusts it gives nothing else away should its key ever be stolen. The server's certificate lives 90 days and is
renewed 30 days before its end, or when the names change; the authority lives ten years.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mover.errors import InvalidConfiguration

AUTHORITY_LIFE = dt.timedelta(days=3652)
SERVER_LIFE = dt.timedelta(days=90)
RENEWED_BEFORE = dt.timedelta(days=30)
_CLOCKS_DIFFER = dt.timedelta(hours=1)
_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - names of nobody; compared with, not listened on
_LONGEST_COMMON_NAME = 64  # RFC 5280, appendix A.1

Now = Callable[[], dt.datetime]


@dataclass(frozen=True)
class OwnCertificate:
    """Files of a certificate of our own making.

    Attributes:
        ca_file: The authority's certificate: what browsers and clients are told to trust.
        server_file: Key and certificate of the server, in one file, so that it can only be replaced as a whole.
        fingerprint: SHA-256 of the authority's certificate, as browsers show it.
        made: The authority is new, so nobody trusts it yet.
    """

    ca_file: Path
    server_file: Path
    fingerprint: str
    made: bool


def utc_now() -> dt.datetime:
    """The time, as certificates tell it."""
    return dt.datetime.now(dt.UTC)


def names_of_this_server(also: Sequence[str] = ()) -> tuple[str, ...]:
    """Names and addresses that people may type to reach this machine, each once."""
    wanted = tuple(name.lower().rstrip(".") for name in ("localhost", "127.0.0.1", "::1", *also))
    return tuple(dict.fromkeys(name for name in wanted if _is_usable(name)))


def name_of_this_machine() -> tuple[str, ...]:
    """What the machine calls itself, if that can stand in a certificate. In containers it changes with every start."""
    name = socket.gethostname().lower()
    return (name,) if _is_usable(name) else ()


def own_certificate(
    folder: Path, names: Sequence[str], *, wished: Sequence[str] = (), now: Now = utc_now
) -> OwnCertificate:
    """Return a certificate for all `names`; make or renew what is missing, too old, or for other names.

    `wished` names are in it if the authority may sign for them, or is new; for them alone none is made anew. Idempotent, and safe in several processes at once. Raises InvalidConfiguration if the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone_in(folder):
            return _made(folder, names, wished, now())
    except OSError as error:
        raise InvalidConfiguration(
            f"the certificates in {str(folder)!r} cannot be used: {error.strerror}"
        ) from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, as browsers show it: `AB:CD:...`."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _made(folder: Path, names: Sequence[str], wished: Sequence[str], now: dt.datetime) -> OwnCertificate:
    ca_file, ca_key_file, server_file = (folder / name for name in ("ca.pem", "ca-key.pem", "server.pem"))
    authority = _Authority.read(ca_file, ca_key_file)
    made = authority is None or not authority.may_sign(names, now)
    if authority is None or made:
        authority = _Authority.new(tuple(dict.fromkeys((*names, *wished))), now)
        _write(ca_key_file, _private(authority.key), mode=0o600)
        _write(ca_file, authority.certificate.public_bytes(Encoding.PEM), mode=0o644)
    names = tuple(dict.fromkeys((*names, *(name for name in wished if authority.permits(name)))))
    if made or not _still_good(server_file, authority, names, now):
        _write(server_file, authority.sign(names, now), mode=0o600)
    return OwnCertificate(ca_file, server_file, fingerprint(authority.certificate), made)


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, certificate_file: Path, key_file: Path) -> _Authority | None:
        """Read the one that was made before; None if there is none, or none whose two files belong together."""
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = load_pem_private_key(key_file.read_bytes(), None)
        except (FileNotFoundError, ValueError):
            return None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            return None
        return cls(certificate, key)

    @classmethod
    def new(cls, names: Sequence[str], now: dt.datetime) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        label = f"Mover on {socket.gethostname()}"[:_LONGEST_COMMON_NAME]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
        certificate = (
            _begun(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.NameConstraints([_constraint(name) for name in names], excluded_subtrees=None),
                critical=True,
            )
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    def may_sign(self, names: Sequence[str], now: dt.datetime) -> bool:
        """Tell whether it is young enough, and for all these names."""
        young = self.certificate.not_valid_after_utc - SERVER_LIFE >= now
        return young and all(self.permits(name) for name in names)

    def permits(self, name: str) -> bool:
        """Tell whether it is for that name."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.NameConstraints)
        except x509.ExtensionNotFound:
            return False
        return any(
            str(_constraint(name).value) == str(permitted.value)
            for permitted in found.value.permitted_subtrees or ()
        )

    def sign(self, names: Sequence[str], now: dt.datetime) -> bytes:
        """Make a key and a certificate for a server, as PEM, with this authority's certificate behind it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:_LONGEST_COMMON_NAME])])
        certificate = (
            _begun(subject, self.certificate.subject, key.public_key(), now, SERVER_LIFE)
            .add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        chain = (certificate, self.certificate)
        return _private(key) + b"".join(each.public_bytes(Encoding.PEM) for each in chain)


def _still_good(path: Path, authority: _Authority, names: Sequence[str], now: dt.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one is made
        return False
    signed_for = {str(name.value) for name in found}
    return certificate.not_valid_after_utc - RENEWED_BEFORE > now and signed_for == set(names)


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    life: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _constraint(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_network(name))
    return x509.DNSName(name)


def _is_usable(name: str) -> bool:
    try:
        _general_name(name)
    except ValueError:  # no name that could stand in a certificate
        return False
    return bool(name) and "/" not in name and " " not in name and name not in _EVERY_ADDRESS


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Put a file in place whole, or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
