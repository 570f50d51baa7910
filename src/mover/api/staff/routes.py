"""What happens around every operation of the staff's API: the look is kept in the log of the organisation, then it is answered."""

from __future__ import annotations

from mover.api.admitted import Admitted
from mover.api.operations import Operation
from mover.api.routes import OperationRoute, StrictRequest
from mover.api.services import services_of
from mover.api.staff.calls import LOOKED
from mover.api.staff.door import StaffDoor
from mover.api.staff.operations import StaffOperation
from mover.api.staff.resources import STAFF_RESOURCES
from mover.staff.looks import Look

STAFF = "/staff/api/v1"


class StaffOperationRoute(OperationRoute):
    """An operation of the staff's API, mounted; it is the only way to one."""

    async def before(self, request: StrictRequest, admitted: Admitted | None) -> None:
        """Keep the look. Raises NotFound: there is no such organisation."""
        operation = self.operation
        assert isinstance(operation, StaffOperation)
        assert admitted is not None
        assert admitted.staff is not None
        organisation_id = (
            request.path_params["organisation_id"] if operation.look is Look.ORGANISATION else None
        )
        await services_of(request).staff.looks.keep(
            admitted.staff.member,
            operation.what,
            organisation_id,
            page=request.url.path,
            key=admitted.staff.key.name,
        )
        request.scope[LOOKED] = operation


def staff_routes() -> list[StaffOperationRoute]:
    """All of them, mounted at `STAFF`."""
    door = StaffDoor()
    return [StaffOperationRoute(STAFF, operation, door) for operation in _operations()]


def _operations() -> list[Operation]:
    return [operation for resource in STAFF_RESOURCES for operation in resource.operations]
