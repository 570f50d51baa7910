"""Private keys that open age files, given for one run. They are held in memory and nowhere else."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from mover.errors import InvalidConfiguration
from mover.sealing.age.recipients import (
    ED25519_LABEL,
    NO_NONCE,
    RSA_LABEL,
    X25519_LABEL,
    ssh_tag,
    ssh_wire,
    tweaked,
)
from mover.sealing.age.stanzas import FILE_KEY, Header, NotAge, Stanza, derived, unspell
from mover.sealing.bech32 import bech32_decode
from mover.vault.secret import Secret

_BEGIN = "-----BEGIN "
_KEY = 32  # bytes of a key of Curve25519
_LONGEST_RSA = 16_384  # bits; what ssh-keygen makes at most


class Identity(Protocol):
    """A private key."""

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file's key, if the stanza is for this identity. Raises ValueError for a damaged stanza."""


@dataclass(frozen=True)
class _X25519:
    key: X25519PrivateKey = field(repr=False)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.kind != "X25519":
            return None
        (share,) = (unspell(argument) for argument in stanza.arguments)
        ours = self.key.public_key().public_bytes_raw()
        shared = self.key.exchange(X25519PublicKey.from_public_bytes(share))
        return _unwrapped(derived(shared, salt=share + ours, info=X25519_LABEL), stanza.body)


@dataclass(frozen=True)
class _Ed25519:
    wire: bytes
    key: X25519PrivateKey = field(repr=False)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.kind != "ssh-ed25519" or stanza.arguments[:1] != (ssh_tag(self.wire),):
            return None
        share = unspell(*stanza.arguments[1:])
        ours = self.key.public_key().public_bytes_raw()
        shared = tweaked(self.wire, self.key.exchange(X25519PublicKey.from_public_bytes(share)))
        return _unwrapped(derived(shared, salt=share + ours, info=ED25519_LABEL), stanza.body)


@dataclass(frozen=True)
class _Rsa:
    wire: bytes
    key: RSAPrivateKey = field(repr=False)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        if stanza.kind != "ssh-rsa" or stanza.arguments != (ssh_tag(self.wire),):
            return None
        return self.key.decrypt(stanza.body, OAEP(MGF1(SHA256()), SHA256(), RSA_LABEL))


@dataclass(frozen=True)
class Identities:
    """All that were given; does not print them."""

    held: Sequence[Identity] = field(repr=False)

    def file_key(self, header: Header) -> bytes | None:
        """The key of a file; None if it is sealed for others. Raises NotAge: its header is damaged."""
        for stanza in header.stanzas:
            for identity in self.held:
                try:
                    found = identity.unwrap(stanza)
                except (ValueError, TypeError):
                    raise NotAge("its header is damaged") from None
                if found is not None:
                    if len(found) != FILE_KEY or not header.fits(found):
                        raise NotAge("its header was changed after it was sealed")
                    return found
        return None


def read_identities(given: Iterable[Secret], *, longest_rsa: int = _LONGEST_RSA) -> Identities:
    """Read private keys: files of age-keygen, lines `AGE-SECRET-KEY-1...`, or OpenSSH private keys.

    Args:
        given: Each one or several of them.
        longest_rsa: Bits of an RSA key: what opens with it takes time with their third power.

    Raises InvalidConfiguration, which never repeats what was given.
    """
    held: list[Identity] = []
    for secret in given:
        text = secret.reveal().strip()
        if text.startswith(_BEGIN):
            held.append(_ssh_identity(text, longest_rsa))
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                held.append(_age_identity(line.strip(), number))
    if not held:
        raise InvalidConfiguration("there is no private key to open with: it begins with AGE-SECRET-KEY-1")
    return Identities(held)


def _age_identity(line: str, number: int) -> Identity:
    try:
        prefix, key = bech32_decode(line)
    except ValueError as error:
        raise InvalidConfiguration(f"line {number} is no private key of age: {error}") from None
    if prefix != "age-secret-key-" or len(key) != _KEY:
        kind = "that is a public key" if prefix == "age" else "keys of this kind are not supported"
        raise InvalidConfiguration(f"line {number} is no private key of age: {kind}")
    return _X25519(X25519PrivateKey.from_private_bytes(key))


def _ssh_identity(text: str, longest_rsa: int) -> Identity:
    try:
        # OpenSSL would look whether the factors are prime, which takes seconds for long keys, and nothing else runs
        # meanwhile. A key without it is bad for whoever made it; what else could be wrong with it is looked at here.
        key = load_ssh_private_key(text.encode() + b"\n", password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise InvalidConfiguration(
            "the SSH key is protected by a passphrase: give a copy of it without one, or a key of age-keygen"
        ) from None
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):  # the last one for points of curves
        raise InvalidConfiguration("the SSH key cannot be read") from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size > longest_rsa:
            raise InvalidConfiguration(f"the SSH key is longer than {longest_rsa} bits")
        if not _belongs_together(key.private_numbers()):
            raise InvalidConfiguration("the SSH key cannot be read")
        return _Rsa(ssh_wire(key.public_key()), key)
    if isinstance(key, Ed25519PrivateKey):
        # RFC 8032, 5.1.5: the first half of the hash is the scalar, which X25519 clamps as Ed25519 does.
        scalar = hashlib.sha512(key.private_bytes_raw()).digest()[:_KEY]
        return _Ed25519(ssh_wire(key.public_key()), X25519PrivateKey.from_private_bytes(scalar))
    raise InvalidConfiguration("of SSH keys only ssh-ed25519 and ssh-rsa open age files")


def _belongs_together(key: RSAPrivateNumbers) -> bool:
    """Tell whether the numbers of a key are those of one (RFC 8017 section 3.2), but for factors that are no primes."""
    p, q = key.p, key.q
    if min(p, q) < 3 or not p & q & 1 or p * q != key.public_numbers.n:  # noqa: PLR2004 - the least odd prime
        return False
    return (
        key.d * key.public_numbers.e % math.lcm(p - 1, q - 1) == 1
        and key.dmp1 == key.d % (p - 1)
        and key.dmq1 == key.d % (q - 1)
        and key.iqmp < p
        and key.iqmp * q % p == 1
    )


def _unwrapped(key: bytes, body: bytes) -> bytes | None:
    if len(body) != FILE_KEY + 16:
        raise ValueError("the wrapped key has another length")
    try:
        return ChaCha20Poly1305(key).decrypt(NO_NONCE, body, None)
    except InvalidTag:
        return None
