"""An export: calls the runners, waits for their answers, writes the archive, and removes what was handed over.

     standing? ─► call ─► answers or deadline ─► close ─► archive ─► still standing? audit ─► file in place ─► removed
                   ▲                                         │
                   └── broken off (killed, disk full): the same command goes on with what was collected

What is collected waits at most a day, and never past the request's expiry.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.refusals import MayNot
from mover.database.database import Database
from mover.database.failures import Held
from mover.errors import IntegrityError, InvalidConfiguration
from mover.lawful.archive import tar_stream
from mover.lawful.contents import Contents
from mover.lawful.crossing import Crossing
from mover.lawful.manifest import Findings
from mover.lawful.output import Output, expect_free, new_output
from mover.lawful.queries import collecting, removal, scope
from mover.lawful.records import Answer, Call, Collection, Order, Sealed
from mover.lawful.refusals import ExportUnderWay
from mover.lawful.sealing import seal
from mover.migrations.signing import SigningKeys
from mover.staff.records import StaffMember
from mover.staff.requests import NotApproved, Requests

DEFAULT_WAIT_S = 30.0
"""Runners look for calls every second, idle ones every five."""

DEFAULT_MOST_BYTES = 4 << 30

_KEPT_NS = 86_400 * 1_000_000_000
_LOOK_S = 0.2
_ROWS = 200


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export came to.

    Attributes:
        resumed: It is what runners had handed over for an export that was broken off.
        size: Of the file, in bytes.
        sha256: Of the file.
    """

    findings: Findings
    resumed: bool
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long runners have for their answers, and how many bytes they may hand over in all."""

    wait_s: float = DEFAULT_WAIT_S
    most_bytes: int = DEFAULT_MOST_BYTES


class Exporter:
    """Makes exports.

    Args:
        database: Where calls go out and answers come in.
        requests: Says whether an order stands, and keeps the log.
        signing: Has the key that signs the organisation's reports.
        now_ns: Nanoseconds since 1970 UTC.
        look_s: Seconds between looks at the answers.
    """

    def __init__(
        self,
        database: Database,
        requests: Requests,
        signing: SigningKeys,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        look_s: float = _LOOK_S,
    ) -> None:
        self._database = database
        self._requests = requests
        self._signing = signing
        self._look_s = look_s
        self._now_ns = now_ns

    async def export(
        self,
        staff: StaffMember,
        order: Order,
        output: Path,
        limits: Limits,
        *,
        told: Callable[[list[Answer]], None] = lambda _answers: None,
    ) -> Exported:
        """Export what is held now, sealed to the recipients of the order, into a new file.

        Args:
            staff: Who asked for it.
            order: What was approved.
            output: Where to; nothing may be there.
            limits: For the runners.
            told: Called with each look at the answers.

        Raises PermissionDenied (not theirs, or it does not stand), InvalidConfiguration (the file is there, no recipients),
        ExportUnderWay, OutputRefused, DatabaseTrouble.
        """
        if not order.recipients:
            raise InvalidConfiguration("this was asked for without recipients; ask anew with mover legal ask")
        order = await self._standing(order)
        if staff.id != order.request.asked_by:
            raise MayNot("only the one who asked for an export makes it")
        expect_free(output)
        try:
            async with self._database.lock(f"lawful:{order.request.id}"):
                return await self._alone(staff, order, output, limits, told)
        except Held:
            raise ExportUnderWay("this export is being made by another process") from None

    async def _standing(self, order: Order) -> Order:
        """The order as it was approved, whatever the one that was given says it is about. Raises PermissionDenied."""
        approved = replace(order, request=await self._requests.standing(order.request.id))
        if not approved.stands(self._now_ns()):
            raise NotApproved(
                "these recipients are not those that were approved; ask anew with mover legal ask"
            )
        return approved

    async def _alone(
        self,
        staff: StaffMember,
        order: Order,
        output: Path,
        limits: Limits,
        told: Callable[[list[Answer]], None],
    ) -> Exported:
        request_id = order.request.id
        waiting = await self._waiting(request_id)
        collection = waiting or await self._call(staff, order, limits)
        await self._answers(collection, told)
        findings = await self._findings(order, collection)
        with new_output(output) as file:
            sealed = await self._write(staff, order, findings, file)
            await self._keep(staff, order, findings, sealed)
            await asyncio.to_thread(file.put_in_place)
        await self._remove(collection)
        return Exported(
            findings=findings,
            resumed=waiting is not None,
            size=sealed.sealed_bytes,
            sha256=sealed.sealed_sha256,
        )

    async def _waiting(self, request_id: str) -> Collection | None:
        """What was collected and not exported; what is too old is removed."""
        found = await self._database.read(lambda connection: collecting.of_request(connection, request_id))
        if found is not None and found.expires_ns <= self._now_ns():
            await self._remove(found)
            return None
        return found

    async def _call(self, staff: StaffMember, order: Order, limits: Limits) -> Collection:
        now_ns = self._now_ns()
        request = order.request
        collection = Collection(
            id=token_hex(16),
            request_id=request.id,
            opened_ns=now_ns,
            deadline_ns=now_ns + int(limits.wait_s * 1e9),
            closed_ns=None,
            expires_ns=min(request.expires_ns, now_ns + _KEPT_NS),
        )
        call = Call(
            collection_id=collection.id,
            order=order,
            most_bytes=limits.most_bytes,
        )

        proof = await self._requests.proof()

        def work(connection: Connection) -> None:
            standing = self._requests.expect_standing(connection, request.id, proof)
            runners = scope.runners_in(connection, request.scope, now_ns)
            collecting.add(connection, collection, call, runners)
            self._requests.record_use(
                connection, staff, standing, "runners were asked what they hold", runners=str(len(runners))
            )

        await self._database.write(work)
        return collection

    async def _answers(self, collection: Collection, told: Callable[[list[Answer]], None]) -> None:
        """Wait for all answers, or for the deadline, and take no more."""
        while collection.closed_ns is None:
            answers = await self._database.read(
                lambda connection: collecting.answers(connection, collection.id)
            )
            told(answers)
            if all(one.state.is_final for one in answers) or self._now_ns() >= collection.deadline_ns:
                break
            await asyncio.sleep(self._look_s)
        now_ns = self._now_ns()
        await self._database.write(lambda connection: collecting.close(connection, collection.id, now_ns))

    async def _findings(self, order: Order, collection: Collection) -> Findings:
        request = order.request

        def work(connection: Connection) -> Findings:
            closed = collecting.of_request(connection, request.id)
            return Findings(
                collection=closed or collection,
                runners=collecting.answers(connection, collection.id),
                parts=collecting.parts(connection, collection.id),
                unattributed=scope.unattributed(connection, request.scope)
                if request.scope.person_id is not None
                else None,
            )

        return await self._database.read(work)

    async def _write(self, staff: StaffMember, order: Order, findings: Findings, file: Output) -> Sealed:
        key = await self._signing.present(order.request.scope.organisation_id)
        crossing = Crossing()
        contents = Contents(crossing, self._database, order, staff, findings, key, now_ns=self._now_ns)
        at_s = self._now_ns() // 1_000_000_000

        def write() -> Sealed:
            stream = tar_stream(contents.members(), contents.written, at_s=at_s)
            sealed = seal(stream, file.write, order.recipients)
            file.sync()
            return sealed

        try:
            return await crossing.run(write)
        except IntegrityError:
            # What was handed over is removed as soon as an order is stopped: then that is what is to be said.
            await self._requests.standing(order.request.id)
            raise

    async def _keep(self, staff: StaffMember, order: Order, findings: Findings, sealed: Sealed) -> None:
        """Have it in the audit log before the file has its name; an order that was stopped meanwhile is not carried out."""
        details = {
            "held": findings.sentence,
            "parts": str(len(findings.handed_over)),
            "bytes": str(findings.bytes),
            "archive_sha256": sealed.sealed_sha256,
            "archive_bytes": str(sealed.sealed_bytes),
        }
        if findings.silent:
            details["no_full_answer"] = ", ".join(one.runner for one in findings.silent)

        proof = await self._requests.proof()

        def work(connection: Connection) -> None:
            standing = self._requests.expect_standing(connection, order.request.id, proof)
            self._requests.record_use(connection, staff, standing, "what is held was exported", **details)

        await self._database.write(work)

    async def _remove(self, collection: Collection) -> None:
        while await self._database.write(
            lambda connection: removal.remove_collection(connection, collection.id, _ROWS)
        ):
            pass
        await self._database.forget_removed()
