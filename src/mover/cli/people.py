"""`mover people list` and `mover people reset-second-factor`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from mover.accounts.audit_log import AuditLog
from mover.accounts.erasure import Erasure, Leaving
from mover.accounts.records import SecondFactor
from mover.accounts.rescue import Known, Removed, Rescue
from mover.accounts.sessions import Sessions
from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.cli.screen import out, plain, print_json, words
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration
from mover.privacy.exports import DataExports
from mover.workplace.removers import PERSON_REMOVERS
from mover.workplace.workplace import Workplace

_WAYS = {
    SecondFactor.TOTP: "authenticator app",
    SecondFactor.PASSKEY: "passkey",
    SecondFactor.RECOVERY_CODE: "recovery codes",
}


def confirmed(
    email: str, question: str = "Remove all second factors of {email} and end their sessions?"
) -> bool:
    """Ask on the terminal. Raises InvalidConfiguration where there is none."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidConfiguration("there is no terminal to ask at; if you are sure, add --yes")
    if typer.confirm(question.format(email=plain(email)), err=True):
        return True
    say("nothing was changed", style="bold yellow")
    return False


async def list_people(*, machine: bool) -> int:
    """List everybody, one a line."""
    async with workplace() as place:
        found = await _rescue(place).people()
    for known in found:
        if machine:
            print_json(_as_object(known))
        else:
            out().print(words(_line(known)))
    if not found and not machine:
        say("nobody signs in here yet; `mover serve` makes the first owner", style="bold yellow")
    return ALL_WELL


async def reset_second_factor(email: str, *, machine: bool) -> int:
    """Remove the second factors of a person and tell what was removed.

    Raises NotFound (nobody has the address), InvalidConfiguration (it is none).
    """
    async with workplace() as place:
        removed = await _rescue(place).reset_second_factor(email)
    if machine:
        print_json(removed)
    else:
        out().print(words(_sentence(removed)))
    return ALL_WELL


async def export_person(email: str, output: Path) -> int:
    """Write everything about somebody. Raises NotFound, InvalidConfiguration (the file cannot be made)."""
    async with workplace() as place:
        audit = AuditLog(place.database)
        exports = DataExports(place.database, Sessions(place.database, audit), audit)
        content = await exports.of_person(email)
        try:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                async for piece in content:
                    file.write(piece)
        except OSError as error:
            raise InvalidConfiguration(f"{output} cannot be written: {error.strerror}") from None
    say(f"everything that is kept of them is in {output}")
    return ALL_WELL


async def delete_person(email: str) -> int:
    """Delete somebody. Raises NotFound, Conflict (the last owner)."""
    async with workplace() as place:
        audit = AuditLog(place.database)
        erasure = Erasure(place.database, place.vault, removers=PERSON_REMOVERS)
        leaving = Leaving(place.database, erasure, Sessions(place.database, audit), audit)
        person = await leaving.remove(email)
    out().print(words(f"{person.email} is deleted."))
    return ALL_WELL


def _rescue(place: Workplace) -> Rescue:
    return Rescue(place.database, place.vault, AuditLog(place.database))


def _as_object(known: Known) -> dict[str, object]:
    return {
        "email": known.person.email,
        "name": known.person.name,
        "second_factors": sorted(known.ways),
        "last_sign_in_ns": known.person.last_sign_in_ns,
        "organisations": [
            {"name": one.organisation_name, "role": one.role.value} for one in known.memberships
        ],
    }


def _line(known: Known) -> str:
    ways = ", ".join(word for way, word in _WAYS.items() if way in known.ways) or "no second factor"
    places = ", ".join(f"{one.organisation_name} ({one.role.value})" for one in known.memberships)
    return f"{known.person.email}  {known.person.name}  {ways}  {places or 'no organisation'}"


def _sentence(removed: Removed) -> str:
    if not removed.anything:
        return f"{removed.email} has no second factor. Nothing was changed."
    gone = ["the authenticator app"] if removed.authenticator_app else []
    for number, one in ((removed.recovery_codes, "recovery code"), (removed.passkeys, "passkey")):
        if number:
            gone.append(f"{number} {one}{'' if number == 1 else 's'}")
    ended = f"{removed.sessions} session{'' if removed.sessions == 1 else 's'} ended"
    logs = ", ".join(removed.organisations)
    told = f" It is in the audit log of {logs}." if logs else ""
    return f"Removed of {removed.email}: {', '.join(gone)}; {ended}. Their password, if they have one, stays.{told}"
