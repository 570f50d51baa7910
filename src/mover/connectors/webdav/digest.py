"""Digest access authentication (RFC 7616) with `qop=auth`, and as RFC 2069 had it where a server offers no qop."""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from mover.connectors.webdav.challenges import Challenge
from mover.vault.secret import Secret

# Best first. The RFC's SHA-512-256 is SHA-512/256 with other initial values, which no known server offers.
_ALGORITHMS = {"sha-256": "sha256", "md5": "md5"}
_PREFERENCE = list(_ALGORITHMS.values())
_TRUSTED_FOR_S = 60.0  # Apache changes nonces every 300 s unless told otherwise


@dataclass(frozen=True)
class _Offer:
    realm: str
    nonce: str
    opaque: str | None
    algorithm: str | None  # as the server spells it
    hash_name: str
    session: bool
    qop: bool
    user_hash: bool


class Digest:
    """Answers of one user to a server's challenge. The nonce is used again, counted, until the server has a new one.

    Args:
        username: As typed.
        password: Revealed for the moment of hashing only.
        nonce_source: Makes client nonces.
        now: Seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        username: str,
        password: Secret,
        *,
        nonce_source: Callable[[], str] = lambda: secrets.token_hex(16),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._username = username
        self._password = password
        self._nonce_source = nonce_source
        self._now = now
        self._offer: _Offer | None = None
        self._client_nonce = ""
        self._count = 0
        self._accepted = False
        self._issued_at = -math.inf

    def learn(self, challenges: list[Challenge], *, sent: str | None) -> bool:
        """Take over the best challenge; tell whether the refused request makes sense with it.

        `sent` is the `Authorization` that was refused. After one with the nonce in use, another try makes sense only
        if the server calls that nonce stale, or had accepted it before; else user name or password are wrong.
        """
        offers = [
            (offer, challenge) for challenge in challenges if (offer := _readable(challenge)) is not None
        ]
        if not offers:
            return False
        best, challenge = min(offers, key=lambda pair: _PREFERENCE.index(pair[0].hash_name))
        outdated = sent is None or self._offer is None or _field("nonce", self._offer.nonce) not in sent
        sensible = outdated or self._accepted or challenge.parameters.get("stale", "").lower() == "true"
        self._offer, self._client_nonce, self._count, self._accepted = best, self._nonce_source(), 0, False
        self._issued_at = self._now()
        return sensible

    def accepted(self) -> None:
        """Note that the server took the answer: from now on a refusal can only be the nonce's fault."""
        self._accepted = True

    @property
    def may_be_stale(self) -> bool:
        """The nonce is so old that a request with a long body should not be risked on it."""
        return self._now() - self._issued_at > _TRUSTED_FOR_S

    def header(self, method: str, target: str) -> str:
        """Return the value of `Authorization` for one request; `target` as in the request line."""
        offer = self._offer
        assert offer is not None, "learn() comes first"
        self._count += 1
        count = f"{self._count:08x}"

        def hashed(*parts: str) -> str:
            # The protocol's choice, not ours; the password itself never travels and TLS protects the rest.
            return hashlib.new(offer.hash_name, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        secret = hashed(self._username, offer.realm, self._password.reveal())
        if offer.session:
            secret = hashed(secret, offer.nonce, self._client_nonce)
        request = hashed(method, target)
        if offer.qop:
            response = hashed(secret, offer.nonce, count, self._client_nonce, "auth", request)
        else:
            response = hashed(secret, offer.nonce, request)

        if offer.user_hash:
            fields = [_field("username", hashed(self._username, offer.realm)), "userhash=true"]
        elif self._username.isascii() or offer.hash_name == "md5":  # servers of that age know no username*
            fields = [_field("username", self._username)]
        else:
            fields = [f"username*=UTF-8''{quote(self._username, safe='')}"]
        fields += [_field("realm", offer.realm), _field("nonce", offer.nonce), _field("uri", target)]
        fields.append(_field("response", response))
        if offer.algorithm is not None:
            fields.append(f"algorithm={offer.algorithm}")
        if offer.opaque is not None:
            fields.append(_field("opaque", offer.opaque))
        if offer.qop:
            fields += ["qop=auth", f"nc={count}"]
        if offer.qop or offer.session:
            fields.append(_field("cnonce", self._client_nonce))
        return "Digest " + ", ".join(fields)


def _readable(challenge: Challenge) -> _Offer | None:
    parameters = challenge.parameters
    if challenge.scheme != "digest" or "nonce" not in parameters or "realm" not in parameters:
        return None
    name = parameters.get("algorithm", "MD5").lower()
    hash_name = _ALGORITHMS.get(name.removesuffix("-sess"))
    offered = {word.strip().lower() for word in parameters.get("qop", "").split(",") if word.strip()}
    if hash_name is None or (offered and "auth" not in offered):
        return None
    spelled = parameters.get("algorithm")
    if any(c in value for value in parameters.values() for c in "\r\n\0"):
        return None
    return _Offer(
        realm=parameters["realm"],
        nonce=parameters["nonce"],
        opaque=parameters.get("opaque"),
        algorithm=spelled,
        hash_name=hash_name,
        session=name.endswith("-sess"),
        qop=bool(offered),
        user_hash=parameters.get("userhash", "").lower() == "true",
    )


def _field(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'
