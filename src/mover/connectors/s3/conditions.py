"""Conditional writes: never over another object, on every service as well as that service can.

Amazon honours `If-None-Match: *` and `If-Match` on writes, some services say 501 to one of them, and some ignore them
without a word. So a service is asked once, with the first small object that is written: the same request again must be
refused, since the condition no longer holds. A service that takes it again has only stored the same bytes twice, and is
not relied on from then on: the object is looked at before it is written, which is as well as it can be done.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from mover.connectors.contract import Target
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.objects import ObjectFacts
from mover.errors import Changed, Conflict, MoverError, NotFound

Written = TypeVar("Written")
Send = Callable[[Mapping[str, str]], Awaitable[Written | Fault]]
"""Makes the write once with these further headers."""
Look = Callable[[], Awaitable[ObjectFacts]]
"""Describes what stands at the place now. Raises NotFound."""

_NOT_IMPLEMENTED = 501
_REFUSED = frozenset({409, 412})


class Trust(enum.Enum):
    """What is known about a condition on this service."""

    UNKNOWN = "unknown"
    HONOURED = "honoured"
    ABSENT = "absent"


class Conditions:
    """What one service makes of conditions on writes."""

    def __init__(self, *, honoured: bool) -> None:
        initial = Trust.HONOURED if honoured else Trust.UNKNOWN
        self.create = initial
        self.replace = initial

    async def write(
        self,
        target: Target,
        *,
        send: Send[Written],
        look: Look,
        error: Callable[[Fault], MoverError],
        provable: bool,
    ) -> Written:
        """Write so that only what `target.replaces` says is replaced.

        Args:
            target: What may be replaced.
            send: The write.
            look: For services whose conditions are not proven.
            error: What any other refusal means.
            provable: The write may be repeated to see whether the service refuses it.

        Raises:
            Conflict: Something stands there, and nothing was to be replaced.
            Changed: What stands there is not what was to be replaced.
        """
        condition = condition_for(target)
        trust = self._trust(target)
        if trust is not Trust.HONOURED:
            await look_first(target, look)
        written = await send({} if trust is Trust.ABSENT else condition)
        if (
            isinstance(written, Fault)
            and trust is Trust.UNKNOWN
            and written.status == _NOT_IMPLEMENTED
            and condition
        ):
            self._learn(target, Trust.ABSENT)
            written = await send({})
        if isinstance(written, Fault):
            if written.status in _REFUSED and condition:
                raise self._refused(target, written, error(written))
            raise self._gone(target, error(written))
        if provable and condition and self._trust(target) is Trust.UNKNOWN:
            await self._prove(target, written, send)
        return written

    async def _prove(self, target: Target, written: Written, send: Send[Written]) -> None:
        if target.replaces and isinstance(written, ObjectFacts) and written.etag == target.replaces.version:
            return  # the same content again: the condition still holds, and a repetition would prove nothing
        again = await send(condition_for(target))
        if not isinstance(again, Fault):
            self._learn(target, Trust.ABSENT)
        elif again.status in _REFUSED:
            self._learn(target, Trust.HONOURED)

    def _trust(self, target: Target) -> Trust:
        return self.create if target.replaces is None else self.replace

    def _learn(self, target: Target, trust: Trust) -> None:
        if target.replaces is None:
            self.create = trust
        else:
            self.replace = trust

    def _refused(self, target: Target, fault: Fault, meaning: MoverError) -> MoverError:
        if not isinstance(meaning, Conflict):
            return meaning  # 409 has other reasons too
        if fault.status == 412:  # noqa: PLR2004 - the condition itself was weighed
            self._learn(target, Trust.HONOURED)
        return self._gone(target, meaning)

    def _gone(self, target: Target, meaning: MoverError) -> MoverError:
        """Amazon says 404 when the object to be replaced is gone."""
        if target.replaces is None or not isinstance(meaning, Conflict | NotFound):
            return meaning
        return Changed(
            "the object to be replaced is no longer what it was",
            service=meaning.service,
            operation=meaning.operation,
            path=meaning.path,
            said=meaning.said,
        )


def condition_for(target: Target) -> Mapping[str, str]:
    """Return the header under which a service writes; none for an entry without a version."""
    if target.replaces is None:
        return {"if-none-match": "*"}
    return {"if-match": f'"{target.replaces.version}"'} if target.replaces.version else {}


async def look_first(target: Target, look: Look) -> None:
    """Compare what stands at the place with what should. Raises Conflict, Changed."""
    try:
        facts = await look()
    except NotFound as error:
        if target.replaces is not None:
            raise Changed(
                "the object to be replaced is gone",
                service=error.service,
                operation=error.operation,
                path=error.path,
            ) from error
        return
    path = target.ref.path
    if target.replaces is None:
        raise Conflict("an object of that name is there", service="s3", operation="upload", path=path)
    if target.replaces.version not in {None, facts.etag}:
        raise Changed(
            "the object to be replaced is no longer what it was", service="s3", operation="upload", path=path
        )
