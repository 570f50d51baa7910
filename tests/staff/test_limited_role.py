"""A role of PostgreSQL that may do more than the staff's is not taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.database_url import Kind, fresh
from tests.staff.test_limited import ROLE, staff_role

from mover.database.database import Database
from mover.database.failures import DatabaseUnusable
from mover.database.limited import LimitedDatabase
from mover.database.staff_columns import STAFF_COLUMNS

pytestmark = [
    pytest.mark.promise("P9", "isolation"),
    pytest.mark.servers,
    pytest.mark.usefixtures("database_kind"),
    pytest.mark.parametrize("database_kind", [Kind.POSTGRESQL], indirect=True),
]

LENDING = (
    "CREATE FUNCTION hashes() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER"
    " AS 'SELECT password_hash FROM people'"
)


async def test_whatever_it_may_do_beyond_metadata_is_named(tmp_path: Path) -> None:
    url = fresh(tmp_path / "state")
    await (await Database.open(url)).close()
    for grant, named in (
        (f"GRANT SELECT (password_hash) ON people TO {ROLE}", "reads people.password_hash"),
        (f"GRANT SELECT ON secrets TO {ROLE}", "reads secrets."),
        (f"GRANT UPDATE (name) ON people TO {ROLE}", "writes people"),
        (f"GRANT DELETE ON items TO {ROLE}", "writes items"),
        (f"GRANT mover TO {ROLE}", "mover"),
        (f"GRANT pg_execute_server_program TO {ROLE}", "acts as pg_execute_server_program"),
        (f"ALTER ROLE {ROLE} BYPASSRLS", "passes over row security"),
        (
            f"{LENDING}; GRANT EXECUTE ON FUNCTION hashes() TO {ROLE}",
            "calls hashes",
        ),
    ):
        with staff_role(url, grant) as role_url, pytest.raises(DatabaseUnusable, match=named):
            await LimitedDatabase.open(role_url, STAFF_COLUMNS)
    with pytest.raises(DatabaseUnusable, match="may do more than read metadata"):
        await LimitedDatabase.open(url, STAFF_COLUMNS)  # the owner of it all
    with staff_role(url, "DROP FUNCTION hashes()") as role_url:  # as `mover db roles` makes it
        await (await LimitedDatabase.open(role_url, STAFF_COLUMNS)).close()
