"""Signing in to HashiCorp Vault, and staying signed in.

Source: "AppRole", "Kubernetes", "JWT/OIDC" and "Token auth method (API)", and the HTTP status codes in "HTTP API"
(https://developer.hashicorp.com/vault/api-docs).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mover.errors import MoverError, ProtocolViolation, ServiceFault, SignInFailed, Throttled
from mover.vault.door import Answer, KeyServiceDoor
from mover.vault.secret import Secret
from mover.vault.secret_files import read_secret
from mover.vault.sources import HashicorpSource

SERVICE = "HashiCorp Vault"
OK = 200
BAD_REQUEST = 400
FORBIDDEN = 403
NOT_THERE = 404

_RENEW_AT = 0.5  # of a token's life
_REDIRECTS = {301, 302, 303, 307, 308}
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


class HashicorpAccount:
    """Sends requests with a token, which it gets on first use, renews in time, and replaces when it is refused.

    Raises what the door raises, SignInFailed, and what `failure` returns.

    Args:
        source: Where, and how to sign in.
        door: The way out.
        clock: Monotonic seconds.
    """

    def __init__(self, source: HashicorpSource, door: KeyServiceDoor, *, clock: Callable[[], float]) -> None:
        self._source = source
        self._door = door
        self._clock = clock
        self._signed_in: _SignIn | None = None
        self._signing_in = asyncio.Lock()

    async def post(self, path: str, request: Mapping[str, str]) -> Answer:
        """Send a request; with another token if the one that there was is refused."""
        signed_in = await self._token()
        answer = await self._post(path, request, signed_in.token)
        if answer.status == FORBIDDEN:
            # A token that has expired or was revoked is refused in the same words as one without the right.
            signed_in = await self._token(instead_of=signed_in)
            answer = await self._post(path, request, signed_in.token)
        return answer

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
                read_secret, source.token, source.token_file, f"the token for {SERVICE}"
            )
            # How long it lives is told when it is renewed.
            return _SignIn(token, self._clock(), None, renewable=True, asked=False)
        if source.role_id is not None:
            request = {"role_id": source.role_id}
            if source.secret_id is not None or source.secret_id_file is not None:
                secret_id = await asyncio.to_thread(
                    read_secret, source.secret_id, source.secret_id_file, f"the secret_id for {SERVICE}"
                )
                request["secret_id"] = secret_id.reveal()
            method = source.auth_mount or "approle"
        else:
            jwt = await asyncio.to_thread(read_secret, None, source.jwt_file, f"the token for {SERVICE}")
            request = {"role": source.jwt_role or "", "jwt": jwt.reveal()}
            method = source.auth_mount or "kubernetes"
        answer = await self._post(f"auth/{method}/login", request, None)
        if answer.status == OK:
            return self._signed_in_by(answer)
        if answer.status in {BAD_REQUEST, FORBIDDEN, NOT_THERE}:
            raise SignInFailed(
                f"{SERVICE} does not accept the sign-in by {method!r}; check the role and its secret, and that this "
                "method is mounted there",
                service=SERVICE,
                said=errors_in(answer),
            )
        raise failure(answer.status, errors_in(answer), source.address)

    async def _renewed(self, signed_in: _SignIn) -> _SignIn:
        answer = await self._post("auth/token/renew-self", {}, signed_in.token)
        if answer.status == OK:
            return self._signed_in_by(answer)
        if answer.status in {BAD_REQUEST, FORBIDDEN, NOT_THERE}:
            # A root or batch token cannot be renewed, and a policy may forbid it. Whether it is good for the key the
            # call itself will tell; other ways to sign in have another try then.
            return _SignIn(signed_in.token, signed_in.since_s, signed_in.life_s, renewable=False)
        raise failure(answer.status, errors_in(answer), self._source.address)

    def _signed_in_by(self, answer: Answer) -> _SignIn:
        match decoded(answer):
            case {"auth": {"client_token": str(token), "lease_duration": int(life_s), **rest}} if token:
                return _SignIn(
                    Secret(token),
                    self._clock(),
                    float(life_s) or None,
                    renewable=rest.get("renewable") is True,
                )
            case _:
                raise ProtocolViolation(f"{SERVICE} did not answer with a token", service=SERVICE)

    async def _post(self, path: str, request: Mapping[str, str], token: Secret | None) -> Answer:
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


def failure(status: int, errors: str, address: str) -> MoverError:
    """Say what a status means that is not a matter of what was asked for."""
    if status in _REDIRECTS or status in _STANDBYS:
        return ServiceFault(
            f"{SERVICE} at {address} is a standby that sends its clients elsewhere; give the address of the active "
            "server or of the load balancer",
            service=SERVICE,
            said=errors,
        )
    if status == _SEALED:
        sealed = "sealed" in errors.lower()
        return ServiceFault(
            f"{SERVICE} at {address} is sealed; unseal it"
            if sealed
            else f"{SERVICE} at {address} is not available",
            service=SERVICE,
            said=errors,
        )
    if status == _TOO_MANY:
        return Throttled(f"{SERVICE} asks for fewer calls", service=SERVICE, said=errors)
    if status >= _FIRST_FAULT:
        return ServiceFault(
            f"{SERVICE} at {address} reports a fault (HTTP {status})", service=SERVICE, said=errors
        )
    return ProtocolViolation(f"unexpected answer (HTTP {status})", service=SERVICE, said=errors)


def decoded(answer: Answer) -> Any:
    """Read an answer; None if it is not JSON."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def errors_in(answer: Answer) -> str:
    """The server's own words about what went wrong."""
    match decoded(answer):
        case {"errors": list(errors)}:
            return "; ".join(str(error) for error in errors)
        case _:
            return ""
