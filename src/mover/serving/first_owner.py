"""The first owner of an installation, made by the process that starts it for the first time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mover.accounts.audit_log import AuditLog
from mover.accounts.organisations import Founded, Organisations
from mover.accounts.passwords import Passwords
from mover.accounts.sessions import Sessions
from mover.errors import Conflict, InvalidConfiguration
from mover.workplace.workplace import Workplace

ORGANISATION = "My organisation"
NAME = "Owner"


async def first_owner(
    place: Workplace, email: str, *, organisation: str = ORGANISATION, name: str = NAME
) -> Founded | None:
    """Make the first organisation with its owner, whose password is made up; None if there is somebody already.

    Raises InvalidConfiguration: the address cannot be one.
    """
    auditor = AuditLog(place.database)
    organisations = Organisations(
        place.database, place.vault, Passwords(), Sessions(place.database, auditor), auditor
    )
    if not await organisations.nobody_yet():
        return None
    with suppress(Conflict):  # another process was quicker
        return await organisations.found(organisation, owner_email=email, owner_name=name)
    return None


def keep_for_owner(path: Path, founded: Founded) -> None:
    """Write address and password into a file that only its owner can read: where no terminal could show them.

    What is printed without a terminal ends up in some log. Raises InvalidConfiguration.
    """
    assert founded.password is not None
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{founded.owner.email}\n{founded.password.reveal()}\n")
    except OSError as error:
        raise InvalidConfiguration(
            f"the first owner's password cannot be left in {str(path)!r}: {error.strerror}"
        ) from None
