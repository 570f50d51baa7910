"""Somebody of the staff, signed in as far as a test wants, as a browser of theirs calls."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyotp
from tests.api.installation import CLIENT, URL

from mover.api.services import Services
from mover.staff.assembly import Staff
from mover.staff.records import StaffEntrance, StaffMember
from mover.vault.secret import Secret
from mover.web.staff.cookies import STAFF_COOKIE

PASSWORD = Secret("marble otter lighthouse 3")


@dataclass(frozen=True)
class StaffCaller:
    """A session of somebody of the staff."""

    entrance: StaffEntrance

    @property
    def member(self) -> StaffMember:
        return self.entrance.signed_in.member

    @property
    def cookie(self) -> dict[str, str]:
        """Headers of a browser that only looks."""
        return {"Cookie": f"{STAFF_COOKIE}={self.entrance.token.reveal()}"}

    @property
    def browser(self) -> dict[str, str]:
        """Headers of a page of ours that changes something."""
        csrf = self.entrance.signed_in.csrf_token.reveal()
        return {**self.cookie, "X-CSRF-Token": csrf, "Origin": URL, "Sec-Fetch-Site": "same-origin"}


async def has_password(services: Services, name: str) -> StaffCaller:
    """Somebody new who has shown the first password, and nothing else."""
    made = await services.staff.directory.add(f"{name}@staff.example", name.title())
    entrance = await services.staff.sign_in.with_password(made.member.email, made.password, CLIENT)
    return StaffCaller(entrance)


async def has_app(services: Services, name: str) -> StaffCaller:
    """Somebody who has an authenticator app too, but still the password that the operator knows."""
    begun = await has_password(services, name)
    return StaffCaller((await add_app(services.staff, begun.entrance))[0])


async def add_app(staff: Staff, entrance: StaffEntrance) -> tuple[StaffEntrance, pyotp.TOTP]:
    """Set an authenticator app up."""
    setup = await staff.sign_in.begin_app(entrance.signed_in)
    app = pyotp.TOTP(setup.secret.reveal())
    return await staff.sign_in.finish_app(entrance.signed_in, app.at(int(time.time())), CLIENT), app


async def is_in(services: Services, name: str) -> StaffCaller:
    """Somebody who has done all of it."""
    caller = await has_app(services, name)
    await services.staff.sign_in.change_password(caller.entrance.signed_in, PASSWORD)
    found = await services.staff.sessions.find(caller.entrance.token)
    return StaffCaller(StaffEntrance(caller.entrance.token, found))


async def needs_code(services: Services, name: str) -> StaffCaller:
    """Somebody who has all of it, and has shown the password alone."""
    caller = await is_in(services, name)
    entrance = await services.staff.sign_in.with_password(caller.member.email, PASSWORD, CLIENT)
    return StaffCaller(entrance)
