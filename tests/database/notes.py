"""Tables of the tests' own, on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, ForeignKey, Integer, MetaData, Table, Text, insert, select

_metadata = MetaData()
notes = Table("notes", _metadata, Column("id", Integer, primary_key=True), Column("text", Text, unique=True))
references = Table("note_references", _metadata, Column("note", ForeignKey("notes.id")))
counter = Table("counter", _metadata, Column("n", Integer))


def make_notes(connection: Connection) -> None:
    """Make the tables."""
    _metadata.create_all(connection)


def add(connection: Connection, text: str) -> None:
    """Add a note."""
    connection.execute(insert(notes).values(text=text))


def add_all(connection: Connection, several: Iterable[str]) -> None:
    """Add notes."""
    for text in several:
        add(connection, text)


def texts(connection: Connection) -> list[str]:
    """All notes, in the order in which they were added."""
    return list(connection.scalars(select(notes.c.text).order_by(notes.c.id)))
