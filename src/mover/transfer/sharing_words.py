"""What a run says of its permissions, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from mover.ledger.grants import GRANT_PROBLEMS, GrantState, GrantTally

_DONE = {
    GrantState.GIVEN: "given",
    GrantState.ALREADY_THERE: "there already",
    GrantState.TAKEN_BACK: "taken back",
    GrantState.LISTED: "listed only",
    GrantState.DROPPED: "dropped",
}


def said_of_permissions(tallies: Sequence[GrantTally], *, dry_run: bool) -> list[str]:
    """One sentence with what became of how many, and one about problems; nothing where there were none."""
    counts: dict[GrantState, int] = {}
    for tally in tallies:
        counts[tally.state] = counts.get(tally.state, 0) + tally.count
    words = {GrantState.PLANNED: "would change"} | _DONE if dry_run else _DONE
    told = [f"{counts[state]:,} {word}" for state, word in words.items() if state in counts]
    said = [f"permissions: {', '.join(told)}"] if told else []
    if problems := sum(counts.get(state, 0) for state in GRANT_PROBLEMS):
        what = "permission needs" if problems == 1 else "permissions need"
        said.append(f"{problems:,} {what} a look: see the permissions report")
    return said
