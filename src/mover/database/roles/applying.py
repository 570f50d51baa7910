"""Roles and privileges, done to a database; the caller's transaction keeps others from changing the schema meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from mover.database.roles.privileges import PRIVILEGES
from mover.database.roles.statements import privilege_statements, role_statements
from mover.database.roles.words import Role

_THERE = text("SELECT count(*) FROM pg_roles WHERE rolname = ANY(:names)")
_IN_USE = text(
    "SELECT current_user = :owner OR has_table_privilege(:api, 'public.alembic_version', 'SELECT')"
)
_HAS_SCHEMA = "to_regclass('public.alembic_version') IS NOT NULL"


def script() -> str:
    """All of it for `psql`, in one transaction; without a schema as yet, only the roles."""
    privileges = "".join(f"{statement};\n" for statement in privilege_statements(PRIVILEGES))
    return (
        "BEGIN;\n"
        + "".join(f"{statement};\n" for statement in role_statements())
        + f"DO $mover$ BEGIN IF {_HAS_SCHEMA} THEN\n{privileges}END IF; END $mover$;\nCOMMIT;\n"
    )


def roles_in_use(connection: Connection) -> bool:
    """Tell whether this database is for the roles; the server may have them for another one. There has to be a schema."""
    found = connection.execute(_THERE, {"names": [role.value for role in Role]}).scalar_one()
    if int(found) != len(Role):
        return False
    names = {"owner": Role.OWNER.value, "api": Role.API.value}
    return bool(connection.execute(_IN_USE, names).scalar_one())


def make_roles(connection: Connection) -> None:
    """Make the roles that are missing, and let nobody else into the database. What the server refuses is raised as it is."""
    _execute(connection, role_statements())


def give_privileges(connection: Connection) -> None:
    """Give the roles what is theirs, and no more; nothing where no schema is as yet."""
    if connection.exec_driver_sql(f"SELECT {_HAS_SCHEMA}").scalar_one():
        _execute(connection, privilege_statements(PRIVILEGES))


def _execute(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        # A percent sign would stand for a parameter.
        connection.exec_driver_sql(statement.replace("%", "%%"))
