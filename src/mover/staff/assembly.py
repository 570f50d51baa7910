"""All services of the staff, made to fit each other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mover.accounts.attempts import Attempts
from mover.accounts.audit import Auditor
from mover.accounts.passwords import Argon2Cost, Passwords
from mover.database.database import Database
from mover.settings import Settings
from mover.staff.directory import Directory
from mover.staff.disclosures import Disclosures
from mover.staff.exceptions import Exceptions
from mover.staff.full import FullViews
from mover.staff.keys import StaffKeys
from mover.staff.lists import Lists
from mover.staff.looks import Looks
from mover.staff.reading import Reading
from mover.staff.requests import Requests
from mover.staff.sessions import StaffSessions
from mover.staff.sign_in import StaffSignIn
from mover.staff.views import Views
from mover.vault.vault import Vault


@dataclass(frozen=True)
class Staff:
    """The services, as the rooms above use them."""

    directory: Directory
    sign_in: StaffSignIn
    sessions: StaffSessions
    keys: StaffKeys
    requests: Requests
    disclosures: Disclosures
    exceptions: Exceptions
    reading: Reading
    views: Views
    lists: Lists
    looks: Looks
    full: FullViews

    async def close(self) -> None:
        """Close the database that only they read through; everything else was given and is closed by its giver."""
        await self.reading.close()


def assemble(
    database: Database,
    vault: Vault,
    settings: Settings,
    auditor: Auditor,
    *,
    cost: Argon2Cost = Argon2Cost(),  # noqa: B008 - immutable
    now: Callable[[], float] = time.time,
) -> Staff:
    """Make all services.

    Args:
        database: Where accounts, sessions, requests and the audit log are.
        vault: Holds the secrets of authenticator apps, and the key that signs approvals.
        settings: Say through which database metadata is read.
        auditor: Keeps what happened.
        cost: Of hashing passwords.
        now: Seconds since 1970 UTC.
    """
    passwords = Passwords(cost)
    sessions = StaffSessions(database, vault, auditor, now=now)
    requests = Requests(database, vault, auditor, now=now)
    attempts = Attempts(database, now=now)
    exceptions = Exceptions(database, requests, auditor, now=now)
    reading = Reading(settings)
    views = Views(reading)
    return Staff(
        directory=Directory(database, vault, passwords, requests, auditor, now=now),
        sign_in=StaffSignIn(database, vault, passwords, sessions, attempts, auditor, now=now),
        sessions=sessions,
        keys=StaffKeys(database, vault, attempts, auditor, now=now),
        requests=requests,
        disclosures=Disclosures(database, auditor, now=now),
        exceptions=exceptions,
        reading=reading,
        views=views,
        lists=Lists(reading),
        looks=Looks(exceptions, views),
        full=FullViews(database),
    )
