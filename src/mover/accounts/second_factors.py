"""Time-based codes (TOTP, RFC 6238) and recovery codes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.attempts import Attempts, person_limit, succeeded
from mover.accounts.audit import Action, Auditor
from mover.accounts.codes import (
    matching_step,
    new_recovery_codes,
    new_totp,
    recovery_code_hash,
)
from mover.accounts.queries import second_factors as queries
from mover.accounts.queries import sessions
from mover.accounts.queries.second_factors import Totp
from mover.accounts.records import SecondFactor, SignedIn, TotpSetup
from mover.accounts.refusals import NoSuchThing, NotPossible, SignInRefused
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.database.database import Database
from mover.errors import NotFound
from mover.vault.secret import Secret
from mover.vault.vault import Vault


@dataclass(frozen=True)
class ReadyCode:
    """A typed code, looked up as far as that goes outside of a transaction; `SecondFactors.use` uses it up."""

    person_id: str
    setup_id: str | None
    step: int | None
    recovery_hash: str | None = field(repr=False)


class SecondFactors:
    """Codes of people. The TOTP secret is in the vault of `person:<id>`, recovery codes are hashed; each works once.

    Args:
        database: Where they are.
        vault: Holds the secrets.
        sessions: Says whether a sign-in is recent.
        attempts: Counts codes that are wrong.
        auditor: Keeps what happened.
        issuer: What authenticator apps show beside the address.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        *,
        issuer: str = "Mover",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._issuer = issuer
        self._now = now

    async def ways(self, person_id: str) -> frozenset[SecondFactor]:
        """Tell which second factors a person has set up."""
        return await self._database.read(lambda transaction: queries.ways(transaction, person_id))

    async def begin_totp(self, signed_in: SignedIn) -> TotpSetup:
        """Make a TOTP secret to be scanned. It counts once `finish_totp` has seen a code of it.

        Raises PermissionDenied (no recent sign-in, or signed in by single sign-on), Conflict (there is one already).
        """
        self._protect(signed_in)
        person = signed_in.person
        setup = new_totp(person.email, self._issuer)
        made = Totp(
            person_id=person.id,
            setup_id=token_hex(16),
            last_step=0,
            created_ns=self._now_ns(),
            confirmed_ns=None,
        )

        def keep(transaction: Connection) -> None:
            if not queries.put_totp(transaction, made):
                raise NotPossible("there is an authenticator app already; remove it first")

        await self._vault.replace(
            _holder(person.id), vault_owner(person.id), {made.setup_id: setup.secret}, along=keep
        )
        return setup

    async def finish_totp(self, signed_in: SignedIn, code: str) -> list[Secret]:
        """Take TOTP into use; returns ten recovery codes, shown once. Other sessions of the person end.

        Raises SignInFailed (wrong code), Throttled, NotFound (nothing was begun), PermissionDenied.
        """
        self._protect(signed_in)
        person = signed_in.person
        begun = await self._database.read(lambda transaction: queries.find_totp(transaction, person.id))
        if begun is None or begun.confirmed_ns is not None:
            raise NoSuchThing("no authenticator app is being set up; begin again")
        limit = person_limit("totp-setup", person.id, free=10)
        await self._attempts.begin(limit)
        secret = await self._vault.fetch(_holder(person.id), vault_owner(person.id), begun.setup_id)
        step = matching_step(secret, code, self._now())
        if step is None:
            raise SignInRefused(
                "that is not the code that the app shows now; check the clock of the device, and type the next one"
            )
        codes = new_recovery_codes()
        now_ns = self._now_ns()

        def confirm(transaction: Connection) -> None:
            if not queries.confirm_totp(transaction, person.id, begun.setup_id, step, now_ns):
                raise NotPossible("the authenticator app was set up or removed elsewhere at this moment")
            self._keep_codes(transaction, signed_in.actor, person.id, codes, now_ns)
            succeeded(transaction, [limit])
            sessions.remove_of_person(transaction, person.id, but=signed_in.session.id)
            sessions.change(
                transaction,
                signed_in.session.id,
                second_factor=SecondFactor.TOTP.value,
                second_factor_ns=now_ns,
            )
            self._auditor.record(
                transaction, signed_in.actor, Action.TOTP_ADDED, f"person {person.email}", now_ns=now_ns
            )

        await self._database.write(confirm)
        return codes

    async def remove_totp(self, signed_in: SignedIn) -> None:
        """Stop using TOTP; the recovery codes go with it unless there are passkeys. Raises PermissionDenied, NotFound."""
        self._protect(signed_in)
        person = signed_in.person

        def remove(transaction: Connection) -> None:
            if not queries.remove_totp(transaction, person.id):
                raise NoSuchThing("there is no authenticator app to be removed")
            if not queries.any_left(transaction, person.id):
                queries.remove_recovery_codes(transaction, person.id)
            sessions.remove_of_person(transaction, person.id, but=signed_in.session.id)
            self._auditor.record(
                transaction,
                signed_in.actor,
                Action.TOTP_REMOVED,
                f"person {person.email}",
                now_ns=self._now_ns(),
            )

        await self._vault.destroy(vault_owner(person.id), along=remove)

    async def new_recovery_codes(self, signed_in: SignedIn) -> list[Secret]:
        """Make ten new recovery codes; the old ones stop working. Raises PermissionDenied, Conflict (no second factor)."""
        self._protect(signed_in)
        codes = new_recovery_codes()

        def keep(transaction: Connection) -> None:
            if not queries.any_left(transaction, signed_in.person.id):
                raise NotPossible(
                    "recovery codes stand in for an authenticator app or a passkey; add one first"
                )
            self._keep_codes(transaction, signed_in.actor, signed_in.person.id, codes, self._now_ns())

        await self._database.write(keep)
        return codes

    async def recovery_codes_left(self, signed_in: SignedIn) -> int:
        """Count the person's unused recovery codes."""
        return await self._database.read(
            lambda transaction: queries.recovery_codes_left(transaction, signed_in.person.id)
        )

    async def ready(self, person_id: str, code: str) -> ReadyCode:
        """Look a typed code up, for `use`; says nothing yet about whether it is right."""
        found = await self._database.read(lambda transaction: queries.find_totp(transaction, person_id))
        step = None
        if found is not None and found.confirmed_ns is not None:
            try:
                secret = await self._vault.fetch(_holder(person_id), vault_owner(person_id), found.setup_id)
            except NotFound:  # removed between the two reads
                found = None
            else:
                step = matching_step(secret, code, self._now())
        return ReadyCode(
            person_id, found.setup_id if found else None, step, recovery_code_hash(person_id, code)
        )

    def use(self, transaction: Connection, code: ReadyCode, actor: Actor) -> SecondFactor | None:
        """Use a code up in the transaction of what it allows; None if it is wrong or was used. Of two at once, one wins."""
        if (
            code.step is not None
            and code.setup_id is not None
            and queries.use_step(transaction, code.person_id, code.setup_id, code.step)
        ):
            return SecondFactor.TOTP
        now_ns = self._now_ns()
        if code.recovery_hash is not None and queries.use_recovery_code(
            transaction, code.person_id, code.recovery_hash, now_ns
        ):
            left = queries.recovery_codes_left(transaction, code.person_id)
            self._auditor.record(
                transaction,
                actor,
                Action.RECOVERY_CODE_USED,
                f"person {actor.name}",
                {"left": str(left)},
                now_ns=now_ns,
            )
            return SecondFactor.RECOVERY_CODE
        return None

    def _keep_codes(
        self, transaction: Connection, actor: Actor, person_id: str, codes: list[Secret], now_ns: int
    ) -> None:
        hashes = [recovery_code_hash(person_id, code.reveal()) for code in codes]
        queries.put_recovery_codes(transaction, person_id, [one for one in hashes if one], now_ns)
        self._auditor.record(
            transaction, actor, Action.RECOVERY_CODES_MADE, f"person {actor.name}", now_ns=now_ns
        )

    def _protect(self, signed_in: SignedIn) -> None:
        require_own_credentials(signed_in)
        self._sessions.require_recent(signed_in)

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _holder(person_id: str) -> str:
    return f"person:{person_id}"


def vault_owner(person_id: str) -> str:
    """Where the secret of a person's authenticator app is in the vault."""
    return f"totp:{person_id}"
