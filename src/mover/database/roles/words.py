"""Roles, and what one of them may do with a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles of the server, by the names that they have there.

    OWNER owns the schema and changes it (`mover db upgrade`); no process of the service signs in as it, since row
    security does not hold for it.
    """

    OWNER = "mover_owner"
    API = "mover_api"
    WEB = "mover_web"
    RUNNER = "mover_runner"
    STAFF = "mover_staff"


SERVICE = (Role.API, Role.WEB, Role.RUNNER, Role.STAFF)
"""Those that get privileges; the owner needs none."""


class Everything:
    """All columns, those of later revisions as well."""


ALL = Everything()

Columns = Everything | tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What a role may do with a table.

    Attributes:
        select: Columns that it may read.
        insert: Columns that the rows which it adds may name; the others get what they get by themselves.
        update: Columns that it may change.
        delete: It may remove rows.
        rows: SQL: the rows that all of this is about. None: all.
        readable: SQL: further rows that it may read. None: no others.
        removable: SQL: the rows that it may remove, where they are fewer. None: all of `rows`.
    """

    select: Columns = ()
    insert: Columns = ()
    update: Columns = ()
    delete: bool = False
    rows: str | None = None
    readable: str | None = None
    removable: str | None = None


Privileges = Mapping[str, Mapping[Role, Allowed]]
"""By table; a role that is not named may do nothing there."""
