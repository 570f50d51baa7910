"""Who may do what in folders, on both sides: what all that is in a folder inherits, kept in the ledger by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.bounded import Bounded
from mover.entries import EntryKind, Permission
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask, NewItem
from mover.ledger.states import PROBLEMS, Action, ItemState
from mover.transfer.sharing_plan import Access, EntryPlan, Judge, Seen
from mover.transfer.sharing_questions import Questions
from mover.transfer.sharing_rules import SharingRules, Wider
from mover.transfer.side import Side

_REMEMBERED = 500  # folders whose access is kept in memory

_encode = msgspec.json.encode
_decode_access = msgspec.json.Decoder(Access).decode


class FolderAccess:
    """That of one run.

    Args:
        source: Where permissions are read; it has some.
        destination: Where they are given; None to look at the source alone.
        ledger: Of this run.
        rules: Of this run.
        questions: By which both sides are asked.
    """

    def __init__(
        self,
        source: Side,
        destination: Side | None,
        ledger: RunLedger,
        rules: SharingRules,
        questions: Questions,
    ) -> None:
        assert source.connector.permissions is not None
        self._source = source
        self._destination = destination
        self._from = source.connector.permissions
        self._to = destination.connector.permissions if destination else None
        self._ledger = ledger
        self._rules = rules
        self._questions = questions
        self._checked = Bounded[int, int](_REMEMBERED)
        self._accesses = Bounded[int, Access](_REMEMBERED)

    def text(self, access: Access) -> str:
        """As it is kept: equal for equal access, in whatever order a service tells it."""
        return _spelled(self._allowed(access))

    async def above(self, folder: FolderTask, new: Sequence[NewItem], judge: Judge) -> tuple[int, Access]:
        """Who may do what in a folder, by number and in full.

        What is known from the run before is compared with what both sides say now before anything new is put there: a feed
        may tell late that somebody was let in at the destination, or lost access at the source.
        """
        assert folder.access_id is not None, "the root has one, and every folder gets that of its own folder"
        known = await self._access(folder.access_id)
        if folder.earlier_id is None or not any(_is_put(item) for item in new):
            return folder.access_id, known
        if folder.id not in self._checked:
            self._checked.put(folder.id, await self._as_it_is_now(folder, folder.access_id, known, judge))
        number = self._checked.get(folder.id) or folder.access_id
        return number, await self._access(number)

    async def _as_it_is_now(self, folder: FolderTask, number: int, known: Access, judge: Judge) -> int:
        """Ask both sides about a folder; returns the number of what is known of it if that is no more than they say."""
        [here] = await self._questions.of(self._from, [self._source.ref(folder.path, folder.source_id)])
        there: Sequence[Permission] | None = None
        if self._to is not None and self._destination is not None:
            ref = self._destination.ref(folder.destination_path, folder.destination_id)
            [there] = await self._questions.of(self._to, [ref])
        if not judge.is_wider_than_known(known, here, there):
            return number
        seen = Seen(
            source_key=folder.path,
            permissions=known.told if here is None else here,
            above=Access(),
            there=there or (),
            shareable=not known.loose,
        )
        [changed] = await self._ledger.sharing.keep_accesses([self.text(judge.plan(seen).access)])
        return changed

    async def given_to(
        self, number: int, new: Sequence[NewItem], plans: Mapping[str, EntryPlan]
    ) -> list[NewItem]:
        """Give folders the access that what is in them inherits: their own, or that of the folder above."""
        own = [
            item.source_key
            for item in new
            if item.entry.kind is EntryKind.FOLDER and item.source_key in plans
        ]
        accesses = [self._allowed(plans[key].access) for key in own]
        numbers = dict(
            zip(
                own,
                await self._ledger.sharing.keep_accesses([_spelled(one) for one in accesses]),
                strict=True,
            )
        )
        for key, access in zip(own, accesses, strict=True):
            self._accesses.put(numbers[key], access)
        return [
            msgspec.structs.replace(item, access_id=numbers.get(item.source_key, number))
            if item.entry.kind is EntryKind.FOLDER
            else item
            for item in new
        ]

    def _allowed(self, access: Access) -> Access:
        """Forget whom else a folder is open to where a person wants it so."""
        if self._rules.wider is Wider.HOLD:
            return access
        return msgspec.structs.replace(access, wider="")

    async def _access(self, number: int) -> Access:
        found = self._accesses.get(number)
        if found is None:
            found = _decode_access(await self._ledger.sharing.access(number))
            self._accesses.put(number, found)
        return found


def _is_put(item: NewItem) -> bool:
    """Whether it is about to be put at the destination, or what is there changed."""
    return item.action is not Action.NONE and item.state not in PROBLEMS | {ItemState.EXCLUDED}


def _spelled(access: Access) -> str:
    """Equal for equal access, in whatever order a service tells it."""
    return _encode(msgspec.structs.replace(access, told=tuple(sorted(access.told, key=_encode)))).decode()
