"""`mover staff list`, `add`, `reset` and `remove`."""

from __future__ import annotations

import sys

import typer

from mover.accounts.audit_log import AuditLog
from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.cli.screen import out, plain, print_json, words
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration
from mover.staff.assembly import assemble
from mover.staff.directory import Directory, NewPassword
from mover.staff.records import StaffMember
from mover.workplace.workplace import Workplace


def confirmed(what: str, email: str) -> bool:
    """Ask on the terminal. Raises InvalidConfiguration where there is none."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidConfiguration("there is no terminal to ask at; if you are sure, add --yes")
    if typer.confirm(f"{what} {plain(email)}?", err=True):
        return True
    say("nothing was changed", style="bold yellow")
    return False


async def list_staff(*, machine: bool) -> int:
    """List the staff, one a line."""
    async with workplace() as place:
        found = await _directory(place).everybody()
    for member in found:
        if machine:
            print_json(_as_object(member))
        else:
            factor = "authenticator app" if member.has_second_factor else "no second factor yet"
            password = "  has the first password still" if member.password_given else ""
            out().print(words(f"{member.email}  {member.name}  {factor}{password}"))
    if not found and not machine:
        say("there is no staff; `mover staff add` gives somebody an account", style="bold yellow")
    return ALL_WELL


async def add(email: str, name: str, *, machine: bool) -> int:
    """Give somebody an account. Raises Conflict, InvalidConfiguration."""
    async with workplace() as place:
        made = await _directory(place).add(email, name)
    return _tell(made, machine=machine)


async def reset(email: str, *, machine: bool) -> int:
    """Give somebody a new password. Raises NotFound, InvalidConfiguration."""
    async with workplace() as place:
        made = await _directory(place).reset(email)
    return _tell(made, machine=machine)


async def remove(email: str, *, machine: bool) -> int:
    """Remove somebody. Raises NotFound, InvalidConfiguration."""
    async with workplace() as place:
        removed = await _directory(place).remove(email)
    if machine:
        print_json(_as_object(removed))
    else:
        out().print(words(f"Removed {removed.email} from the staff. Their sessions and API keys have ended."))
    return ALL_WELL


def _directory(place: Workplace) -> Directory:
    return assemble(place.database, place.vault, place.settings, AuditLog(place.database)).directory


def _tell(made: NewPassword, *, machine: bool) -> int:
    if machine:
        print_json({**_as_object(made.member), "password": made.password.reveal()})
        return ALL_WELL
    out().print(words(f"First password of {made.member.email}, shown this once: {made.password.reveal()}"))
    out().print(words("They sign in at /staff/sign-in, set up an authenticator app, and choose their own."))
    return ALL_WELL


def _as_object(member: StaffMember) -> dict[str, object]:
    return {
        "email": member.email,
        "name": member.name,
        "second_factor": member.has_second_factor,
        "first_password": member.password_given,
        "last_sign_in_ns": member.last_sign_in_ns,
    }
