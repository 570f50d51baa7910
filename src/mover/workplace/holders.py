"""Who may have a key in the vault: organisations, people and staff that are there, and the person at the command line."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection


def expect_there(transaction: Connection, holder: str) -> None:
    """Raise NoSuchThing for the holder `organisation:<id>` of one that was deleted, `person:<id>` or `staff:<id>` of one who was."""
    kind, _, holder_id = holder.partition(":")
    if kind not in {"organisation", "person", "staff"}:
        return
    # Imported here since the command line, which has none of them, would load the accounts for it.
    from mover.accounts.queries import organisations, people  # noqa: PLC0415
    from mover.accounts.refusals import NoSuchThing  # noqa: PLC0415
    from mover.staff.queries import people as staff  # noqa: PLC0415

    find: Callable[[Connection, str], object]
    match kind:
        case "organisation":
            find = organisations.find
        case "person":
            find = people.find
        case _:
            find = staff.find
    if find(transaction, holder_id) is None:
        raise NoSuchThing(f"there is no such {kind}")
