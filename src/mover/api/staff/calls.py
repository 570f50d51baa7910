"""What a handler of the staff's API gets: metadata, and no other service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mover.api.calls import ADMITTED
from mover.api.cursors import Cursors, cursors_of
from mover.api.services import services_of
from mover.api.staff.operations import StaffOperation
from mover.staff.lists import Lists
from mover.staff.looks import Look

LOOKED = "mover.looked"
"""Where the guard of a route leaves the operation whose look it kept, in the request's scope."""


@dataclass(frozen=True)
class StaffCall:
    """One call of an operation.

    Attributes:
        request: As it came.
    """

    request: Request

    @property
    def lists(self) -> Lists:
        """Metadata. Raises RuntimeError unless a look was kept: a handler cannot forget it."""
        kept = self.request.scope.get(LOOKED)
        if not isinstance(kept, StaffOperation) or kept.look is Look.NONE:
            raise RuntimeError("metadata is asked for before the look was kept")
        return services_of(self.request).staff.lists

    @property
    def cursors(self) -> Cursors:
        """Makes and opens this list's cursors."""
        return cursors_of(self.request, self.request.scope[ADMITTED])


def _call(request: Request) -> StaffCall:
    return StaffCall(request)


StaffCalling = Annotated[StaffCall, Depends(_call)]
