"""What a scan found, in numbers and examples: queries over the items of one run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from mover.entries import EntryKind, join_path
from mover.ledger.states import Action, ItemState
from mover.ledger.tables import folders, items

_FILES = items.c.kind != EntryKind.FOLDER.value
_NOT_TO_MOVE = (ItemState.EXCLUDED.value, ItemState.UNSUPPORTED.value)


class ExtensionCount(msgspec.Struct, frozen=True):
    """Files with one extension, lower case without its dot; empty for those without. Size in bytes."""

    extension: str
    count: int
    size: int


class FoundPath(msgspec.Struct, frozen=True):
    """An entry that is worth showing. Size in bytes; `length` is that of its path at the destination, in characters."""

    path: str
    size: int | None
    length: int


class ChangedName(msgspec.Struct, frozen=True):
    """An entry that gets another name at the destination."""

    path: str
    name: str


class NotMoved(msgspec.Struct, frozen=True):
    """Entries of one kind that cannot be moved for one reason: how many, what is said about one, and the path of one."""

    kind: EntryKind
    count: int
    message: str
    example: str


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan found.

    Attributes:
        actions: Files by what would be done to them.
        extensions: Those with the most bytes first.
        largest: The largest files.
        longest: The longest paths.
        names_changed: How many entries would be renamed.
        new_names: The first of them.
        unsupported: Why entries cannot be moved, the most frequent reason first.
    """

    actions: Mapping[Action, int]
    extensions: tuple[ExtensionCount, ...]
    largest: tuple[FoundPath, ...]
    longest: tuple[FoundPath, ...]
    names_changed: int
    new_names: tuple[ChangedName, ...]
    unsupported: tuple[NotMoved, ...]


def survey(connection: Connection, run_id: int, most: int) -> Survey:
    """Look a run over; lists have at most so many lines."""
    return Survey(
        actions=_actions(connection, run_id),
        extensions=_extensions(connection, run_id, most),
        largest=_paths(connection, _of(run_id).where(items.c.size.is_not(None)), items.c.size, most),
        longest=_paths(connection, _of(run_id), _length(), most),
        names_changed=_names_changed(connection, run_id),
        new_names=_new_names(connection, run_id, most),
        unsupported=_unsupported(connection, run_id, most),
    )


def _of(run_id: int) -> Select[Any]:
    return (
        select(items.c.name, items.c.size, folders.c.path, _length().label("length"))
        .join(folders, folders.c.id == items.c.folder_id)
        .where(items.c.run_id == run_id, _FILES, items.c.state.not_in(_NOT_TO_MOVE))
    )


def _length() -> ColumnElement[int]:
    slash = case((folders.c.destination_path == "/", 0), else_=1)
    return func.length(folders.c.destination_path) + slash + func.length(items.c.destination_name)


def _paths(
    connection: Connection, query: Select[Any], by: ColumnElement[int], most: int
) -> tuple[FoundPath, ...]:
    found = connection.execute(query.order_by(by.desc(), items.c.id).limit(most))
    return tuple(FoundPath(join_path(row.path, row.name), row.size, row.length) for row in found)


def _actions(connection: Connection, run_id: int) -> dict[Action, int]:
    query = (
        select(items.c.action, func.count().label("number"))
        .where(items.c.run_id == run_id, _FILES, items.c.action != Action.NONE.value)
        .group_by(items.c.action)
    )
    return {Action(row.action): row.number for row in connection.execute(query)}


def _extensions(connection: Connection, run_id: int, most: int) -> tuple[ExtensionCount, ...]:
    # rtrim takes away all characters that are not dots from the end, so what it leaves ends with the last dot.
    stem = func.length(func.rtrim(items.c.name, func.replace(items.c.name, ".", "")))
    extension = case((stem > 1, func.lower(func.substr(items.c.name, stem + 1))), else_="")
    size = func.coalesce(func.sum(items.c.size), 0)
    query = (
        select(extension.label("extension"), func.count().label("number"), size.label("size"))
        .where(items.c.run_id == run_id, _FILES, items.c.state.not_in(_NOT_TO_MOVE))
        .group_by(extension)
        .order_by(size.desc(), func.count().desc(), extension)
        .limit(most)
    )
    return tuple(
        ExtensionCount(row.extension, row.number, int(row.size)) for row in connection.execute(query)
    )


def _names_changed(connection: Connection, run_id: int) -> int:
    query = select(func.count()).where(*_with_new_name(run_id))
    return int(connection.execute(query).scalar_one())


def _new_names(connection: Connection, run_id: int, most: int) -> tuple[ChangedName, ...]:
    query = (
        select(items.c.name, items.c.destination_name, folders.c.path)
        .join(folders, folders.c.id == items.c.folder_id)
        .where(*_with_new_name(run_id))
        .order_by(items.c.id)
        .limit(most)
    )
    return tuple(
        ChangedName(join_path(row.path, row.name), row.destination_name) for row in connection.execute(query)
    )


def _with_new_name(run_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        items.c.run_id == run_id,
        items.c.name != items.c.destination_name,
        items.c.state.not_in([*_NOT_TO_MOVE, ItemState.FAILED.value]),
    )


def _unsupported(connection: Connection, run_id: int, most: int) -> tuple[NotMoved, ...]:
    path = func.rtrim(folders.c.path, "/") + "/" + items.c.name
    query = (
        select(
            items.c.kind,
            func.count().label("number"),
            func.min(items.c.message).label("message"),
            func.min(path).label("example"),
        )
        .join(folders, folders.c.id == items.c.folder_id)
        .where(items.c.run_id == run_id, items.c.state == ItemState.UNSUPPORTED.value)
        .group_by(items.c.kind, items.c.reason)
        .order_by(func.count().desc(), items.c.kind)
        .limit(most)
    )
    return tuple(
        NotMoved(EntryKind(row.kind), row.number, row.message, row.example)
        for row in connection.execute(query)
    )
