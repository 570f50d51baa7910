"""Who may have a key in the vault: organisations and people that are there, and the person at the command line."""

from __future__ import annotations

from sqlalchemy import Connection


def expect_there(transaction: Connection, holder: str) -> None:
    """Raise NoSuchThing for the holder `organisation:<id>` of one that was deleted, or `person:<id>` of one who was."""
    kind, _, holder_id = holder.partition(":")
    if kind not in {"organisation", "person"}:
        return
    # Imported here since the command line, which has neither, would load the accounts for it.
    from mover.accounts.queries import organisations, people  # noqa: PLC0415
    from mover.accounts.refusals import NoSuchThing  # noqa: PLC0415

    find = organisations.find if kind == "organisation" else people.find
    if find(transaction, holder_id) is None:
        raise NoSuchThing(f"there is no such {kind}")
