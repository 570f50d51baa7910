"""What a move will cost: the calls that a scan's plan comes to, on both sides.

    listing              what the scan asked for itself, counted: the move asks for it again
    reading, writing     what was planned, by the connectors' costs (`connectors/costs.py`)
    permitting           permissions that would be given or taken back

Operations are chosen here as `copy.py`, `sending.py` and `verification.py` choose them: whole, in one stream or in parts,
read back or not. Where a service is known to nobody as one that counts calls, nothing is told of it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mover.connectors.contract import Capabilities, Setting
from mover.connectors.costs import CallCosts, Step, step_for
from mover.ledger.estimates import Estimate, FileGroup, PastRun, Planned, SideCalls, Sort
from mover.ledger.states import Action
from mover.transfer.lasting import how_long
from mover.transfer.options import Options
from mover.transfer.parts import part_size_for
from mover.transfer.sending import most_of_part, stream_part
from mover.transfer.side import Side
from mover.transfer.verification import Verifier

_GREATEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Calls that the scan made itself. `resumed` scans saw only a share of the folders: `listed` of them."""

    source: int
    destination: int
    listed: int
    resumed: bool


@dataclass
class SideCosts:
    """What one side comes to. `uploads` are files that are sent, `uploaded` their bytes."""

    costs: CallCosts
    by_sort: Counter[Sort] = field(default_factory=Counter)
    uploads: int = 0
    uploaded: float = 0.0
    _exact: defaultdict[Sort, float] = field(default_factory=lambda: defaultdict(float))
    _steps: dict[tuple[Sort, tuple[Step, ...]], Counter[int]] = field(default_factory=dict)

    def add(self, sort: Sort, calls: float) -> None:
        """Count calls; a share of one counts as that."""
        self._exact[sort] += calls

    def add_files(self, sort: Sort, steps: tuple[Step, ...], size: int | None, files: int) -> None:
        """Count an operation on whole files of a size in bytes; None: greater than any bound."""
        self._steps.setdefault((sort, steps), Counter())[step_for(steps, size)] += files

    def close(self) -> None:
        """Round up, once all has been added."""
        for (sort, steps), counted in self._steps.items():
            for index, files in counted.items():
                self.add(sort, steps[index].of(files))
        self._steps.clear()
        for sort, calls in self._exact.items():
            self.by_sort[sort] = _whole(math.ceil(calls - 1e-9))


