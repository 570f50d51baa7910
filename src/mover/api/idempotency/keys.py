"""Idempotency keys: the second request with one gets the first one's answer, and nothing happens twice.

    begun ──► ended: the answer is kept, sealed, for 24 h          ──► the same answer again
      │  └──► refused (4xx): nothing happened, the key is free again
      └─────► failed (5xx), cut off, crashed: nobody knows           ──► 409, and it is never done by itself again

A fingerprint of the request is kept with it, and an answer may hold a secret that is shown once (a new API key). So both
are under keys derived from the caller's own credential: fingerprint by HMAC, answer by AES-256-GCM. The database holds
neither the credential nor anything else to open them with, and whoever repeats the request has it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, RowMapping

from mover.api.admitted import Admitted
from mover.api.idempotency import queries
from mover.api.problems import FieldError, HttpProblem
from mover.database.database import Database

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEPT_S = 24 * 3600

_LARGEST_ANSWER = 256 << 10
_NONCE_BYTES = 12
_SWEEP = 20
_PRINTABLE = range(0x21, 0x7F)


class KeptAnswer(msgspec.Struct, frozen=True):
    """An answer as it is kept."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Attempt:
    """A request with an Idempotency-Key."""

    id: str
    organisation_id: str
    fingerprint: bytes
    credential: bytes
    sealing_key: bytes


def attempt_of(admitted: Admitted, method: str, path: str, query: str, body: bytes, key: str) -> Attempt:
    """Identify a request. Raises HttpProblem (400) for a key that cannot be one."""
    key = _unquoted(key)
    if not 1 <= len(key) <= LONGEST_KEY or any(ord(character) not in _PRINTABLE for character in key):
        raise HttpProblem(
            HTTPStatus.BAD_REQUEST,
            "bad_idempotency_key",
            f"an Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters",
            advice="Use a random UUID.",
            errors=[FieldError("is malformed", header=HEADER)],
        )
    actor = admitted.actor
    # A session's token changes at times while its session stays, so the session and not the token says who it is.
    who = admitted.signed_in.session.id if admitted.signed_in else actor.id
    identity = f"{actor.organisation_id}\0{actor.kind.value}\0{who}\0{method}\0{path}\0{key}"
    secret = admitted.derive("idempotency")
    request = b"\0".join((method.encode(), path.encode(), query.encode(), hashlib.sha256(body).digest()))
    return Attempt(
        id=hashlib.sha256(identity.encode()).hexdigest(),
        organisation_id=actor.organisation_id,
        fingerprint=hmac.new(secret, b"fingerprint " + request, hashlib.sha256).digest(),
        credential=hmac.new(secret, b"credential", hashlib.sha256).digest()[:16],
        sealing_key=hmac.new(secret, b"answer", hashlib.sha256).digest(),
    )


class IdempotencyKeys:
    """The memory of requests with an Idempotency-Key, in the database, for all processes.

    Args:
        database: Where it is.
        now: Seconds since 1970 UTC.
        random: Makes that many random bytes.
    """

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._database = database
        self._now = now
        self._random = random

    async def begin(self, attempt: Attempt, *, limit_s: float) -> KeptAnswer | None:
        """Claim a request for at most `limit_s`; None: it is the caller's to do. Of several at once, one gets it.

        Returns the answer if it has been done. Raises HttpProblem: 422 (the key belongs to another request), 409 (the
        first is still under way, or nobody knows how it ended).
        """
        now_ns = int(self._now() * 1e9)
        row = {
            "id": attempt.id,
            "organisation_id": attempt.organisation_id,
            "fingerprint": attempt.fingerprint,
            "credential": attempt.credential,
            "begun_ns": now_ns,
            "until_ns": now_ns + int(limit_s * 1e9),
            "expires_ns": now_ns + KEPT_S * 10**9,
            "status": None,
            "answer": None,
        }

        def claim(connection: Connection) -> RowMapping | None:
            queries.forget_expired(connection, now_ns, limit=_SWEEP)
            found = queries.find(connection, attempt.id)
            if found is not None and found["expires_ns"] <= now_ns:
                queries.forget(connection, attempt.id)
                found = None
            if found is None and not queries.begin(connection, row):
                return queries.find(connection, attempt.id)
            return found

        found = await self._database.write(claim)
        return None if found is None else self._answer(attempt, found, now_ns)

    async def end(self, attempt: Attempt, answer: KeptAnswer) -> None:
        """Keep the answer of what was done."""
        plain = msgspec.msgpack.encode(answer)
        sealed = None
        if len(plain) <= _LARGEST_ANSWER:
            nonce = self._random(_NONCE_BYTES)
            sealed = nonce + AESGCM(attempt.sealing_key).encrypt(nonce, plain, attempt.id.encode())
        await self._database.write(
            lambda connection: queries.end(connection, attempt.id, answer.status, sealed)
        )

    async def release(self, attempt: Attempt) -> None:
        """Nothing was done: the key may be used again."""
        await self._database.write(lambda connection: queries.forget(connection, attempt.id))

    async def interrupt(self, attempt: Attempt) -> None:
        """It failed in the middle: nobody knows what was done."""
        await self._database.write(lambda connection: queries.interrupt(connection, attempt.id))

    def _answer(self, attempt: Attempt, found: RowMapping, now_ns: int) -> KeptAnswer:
        if not hmac.compare_digest(found["credential"], attempt.credential):
            raise _conflict(
                "the first request with this Idempotency-Key was made with another secret of this API key or session",
                "Look at what it did; for something new use a new key.",
            )
        if not hmac.compare_digest(found["fingerprint"], attempt.fingerprint):
            raise HttpProblem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request",
                advice="Use a new key for each new request, and the same one only to repeat it unchanged.",
                errors=[FieldError("was used for another request", header=HEADER)],
            )
        if found["status"] is None and found["until_ns"] > now_ns:
            raise HttpProblem(
                HTTPStatus.CONFLICT,
                "under_way",
                "the first request with this Idempotency-Key is still under way",
                advice="Repeat it after the time in Retry-After.",
                headers={"Retry-After": "1"},
            )
        if found["status"] is None:
            raise _conflict(
                "the first request with this Idempotency-Key was cut off, and nobody knows what it did",
                "Look at what is there, then decide whether to do it again with a new key.",
                reason="outcome_unknown",
            )
        if found["answer"] is None:
            raise _conflict(
                "the first request with this Idempotency-Key succeeded, and its answer was too large to be kept",
                "Look at what it did.",
                reason="answer_not_kept",
            )
        nonce, sealed = found["answer"][:_NONCE_BYTES], found["answer"][_NONCE_BYTES:]
        plain = AESGCM(attempt.sealing_key).decrypt(nonce, sealed, attempt.id.encode())
        return msgspec.msgpack.decode(plain, type=KeptAnswer)


def _unquoted(key: str) -> str:
    """The draft wants a structured field, `"..."`; most clients send it bare."""
    key = key.strip()
    return key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key


def _conflict(detail: str, advice: str, *, reason: str = "idempotency_key_taken") -> HttpProblem:
    return HttpProblem(HTTPStatus.CONFLICT, reason, detail, advice=advice)
