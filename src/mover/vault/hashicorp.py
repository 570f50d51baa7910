"""A global key in the transit engine of HashiCorp Vault: it encrypts and decrypts there, and never leaves the server.

Source: "Transit secrets engine (API)", "AppRole", "Kubernetes", "JWT/OIDC" and "Token auth method (API)", and the HTTP
status codes in "HTTP API" (https://developer.hashicorp.com/vault/api-docs).

Each call is bound to the key's place by `associated_data`. A server older than 1.9 passes over what it does not know
without a word, so a digest of the place is encrypted along with the key, and compared.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mover.errors import (
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
)
from mover.vault.door import Answer, KeyServiceDoor
from mover.vault.envelope import UnsealError
from mover.vault.secret import Secret
from mover.vault.secret_files import read_secret
from mover.vault.sources import HashicorpSource

_SERVICE = "HashiCorp Vault"
_DIGEST_BYTES = 32
_RENEW_AT = 0.5  # of a token's life
_OK = 200
_NO_CONTENT = 204
_REDIRECTS = {301, 302, 303, 307, 308}
_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_THERE = 404
_TOO_MANY = 429
_STANDBYS = {472, 473}
_SEALED = 503
_FIRST_FAULT = 500


@dataclass
class _SignIn:
    """A token, and what is known about how long it lives (monotonic seconds; None: for ever, as far as is known)."""

    token: Secret
    since_s: float
    life_s: float | None
    renewable: bool
    asked: bool = field(default=True)


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
        self._door = door
        self._clock = clock
        self._signed_in: _SignIn | None = None
        self._signing_in = asyncio.Lock()
        name = source.id or "/".join((source.namespace.strip("/"), source.mount, source.key))
        self._id = "hashicorp-" + hashlib.sha256(name.encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return f"the key {self._source.key!r} of {_SERVICE} at {self._source.address}"

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
                raise ProtocolViolation(f"{_SERVICE} did not answer with a ciphertext", service=_SERVICE)

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
                raise ProtocolViolation(f"{_SERVICE} did not answer with a plaintext", service=_SERVICE)
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
        signed_in = await self._token()
        answer = await self._post(path, request, signed_in.token)
        if answer.status == _FORBIDDEN:
            # A token that has expired or was revoked is refused in the same words as one without the right.
            signed_in = await self._token(instead_of=signed_in)
            answer = await self._post(path, request, signed_in.token)
        if answer.status == _OK:
            return _data(answer)
        errors = _errors(answer)
        if answer.status == _BAD_REQUEST:
            raise _explained_refusal(errors, source.key)
        if answer.status == _FORBIDDEN:
            raise PermissionDenied(
                f"{_SERVICE} does not allow {operation} with the key {source.key!r}; the token may have expired, or its "
                f'policy lacks: path "{source.mount}/{operation}/{source.key}" {{ capabilities = ["update"] }}',
                service=_SERVICE,
                said=errors,
            )
        if answer.status == _NOT_THERE:
            raise InvalidConfiguration(
                f"{_SERVICE} at {source.address} has no transit engine at {source.mount!r}"
                + (f" in the namespace {source.namespace!r}" if source.namespace else ""),
                service=_SERVICE,
                said=errors,
            )
        raise _failure(answer.status, errors, source.address)

    async def _token(self, *, instead_of: _SignIn | None = None) -> _SignIn:
        """A token to send: the one that there is, renewed in time, or a new one in place of one that was refused."""
        async with self._signing_in:
            now_there = self._signed_in
            if now_there is None or now_there is instead_of or self._expired(now_there):
                self._signed_in = now_there = await self._sign_in()
            if now_there.renewable and (not now_there.asked or self._age(now_there) >= _RENEW_AT):
                self._signed_in = now_there = await self._renewed(now_there)
            return now_there

    def _age(self, signed_in: _SignIn) -> float:
        """How much of its life a token has behind it, 1.0 at its end."""
        return (self._clock() - signed_in.since_s) / signed_in.life_s if signed_in.life_s else 0.0

    def _expired(self, signed_in: _SignIn) -> bool:
        return self._age(signed_in) >= 1 and not self._has_static_token

    @property
    def _has_static_token(self) -> bool:
        return self._source.token is not None or self._source.token_file is not None

    async def _sign_in(self) -> _SignIn:
        source = self._source
        if self._has_static_token:
            token = await asyncio.to_thread(
                read_secret, source.token, source.token_file, f"the token for {_SERVICE}"
            )
            # How long it lives is told when it is renewed.
            return _SignIn(token, self._clock(), None, renewable=True, asked=False)
        if source.role_id is not None:
            request = {"role_id": source.role_id}
            if source.secret_id is not None or source.secret_id_file is not None:
                secret_id = await asyncio.to_thread(
                    read_secret, source.secret_id, source.secret_id_file, f"the secret_id for {_SERVICE}"
                )
                request["secret_id"] = secret_id.reveal()
            method = source.auth_mount or "approle"
        else:
            jwt = await asyncio.to_thread(read_secret, None, source.jwt_file, f"the token for {_SERVICE}")
            request = {"role": source.jwt_role or "", "jwt": jwt.reveal()}
            method = source.auth_mount or "kubernetes"
        answer = await self._post(f"auth/{method}/login", request, None)
        if answer.status == _OK:
            return self._signed_in_by(answer)
        if answer.status in {_BAD_REQUEST, _FORBIDDEN, _NOT_THERE}:
            raise SignInFailed(
                f"{_SERVICE} does not accept the sign-in by {method!r}; check the role and its secret, and that this "
                "method is mounted there",
                service=_SERVICE,
                said=_errors(answer),
            )
        raise _failure(answer.status, _errors(answer), source.address)

    async def _renewed(self, signed_in: _SignIn) -> _SignIn:
        answer = await self._post("auth/token/renew-self", {}, signed_in.token)
        if answer.status == _OK:
            return self._signed_in_by(answer)
        if answer.status in {_BAD_REQUEST, _FORBIDDEN, _NOT_THERE}:
            # A root or batch token cannot be renewed, and a policy may forbid it. Whether it is good for the key the
            # call itself will tell; other ways to sign in have another try then.
            return _SignIn(signed_in.token, signed_in.since_s, signed_in.life_s, renewable=False)
        raise _failure(answer.status, _errors(answer), self._source.address)

    def _signed_in_by(self, answer: Answer) -> _SignIn:
        match _decoded(answer):
            case {"auth": {"client_token": str(token), "lease_duration": int(life_s), **rest}} if token:
                return _SignIn(
                    Secret(token),
                    self._clock(),
                    float(life_s) or None,
                    renewable=rest.get("renewable") is True,
                )
            case _:
                raise ProtocolViolation(f"{_SERVICE} did not answer with a token", service=_SERVICE)

    async def _post(self, path: str, request: dict[str, str], token: Secret | None) -> Answer:
        headers = {"Content-Type": "application/json", "X-Vault-Request": "true"}
        if self._source.namespace:
            headers["X-Vault-Namespace"] = self._source.namespace
        if token is not None:
            headers["X-Vault-Token"] = token.reveal()
        return await self._door.post(
            f"{self._source.address}/v1/{path}",
            headers,
            msgspec.json.encode(request),
            ca_file=self._source.ca_file,
            allow_plain=self._source.address.startswith("http:"),
        )


def _explained_refusal(errors: str, key: str) -> Exception:
    """Say what a 400 of encrypt or decrypt means, going by the server's own words (sdk/helper/keysutil/policy.go)."""
    if "message authentication failed" in errors or "invalid ciphertext" in errors:
        return UnsealError()
    if "disallowed by policy (too old)" in errors:
        return InvalidConfiguration(
            f"the key {key!r} of {_SERVICE} no longer decrypts with an old version that stored keys need; lower its "
            "min_decryption_version, run `mover keys rotate`, then raise it again",
            service=_SERVICE,
            said=errors,
        )
    if "key not found" in errors:
        return InvalidConfiguration(
            f"{_SERVICE} has no key {key!r}; make it there, or put its backup back if it was lost",
            service=_SERVICE,
            said=errors,
        )
    if "derivation" in errors:
        return InvalidConfiguration(
            f"the key {key!r} of {_SERVICE} is a derived one; set derived = true",
            service=_SERVICE,
            said=errors,
        )
    return ProtocolViolation(f"{_SERVICE} refused the request", service=_SERVICE, said=errors)


