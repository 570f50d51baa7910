"""Who is of the staff: what the operator decides at the command line, and nobody through the pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex

import msgspec
from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.accounts.audit_log import nobody
from mover.accounts.passwords import Passwords
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.accounts.rescue import OPERATOR
from mover.accounts.typed import email_address, shown_name
from mover.database.database import Database
from mover.errors import one_line
from mover.staff.enrolment import allow, vault_holder
from mover.staff.queries import keys, people, requests, sessions
from mover.staff.records import STAFF_LOG, RequestState, StaffMember
from mover.staff.requests import Requests
from mover.vault.secret import Secret
from mover.vault.vault import Vault


@dataclass(frozen=True)
class NewPassword:
    """Somebody's first password, or the one after a reset: shown once, to be changed at the first sign-in."""

    member: StaffMember
    password: Secret = field(repr=False)


class Directory:
    """The staff's accounts.

    Args:
        database: Where they are.
        vault: Holds the secrets of authenticator apps.
        passwords: Makes and hashes passwords.
        requests: Those of somebody who leaves end.
        auditor: Keeps what happened, in the staff's log.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        passwords: Passwords,
        requests: Requests,
        auditor: Auditor,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._passwords = passwords
        self._requests = requests
        self._auditor = auditor
        self._now = now

    async def everybody(self) -> list[StaffMember]:
        """List the staff by address."""
        return await self._database.read(people.everybody)

    async def find(self, email: str) -> StaffMember:
        """Find somebody by address. Raises NotFound, InvalidConfiguration (it is none)."""
        spelled = email_address(email)
        found = await self._database.read(lambda transaction: people.by_email(transaction, spelled))
        if found is None:
            raise NoSuchThing(f"nobody of the staff has the mail address {one_line(spelled, limit=80)!r}")
        return found.member

    async def add(self, email: str, name: str) -> NewPassword:
        """Give somebody an account. Raises Conflict (the address has one), InvalidConfiguration."""
        member = StaffMember(
            id=token_hex(16),
            email=email_address(email),
            name=shown_name(name, "a person"),
            created_ns=self._now_ns(),
            last_sign_in_ns=None,
            has_second_factor=False,
            password_given=True,
        )
        password = self._passwords.make()
        hashed = await self._passwords.hash(password)

        def add(transaction: Connection) -> None:
            if people.by_email(transaction, member.email) is not None:
                raise NotPossible(f"{member.email} is of the staff already")
            people.add(transaction, member, hashed)
            self._record(transaction, Action.STAFF_ADDED, member)

        await self._database.write(add)
        await allow(self._vault, member.id, hashed)
        return NewPassword(member, password)

    async def reset(self, email: str) -> NewPassword:
        """Give somebody who lost password or phone a new password; the second factor, all sessions and API keys go.

        Raises NotFound, InvalidConfiguration.
        """
        member = await self.find(email)
        password = self._passwords.make()
        hashed = await self._passwords.hash(password)

        def reset(transaction: Connection) -> None:
            _expect_there(transaction, member)
            people.change(transaction, member.id, password_hash=hashed, password_given_ns=self._now_ns())
            people.remove_totp(transaction, member.id)
            sessions.remove_of(transaction, member.id)
            keys.remove_of(transaction, member.id)
            self._record(transaction, Action.STAFF_RESET, member)

        await self._vault.destroy_person(vault_holder(member.id), along=reset)
        await allow(self._vault, member.id, hashed)
        return NewPassword(
            msgspec.structs.replace(member, has_second_factor=False, password_given=True), password
        )

    async def remove(self, email: str) -> StaffMember:
        """Remove somebody: sessions, API keys and secrets go, their requests are withdrawn, their approvals of open ones taken back.

        Raises NotFound, InvalidConfiguration.
        """
        member = await self.find(email)

        def remove(transaction: Connection) -> None:
            _expect_there(transaction, member)
            for request in requests.open_of(transaction, member.id):
                self._requests.end_within(
                    transaction,
                    member,
                    request,
                    RequestState.WITHDRAWN,
                    f"{member.email} is not of the staff any more",
                    Action.EXCEPTION_WITHDRAWN,
                )
            requests.forget_open_approvals(transaction, member.id)
            people.remove(transaction, member.id)
            self._record(transaction, Action.STAFF_REMOVED, member)

        await self._vault.destroy_person(vault_holder(member.id), along=remove)
        return member

    def _record(self, transaction: Connection, action: Action, member: StaffMember) -> None:
        self._auditor.record(
            transaction,
            nobody(OPERATOR, STAFF_LOG),
            action,
            f"staff {member.email}",
            now_ns=self._now_ns(),
        )

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _expect_there(transaction: Connection, member: StaffMember) -> None:
    if people.find(transaction, member.id) is None:
        raise NoSuchThing(f"{member.email} is not of the staff any more")
