"""The plan of an archive: where each member will stand, before any of them is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from mover.archives.names import archive_name, member_name
from mover.archives.records import ZIP, Limits, Member, end_size
from mover.entries import EntryKind
from mover.errors import MoverError, Reason
from mover.ledger.archived import Archive, PlacedMember, PlannedMember
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item, Outcome
from mover.ledger.states import ItemState
from mover.transfer.concurrency import task_group

_PAGE = 1_000
_AT_ONCE = 8
_SPARE, _SPARE_BYTES = 20, 64 << 10  # besides what a document was exported to: a twentieth, and so much


def member_of(placed: PlacedMember, limits: Limits = ZIP) -> Member:
    """The member as it was planned."""
    folder = placed.item.entry.kind is EntryKind.FOLDER
    return Member(name=placed.name, size=placed.room, folder=folder, limits=limits)


@dataclass
class _Growing:
    """An archive that grows while members get their places. Sizes in bytes."""

    number: int
    members: int = 0
    content: int = 0
    directory: int = 0

    def size_with(self, member: Member | None, limits: Limits) -> int:
        """Of the whole archive, with one more member."""
        content, directory, members = self.content, self.directory, self.members
        if member is not None:
            directory += member.record_size(content)
            content += member.slot_size
            members += 1
        return content + directory + end_size(members, content + directory, limits)

    def add(self, member: Member) -> int:
        """Place a member. Returns where."""
        position = self.content
        self.directory += member.record_size(position)
        self.content += member.slot_size
        self.members += 1
        return position


@dataclass
class Planner:
    """Plans the archives of a run: one, or several where the destination takes no file that is large enough.

    Args:
        ledger: Of the run.
        stem: What names of archives begin with.
        most: The largest file that the destination takes, in bytes; None: any.
        free: Makes a name one that the destination accepts and nothing goes by.
        prefix: What stands before the paths of items at the destination.
        now_ns: The clock.
        measure: Reads a file whose size nobody tells, and returns it in bytes. What it raises is the file's outcome, if it
            is a MoverError that `ends_the_run` lets pass.
        ends_the_run: Whether no other file would fare better.
        limits: From where on archives need zip64.
    """

    ledger: RunLedger
    stem: str
    most: int | None
    free: Callable[[str], Awaitable[str]]
    prefix: str
    now_ns: Callable[[], int]
    measure: Callable[[Item], Awaitable[int]]
    ends_the_run: Callable[[MoverError], bool]
    limits: Limits = ZIP
    _full: list[_Growing] = field(default_factory=list)

    async def plan(self) -> None:
        """Give a place to every planned item that has none."""
        known = await self.ledger.archives.all()
        growing = await self._place_all(len(known) + 1, keep=True)
        planned = [*self._full, *([growing] if growing.members else [])]
        several = len(known) + len(planned) > 1
        started_ns = self.ledger.run.started_ns
        archives = []
        for one in planned:
            name = archive_name(self.stem, started_ns, number=one.number, of_several=several)
            archives.append(
                Archive(
                    number=one.number,
                    name=await self.free(name),
                    members=one.members,
                    content_size=one.content,
                    directory_size=one.directory,
                    size=one.size_with(None, self.limits),
                )
            )
        await self.ledger.archives.add(archives)

    async def forecast(self) -> tuple[int, int, int]:
        """How many archives there would be, of how many members, and how many bytes they would have. Keeps nothing.

        Files whose size nobody tells count as empty ones.
        """
        growing = await self._place_all(1, keep=False)
        planned = [*self._full, *([growing] if growing.members else [])]
        sizes = [one.size_with(None, self.limits) for one in planned]
        return len(planned), sum(one.members for one in planned), sum(sizes)

    async def _place_all(self, first: int, *, keep: bool) -> _Growing:
        growing = _Growing(first)
        after = 0
        while items := await self.ledger.archives.to_archive(_PAGE, after_id=after):
            after = items[-1].id
            places = []
            rooms = await self._rooms(items) if keep else {}
            for item in items:
                folder = item.entry.kind is EntryKind.FOLDER
                path = item.destination_path.removeprefix(self.prefix)
                room = rooms.get(item.id, 0) if folder or item.entry.size is None else item.entry.size
                if isinstance(room, MoverError):
                    await self._refuse(item, room.reason, str(room), side="source")
                    continue
                member = Member(
                    name=member_name(path, folder=folder), size=room, folder=folder, limits=self.limits
                )
                if self._is_full(growing, member):
                    if growing.members:
                        self._full.append(growing)
                        growing = _Growing(growing.number + 1)
                    if self._is_full(growing, member):
                        why = f"{room} bytes do not fit into a file of the destination: it takes {self.most}"
                        if keep:
                            await self._refuse(item, Reason.TOO_LARGE, why, side="destination")
                        continue
                places.append(PlannedMember(item.id, growing.number, growing.add(member), member.name, room))
            if keep:
                await self.ledger.archives.place(places)
        return growing

    def _is_full(self, growing: _Growing, member: Member) -> bool:
        return self.most is not None and growing.size_with(member, self.limits) > self.most

    async def _rooms(self, items: Sequence[Item]) -> dict[int, int | MoverError]:
        """Room for files whose size nobody tells: they are read for it once. By number; what reading one failed with."""
        found: dict[int, int | MoverError] = {}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(item: Item) -> None:
            async with slots:
                try:
                    size = await self.measure(item)
                except MoverError as error:
                    if self.ends_the_run(error):
                        raise
                    found[item.id] = error
                else:
                    found[item.id] = size + size // _SPARE + _SPARE_BYTES

        async with task_group() as group:
            for item in items:
                if item.entry.size is None and item.entry.kind is not EntryKind.FOLDER:
                    group.create_task(look(item))
        return found

    async def _refuse(self, item: Item, reason: Reason, message: str, *, side: str) -> None:
        now_ns = self.now_ns()
        await self.ledger.finish(
            Outcome(
                item_id=item.id,
                state=ItemState.FAILED,
                reason=reason,
                side=side,
                message=message,
                started_ns=now_ns,
                ended_ns=now_ns,
            )
        )
