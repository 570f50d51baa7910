"""`mover db`: look at the database, bring its schema up to date, and give roles their privileges."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mover.cli.codes import ALL_WELL, COULD_NOT_RUN
from mover.cli.faults import say
from mover.cli.screen import out, print_json, words
from mover.database import upgrading
from mover.database.backing_up import back_up
from mover.database.locations import SQLITE
from mover.database.upgrading import Condition
from mover.settings import Settings

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


async def check(*, machine: bool) -> int:
    """Tell what the database is like; exit code 2 if Mover cannot work with it as it is.

    Raises DatabaseTrouble: it does not answer, or is not Mover's.
    """
    found = await upgrading.condition(Settings().database_url)
    if machine:
        print_json(_as_object(found))
    else:
        out().print(words(f"{_KINDS[found.kind]}: {found.where}"))
        out().print(words(f"revision {found.revision or 'none'}, newest {found.newest}"))
    if found.up_to_date:
        return ALL_WELL
    if found.kind == SQLITE:  # which every command brings up to date by itself
        say("the database is made or brought up to date by the next command", style="bold yellow")
        return ALL_WELL
    say("the schema is not the one that this Mover needs", "Make a backup, then run: mover db upgrade")
    return COULD_NOT_RUN


async def upgrade(*, machine: bool) -> int:
    """Bring the schema up to date. Raises as `check`."""
    before, after = await upgrading.upgrade(Settings().database_url)
    if machine:
        print_json({**_as_object(after), "before": before.revision})
    elif before == after:
        out().print(words(f"{_KINDS[after.kind]}: {after.where} is up to date (revision {after.revision})"))
    else:
        what = (
            f"was brought from revision {before.revision} to" if before.revision else "was made, at revision"
        )
        out().print(words(f"{_KINDS[after.kind]}: {after.where} {what} {after.revision}"))
    return ALL_WELL


async def roles(*, apply: bool, machine: bool) -> int:
    """Print the SQL that makes the roles of the service with their privileges, or execute it. Raises DatabaseTrouble."""
    from mover.database.roles.applying import script  # noqa: PLC0415 - for this command alone
    from mover.database.roles.words import Role  # noqa: PLC0415 - likewise

    if not apply:
        sys.stdout.write(script())
        return ALL_WELL
    await upgrading.set_up_roles(Settings().database_url)
    names = [role.value for role in Role]
    if machine:
        print_json({"roles": names})
    else:
        out().print(words(f"the roles {', '.join(names)} have their privileges, and no others"))
    return ALL_WELL


async def backup(file: Path, *, machine: bool) -> int:
    """Copy SQLite's file. Raises as `back_up`."""
    size_bytes = await back_up(Settings().database_url, file)
    if machine:
        print_json({"file": str(file), "size_bytes": size_bytes})
    else:
        out().print(words(f"{file} holds the database as of now, {size_bytes:,} bytes"))
        say("Keep the global key as well, and elsewhere: neither is worth anything without the other")
    return ALL_WELL


def _as_object(found: Condition) -> Mapping[str, Any]:
    return {
        "kind": found.kind,
        "where": found.where,
        "revision": found.revision,
        "newest": found.newest,
        "up_to_date": found.up_to_date,
    }
