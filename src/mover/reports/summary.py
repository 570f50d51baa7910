"""A run in numbers, with the proof that they add up."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mover.entries import EntryKind
from mover.errors import InvalidConfiguration
from mover.ledger.grants import GrantState
from mover.ledger.ledger import Ledger
from mover.ledger.records import Run, Tally, Totals
from mover.ledger.states import ItemState, RunStatus, Verification, status_of


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to.

    Attributes:
        run: The run itself.
        status: The word for its code.
        totals: Sums over its items.
        files: Files by state.
        folders: Folders by state.
        verifications: Files by how their arrival was verified.
        permissions: Permissions by state; empty if the run did not look at any.
        unlisted_folders: Folders that were not read to their end: what is in them is not among the files seen.
        discrepancies: What does not add up, one sentence each; empty in every honest report.
    """

    run: Run
    status: RunStatus
    totals: Totals
    files: Mapping[ItemState, int]
    folders: Mapping[ItemState, int]
    verifications: Mapping[Verification, int]
    permissions: Mapping[GrantState, int]
    unlisted_folders: int
    discrepancies: tuple[str, ...]


async def summary(ledger: Ledger, run_id: int) -> Summary:
    """Add up a run. Raises InvalidConfiguration if there is no such run."""
    run = await ledger.run(run_id)
    if run is None:
        raise InvalidConfiguration(f"there is no run {run_id}; `mover runs` lists them")
    tallies = await ledger.tally(run_id)
    totals = Totals.of(tallies)
    verifications = await ledger.verifications(run_id)
    unlisted = await ledger.failed_folders(run_id)
    permissions: dict[GrantState, int] = {}
    for line in await ledger.grant_tally(run_id):
        permissions[line.state] = permissions.get(line.state, 0) + line.count
    return Summary(
        run=run,
        status=status_of(run.code),
        totals=totals,
        files=_by_state(tallies, folders=False),
        folders=_by_state(tallies, folders=True),
        verifications=verifications,
        permissions=permissions,
        unlisted_folders=unlisted,
        discrepancies=(
            *_discrepancies(run, tallies, totals, verifications, unlisted),
            *_undecided(run, permissions),
        ),
    )


def _undecided(run: Run, permissions: Mapping[GrantState, int]) -> list[str]:
    """Check that every permission has an outcome."""
    open_ones = permissions.get(GrantState.PLANNED, 0)
    if run.finished and not run.dry_run and open_ones:
        return [f"the run has ended, but {open_ones} permissions have no outcome"]
    return []


def _by_state(tallies: list[Tally], *, folders: bool) -> dict[ItemState, int]:
    found: dict[ItemState, int] = {}
    for tally in tallies:
        if (tally.kind is EntryKind.FOLDER) == folders:
            found[tally.state] = found.get(tally.state, 0) + tally.count
    return found


def _discrepancies(
    run: Run, tallies: list[Tally], totals: Totals, verifications: Mapping[Verification, int], unlisted: int
) -> list[str]:
    """Check that every entry has one outcome and every arrival a proof."""
    found = []
    outcomes = totals.files_moved + totals.files_skipped + totals.files_problem + totals.files_open
    if totals.files_seen != outcomes:
        found.append(f"{totals.files_seen} files were seen, {outcomes} are accounted for")
    if run.finished and not run.dry_run and totals.files_open:
        found.append(f"the run has ended, but {totals.files_open} files have no outcome")
    proven = {
        ItemState.COPIED,
        ItemState.REPLACED,
        ItemState.RENAMED,
        ItemState.ALREADY_THERE,
        ItemState.UNCHANGED,
    }
    need_proof = sum(t.count for t in tallies if t.kind is not EntryKind.FOLDER and t.state in proven)
    if need_proof != sum(verifications.values()):
        found.append(
            f"{need_proof} files count as arrived, {sum(verifications.values())} of them have a proof"
        )
    if run.finished and unlisted > totals.folders_problem:
        found.append(f"{unlisted} folders were not read to their end, {totals.folders_problem} are reported")
    return found
