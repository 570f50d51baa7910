"""API keys: made by people, never more than their maker may, for programs."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.attempts import Attempts, address_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.key_text import KeyText
from mover.accounts.networks import is_from, network_of, networks_of
from mover.accounts.queries import api_keys as queries
from mover.accounts.queries import organisations, people
from mover.accounts.queries.api_keys import StoredKey
from mover.accounts.rates import Rates
from mover.accounts.records import ApiKey, KeyUse
from mover.accounts.refusals import KeyRefused, MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.accounts.tables import api_keys
from mover.accounts.tokens import hashed
from mover.accounts.typed import shown_name
from mover.connectors.bounded import Bounded
from mover.database.database import Database
from mover.settings import IPAddress
from mover.vault.secret import Secret

_SECOND_NS = 1_000_000_000
_NOTED_EVERY_NS = 60 * _SECOND_NS
_LONGEST_OVERLAP_S = 7 * 24 * 3600
_MOST_CALLS_PER_MINUTE = 60_000
_MOST_BURST = 10_000
_FREE_WRONG_KEYS = 50
_MOST_PLACES = 100  # that are remembered of a key
_MOST_SEEN = 10_000  # of all keys, in this process
_REFUSED = "this API key is not accepted"


@dataclass(frozen=True)
class MadeKey:
    """A new or rotated key and its text, shown once."""

    key: ApiKey
    text: Secret


class ApiKeys:
    """An organisation's API keys.

    Args:
        database: Where they are.
        attempts: Counts wrong keys.
        auditor: Keeps what happened.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        attempts: Attempts,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._attempts = attempts
        self._auditor = auditor
        self._now = now
        self._rates = Rates(database, api_keys, now=now)
        self._seen: Bounded[tuple[str, str], None] = Bounded(_MOST_SEEN)

    async def make(
        self,
        actor: Actor,
        name: str,
        scopes: frozenset[Permission],
        *,
        expires_ns: int | None = None,
        networks: Sequence[str] = (),
        calls_per_minute: int = 600,
        burst: int = 100,
    ) -> MadeKey:
        """Make a key. Needs ADMINISTER and every scope that is asked for; keys make no keys.

        Raises PermissionDenied, InvalidConfiguration (name, scopes, networks, rate, a time that has passed).
        """
        _require_person(actor)
        _require_all(actor, scopes)
        now_ns = self._now_ns()
        if not scopes:
            raise NotAcceptable("an API key needs at least one permission")
        if expires_ns is not None and expires_ns <= now_ns:
            raise NotAcceptable("the API key would have expired already")
        if not 1 <= calls_per_minute <= _MOST_CALLS_PER_MINUTE or not 1 <= burst <= _MOST_BURST:
            raise NotAcceptable(
                f"an API key may make 1 to {_MOST_CALLS_PER_MINUTE} calls a minute, and 1 to {_MOST_BURST} at once"
            )
        spelled = shown_name(name, "the API key")
        allowed = networks_of(networks)
        text = KeyText.make(token_hex(16))

        def make(transaction: Connection) -> ApiKey:
            maker = people.find(transaction, actor.id)
            role = organisations.role_of(transaction, actor.organisation_id, actor.id)
            if maker is None or role is None:
                raise MayNot("you do not belong to this organisation any more")
            key = ApiKey(
                id=text.key_id,
                name=spelled,
                person_id=maker.id,
                person_name=maker.name,
                scopes=scopes,
                permissions=scopes & role.permissions,
                networks=allowed,
                calls_per_minute=calls_per_minute,
                burst=burst,
                created_ns=now_ns,
                rotated_ns=None,
                previous_until_ns=None,
                expires_ns=expires_ns,
                revoked_ns=None,
                last_used_ns=None,
                last_used_address=None,
            )
            queries.add(transaction, key, actor.organisation_id, hashed(text.secret))
            self._record(transaction, actor, Action.API_KEY_MADE, key, {"scopes": " ".join(sorted(scopes))})
            return key

        return MadeKey(await self._database.write(make), text.spelled())

    async def all(self, actor: Actor) -> list[ApiKey]:
        """List the organisation's keys, the newest first. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        return await self._database.read(
            lambda transaction: queries.of_organisation(transaction, actor.organisation_id)
        )

    async def get(self, actor: Actor, key_id: str) -> ApiKey:
        """Find a key. Needs ADMINISTER. Raises NotFound."""
        actor.require(Permission.ADMINISTER)
        return await self._database.read(lambda transaction: _there(transaction, actor, key_id))

    async def rotate(self, actor: Actor, key_id: str, *, overlap_s: float = 24 * 3600) -> MadeKey:
        """Give a key a new text; the one before works for `overlap_s` more (at most seven days).

        Of three texts the oldest ends at once. Needs ADMINISTER and every scope of the key: its text is as good as them.
        Raises NotFound, Conflict (revoked or expired), PermissionDenied, InvalidConfiguration.
        """
        _require_person(actor)
        if not 0 <= overlap_s <= _LONGEST_OVERLAP_S:
            raise NotAcceptable("the key before can go on working for seven days at most")
        now_ns = self._now_ns()
        until_ns = now_ns + int(overlap_s * _SECOND_NS)
        text = KeyText.make(key_id)

        def rotate(transaction: Connection) -> ApiKey:
            key = _there(transaction, actor, key_id)
            _require_all(actor, key.scopes)
            if key.expires_ns is not None and key.expires_ns <= now_ns:
                raise NotPossible(f"the API key {key.name!r} has expired; make a new one")
            if not queries.rotate(
                transaction, key_id, hashed(text.secret), now_ns=now_ns, previous_until_ns=until_ns
            ):
                raise NotPossible(f"the API key {key.name!r} was revoked; make a new one")
            self._record(transaction, actor, Action.API_KEY_ROTATED, key, {"overlap_s": f"{overlap_s:g}"})
            return _there(transaction, actor, key_id)

        return MadeKey(await self._database.write(rotate), text.spelled())

    async def revoke(self, actor: Actor, key_id: str) -> None:
        """End a key at once. Needs ADMINISTER. Idempotent. Raises NotFound."""
        actor.require(Permission.ADMINISTER)

        def revoke(transaction: Connection) -> None:
            key = _there(transaction, actor, key_id)
            if queries.revoke(transaction, actor.organisation_id, key_id, self._now_ns()):
                self._record(transaction, actor, Action.API_KEY_REVOKED, key, {})

        await self._database.write(revoke)

    async def authenticate(self, presented: Secret, address: IPAddress) -> KeyUse:
        """Let a call in. What it may do is what both its scopes and its maker's present role allow.

        Raises SignInFailed (unknown, expired, revoked, from elsewhere, nothing left that it may do), Throttled with
        `retry_after_s` (the key's rate, or too many wrong keys from this address).
        """
        text = KeyText.parse(presented)
        if text is None:
            raise KeyRefused(_REFUSED)
        now_ns = self._now_ns()
        stored = await self._database.read(lambda transaction: queries.stored(transaction, text.key_id))
        if stored is None or not _works(stored, text, now_ns):
            limit = address_limit("api-key", str(address), free=_FREE_WRONG_KEYS)
            await self._attempts.blocked(limit)
            await self._attempts.begin(limit)
            raise KeyRefused(_REFUSED)
        key = stored.key
        if not is_from(key.networks, address):
            raise KeyRefused(f"the API key {key.name!r} is not accepted from {address}")
        if not key.permissions:
            raise KeyRefused(
                f"the API key {key.name!r} may do nothing any more, as {key.person_name} may not"
            )
        await self._rates.take(key.id, calls_per_minute=key.calls_per_minute, burst=key.burst)
        actor = Actor(stored.organisation_id, ActorKind.API_KEY, key.id, key.name, key.permissions)
        before_ns = now_ns - _NOTED_EVERY_NS
        place = (key.id, network_of(address))
        if place not in self._seen or key.last_used_ns is None or key.last_used_ns < before_ns:
            await self._database.write(
                lambda transaction: self._note_use(transaction, actor, key, address, now_ns, before_ns)
            )
            self._seen.put(place, None)
        return KeyUse(key, actor)

    def _note_use(
        self,
        transaction: Connection,
        actor: Actor,
        key: ApiKey,
        address: IPAddress,
        now_ns: int,
        before_ns: int,
    ) -> None:
        queries.used(transaction, key.id, str(address), now_ns, before_ns)
        network = network_of(address)
        if queries.seen_from(transaction, key.id, network, now_ns, most=_MOST_PLACES):
            self._record(transaction, actor, Action.API_KEY_NEW_ADDRESS, key, {"address": str(address)})

    def _record(
        self, transaction: Connection, actor: Actor, action: Action, key: ApiKey, details: dict[str, str]
    ) -> None:
        self._auditor.record(
            transaction,
            actor,
            action,
            f"API key {key.name}",
            {"id": key.id, **details},
            now_ns=self._now_ns(),
        )

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def _require_person(actor: Actor) -> None:
    actor.require(Permission.ADMINISTER)
    if actor.kind is not ActorKind.PERSON:
        raise MayNot("API keys are made and rotated by people, who answer for them")


def _require_all(actor: Actor, scopes: Iterable[Permission]) -> None:
    for scope in sorted(scopes):
        actor.require(scope)


def _there(transaction: Connection, actor: Actor, key_id: str) -> ApiKey:
    found = queries.find(transaction, actor.organisation_id, key_id)
    if found is None:
        raise NoSuchThing("there is no such API key")
    return found


def _works(stored: StoredKey, text: KeyText, now_ns: int) -> bool:
    presented = hashed(text.secret)
    present = hmac.compare_digest(presented, stored.secret_hash)
    previous = (
        stored.previous_hash is not None
        and hmac.compare_digest(presented, stored.previous_hash)
        and (stored.key.previous_until_ns or 0) > now_ns
    )
    key = stored.key
    ended = key.revoked_ns is not None or (key.expires_ns is not None and key.expires_ns <= now_ns)
    return (present or previous) and stored.alive and not ended
