"""A global key in the transit engine of HashiCorp Vault: it encrypts and decrypts there, and never leaves the server.

Source: "Transit secrets engine (API)" (https://developer.hashicorp.com/vault/api-docs/secret/transit).

Each call is bound to the key's place by `associated_data`. A server that is too old for it passes over what it does not
know without a word, so a digest of the place is encrypted along with the key, and compared.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from mover.errors import InvalidConfiguration, PermissionDenied, ProtocolViolation
from mover.vault.door import Answer, KeyServiceDoor
from mover.vault.envelope import UnsealError
from mover.vault.hashicorp_account import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_THERE,
    OK,
    SERVICE,
    HashicorpAccount,
    decoded,
    errors_in,
    failure,
)
from mover.vault.sources import HashicorpSource

_DIGEST_BYTES = 32


class HashicorpKeyProvider:
    """See `KeyProvider`. Signs in on first use, renews its token, and signs in anew when it is no longer accepted.

    All methods raise what the door raises; PermissionDenied and SignInFailed; ServiceFault while the server is sealed or
    has no leader; InvalidConfiguration if the key or the engine is not there, or the key's settings forbid the version.

    Args:
        source: Where, and how to sign in.
        door: The way out.
        clock: Monotonic seconds.
    """

    def __init__(
        self, source: HashicorpSource, door: KeyServiceDoor, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._account = HashicorpAccount(source, door, clock=clock)
        name = source.id or "/".join((source.namespace.strip("/"), source.mount, source.key))
        self._id = "hashicorp-" + hashlib.sha256(name.encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return f"the key {self._source.key!r} of {SERVICE} at {self._source.address}"

    async def key_id(self) -> str:
        """See `KeyProvider`. Made of the key's name: the versions of a key have one id."""
        return self._id

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """See `KeyProvider`. The newest version of the key is used."""
        plain = hashlib.sha256(where).digest() + key
        data = await self._transit("encrypt", {"plaintext": _base64(plain), **self._bound(where)})
        match data:
            case {"ciphertext": str(ciphertext)} if ciphertext.isascii():
                return ciphertext.encode()
            case _:
                raise ProtocolViolation(f"{SERVICE} did not answer with a ciphertext", service=SERVICE)

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """See `KeyProvider`. Any version of the key that its settings still allow."""
        try:
            ciphertext = wrapped.decode("ascii")
        except UnicodeDecodeError:
            raise UnsealError from None
        data = await self._transit("decrypt", {"ciphertext": ciphertext, **self._bound(where)})
        match data:
            case {"plaintext": str(text)}:
                plain = _from_base64(text)
            case _:
                raise ProtocolViolation(f"{SERVICE} did not answer with a plaintext", service=SERVICE)
        digest, key = plain[:_DIGEST_BYTES], plain[_DIGEST_BYTES:]
        if not hmac.compare_digest(digest, hashlib.sha256(where).digest()):
            raise UnsealError
        return key

    def _bound(self, where: bytes) -> dict[str, str]:
        bound = {"associated_data": _base64(where)}
        if self._source.derived:
            bound["context"] = _base64(where)
        return bound

    async def _transit(self, operation: str, request: dict[str, str]) -> dict[str, Any]:
        source = self._source
        path = f"{source.mount}/{operation}/{source.key}"
        answer = await self._account.post(path, request)
        if answer.status == OK:
            return _data(answer)
        errors = errors_in(answer)
        if answer.status == BAD_REQUEST:
            raise _explained_refusal(errors, source.key)
        if answer.status == FORBIDDEN:
            raise PermissionDenied(
                f"{SERVICE} does not allow {operation} with the key {source.key!r}; the token may have expired, or its "
                f'policy lacks: path "{source.mount}/{operation}/{source.key}" {{ capabilities = ["update"] }}',
                service=SERVICE,
                said=errors,
            )
        if answer.status == NOT_THERE:
            raise InvalidConfiguration(
                f"{SERVICE} at {source.address} has no transit engine at {source.mount!r}"
                + (f" in the namespace {source.namespace!r}" if source.namespace else ""),
                service=SERVICE,
                said=errors,
            )
        raise failure(answer.status, errors, source.address)


def _explained_refusal(errors: str, key: str) -> Exception:
    """Say what a 400 of encrypt or decrypt means, going by the server's own words (sdk/helper/keysutil/policy.go)."""
    if "message authentication failed" in errors or "invalid ciphertext" in errors:
        return UnsealError()
    if "disallowed by policy (too old)" in errors:
        return InvalidConfiguration(
            f"the key {key!r} of {SERVICE} no longer decrypts with an old version that stored keys need; lower its "
            "min_decryption_version, run `mover keys rotate`, then raise it again",
            service=SERVICE,
            said=errors,
        )
    if "key not found" in errors:
        return InvalidConfiguration(
            f"{SERVICE} has no key {key!r}; make it there, or put its backup back if it was lost",
            service=SERVICE,
            said=errors,
        )
    if "derivation" in errors:
        return InvalidConfiguration(
            f"the key {key!r} of {SERVICE} is a derived one; set derived = true",
            service=SERVICE,
            said=errors,
        )
    return ProtocolViolation(f"{SERVICE} refused the request", service=SERVICE, said=errors)


def _data(answer: Answer) -> dict[str, Any]:
    match decoded(answer):
        case {"data": dict(data)}:
            return data
        case _:
            raise ProtocolViolation(f"{SERVICE} answered with something unexpected", service=SERVICE)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolViolation(f"{SERVICE} answered with something unexpected", service=SERVICE) from None
