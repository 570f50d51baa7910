"""For whom files are sealed: age's X25519 keys, and the SSH keys that age takes (C2SP age, "Recipient types").

What is random in a stanza is drawn by the caller: the same draws give the same header.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

from mover.errors import InvalidConfiguration, one_line
from mover.sealing.age.stanzas import Stanza, derived, spell
from mover.sealing.bech32 import bech32_decode

X25519_LABEL = b"age-encryption.org/v1/X25519"
ED25519_LABEL = b"age-encryption.org/v1/ssh-ed25519"
RSA_LABEL = b"age-encryption.org/v1/ssh-rsa"
MOST_RECIPIENTS = 20
NO_NONCE = bytes(12)  # each key wraps once
_FIELD = 2**255 - 19
_KEY = 32  # bytes of a key of Curve25519
_LEAST_RSA = 2048  # bits
_SECRET = "AGE-SECRET-KEY-"  # noqa: S105 - how one begins

Draw = Callable[[int], bytes]
"""Gives so many bytes that are random, or look so to everybody else."""


class Recipient(Protocol):
    """Somebody whose public key is known."""

    def wrap(self, file_key: bytes, draw: Draw) -> Stanza:
        """Wrap a file's key so that only this recipient can use it."""


@dataclass(frozen=True)
class X25519Recipient:
    """Age's own kind, `age1...`."""

    key: bytes

    def wrap(self, file_key: bytes, draw: Draw) -> Stanza:
        """Wrap a file's key."""
        ephemeral = X25519PrivateKey.from_private_bytes(draw(_KEY))
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key))
        key = derived(shared, salt=share + self.key, info=X25519_LABEL)
        return Stanza("X25519", (spell(share),), ChaCha20Poly1305(key).encrypt(NO_NONCE, file_key, None))


@dataclass(frozen=True)
class Ed25519Recipient:
    """An SSH key of the kind ssh-ed25519. `wire` is the key as SSH writes it, `key` the point it stands for."""

    wire: bytes
    key: bytes

    def wrap(self, file_key: bytes, draw: Draw) -> Stanza:
        """Wrap a file's key."""
        ephemeral = X25519PrivateKey.from_private_bytes(draw(_KEY))
        share = ephemeral.public_key().public_bytes_raw()
        shared = tweaked(self.wire, ephemeral.exchange(X25519PublicKey.from_public_bytes(self.key)))
        key = derived(shared, salt=share + self.key, info=ED25519_LABEL)
        body = ChaCha20Poly1305(key).encrypt(NO_NONCE, file_key, None)
        return Stanza("ssh-ed25519", (ssh_tag(self.wire), spell(share)), body)


@dataclass(frozen=True)
class RsaRecipient:
    """An SSH key of the kind ssh-rsa."""

    wire: bytes
    modulus: int
    exponent: int

    def wrap(self, file_key: bytes, draw: Draw) -> Stanza:
        """Wrap a file's key: RSAES-OAEP (RFC 8017, 7.1.1), by hand since libraries draw its seed themselves."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = hashlib.sha256(RSA_LABEL).digest()
        block = digest + bytes(size - len(file_key) - 2 * len(digest) - 2) + b"\1" + file_key
        seed = draw(len(digest))
        masked = _xor(block, _mask(seed, len(block)))
        padded = b"\0" + _xor(seed, _mask(masked, len(seed))) + masked
        sealed = pow(int.from_bytes(padded, "big"), self.exponent, self.modulus)
        return Stanza("ssh-rsa", (ssh_tag(self.wire),), sealed.to_bytes(size, "big"))


def read_recipients(texts: Iterable[str]) -> tuple[Recipient, ...]:
    """Read public keys: `age1...`, or lines of an SSH `.pub` file. Raises InvalidConfiguration that names the key."""
    found: dict[Recipient, None] = {}
    for text in texts:
        for line in text.splitlines():
            line = line.strip()  # noqa: PLW2901 - what people paste
            if line and not line.startswith("#"):
                found[_recipient(line)] = None
    if not found:
        raise InvalidConfiguration(
            "there is no public key to seal for: give one that begins with age1 or ssh-"
        )
    if len(found) > MOST_RECIPIENTS:
        raise InvalidConfiguration(f"files are sealed for at most {MOST_RECIPIENTS} keys")
    return tuple(found)


def ssh_tag(wire: bytes) -> str:
    """By which a holder of several SSH keys sees which one is meant."""
    return spell(hashlib.sha256(wire).digest()[:4])


def ssh_wire(key: Ed25519PublicKey | RSAPublicKey) -> bytes:
    """A key as SSH writes it (RFC 4253, 6.6)."""
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split(b" ")[1])


def tweaked(wire: bytes, shared: bytes) -> bytes:
    """What two ends of an ssh-ed25519 stanza share."""
    tweak = X25519PrivateKey.from_private_bytes(derived(b"", salt=wire, info=ED25519_LABEL))
    return tweak.exchange(X25519PublicKey.from_public_bytes(shared))


def montgomery(point: bytes) -> bytes:
    """The point of Curve25519 that stands for one of Ed25519: u = (1 + y) / (1 - y)."""
    y = int.from_bytes(point, "little") & (1 << 255) - 1
    return ((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD).to_bytes(_KEY, "little")


def _recipient(line: str) -> Recipient:
    if line.upper().startswith(_SECRET):
        raise InvalidConfiguration(
            "that is a private key (AGE-SECRET-KEY-...), which Mover must not have: give the public one, which begins "
            "with age1"
        )
    if line.startswith(("ssh-ed25519 ", "ssh-rsa ")):
        return _ssh_recipient(line)
    if not line.lower().startswith("age1"):
        raise InvalidConfiguration(f"no public key that files can be sealed for: {_shown(line)}")
    try:
        prefix, key = bech32_decode(line)
    except ValueError as error:
        raise InvalidConfiguration(f"{_shown(line)}: {error}") from None
    if prefix != "age" or len(key) != _KEY:
        raise InvalidConfiguration(
            f"{_shown(line)}: keys of plug-ins and of newer kinds are not supported: give one of age-keygen or SSH"
        )
    try:
        X25519PrivateKey.from_private_bytes(bytes(_KEY)).exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError:  # a point of low order: everybody could open what is sealed for it
        raise InvalidConfiguration(f"{_shown(line)}: nothing can be sealed for this key") from None
    return X25519Recipient(key)


def _ssh_recipient(line: str) -> Recipient:
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidConfiguration(f"{_shown(line)}: it was mistyped or cut off") from None
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        if key.key_size < _LEAST_RSA:
            raise InvalidConfiguration(f"{_shown(line)}: RSA keys have at least {_LEAST_RSA} bits")
        return RsaRecipient(ssh_wire(key), numbers.n, numbers.e)
    assert isinstance(key, Ed25519PublicKey)
    try:
        return Ed25519Recipient(ssh_wire(key), montgomery(key.public_bytes_raw()))
    except ValueError:
        raise InvalidConfiguration(f"{_shown(line)}: nothing can be sealed for this key") from None


def _shown(line: str) -> str:
    return repr(one_line(line, limit=40))


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017, B.2.1)."""
    made = b""
    counter = 0
    while len(made) < length:
        made += hashlib.sha256(seed + struct.pack(">I", counter)).digest()
        counter += 1
    return made[:length]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
