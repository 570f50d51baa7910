"""Keys of the staff's API: made by those who are wholly signed in, for their own programs, and never for long.

A key shows what the pages show without an exception: metadata. It makes no keys, asks for nothing and approves nothing.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.attempts import Attempts, address_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.key_text import KeyText, Prefix
from mover.accounts.networks import is_from, networks_of
from mover.accounts.rates import Rates
from mover.accounts.refusals import KeyRefused, MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.accounts.rescue import OPERATOR
from mover.accounts.tokens import hashed
from mover.accounts.typed import shown_name
from mover.database.database import Database
from mover.settings import IPAddress
from mover.staff.queries import keys as queries
from mover.staff.queries import people
from mover.staff.records import STAFF_LOG, StaffKey, StaffMember, StaffSignedIn
from mover.staff.seals import Seals
from mover.staff.tables import staff_keys
from mover.vault.secret import Secret
from mover.vault.vault import Vault

CALLS_PER_MINUTE = 120
BURST = 60
LONGEST_DAYS = 30

_SECOND_NS = 1_000_000_000
_DAY_NS = 86_400 * _SECOND_NS
_NOTED_EVERY_NS = 60 * _SECOND_NS
_SHOWN_FOR_NS = 30 * _DAY_NS  # after it has ended
_MOST_KEYS = 10  # of somebody, that work
_FREE_WRONG_KEYS = 50
_REFUSED = "this API key is not accepted"


@dataclass(frozen=True)
class MadeStaffKey:
    """A new key and its text, shown once."""

    key: StaffKey
    text: Secret = field(repr=False)


@dataclass(frozen=True)
class StaffKeyUse:
    """A call with a key, let in: whose it is."""

    key: StaffKey
    member: StaffMember


class StaffKeys:
    """All keys of the staff.

    Args:
        database: Where they are.
        vault: Holds the key that seals them.
        attempts: Counts wrong keys.
        auditor: Keeps what happened, in the staff's log.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        attempts: Attempts,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._seals = Seals(vault)
        self._attempts = attempts
        self._auditor = auditor
        self._now = now
        self._rates = Rates(database, staff_keys, now=now)

    async def make(
        self, signed_in: StaffSignedIn, name: str, *, days: int, networks: Sequence[str] = ()
    ) -> MadeStaffKey:
        """Make a key that ends by itself.

        Args:
            signed_in: Whose; wholly signed in, with the second factor.
            name: What its owner calls it.
            days: 1 to 30; then it opens nothing any more.
            networks: From where it works; none: from anywhere.

        Raises PermissionDenied, Conflict (there are ten already), InvalidConfiguration.
        """
        if signed_in.step is not None:
            raise MayNot("finish signing in first")
        if not 1 <= days <= LONGEST_DAYS:
            raise NotAcceptable(f"a key of the staff's API lasts 1 to {LONGEST_DAYS} days")
        now_ns = self._now_ns()
        member = signed_in.member
        text = KeyText.make(token_hex(16), Prefix.STAFF)
        key = StaffKey(
            id=text.key_id,
            staff_id=member.id,
            email=member.email,
            name=shown_name(name, "the API key"),
            networks=networks_of(networks),
            created_ns=now_ns,
            expires_ns=now_ns + days * _DAY_NS,
            revoked_ns=None,
            last_used_ns=None,
            last_used_address=None,
        )
        secret_hash = hashed(text.secret)
        seal = await self._seals.of_key(key, secret_hash)

        def make(transaction: Connection) -> None:
            if people.find(transaction, member.id) is None:
                raise MayNot("this account is not of the staff any more")
            if queries.count_working(transaction, member.id, now_ns) >= _MOST_KEYS:
                raise NotPossible(f"you have {_MOST_KEYS} keys that work already; revoke one first")
            queries.add(transaction, key, secret_hash, seal)
            self._record(transaction, member.actor(), Action.STAFF_KEY_MADE, key, {"days": str(days)})

        await self._database.write(make)
        return MadeStaffKey(key, text.spelled())

    async def all(self) -> list[StaffKey]:
        """List everybody's, for the operator."""
        return await self._database.read(queries.everybodys)

    async def of(self, member: StaffMember) -> list[StaffKey]:
        """List somebody's, the newest first."""
        return await self._database.read(lambda transaction: queries.of_somebody(transaction, member.id))

    async def revoke(self, key_id: str, *, by: StaffMember | None = None) -> StaffKey:
        """End a key at once: one's own, or (None) any, by the operator. Idempotent. Raises NotFound."""
        now_ns = self._now_ns()

        def revoke(transaction: Connection) -> StaffKey:
            found = queries.stored(transaction, key_id)
            if found is None or (by is not None and found.key.staff_id != by.id):
                raise NoSuchThing("there is no such API key")
            if queries.revoke(transaction, key_id, now_ns):
                actor = by.actor() if by is not None else nobody(OPERATOR, STAFF_LOG)
                self._record(transaction, actor, Action.STAFF_KEY_REVOKED, found.key, {})
            return found.key

        return await self._database.write(revoke)

    async def authenticate(self, presented: Secret, address: IPAddress) -> StaffKeyUse:
        """Let a call in.

        Raises SignInFailed (unknown, expired, revoked, from elsewhere, or its owner's account has first to be set up anew),
        Throttled with `retry_after_s` (the key's rate, or too many wrong keys from this address).
        """
        text = KeyText.parse(presented, Prefix.STAFF)
        if text is None:
            raise KeyRefused(_REFUSED)
        now_ns = self._now_ns()

        def look(transaction: Connection) -> tuple[queries.StoredStaffKey, StaffMember] | None:
            stored = queries.stored(transaction, text.key_id)
            member = people.find(transaction, stored.key.staff_id) if stored else None
            return (stored, member) if stored and member else None

        found = await self._database.read(look)
        if found is None or not _works(*found, text, now_ns) or not await self._is_sealed(found[0]):
            limit = address_limit("staff-key", str(address), free=_FREE_WRONG_KEYS)
            await self._attempts.blocked(limit)
            await self._attempts.begin(limit)
            raise KeyRefused(_REFUSED)
        key, member = found[0].key, found[1]
        if not is_from(key.networks, address):
            raise KeyRefused(f"the API key {key.name!r} is not accepted from {address}")
        await self._rates.take(key.id, calls_per_minute=CALLS_PER_MINUTE, burst=BURST)
        before_ns = now_ns - _NOTED_EVERY_NS
        if key.last_used_ns is None or key.last_used_ns < before_ns:
            await self._database.write(
                lambda transaction: queries.used(transaction, key.id, str(address), now_ns, before_ns)
            )
        return StaffKeyUse(key, member)

    async def remove_ended(self, *, limit: int = 1000) -> int:
        """Remove at most so many keys that ended a month ago; returns how many. The staff's log still tells of them."""
        before_ns = self._now_ns() - _SHOWN_FOR_NS
        return await self._database.write(
            lambda transaction: queries.remove_ended(transaction, before_ns, limit=limit)
        )

    async def _is_sealed(self, stored: queries.StoredStaffKey) -> bool:
        return await self._seals.holds_key(stored.key, stored.secret_hash, stored.seal)

    def _record(
        self, transaction: Connection, actor: Actor, action: Action, key: StaffKey, details: dict[str, str]
    ) -> None:
        self._auditor.record(
            transaction,
            actor,
            action,
            f"API key {key.name} of staff {key.email}",
            {"id": key.id, **details},
            now_ns=self._now_ns(),
        )

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)


def _works(stored: queries.StoredStaffKey, member: StaffMember, text: KeyText, now_ns: int) -> bool:
    """Its owner has to be somebody who could sign in now: after a reset they have to set their account up first."""
    same = hmac.compare_digest(hashed(text.secret), stored.secret_hash)
    set_up = member.has_second_factor and not member.password_given
    return same and set_up and stored.key.works(now_ns)
