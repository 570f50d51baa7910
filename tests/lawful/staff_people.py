"""People of the staff with authenticator apps, who sign in at the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyotp
from sqlalchemy import update
from tests.accounts.house import CHEAP

from mover.accounts.audit_log import AuditLog
from mover.accounts.passwords import Argon2Cost
from mover.accounts.records import Client
from mover.staff.assembly import assemble
from mover.staff.records import StaffMember
from mover.staff.tables import staff_people, staff_totp
from mover.vault.secret import Secret
from mover.workplace.workplace import Workplace

_CLIENT = Client("127.0.0.1", "a test")


@dataclass
class Colleague:
    """Somebody with a password and an app."""

    member: StaffMember
    password: Secret
    app: pyotp.TOTP

    @property
    def variables(self) -> dict[str, str]:
        """For the environment of a command."""
        return {"STAFF_PASSWORD": self.password.reveal()}

    @property
    def words(self) -> list[str]:
        """For its command line."""
        email = ["--as", self.member.email, "--password", "@env:STAFF_PASSWORD"]
        return [*email, "--code", self.app.at(int(time.time()))]


async def hire(place: Workplace, *names: str, cost: Argon2Cost = CHEAP) -> list[Colleague]:
    """Give people accounts, and let them through their first sign-in."""
    staff = assemble(place.database, place.vault, place.settings, AuditLog(place.database), cost=cost)
    found = []
    try:
        for name in names:
            made = await staff.directory.add(f"{name}@staff.example", name.title())
            entrance = await staff.sign_in.with_password(made.member.email, made.password, _CLIENT)
            setup = await staff.sign_in.begin_app(entrance.signed_in)
            app = pyotp.TOTP(setup.secret.reveal())
            await staff.sign_in.finish_app(entrance.signed_in, app.at(int(time.time())), _CLIENT)
            found.append(Colleague(made.member, made.password, app))
    finally:
        await staff.close()
    await place.database.write(
        lambda c: c.execute(update(staff_people).values(password_given_ns=None)).rowcount
    )
    return found


async def let_codes_be_used_again(place: Workplace) -> None:
    """A code works once, and a new one comes every half minute: a test has no time to wait for it."""
    await place.database.write(lambda c: c.execute(update(staff_totp).values(last_step=0)).rowcount)
