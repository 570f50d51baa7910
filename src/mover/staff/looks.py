"""Looks at metadata: each is kept before anything is shown, by pages and by the staff's API alike."""

from __future__ import annotations

import enum

from mover.staff.exceptions import Exceptions
from mover.staff.records import StaffMember
from mover.staff.views import Views


class Look(enum.Enum):
    """What is shown, and so what a guard does before."""

    NONE = "none"  # nothing of any organisation
    INSTALLATION = "installation"  # a line of each: kept in the staff's log
    ORGANISATION = "organisation"  # metadata of one: kept in its log
    EXCEPTION = (
        "exception"  # more than metadata, or an act: needs an approved request, and is kept in its log
    )


class Looks:
    """Keeps looks that need no exception.

    Args:
        exceptions: Writes them down.
        views: Knows which organisations there are.
    """

    def __init__(self, exceptions: Exceptions, views: Views) -> None:
        self._exceptions = exceptions
        self._views = views

    async def keep(self, member: StaffMember, what: str, organisation_id: str | None, **details: str) -> None:
        """Keep a look at an organisation, or (None) at the installation. Raises NotFound: there is no such organisation."""
        if organisation_id is not None:
            await self._views.organisation_name(organisation_id)  # nothing is kept about what is not there
        await self._exceptions.looked(member, organisation_id, what, details)
