"""Permissions while a source is scanned: who has access to what is just seen, and whether it may be put there.

For each page of a listing the source is asked about the entries that have permissions of their own, up to a hundred at
once, and the destination about those that stand there already and have such, too; nothing is asked about all others.
What will be given is written into the ledger with the page. What Mover gave earlier and the source has no more is
taken back at once, before anything is put where too many would see it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import msgspec

from mover.connectors.contract import Permissions
from mover.entries import (
    AccessRole,
    Entry,
    EntryKind,
    GranteeKind,
    Permission,
    join_path,
)
from mover.errors import MoverError, Reason
from mover.ledger.grants import GrantAction, Granted, Grantee, GrantState, NewGrant
from mover.ledger.ledger import RunLedger
from mover.ledger.records import FolderTask, NewItem
from mover.ledger.states import PROBLEMS, Action, ItemState
from mover.transfer.earlier_grants import NOTHING, Earlier, EarlierGrants
from mover.transfer.folder_access import FolderAccess
from mover.transfer.root_access import root_access
from mover.transfer.sharing_foretold import as_it_will_be
from mover.transfer.sharing_plan import Access, EntryPlan, Judge, Seen, in_words
from mover.transfer.sharing_questions import Questions
from mover.transfer.sharing_rules import SharingRules, Wider
from mover.transfer.side import Side
from mover.transfer.taking_back import try_to_take_back

ROOT_KEY = "/"
_MOST_PEOPLE = 50_000  # of a destination that are listed to know them


class SharingPlanner:
    """Plans the permissions of one run. `look` first, and `begin` when the run has a root.

    Args:
        source: Where permissions are read; it has some.
        destination: Where they are given; None to look at the source alone.
        ledger: Of this run.
        rules: Of this run.
        dry_run: Nothing is taken back, only told.
    """

    def __init__(
        self,
        source: Side,
        destination: Side | None,
        ledger: RunLedger,
        rules: SharingRules,
        *,
        dry_run: bool,
    ) -> None:
        assert source.connector.permissions is not None
        self._source = source
        self._destination = destination
        self._from: Permissions = source.connector.permissions
        self._to: Permissions | None = destination.connector.permissions if destination else None
        self._ledger = ledger
        self._rules = rules
        self._dry_run = dry_run
        self._judge = Judge(rules=rules, kinds=frozenset())
        self._root: Seen | None = None
        self._earlier = EarlierGrants(ledger.sharing, destination, keep=not dry_run)
        self._questions = Questions()
        self._access = FolderAccess(source, destination, ledger, rules, self._questions)
        self._listing = asyncio.Lock()
        self._people_listed = False

    async def look(self) -> str:
        """Look at both roots, with what they inherit from folders above them.

        Returns what decides about everything besides the options: text that is equal as long as that is the same.
        """
        source = await self._source.connector.refresh(self._source.ref("/", self._source.root_id))
        [permissions] = await self._questions.of(self._from, [self._source.ref("/", self._source.root_id)])
        there = await self._root_there()
        self._root = Seen(
            source_key=ROOT_KEY,
            permissions=permissions,
            above=Access(),
            owner=source.owner,
            there=there,
            shareable=self._destination is None or self._destination.root != "/",
        )
        judge = self._judge = Judge(
            rules=self._rules,
            kinds=self._to.kinds if self._to is not None else self._from.kinds,
            owner=source.owner or _owner(permissions),
            owners=frozenset(
                Grantee(line.kind, line.identity) for line in there if line.role is AccessRole.OWNER
            ),
            source_inherits=self._from.inherited,
            destination_inherits=self._to.inherited if self._to is not None else True,
        )
        owners = sorted((one.kind, one.identity) for one in judge.owners)
        return repr(
            (judge.owner, owners, sorted(judge.kinds), judge.source_inherits, judge.destination_inherits)
        )

    async def begin(self) -> None:
        """Plan the root, and list the people of the destination if it tells them and anybody has access to the root."""
        assert self._root is not None, "it was looked at"
        await self._earlier.begin()
        if await self._ledger.sharing.root_access() is not None:
            return  # an interrupted run goes on
        earlier = await self._earlier.of_root(ROOT_KEY)
        seen = replace(self._root, granted=earlier.here, elsewhere=earlier.elsewhere)
        await self._know_people([seen])
        plan, lines = await self._taken_back(seen, self._judge.plan(seen))
        await self._ledger.sharing.set_root(self._access.text(plan.access), self._told_of(lines, ()))

    async def plan(
        self,
        folder: FolderTask,
        new: Sequence[NewItem],
        there: Mapping[str, Entry],
        passed_on: Mapping[str, str],
    ) -> tuple[list[NewItem], list[NewGrant]]:
        """Plan a page of a folder: returns its items, those held back that too many would see, and lines about them.

        `there` is what stands at the destination, by name key; `passed_on` tells which entries take over the grants of
        which others, by source keys, where that is not written down.
        """
        number, above = await self._access.above(folder, new, self._judge)
        standing = [item for item in new if item.state not in PROBLEMS | {ItemState.EXCLUDED}]
        asked = [item for item in standing if item.entry.shared is not False]
        told = await self._told(folder, standing, asked, above)
        aside = [item for item in new if item not in standing]
        earlier = await self._earlier.of(folder, standing, aside, there, passed_on)
        seen = await self._seen(folder, standing, told, earlier, there, above)
        await self._know_people(seen)
        plans: dict[str, EntryPlan] = {}
        lines: list[NewGrant] = []
        for one in seen:
            plans[one.source_key], about = await self._taken_back(one, self._judge.plan(one))
            lines += about
        aside = [item for item in aside if item.source_key in earlier]
        lines += await self._taken_back_aside(folder, aside, earlier, above)
        items = await self._access.given_to(number, new, plans)
        files = {item.source_key for item in new if item.entry.kind is not EntryKind.FOLDER}
        held = [self._held(item, plans.get(item.source_key), above) for item in items]
        return held, self._told_of(lines, files)

    def _told_of(self, lines: Sequence[NewGrant], files: Collection[str]) -> list[NewGrant]:
        """In a dry run, what would become of lines; else they become it."""
        if not self._dry_run or self._to is None:
            return list(lines)
        return as_it_will_be(lines, self._to, files)

    async def _told(
        self, folder: FolderTask, standing: Sequence[NewItem], asked: Sequence[NewItem], above: Access
    ) -> dict[str, Sequence[Permission] | None]:
        """Permissions at the source by source key: those that were asked for, and those that are clear without asking."""
        refs = [self._source.ref(join_path(folder.path, i.entry.name), i.entry.id) for i in asked]
        answers = await self._questions.all_of(self._from, refs)
        told: dict[str, Sequence[Permission] | None] = {
            item.source_key: answer for item, answer in zip(asked, answers, strict=True)
        }
        if not self._from.inherited:  # not shared, and nothing comes from above: it is its owner's alone
            told |= {item.source_key: () for item in standing if item.source_key not in told}
        elif above.loose or not self._judge.destination_inherits:
            inherited = [msgspec.structs.replace(line, inherited=True) for line in above.told]
            told |= {item.source_key: inherited for item in standing if item.source_key not in told}
        return told

    async def _seen(
        self,
        folder: FolderTask,
        standing: Sequence[NewItem],
        told: Mapping[str, Sequence[Permission] | None],
        earlier: Mapping[str, Earlier],
        there: Mapping[str, Entry],
        above: Access,
    ) -> list[Seen]:
        """What is known of the entries about which there is something to decide."""
        found: list[tuple[NewItem, Seen]] = []
        for item in standing:
            stands = there.get(item.destination_key)
            is_open_folder = (
                item.entry.kind is EntryKind.FOLDER and stands is not None and stands.shared is not False
            )
            if item.source_key not in told and item.source_key not in earlier and not is_open_folder:
                continue
            permissions = (
                told[item.source_key]
                if item.source_key in told
                else [msgspec.structs.replace(line, inherited=True) for line in above.told]
            )
            seen = Seen(
                source_key=item.source_key,
                permissions=permissions,
                above=above,
                owner=item.entry.owner,
                granted=earlier.get(item.source_key, NOTHING).here,
                elsewhere=earlier.get(item.source_key, NOTHING).elsewhere,
            )
            found.append((item, seen))
        return await self._with_there(folder, found, there)

    async def _with_there(
        self, folder: FolderTask, found: Sequence[tuple[NewItem, Seen]], there: Mapping[str, Entry]
    ) -> list[Seen]:
        """Fill in what the destination says of those that stand there and have permissions of their own."""
        if self._to is None or self._destination is None:
            return [seen for _, seen in found]
        asked = [
            index
            for index, (item, _) in enumerate(found)
            if (stands := there.get(item.destination_key)) is not None and stands.shared is not False
        ]
        refs = [
            self._destination.ref(
                join_path(folder.destination_path, found[index][0].destination_name),
                there[found[index][0].destination_key].id,
            )
            for index in asked
        ]
        answers = await self._questions.all_of(self._to, refs)
        seen = [one for _, one in found]
        for index, answer in zip(asked, answers, strict=True):
            seen[index] = replace(seen[index], there=answer or ())
        return seen

    async def _taken_back_aside(
        self,
        folder: FolderTask,
        aside: Sequence[NewItem],
        earlier: Mapping[str, Earlier],
        above: Access,
    ) -> list[NewGrant]:
        """Take back what the source has no more on entries to which nothing else is done: in conflict, kept out.

        What stands at their place may be somebody else's, so only where it was given it is taken back.
        """
        told = await self._told(
            folder, aside, [item for item in aside if item.entry.shared is not False], above
        )
        inherited = [msgspec.structs.replace(line, inherited=True) for line in above.told]
        lines: list[NewGrant] = []
        for item in aside:
            seen = Seen(
                source_key=item.source_key,
                permissions=told.get(item.source_key, inherited),
                above=above,
                owner=item.entry.owner,
                elsewhere=earlier[item.source_key].elsewhere,
            )
            _, about = await self._taken_back(seen, self._judge.plan(seen))
            lines += [line for line in about if line.action is GrantAction.TAKE_BACK]
        return lines

    async def _taken_back(self, seen: Seen, plan: EntryPlan) -> tuple[EntryPlan, list[NewGrant]]:
        """Take back what is to be; what cannot be stays, and whoever has it counts as one who sees the entry."""
        if not plan.take_back:
            return plan, list(plan.lines)
        if self._dry_run or self._destination is None:
            going = {*plan.access.going, *(one.target for one in plan.take_back if one in seen.granted)}
            plan = msgspec.structs.replace(
                plan, access=msgspec.structs.replace(plan.access, going=tuple(sorted(going)))
            )
            return plan, [*plan.lines, *(_back(one, GrantState.PLANNED) for one in plan.take_back)]
        lines, kept = await self._back_from([one for one in plan.take_back if one in seen.granted])
        if elsewhere := [one for one in plan.take_back if one not in seen.granted]:
            async with self._earlier.turn:
                more, _ = await self._back_from(await self._earlier.unclaimed(elsewhere))
            lines += more
        if not kept:
            return plan, [*plan.lines, *lines]
        left = replace(seen, granted=[one for one in seen.granted if one not in kept], elsewhere=())
        again = self._judge.plan(left)
        return again, [*again.lines, *lines]

    async def _back_from(self, given: Sequence[Granted]) -> tuple[list[NewGrant], list[Granted]]:
        """Take back; returns lines about it, and what could not be."""
        assert self._destination is not None
        failed: list[NewGrant] = []
        kept: list[Granted] = []
        for one in given:
            error = await try_to_take_back(self._destination, one)
            if error is not None:
                kept.append(one)
                failed.append(_back(one, GrantState.FAILED, error))
        taken = [one for one in given if one not in kept]
        await self._ledger.sharing.forget_granted(taken)
        return [*(_back(one, GrantState.TAKEN_BACK) for one in taken), *failed], kept

    def _held(self, item: NewItem, plan: EntryPlan | None, above: Access) -> NewItem:
        """Hold an item back that would be put where people see it who may not at the source."""
        if item.action is Action.NONE or item.state in PROBLEMS or self._rules.wider is Wider.ALLOW:
            return item
        who = in_words(plan.wider) if plan is not None else above.wider
        if not who:
            return item
        what = "nor is what is in it: " if item.entry.kind is EntryKind.FOLDER else ""
        return msgspec.structs.replace(
            item,
            state=ItemState.UNSUPPORTED,
            action=Action.NONE,
            reason=Reason.WOULD_BE_WIDER,
            side=None,
            message=f"not put there, {what}it would be open to {who}, who cannot do that at the source",
        )

    async def _root_there(self) -> Sequence[Permission]:
        if self._to is None or self._destination is None:
            return ()
        return await root_access(self._destination, self._to, self._questions)

    async def _know_people(self, seen: Sequence[Seen]) -> None:
        """List the destination's people once, as soon as anybody but the owner has access to anything."""
        if self._people_listed or not any(
            line.kind is GranteeKind.PERSON and line.identity != self._judge.owner
            for one in seen
            for line in one.permissions or ()
        ):
            return
        async with self._listing:
            if not self._people_listed:
                self._judge = replace(self._judge, known=await self._people())
                self._people_listed = True

    async def _people(self) -> frozenset[str] | None:
        """Addresses of all people of the destination, where it tells them and they are not too many to keep."""
        places = self._destination.connector.places if self._destination is not None else None
        if places is None:
            return None
        found: set[str] = set()
        async for page in places.all():
            found.update(place.email.lower() for place in page if place.email)
            if len(found) > _MOST_PEOPLE:
                return None
        return frozenset(found)


def _owner(permissions: Sequence[Permission] | None) -> str | None:
    # A group that owns (those of a SharePoint site) is nobody to whom the rest would belong, or not.
    owners = [
        line.identity
        for line in permissions or ()
        if line.role is AccessRole.OWNER and line.kind is GranteeKind.PERSON
    ]
    return owners[0] if len(owners) == 1 else None


def _back(one: Granted, state: GrantState, error: MoverError | None = None) -> NewGrant:
    return NewGrant(
        source_key=one.source_key,
        action=GrantAction.TAKE_BACK,
        target=one.target,
        target_role=one.role,
        before=one.before,
        state=state,
        reason=error.reason if error else None,
        side="destination" if error else None,
        message=str(error) if error else "given by an earlier run, and no longer at the source",
    )
