"""How keys that people give are sealed for runners. Bytes in, bytes out.

    a giving      has a key of its own, in a box for each runner: X25519 with a fresh key, HKDF-SHA-256, AES-256-GCM, put
                  together as in the PSK mode of HPKE (RFC 9180 section 5.1.2)
    a run's keys  are sealed with the giving's key (AES-256-GCM), bound to run, pair and organisation
    a runner's    public key is published with an HMAC-SHA-256

Boxes and HMACs need the authority, a secret of the installation in the vault: whoever writes to the database alone can
neither offer a key of their own as a runner's, nor put a password of their own in the place of a person's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_ONCE = bytes(_NONCE_BYTES)  # of a key that seals one thing
_PROOF, _BOX, _RUN = "mover runner key 1", "mover given key 1", "mover key of a run 1"


class NotOpened(Exception):
    """It was sealed for another key or another place, or changed."""


@dataclass(frozen=True, kw_only=True)
class RunnerKey:
    """The public key of a runner, as it is published.

    Attributes:
        id: Of the key: a hash of it.
        runner: What the runner is called.
        until_ns: It counts until then, unless the runner says so again.
        proof: Made by `prove`.
    """

    id: str
    runner: str
    queue: str
    public: bytes
    until_ns: int
    proof: bytes = b""


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """What the keys of a run are bound to."""

    organisation_id: str
    migration_id: str
    pair_id: int
    run_id: int
    giving_id: str


def key_id_of(public: bytes) -> str:
    """The id of a runner's public key."""
    return hashlib.sha256(public).hexdigest()[:32]


def prove(authority: bytes, key: RunnerKey) -> bytes:
    """What shows that whoever published the key has the authority."""
    said = _bound(_PROOF, key.id, key.runner, key.queue, key.public, key.until_ns)
    return hmac.digest(authority, said, "sha256")


def is_proven(authority: bytes, key: RunnerKey) -> bool:
    """Tell whether `prove` made the proof."""
    return key.id == key_id_of(key.public) and hmac.compare_digest(key.proof, prove(authority, key))


def box_up(authority: bytes, public: bytes, giving_id: str, organisation_id: str, key: bytes) -> bytes:
    """Seal the key of a giving for a runner's key."""
    once = X25519PrivateKey.generate()
    mine = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(public))
    bound = _bound(_BOX, mine, public, giving_id, organisation_id)
    return mine + AESGCM(_derived(authority, shared, bound)).encrypt(_ONCE, key, bound)


def unbox(
    authority: bytes, private: X25519PrivateKey, giving_id: str, organisation_id: str, box: bytes
) -> bytes:
    """Open what `box_up` made. Raises NotOpened."""
    mine, sealed = box[:KEY_BYTES], box[KEY_BYTES:]
    bound = _bound(_BOX, mine, private.public_key().public_bytes_raw(), giving_id, organisation_id)
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(mine))
        return AESGCM(_derived(authority, shared, bound)).decrypt(_ONCE, sealed, bound)
    except (InvalidTag, ValueError):  # ValueError: no point of the curve that anybody would use
        raise NotOpened from None


def seal_for_run(key: bytes, place: RunPlace, plain: bytes) -> bytes:
    """Seal a run's keys with the key of their giving."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, _place(place))


def open_for_run(key: bytes, place: RunPlace, sealed: bytes) -> bytes:
    """Open what `seal_for_run` made. Raises NotOpened."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(place))
    except (InvalidTag, ValueError):
        raise NotOpened from None


def _place(place: RunPlace) -> bytes:
    return _bound(
        _RUN, place.organisation_id, place.migration_id, place.pair_id, place.run_id, place.giving_id
    )


def _derived(authority: bytes, shared: bytes, bound: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=authority, info=bound).derive(shared)


def _bound(*parts: str | bytes | int) -> bytes:
    """Parts as bytes that no other parts give."""
    return msgspec.msgpack.encode(parts)
