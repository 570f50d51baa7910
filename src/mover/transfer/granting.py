"""Permissions at the end of a run: what was planned is given, when all that it is about has arrived.

Folders come before what is in them. Before something is permitted the ledger says so, so that after a crash it is known
to be ours, and giving it again changes nothing. A permission that cannot be given fails no file: it has an outcome of
its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.contract import Permissions
from mover.database.failures import DatabaseTrouble
from mover.entries import AccessRole
from mover.errors import (
    AccountSuspended,
    ApiQuotaExceeded,
    MoverError,
    Reason,
    SignInFailed,
    Unsupported,
    UserNotFound,
)
from mover.ledger.grants import DueGrant, Granted, Grantee, GrantOutcome, GrantState
from mover.ledger.ledger import RunLedger
from mover.ledger.states import MOVED, SKIPPED, ItemState
from mover.transfer.concurrency import task_group
from mover.transfer.earlier_grants import is_another
from mover.transfer.progress import Progress
from mover.transfer.side import Side
from mover.transfer.taking_back import permission, take_back

_SLICE = 200  # lines that share a transaction
_AT_ONCE = 8  # entries; what is permitted on one entry is permitted one after the other
_REMEMBERED = 10_000  # grantees that the destination turned out not to know
_ENDS_THE_RUN = (SignInFailed, ApiQuotaExceeded)

_STANDS = (MOVED | SKIPPED) - {ItemState.EXCLUDED}
NARROWER = {AccessRole.OWNER: AccessRole.WRITE, AccessRole.WRITE: AccessRole.READ}


class Granter:
    """Gives what one run has planned."""

    def __init__(self, destination: Side, ledger: RunLedger, progress: Progress) -> None:
        assert destination.connector.permissions is not None
        self._destination = destination
        self._permissions: Permissions = destination.connector.permissions
        self._ledger = ledger
        self._progress = progress
        self._unknown: set[Grantee] = set()

    async def run(self) -> None:
        """Do all of it. Raises SignInFailed, ApiQuotaExceeded: going on would be pointless."""
        after = 0
        while lines := await self._ledger.sharing.due(_SLICE, after_id=after):
            await self._slice(lines)
            after = lines[-1].id

    async def _slice(self, lines: Sequence[DueGrant]) -> None:
        stand = [line for line in lines if line.item_state is None or line.item_state in _STANDS]
        outcomes = [_not_there(line) for line in lines if line not in stand]
        before = await self._ledger.sharing.granted_of(sorted({line.source_key for line in stand}))
        known = {(one.source_key, one.target): one for some in before.values() for one in some}
        due, left, failed = await self._taken_back_elsewhere([self._placed(line) for line in stand], known)
        outcomes += failed
        ours = known.keys() - {(one.source_key, one.target) for one in left}
        await self._ledger.sharing.about_to_grant([_granted(line, line.role) for line in due])
        slots = asyncio.Semaphore(_AT_ONCE)
        async with task_group() as group:
            tasks = [
                group.create_task(self._entry(list(some), slots))
                for _, some in itertools.groupby(due, key=lambda line: line.source_key)
            ]
        found = [outcome for task in tasks for outcome in task.result()]
        by_id = {line.id: line for line in due}
        given = [_granted(by_id[o.id], o.role) for o in found if o.state is GrantState.GIVEN]
        kept = ours | {(one.source_key, one.target) for one in given}
        lost = [_granted(by_id[o.id], o.role) for o in found if o.state is not GrantState.GIVEN]
        await self._ledger.sharing.finish(
            [*outcomes, *found], given, [one for one in lost if (one.source_key, one.target) not in kept]
        )
        for outcome in [*failed, *found]:
            self._progress.permitted(outcome.state)

    def _placed(self, line: DueGrant) -> DueGrant:
        """The root is known by its id, too: another one of its name may stand there later."""
        if line.item_state is not None:
            return line
        return msgspec.structs.replace(line, destination_id=self._destination.root_id)

    async def _taken_back_elsewhere(
        self, lines: Sequence[DueGrant], known: Mapping[tuple[str, Grantee], Granted]
    ) -> tuple[list[DueGrant], list[Granted], list[GrantOutcome]]:
        """Take back, and forget, what was given for an entry on another one that stood for it: it has room for one place.

        Returns the lines that can be given now, what is forgotten, and what became of the other lines.
        """
        has_ids = self._destination.connector.capabilities.stable_ids
        moved = {
            line.id: earlier
            for line in lines
            if has_ids
            and (earlier := known.get((line.source_key, line.target))) is not None
            and is_another(earlier.destination_id, line.destination_id)
        }
        if not moved:
            return list(lines), [], []
        slots = asyncio.Semaphore(_AT_ONCE)
        by_id = {line.id: line for line in lines}
        async with task_group() as group:
            tasks = {
                number: group.create_task(self._elsewhere(by_id[number], earlier, slots))
                for number, earlier in moved.items()
            }
        failed = {number: outcome for number, task in tasks.items() if (outcome := task.result())}
        left = [earlier for number, earlier in moved.items() if number not in failed]
        await self._ledger.sharing.forget_granted(left)
        return [line for line in lines if line.id not in failed], left, list(failed.values())

    async def _elsewhere(
        self, line: DueGrant, earlier: Granted, slots: asyncio.Semaphore
    ) -> GrantOutcome | None:
        try:
            async with slots:
                await take_back(self._destination, earlier)
        except DatabaseTrouble:
            raise
        except MoverError as error:
            if isinstance(error, _ENDS_THE_RUN) and not isinstance(error, AccountSuspended):
                raise
            said = f"not given before it can be taken back from what stood there before: {error}"
            return _failed(line, GrantState.FAILED, error.reason, said)
        return None

    async def _entry(self, lines: Sequence[DueGrant], slots: asyncio.Semaphore) -> list[GrantOutcome]:
        async with slots:
            return [await self._line(line) for line in lines]

    async def _line(self, line: DueGrant) -> GrantOutcome:
        """Give one permission, as a narrower role where the destination does not have this one."""
        if line.target in self._unknown:
            return _failed(line, GrantState.FAILED, Reason.USER_NOT_FOUND, _unknown(line.target))
        entry = self._destination.ref(line.destination_path, line.destination_id)
        role, refused = line.role, ""
        while True:
            try:
                await self._permissions.grant(entry, permission(line.target, role))
            except UserNotFound as error:
                if len(self._unknown) < _REMEMBERED:
                    self._unknown.add(line.target)
                return _failed(line, GrantState.FAILED, error.reason, _unknown(line.target))
            except Unsupported as error:
                refused = refused or str(error)
                if role not in NARROWER:
                    return _failed(line, GrantState.UNSUPPORTED, error.reason, refused)
                role = NARROWER[role]
            except AccountSuspended as error:  # of many, perhaps: the others get theirs
                return _failed(line, GrantState.FAILED, error.reason, str(error))
            except (DatabaseTrouble, *_ENDS_THE_RUN):
                raise
            except MoverError as error:
                return _failed(line, GrantState.FAILED, error.reason, str(error))
            else:
                message = (
                    "" if role is line.role else f"the destination has no {line.role} here: given {role}"
                )
                return GrantOutcome(id=line.id, state=GrantState.GIVEN, role=role, message=message)


def _unknown(who: Grantee) -> str:
    return f"unknown at the destination: {who.identity}"


def _failed(line: DueGrant, state: GrantState, reason: Reason, message: str) -> GrantOutcome:
    return GrantOutcome(
        id=line.id, state=state, role=line.role, reason=reason, side="destination", message=message
    )


def _not_there(line: DueGrant) -> GrantOutcome:
    return GrantOutcome(
        id=line.id,
        state=GrantState.NOT_THERE,
        role=line.role,
        reason=line.item_reason,
        message="its entry is not at the destination",
    )


def _granted(line: DueGrant, role: AccessRole) -> Granted:
    return Granted(
        source_key=line.source_key,
        target=line.target,
        role=role,
        asked=line.role,
        before=line.before,
        destination_path=line.destination_path,
        destination_id=line.destination_id,
    )
