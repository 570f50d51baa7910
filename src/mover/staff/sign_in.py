"""The way in for the staff: a password, then always a code of an authenticator app."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.attempts import Attempts, Limit, address_limit, person_limit, succeeded
from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.codes import matching_step, new_totp
from mover.accounts.passwords import Passwords
from mover.accounts.records import Client, TotpSetup
from mover.accounts.refusals import MayNot, NotPossible, SignInRefused
from mover.accounts.typed import email_address
from mover.database.database import Database
from mover.errors import InvalidConfiguration, NotFound
from mover.staff.enrolment import end, expect_allowed, vault_holder
from mover.staff.queries import people, sessions
from mover.staff.queries.people import StaffCredentials, StaffTotp
from mover.staff.records import STAFF_LOG, StaffEntrance, StaffSignedIn, Step
from mover.staff.sessions import StaffSessions
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_FREE_FOR_AN_ADDRESS = 20
_WRONG = "the address or the password is wrong"
_WRONG_CODE = "that is not the code that the app shows now, or it was used already; wait for the next one"


class StaffSignIn:
    """Lets the staff in, step by step; each wrong try is counted, as for people.

    Args:
        database: Where they are.
        vault: Holds the secrets of authenticator apps.
        passwords: Compares and hashes.
        sessions: Theirs.
        attempts: Counts.
        auditor: Keeps what happened, in the staff's log.
        issuer: What authenticator apps show beside the address.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        passwords: Passwords,
        sessions: StaffSessions,
        attempts: Attempts,
        auditor: Auditor,
        *,
        issuer: str = "Mover staff",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._issuer = issuer
        self._now = now

    async def with_password(self, email: str, password: Secret, client: Client) -> StaffEntrance:
        """Begin: the session that comes of it opens nothing but the next step, and for ten minutes.

        Raises SignInFailed (the same words for an unknown address and a wrong password), Throttled.
        """
        try:
            spelled = email_address(email)
        except InvalidConfiguration:
            spelled = ""
        own = _account_limit(spelled)
        network = address_limit("staff-address", client.address, free=_FREE_FOR_AN_ADDRESS)
        await self._attempts.begin(own, network)
        found = await self._database.read(lambda transaction: people.by_email(transaction, spelled))
        stored = found.password_hash if found else None
        if not await self._passwords.verify(password, stored) or found is None:
            await self._note_failure(spelled, found, client)
            raise SignInRefused(_WRONG)
        # Not before an app is there: the hash of a first password is what lets them set one up.
        outdated = found.member.has_second_factor and self._passwords.outdated(found.password_hash)
        anew = await self._passwords.hash(password) if outdated else None
        new = await self._sessions.prepare(found.member.id, client, second_factor=False)

        def begin(transaction: Connection) -> None:
            now = people.credentials(transaction, found.member.id)
            if now is None or now.password_hash != found.password_hash:  # changed while it was compared
                raise SignInRefused(_WRONG)
            succeeded(transaction, [own], [network])
            if anew is not None:
                people.change(transaction, found.member.id, password_hash=anew)
            self._sessions.begin(transaction, new)

        await self._database.write(begin)
        return await self._sessions.entrance(new)

    async def with_code(self, signed_in: StaffSignedIn, code: str, client: Client) -> StaffEntrance:
        """Finish with a code; each works once. Raises SignInFailed, Throttled, PermissionDenied (another step comes first)."""
        _expect(signed_in, Step.CODE)
        return await self._with_app(signed_in, code, client, confirming=False)

    async def begin_app(self, signed_in: StaffSignedIn) -> TotpSetup:
        """Make the secret of an authenticator app, to be scanned; `finish_app` takes it into use. Raises PermissionDenied, Conflict."""
        _expect(signed_in, Step.SET_UP)
        member = signed_in.member
        await self._expect_given(member.id)
        setup = new_totp(member.email, self._issuer)
        made = StaffTotp(
            staff_id=member.id,
            setup_id=token_hex(16),
            last_step=0,
            created_ns=self._now_ns(),
            confirmed_ns=None,
        )

        def keep(transaction: Connection) -> None:
            if not people.put_totp(transaction, made):
                raise NotPossible("an authenticator app was set up elsewhere at this moment; sign in again")

        await self._vault.replace(
            vault_holder(member.id), vault_owner(member.id), {made.setup_id: setup.secret}, along=keep
        )
        return setup

    async def finish_app(self, signed_in: StaffSignedIn, code: str, client: Client) -> StaffEntrance:
        """Take the app into use with its first code; all other sessions end. Raises SignInFailed, Throttled, PermissionDenied."""
        _expect(signed_in, Step.SET_UP)
        await self._expect_given(signed_in.member.id)
        entrance = await self._with_app(signed_in, code, client, confirming=True)
        await end(self._vault, signed_in.member.id)
        return entrance

    async def change_password(
        self, signed_in: StaffSignedIn, new: Secret, *, current: Secret | None = None
    ) -> None:
        """Set one's own password; all other sessions end.

        Args:
            signed_in: Who.
            new: See `Passwords.check`.
            current: The present one; not asked for while that is the one that the operator gave, a moment ago.

        Raises SignInFailed (`current` is wrong), Throttled, InvalidConfiguration (too weak, or the one that was given),
        PermissionDenied, Conflict.
        """
        if signed_in.step not in {None, Step.NEW_PASSWORD}:
            raise MayNot("show the code of your authenticator app first")
        member = signed_in.member
        stored = await self._database.read(lambda transaction: people.credentials(transaction, member.id))
        if stored is None:
            raise SignInRefused("you are not of the staff any more")
        limit = person_limit("staff-password", member.id, free=5)
        if signed_in.step is None:
            await self._attempts.begin(limit)
            if current is None or not await self._passwords.verify(current, stored.password_hash):
                raise SignInRefused("the present password is wrong")
        self._passwords.check(new, own_words=(member.email, member.name))
        if await self._passwords.verify(new, stored.password_hash):
            raise InvalidConfiguration(
                "this is the password that you have now; choose one that nobody else knows"
            )
        after = await self._passwords.hash(new)

        def change(transaction: Connection) -> None:
            if not people.change_password_if(
                transaction, member.id, stored.password_hash, password_hash=after, password_given_ns=None
            ):
                raise NotPossible("the password was changed by somebody else at this moment")
            succeeded(transaction, [limit])
            sessions.remove_of(transaction, member.id, but=signed_in.session.id)
            self._record(transaction, member.actor(), Action.STAFF_PASSWORD_CHANGED, member.email)

        await self._database.write(change)
        await end(self._vault, member.id)

    async def _expect_given(self, staff_id: str) -> None:
        """Raises PermissionDenied."""
        stored = await self._database.read(lambda transaction: people.credentials(transaction, staff_id))
        if stored is None:
            raise SignInRefused("you are not of the staff any more")
        await expect_allowed(self._vault, staff_id, stored.password_hash)

    async def _with_app(
        self, signed_in: StaffSignedIn, code: str, client: Client, *, confirming: bool
    ) -> StaffEntrance:
        member = signed_in.member
        limit = person_limit("staff-code", member.id, free=5)
        await self._attempts.begin(limit)
        found = await self._database.read(lambda transaction: people.find_totp(transaction, member.id))
        step = await self._step_of(found, code, confirmed=not confirming)
        new = await self._sessions.prepare(member.id, client, second_factor=True)
        now_ns = self._now_ns()

        def enter(transaction: Connection) -> bool:
            if found is None or step is None:
                return False
            if confirming:
                right = people.confirm_totp(transaction, member.id, found.setup_id, step, now_ns)
            else:
                right = people.use_step(transaction, member.id, found.setup_id, step)
            if not right:
                return False
            succeeded(transaction, [limit])
            self._sessions.begin(transaction, new, instead_of=signed_in.session.id)
            if confirming:
                sessions.remove_of(transaction, member.id, but=new.session.id)
                self._record(transaction, member.actor(), Action.STAFF_SECOND_FACTOR_ADDED, member.email)
            self._sessions.entered(transaction, new, member)
            return True

        if not await self._database.write(enter):
            await self._database.write(
                lambda transaction: self._record(
                    transaction,
                    nobody("somebody who has the password alone", STAFF_LOG),
                    Action.STAFF_SIGN_IN_FAILED,
                    member.email,
                    client,
                )
            )
            raise SignInRefused(_WRONG_CODE)
        return await self._sessions.entrance(new)

    async def _step_of(self, found: StaffTotp | None, code: str, *, confirmed: bool) -> int | None:
        if found is None or (found.confirmed_ns is not None) is not confirmed:
            return None
        try:
            secret = await self._vault.fetch(
                vault_holder(found.staff_id), vault_owner(found.staff_id), found.setup_id
            )
        except NotFound:  # reset between the two reads
            return None
        return matching_step(secret, code, self._now())

    async def _note_failure(self, spelled: str, found: StaffCredentials | None, client: Client) -> None:
        """Of somebody who is there in the staff's log; anybody can try addresses that nobody has, so that is nobody's."""
        whose = nobody("somebody who did not sign in", STAFF_LOG if found else "")
        await self._database.write(
            lambda transaction: self._record(
                transaction, whose, Action.STAFF_SIGN_IN_FAILED, spelled or "no address", client
            )
        )

    def _record(
        self,
        transaction: Connection,
        actor: Actor,
        action: Action,
        email: str,
        client: Client | None = None,
    ) -> None:
        self._auditor.record(
            transaction,
            actor,
            action,
            f"staff {email}",
            {"address": client.address} if client else None,
            now_ns=self._now_ns(),
        )

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def vault_owner(staff_id: str) -> str:
    """Where the secret of an authenticator app is in the vault: owners are unique there, whoever holds them."""
    return f"totp:{staff_id}"


def _account_limit(email: str) -> Limit:
    digest = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:48]
    return Limit(f"staff-account:{digest}", free=5)


def _expect(signed_in: StaffSignedIn, step: Step) -> None:
    if signed_in.step is not step:
        raise MayNot("this is not the step that comes next")
