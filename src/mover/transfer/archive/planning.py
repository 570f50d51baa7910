"""The plan of an archive: where each member will stand, before any of them is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from mover.archives.names import archive_name, member_name
from mover.archives.records import ZIP, Limits, Member, end_size
from mover.entries import EntryKind
from mover.errors import Reason
from mover.ledger.archived import Archive, PlacedMember, PlannedMember
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item, Outcome
from mover.ledger.states import ItemState

_PAGE = 1_000

_NO_SIZE = "its size is not known before it is read, so no place can be kept for it in an archive: move it with a plain copy"


def member_of(placed: PlacedMember, limits: Limits = ZIP) -> Member:
    """The member as it was planned."""
    return _member(placed.item, placed.name, limits)


def _member(item: Item, name: str, limits: Limits) -> Member:
    folder = item.entry.kind is EntryKind.FOLDER
    return Member(name=name, size=0 if folder else item.entry.size or 0, folder=folder, limits=limits)


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
        limits: From where on archives need zip64.
    """

    ledger: RunLedger
    stem: str
    most: int | None
    free: Callable[[str], Awaitable[str]]
    prefix: str
    now_ns: Callable[[], int]
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
        """How many archives there would be, of how many members, and how many bytes they would have. Keeps nothing."""
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
            for item in items:
                folder = item.entry.kind is EntryKind.FOLDER
                path = item.destination_path.removeprefix(self.prefix)
                member = _member(item, member_name(path, folder=folder), self.limits)
                if not folder and item.entry.size is None:
                    await self._refuse(item, Reason.UNSUPPORTED, _NO_SIZE, keep=keep)
                    continue
                if self._is_full(growing, member):
                    if growing.members:
                        self._full.append(growing)
                        growing = _Growing(growing.number + 1)
                    if self._is_full(growing, member):
                        why = f"{item.entry.size} bytes do not fit into a file of the destination: it takes {self.most}"
                        await self._refuse(item, Reason.TOO_LARGE, why, keep=keep)
                        continue
                places.append(PlannedMember(item.id, growing.number, growing.add(member), member.name))
            if keep:
                await self.ledger.archives.place(places)
        return growing

    def _is_full(self, growing: _Growing, member: Member) -> bool:
        return self.most is not None and growing.size_with(member, self.limits) > self.most

    async def _refuse(self, item: Item, reason: Reason, message: str, *, keep: bool) -> None:
        if not keep:
            return
        now_ns = self.now_ns()
        state = ItemState.UNSUPPORTED if reason is Reason.UNSUPPORTED else ItemState.FAILED
        await self.ledger.finish(
            Outcome(
                item_id=item.id,
                state=state,
                reason=reason,
                side="destination",
                message=message,
                started_ns=now_ns,
                ended_ns=now_ns,
            )
        )