class Costing:
    """Works out the costs of one scan.

    Args:
        source, destination: The two sides.
        options: Of the scan; the move is taken to have the same.
        memory_bytes: Of staging, which decides the size of parts.
        large_from: Files of at least this size in bytes are in the lane for large ones.
    """

    def __init__(
        self, source: Side, destination: Side, options: Options, *, memory_bytes: int, large_from: int
    ) -> None:
        self._source = source
        self._destination = destination
        self._options = options
        self._from: Capabilities = source.connector.capabilities
        self._to: Capabilities = destination.connector.capabilities
        rules = self._to.parts
        self._rules = rules
        self._part = part_size_for(rules, None, most=most_of_part(rules, memory_bytes)) if rules else 0
        self._stream = stream_part(memory_bytes)
        bounds = {large_from - 1}
        if rules:
            bounds.add(rules.worthwhile_from - 1)
        lengths = {self._stream}
        if rules:
            lengths.add(self._part)
        for costs in (self._from.costs, self._to.costs):
            if costs is None:
                continue
            bounds |= {step.up_to for step in (*costs.reads, *costs.uploads) if step.up_to is not None}
            if costs.piece is not None:
                lengths.add(costs.piece)
        self.bounds: Sequence[int] = sorted(bounds)
        """Sizes between which files cost alike, in bytes: see `FileGroup.bucket`."""
        self.lengths: Sequence[int] = sorted(lengths)
        """Of what files are cut into, in bytes: see `FileGroup.pieces`."""
        verifier = Verifier(destination.connector, self._from, options.verify)
        self._reads_back = verifier.reads_back
        self._computes = verifier.asks_for_hashes

    def estimate(self, planned: Planned, asked: Asked, past: Sequence[PastRun]) -> Estimate:
        """Add everything up."""
        source = self._source_costs(planned)
        destination = self._destination_costs(planned)
        self._began(source, self._source, whole_scan(asked.source, asked, planned.folders.listed))
        self._began(
            destination, self._destination, whole_scan(asked.destination, asked, planned.folders.listed)
        )
        for costs in (source, destination):
            if costs is not None:
                costs.close()
        files = sum(group.files for group in planned.files)
        size = sum(group.size for group in planned.files)
        least, most_s = how_long(
            [side for side in (source, destination) if side is not None],
            files=files,
            size=size,
            bytes_per_s=self._options.bytes_per_s,
            past=past,
        )
        return Estimate(
            source=_told(self._source, source),
            destination=_told(self._destination, destination),
            files=files,
            size=_whole(size),
            unknown_sizes=sum(group.files for group in planned.files if group.bucket < 0),
            least=least,
            most_s=most_s,
            past=len(past),
            uncounted=self._uncounted(planned),
            hours_a_day=self._options.hours_a_day,
        )

    def _source_costs(self, planned: Planned) -> SideCosts | None:
        costs = self._from.costs
        if costs is None:
            return None
        found = SideCosts(costs)
        for group in planned.files:
            if group.action is Action.RENAME:
                continue
            ranges = self._ranges(group) if self._from.range_reads and self._from.bounded_reads else None
            if group.bucket < 0:
                found.add(Sort.READING, group.files * costs.read_alone)
            elif ranges is None or group.action is Action.COMPARE:
                found.add_files(Sort.READING, costs.reads, self._upper(group), group.files)
            else:
                found.add(Sort.READING, ranges * costs.read_alone)
            if not self._from.versioned_reads:  # whether it is still the same
                found.add(Sort.READING, group.files * costs.look)
        return found

    def _destination_costs(self, planned: Planned) -> SideCosts | None:
        costs = self._to.costs
        if costs is None:
            return None
        found = SideCosts(costs)
        for group in planned.files:
            match group.action:
                case Action.RENAME:
                    found.add(Sort.WRITING, group.files * costs.rename)
                case Action.COMPARE:
                    self._look(found, group)
                    found.add(Sort.READING, group.files * costs.read_alone)
                case Action.REPLACE:
                    self._look(found, group)
                    found.add(Sort.READING, group.files * costs.replace)
                    self._send(found, group)
                case _:
                    if group.stood:
                        found.add(Sort.READING, group.files * costs.upload_where_stood)
                    self._send(found, group)
        folders = planned.folders
        made = folders.without_files if self._to.implicit_folders else folders.missing
        found.add(Sort.WRITING, costs.folder.of(made))
        if self._to.folder_modified is Setting.AFTERWARDS:
            found.add(Sort.WRITING, folders.dated * costs.set_time)
        if not self._destination.root_stands:
            found.add(Sort.READING, costs.look)
        if self._options.sharing is not None:
            found.add(Sort.PERMITTING, planned.grants * costs.permit)
        return found

    def _look(self, found: SideCosts, group: FileGroup) -> None:
        costs = found.costs
        above = self._destination.root.strip("/").count("/") + 1 if self._destination.root != "/" else 0
        names = group.names + above * group.files
        looks = group.files * costs.look + names * costs.look_each_name
        found.add(Sort.READING, looks)

    def _send(self, found: SideCosts, group: FileGroup) -> None:
        costs = found.costs
        found.uploads += group.files
        found.uploaded += group.size
        if self._in_parts(group):
            found.add(Sort.WRITING, group.files * (costs.begin + costs.finish))
            pieces = self._pieces(group, min(costs.piece or self._part, self._part))
            found.add(Sort.WRITING, pieces * costs.part)
        else:
            found.add_files(Sort.WRITING, costs.uploads, self._upper(group), group.files)
        if self._to.modified is Setting.AFTERWARDS:
            found.add(Sort.WRITING, group.files * costs.set_time)
        if self._computes:
            found.add(Sort.READING, group.files)
        if self._reads_back:
            ranges = self._ranges(group) if self._to.range_reads and self._to.bounded_reads else None
            found.add(Sort.READING, (group.files if ranges is None else ranges) * costs.read_alone)

    def _in_parts(self, group: FileGroup) -> bool:
        upper = self._upper(group)
        return (
            group.large
            and group.bucket >= 0
            and self._rules is not None
            and (upper is None or upper >= self._rules.worthwhile_from)
        )

    def _ranges(self, group: FileGroup) -> float | None:
        """Ranges in which files of a group are read; None: each in one go."""
        if not group.large or group.bucket < 0:
            return None
        return self._pieces(group, self._part if self._in_parts(group) else self._stream)

    def _pieces(self, group: FileGroup, length: int) -> float:
        return group.pieces[self.lengths.index(length)]

    def _upper(self, group: FileGroup) -> int | None:
        """The greatest size of a group, in bytes; those of unknown size are taken for small ones."""
        if group.bucket < 0:
            return 1
        return self.bounds[group.bucket] if group.bucket < len(self.bounds) else None

    def _began(self, found: SideCosts | None, side: Side, asked: float) -> None:
        """What the scan asked for, and where the feeds of changes stand, which it did not ask for."""
        if found is None:
            return
        found.add(Sort.LISTING, asked)
        sharing = self._options.sharing is not None
        feeds = [one.feed(sharing=sharing) is not None for one in (self._source, self._destination)]
        if feeds[0] and side.feed(sharing=sharing) is not None and (not sharing or all(feeds)):
            found.add(Sort.LISTING, found.costs.feed)

    def _uncounted(self, planned: Planned) -> tuple[str, ...]:
        found = []
        versions = self._source.connector.versions, self._destination.connector.versions
        if self._options.versions and None not in versions and planned.files:
            found.append("earlier versions of files")
        if any(group.bucket < 0 for group in planned.files):
            found.append("what files of unknown size cost beyond those of a small one")
        return tuple(found)


def whole_scan(calls: int, asked: Asked, folders: int) -> float:
    """Calls of a scan of so many folders as if it had not been interrupted: its end stands for all of it."""
    if not asked.resumed or asked.listed >= folders:
        return calls
    return calls * folders / asked.listed if asked.listed else calls + folders


def _told(side: Side, costs: SideCosts | None) -> SideCalls:
    if costs is None:
        return SideCalls(service=side.connector.service, by_sort=None)
    return SideCalls(service=costs.costs.title, by_sort=dict(costs.by_sort))


def _whole(number: float) -> int:
    """What the ledger can keep: sizes come from outside."""
    return int(min(number, _GREATEST))
