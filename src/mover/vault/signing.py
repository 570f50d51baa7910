"""Keys that sign: Ed25519 (RFC 8032). Their private halves are kept in the vault, their public halves are published."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mover.vault.secret import Secret

_KEY_BYTES = 32


@dataclass(frozen=True)
class SigningKey:
    """A key that signs. `private` does not print itself."""

    id: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def make(cls) -> SigningKey:
        """Make a new one."""
        return cls._of(Ed25519PrivateKey.generate())

    @classmethod
    def from_secret(cls, secret: Secret) -> SigningKey:
        """Read what `secret` gave."""
        return cls._of(Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret.reveal())))

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> SigningKey:
        return cls(key_id_of(private.public_key().public_bytes_raw()), private)

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def secret(self) -> Secret:
        """The private half, for the vault."""
        return Secret(base64.b64encode(self.private.private_bytes_raw()).decode())

    def sign(self, message: bytes) -> str:
        """Sign; the signature in base64."""
        return base64.b64encode(self.private.sign(message)).decode()


def is_signed(public: bytes, message: bytes, signature: str) -> bool:
    """Tell whether a signature in base64 (in its one spelling) is that of the key's owner."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if base64.b64encode(raw).decode() != signature:
            return False
        Ed25519PublicKey.from_public_bytes(public).verify(raw, message)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def key_id_of(public: bytes) -> str:
    """The id of a public key: the beginning of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:32]


def read_public_key(text: str) -> bytes:
    """Read a public key in base64 or hexadecimal digits. Raises ValueError."""
    text = text.strip()
    try:
        in_digits = len(text) == 2 * _KEY_BYTES
        key = bytes.fromhex(text) if in_digits else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ValueError("a public key is 32 bytes in base64 (44 characters) or in 64 hexadecimal digits")
    return key
