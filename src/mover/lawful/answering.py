"""A runner's answer to an order: its staged parts in scope, decrypted in memory and sealed at once to the recipients.

Nothing is kept any longer for it: a part that is sent and removed while it is read is sealed as far as it was read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from mover.database.database import Database
from mover.errors import IntegrityError, MoverError
from mover.lawful.crossing import Crossing
from mover.lawful.queries import calls, scope
from mover.lawful.records import AnswerState, Call, Outcome, Part, Sealed, Whose
from mover.lawful.refusals import CallClosed
from mover.lawful.sealing import seal
from mover.staff.approving import ApprovalKey
from mover.staff.requests import NotApproved
from mover.staging import Held, PartGone, Shelf, Staging
from mover.vault.vault import Vault

_log = logging.getLogger(__name__)

_NOTHING = Sealed(read_bytes=0, sha256="", sealed_bytes=0, sealed_sha256="")


class Answering:
    """Answers for one runner. On the loop that its staging belongs to.

    Args:
        database: Where calls are.
        vault: Has the key that approvals are checked with.
        staging: Of the runner.
        runner: Its name.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        staging: Staging,
        runner: str,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._key = ApprovalKey(vault)
        self._staging = staging
        self._runner = runner
        self._now_ns = now_ns

    async def look(self) -> int:
        """Answer what this runner is asked for; returns how many calls that were. One short query if there is none."""
        now_ns = self._now_ns()
        asked = await self._database.read(lambda connection: calls.calls_to(connection, self._runner, now_ns))
        for call in asked:
            await self._answer(call)
        return len(asked)

    async def _answer(self, call: Call) -> None:
        shelves = self._staging.shelves  # the moment that the order is about
        try:
            await self._say(call, AnswerState.ASKED, AnswerState.ANSWERING)
            await self._expect_standing(call)
            for shelf, whose in await self._in_scope(call, shelves):
                await self._hand_over(call, shelf, whose)
            await self._say(call, AnswerState.ANSWERING, AnswerState.ANSWERED)
        except CallClosed as closed:
            _log.warning("an answer to a lawful request was broken off: %s", closed.message)
        except MoverError as error:
            _log.warning("a lawful request could not be answered in full: %s", error)
            await self._say(call, AnswerState.ANSWERING, AnswerState.FAILED, str(error))

    async def _say(self, call: Call, before: AnswerState, after: AnswerState, message: str = "") -> None:
        now_ns = self._now_ns()
        await self._database.write(
            lambda connection: calls.answer(
                connection, call, self._runner, before, after, now_ns, message[:1000]
            )
        )

    async def _expect_standing(self, call: Call) -> None:
        """See for oneself whether the order stands, whoever calls. Raises NotApproved."""
        proof = await self._key.proof()
        order = replace(call.order, request=proof.of(call.order.request))
        if not order.stands(self._now_ns()):
            raise NotApproved("this order does not stand: nothing is handed out")

    async def _in_scope(self, call: Call, shelves: list[Shelf]) -> list[tuple[Shelf, Whose]]:
        now_ns = self._now_ns()
        item_ids = {shelf.label.item for shelf in shelves}

        if not item_ids:
            return []
        found = await self._database.read(
            lambda connection: scope.whose(connection, call.scope, self._runner, item_ids, now_ns)
        )
        return [
            (shelf, found[shelf.label.item])
            for shelf in shelves
            if shelf.label.item in found and scope.part_in_period(call.scope, shelf.since_ns, now_ns)
        ]

    async def _hand_over(self, call: Call, shelf: Shelf, whose: Whose) -> None:
        held = shelf.look()
        if not held.size and not held.complete:
            return  # nothing of it has come as yet
        part = self._part(held, whose)
        part_id, fits = await self._database.write(lambda connection: calls.add_part(connection, call, part))
        if not fits:
            return
        reading = _Reading(held)
        outcome: Outcome
        sealed: Sealed | None
        try:
            outcome, sealed = reading.outcome(await self._sealed(call, part_id, reading))
        except IntegrityError:
            outcome, sealed = Outcome.DAMAGED, None
        await self._database.write(
            lambda connection: calls.end_part(connection, call, part_id, outcome, sealed)
        )

    def _part(self, held: Held, whose: Whose) -> Part:
        return Part(
            id=0,
            runner=self._runner,
            whose=whose,
            offset=held.offset,
            held_bytes=held.size,
            complete=held.complete,
            place="disk" if held.on_disk else "memory",
            since_ns=held.since_ns,
            looked_ns=self._now_ns(),
            outcome=Outcome.SEALING,
            sealed=_NOTHING,
        )

    async def _sealed(self, call: Call, part_id: int, reading: _Reading) -> Sealed:
        crossing = Crossing()
        number = 0

        def keep(piece: bytes) -> None:
            nonlocal number
            at = number
            number += 1
            crossing.wait(
                self._database.write(lambda connection: calls.add_piece(connection, call, part_id, at, piece))
            )

        return await crossing.run(seal, iter(reading), keep, call.order.recipients)


class _Reading:
    """The bytes of a part until their end, or until it is gone."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._gone = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._held.pieces()
        except PartGone:
            self._gone = True

    def outcome(self, sealed: Sealed) -> tuple[Outcome, Sealed | None]:
        """What the part came to; without content where it was gone before anything was read."""
        if not self._gone:
            return Outcome.SEALED, sealed
        return (Outcome.CUT, sealed) if sealed.read_bytes else (Outcome.GONE, None)
