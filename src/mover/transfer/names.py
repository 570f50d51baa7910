"""Which name each entry of a folder gets at the destination: accepted there, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mover.connectors.contract import Capabilities
from mover.entries import Entry, EntryKind, join_path
from mover.errors import NameRejected, Reason
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Arrival, FolderTask
from mover.naming import NameRules
from mover.transfer.forms import SealedNames

_MOST_ALTERNATIVES = 1_000


class ChosenName(msgspec.Struct, frozen=True):
    """A name, its key as the destination compares names, and why there is none, if so."""

    name: str
    key: str
    problem: str = ""
    reason: Reason | None = None


class NameChooser:
    """Chooses names at the destination for one run.

    An entry that arrived before keeps the name it was given then. Of several new entries whose names are the same to
    the destination the first seen gets the name, and the others get `name (2).ext` and so on.
    """

    def __init__(
        self,
        source: Capabilities,
        rules: NameRules,
        root: str,
        ledger: RunLedger,
        sealed: SealedNames | None = None,
    ) -> None:
        self._rules = rules
        self._sealed = sealed
        self._root = root.rstrip("/")
        self._ledger = ledger
        # Where every name of a folder is a different one to the destination too, nothing needs to be looked up.
        self._may_collide = (
            source.duplicate_names
            or (source.names.case_sensitive and not rules.case_sensitive)
            or (source.names.normalisation_sensitive and not rules.normalisation_sensitive)
            or sealed is not None  # `a` and `a.age`, which is sealed already, both want to be `a.age`
        )

    async def choose(
        self,
        folder: FolderTask,
        entries: Sequence[tuple[Entry, str]],
        arrivals: dict[str, Arrival],
        freed: frozenset[str] = frozenset(),
    ) -> dict[str, ChosenName]:
        """Choose names for entries of one folder, given with their source keys. Returns them by source key.

        What the entries with the keys in `freed` held before is free.
        """
        chosen = {key: self._accepted(folder, entry, entry.name) for entry, key in entries}
        if self._may_collide:
            await self._make_distinct(folder, entries, chosen, arrivals, freed)
        return chosen

    def _accepted(self, folder: FolderTask, entry: Entry, name: str) -> ChosenName:
        try:
            accepted = accepted_name(self._rules, self._sealed, entry, name)
            self._rules.check_path(join_path(self._root + folder.destination_path, accepted))
        except NameRejected as error:
            return ChosenName(name, name, problem=error.message, reason=error.reason)
        return ChosenName(accepted, self._rules.key(accepted))

    async def _make_distinct(
        self,
        folder: FolderTask,
        entries: Sequence[tuple[Entry, str]],
        chosen: dict[str, ChosenName],
        arrivals: dict[str, Arrival],
        freed: frozenset[str],
    ) -> None:
        folder_key = self._rules.path_key(folder.destination_path)
        spelled = {key: join_path("/", entry.name)[1:] for entry, key in entries}
        for source_key, arrival in arrivals.items():
            head, _, name = arrival.destination_path.rpartition("/")
            kept = arrival.path.rpartition("/")[2] == spelled[source_key]  # else it was renamed since
            if kept and self._rules.path_key(head or "/") == folder_key and not chosen[source_key].problem:
                chosen[source_key] = ChosenName(name, self._rules.key(name))
        holders = await self._holders(folder, {c.key for c in chosen.values() if not c.problem}, freed)
        listed = {key: entry for entry, key in entries}
        for source_key in sorted(chosen, key=lambda key: key not in arrivals):
            wanted = chosen[source_key]
            if wanted.problem:
                continue
            attempt = 0
            name, key = wanted.name, wanted.key
            while holders.setdefault(key, source_key) != source_key:
                attempt += 1
                if attempt > _MOST_ALTERNATIVES:
                    problem = f"more than {_MOST_ALTERNATIVES} entries of this folder have names that are one to the destination"
                    chosen[source_key] = ChosenName(name, key, problem=problem, reason=Reason.NAME_COLLISION)
                    break
                name = self._distinct(listed[source_key], wanted.name, attempt)
                key = self._rules.key(name)
                if key not in holders:
                    holders.update(await self._holders(folder, {key}, freed))
            else:
                chosen[source_key] = ChosenName(name, key)

    def _distinct(self, entry: Entry, wanted: str, attempt: int) -> str:
        """Another name; one that is sealed is made of another plain name, so that it can be told what it stands for."""
        if self._sealed is None or not self._sealed.reversible:
            return self._rules.distinct(wanted, attempt)
        plain = self._rules.distinct(entry.name, attempt)
        return accepted_name(self._rules, self._sealed, entry, plain)

    async def _holders(self, folder: FolderTask, keys: set[str], freed: frozenset[str]) -> dict[str, str]:
        """Source keys of those who hold names in the folder already, by name key."""
        prefix = self._rules.path_key(folder.destination_path).rstrip("/")
        by_path = {f"{prefix}/{key}": key for key in keys}
        now, before = await self._ledger.names_held(folder, list(keys), list(by_path))
        earlier = {by_path[path]: holder for path, holder in before.items() if holder not in freed}
        return {**earlier, **now}


def accepted_name(rules: NameRules, sealed: SealedNames | None, entry: Entry, name: str) -> str:
    """The name that an entry has at the destination if nobody else has it. Raises NameRejected."""
    if sealed is not None:
        name = sealed.name(name, folder=entry.kind is EntryKind.FOLDER)
    return rules.accepted(name)