def _failure(status: int, errors: str, address: str) -> MoverError:
    if status in _REDIRECTS or status in _STANDBYS:
        return ServiceFault(
            f"{_SERVICE} at {address} is a standby that sends its clients elsewhere; give the address of the active "
            "server or of the load balancer",
            service=_SERVICE,
            said=errors,
        )
    if status == _SEALED:
        sealed = "sealed" in errors.lower()
        return ServiceFault(
            f"{_SERVICE} at {address} is sealed; unseal it"
            if sealed
            else f"{_SERVICE} at {address} is not available",
            service=_SERVICE,
            said=errors,
        )
    if status == _TOO_MANY:
        return Throttled(f"{_SERVICE} asks for fewer calls", service=_SERVICE, said=errors)
    if status >= _FIRST_FAULT:
        return ServiceFault(
            f"{_SERVICE} at {address} reports a fault (HTTP {status})", service=_SERVICE, said=errors
        )
    return ProtocolViolation(f"unexpected answer (HTTP {status})", service=_SERVICE, said=errors)


def _decoded(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _data(answer: Answer) -> dict[str, Any]:
    match _decoded(answer):
        case {"data": dict(data)}:
            return data
        case _:
            raise ProtocolViolation(f"{_SERVICE} answered with something unexpected", service=_SERVICE)


def _errors(answer: Answer) -> str:
    match _decoded(answer):
        case {"errors": list(errors)}:
            return "; ".join(str(error) for error in errors)
        case _:
            return ""


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolViolation(f"{_SERVICE} answered with something unexpected", service=_SERVICE) from None
