"""How an operation of the staff's API is declared: with the look that is kept before it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mover.api.operations import STAFF_ONLY, Endpoint, Open, Operation, Resource
from mover.staff.looks import Look


@dataclass(frozen=True, kw_only=True)
class StaffOperation(Operation):
    """One address of the staff's API.

    Attributes:
        look: What it shows; of `ORGANISATION` exactly if `organisation_id` is in its path.
        what: For the audit log: `list of organisations`, `pair`.
    """

    look: Look
    what: str


class StaffResource(Resource):
    """A group of operations of the staff; all of them look, and none does anything else."""

    def look(self, path: str, look: Look, what: str) -> Callable[[Endpoint], Endpoint]:
        """Declare a GET."""

        def declare(endpoint: Endpoint) -> Endpoint:
            self.operations.append(
                StaffOperation(
                    method="GET",
                    path=path,
                    need=Open.SIGNED_IN,
                    endpoint=endpoint,
                    status=200,
                    audiences=STAFF_ONLY,
                    resource=self.title,
                    problems=(400,),
                    look=look,
                    what=what,
                )
            )
            return endpoint

        return declare
