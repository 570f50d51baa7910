"""Putting an object into its place: never over another one, or over exactly the one that was seen.

Swift weighs `If-None-Match: *` when a PUT begins, and knows no `If-Match` on PUT. So what is to be replaced is looked
at first; and where a cluster is not known to weigh the condition well, so is the place of a new object.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from mover.connectors.contract import Target
from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.calls import Call
from mover.connectors.swift.faults import PRECONDITION_FAILED, SERVICE, Fault
from mover.connectors.swift.objects import ObjectFacts
from mover.errors import Changed, Conflict, MoverError, NotFound

_CREATE: Mapping[str, str] = {"If-None-Match": "*"}


class Placing:
    """Writes to one account.

    Args:
        api: The calls.
        conditions: The cluster weighs `If-None-Match: *`.
    """

    def __init__(self, api: SwiftApi, *, conditions: bool) -> None:
        self._api = api
        self._conditions = conditions

    async def put(
        self, target: Target, call: Call, error: Callable[[Fault], MoverError] | None = None
    ) -> ObjectFacts:
        """Write an object. Raises Conflict, Changed, and what any other refusal means: `error`, or as for all calls."""
        if target.replaces is not None or not self._conditions:
            await self.look_first(target, call)
        if target.replaces is None and (self._conditions or call.body != b""):
            call = dataclasses.replace(call, headers={**call.headers, **_CREATE})
        written = await self._api.put(call)
        if isinstance(written, Fault):
            if written.status == PRECONDITION_FAILED and target.replaces is None:
                raise _taken(call)
            raise error(written) if error else call.error(written, self._api.caller.now)
        return written

    async def look_first(self, target: Target, call: Call) -> None:
        """Compare what stands at the place, as its newest copy says, with what should. Raises Conflict, Changed."""
        assert call.container is not None
        try:
            facts = await self._api.head_object(
                call.container, call.key, newest=True, operation=call.operation, path=call.path
            )
        except NotFound as error:
            if target.replaces is not None:
                raise _changed("the object to be replaced is gone", call) from error
            return
        if target.replaces is None:
            raise _taken(call)
        if target.replaces.version not in {None, facts.etag}:
            raise _changed("the object to be replaced is no longer what it was", call)


def _taken(call: Call) -> Conflict:
    return Conflict(
        "an object of that name is there", service=SERVICE, operation=call.operation, path=call.path
    )


def _changed(message: str, call: Call) -> Changed:
    return Changed(message, service=SERVICE, operation=call.operation, path=call.path)
