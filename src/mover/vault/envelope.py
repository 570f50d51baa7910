"""Sealing bytes with a key for one place: AES-256-GCM, `nonce (12 bytes) || ciphertext || tag (16 bytes)`."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
"""Version of the layout and of the associated data; stored beside each ciphertext and part of its place."""

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class UnsealError(Exception):
    """The ciphertext was damaged, belongs to another place, or was sealed with another key."""


def place(*parts: str) -> bytes:
    """Spell where a ciphertext belongs, so that no two lists of parts are spelled the same: each has its length before it."""
    encoded = [part.encode("utf-8", "surrogatepass") for part in ("mover vault", *parts)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def new_key() -> bytes:
    """Make a random AES-256 key."""
    return AESGCM.generate_key(KEY_BYTES * 8)


def seal(key: bytes, plain: bytes, where: bytes) -> bytes:
    """Encrypt under a fresh random nonce, bound to its place (2³² times a key at most, which no key here comes near)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, where)


def unseal(key: bytes, sealed: bytes, where: bytes) -> bytes:
    """Decrypt what `seal` made for the same place. Raises UnsealError."""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise UnsealError
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], where)
    except InvalidTag:
        raise UnsealError from None
