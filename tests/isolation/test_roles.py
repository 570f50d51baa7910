"""PostgreSQL itself holds each process to its role: what it may read, change and remove, by table, column and row."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from tests.e2e.command import Mover
from tests.isolation.separated import SeparatedServer
from tests.servers.certificates import client_certificate, make_certificates

import mover
from mover.database.base import metadata
from mover.database.failures import DatabaseUnusable
from mover.database.roles.privileges import PRIVILEGES
from mover.database.roles.words import ALL, SERVICE, Allowed, Role
from mover.database.upgrading import condition, set_up_roles, upgrade

pytestmark = pytest.mark.promise("isolation")
on_server = pytest.mark.servers


def all_tables() -> dict[str, set[str]]:
    """Every table that any room declares, with its columns."""
    for module in pkgutil.walk_packages(mover.__path__, "mover."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)
    found = {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}
    return found | {"alembic_version": {"version_num"}}


def columns_of(allowed: Allowed, kind: str, every: set[str]) -> set[str]:
    match kind:
        case "SELECT":
            named = allowed.select
        case "UPDATE":
            named = allowed.update
        case _:
            named = allowed.insert
    return every if named is ALL else set(named)  # type: ignore[arg-type]  # ALL is the only Everything


def test_every_table_is_spoken_for() -> None:
    tables = all_tables()
    assert set(PRIVILEGES) == set(tables)
    for table, by_role in PRIVILEGES.items():
        assert Role.OWNER not in by_role
        for role, allowed in by_role.items():
            for kind in ("SELECT", "UPDATE"):
                unknown = columns_of(allowed, kind, tables[table]) - tables[table]
                assert not unknown, f"{table} has no {unknown}, which {role} may use"


def test_nobody_who_reads_for_others_may_change_anything() -> None:
    for table, by_role in PRIVILEGES.items():
        if (staff := by_role.get(Role.STAFF)) is not None:
            assert (staff.insert, staff.update, staff.delete) == ((), (), False), table
        if (web := by_role.get(Role.WEB)) is not None:
            assert (web.insert, web.delete) == ((), False), table
            assert web.update == (("last_seen_ns",) if table == "sessions" else ()), table


def server_says(separated: SeparatedServer) -> set[tuple[str, str, str, str]]:
    """Role, table, column and kind of privilege, for everything that any of the roles may do."""
    rows = separated.execute(
        "SELECT rolname, relname, attname, kind FROM pg_roles, pg_class, pg_attribute,"
        " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) kind"
        f" WHERE rolname IN ({', '.join(repr(role.value) for role in SERVICE)}) AND relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped"
        " AND has_column_privilege(pg_roles.oid, pg_class.oid, attnum, kind)"
        " UNION ALL SELECT rolname, relname, '', kind FROM pg_roles, pg_class,"
        " unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) kind"
        f" WHERE rolname IN ({', '.join(repr(role.value) for role in SERVICE)}) AND relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace AND has_table_privilege(pg_roles.oid, pg_class.oid, kind)"
    )
    return {(role, table, column, kind) for role, table, column, kind in rows}


def as_decided() -> set[tuple[str, str, str, str]]:
    tables = all_tables()
    found = set()
    for table, by_role in PRIVILEGES.items():
        for role, allowed in by_role.items():
            for kind in ("SELECT", "INSERT", "UPDATE"):
                for column in columns_of(allowed, kind, tables[table]):
                    found.add((role.value, table, column, kind))
            if allowed.delete:
                found.add((role.value, table, "", "DELETE"))
    return found


@on_server
def test_the_server_grants_what_was_decided_and_nothing_else(separated: SeparatedServer) -> None:
    assert server_says(separated) == as_decided()
    loose = separated.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'mover\\_%' AND (rolsuper OR rolcreatedb OR rolcreaterole"
        " OR rolbypassrls OR rolreplication)"
    )
    assert loose == []
    assert separated.execute(
        "SELECT count(*) FROM pg_auth_members JOIN pg_roles ON member = pg_roles.oid"
        " WHERE rolname LIKE 'mover\\_%'"
    ) == [(0,)]


@on_server
async def test_an_upgrade_gives_privileges_anew(separated: SeparatedServer) -> None:
    separated.execute("GRANT SELECT ON people TO mover_runner, PUBLIC")
    separated.execute("GRANT UPDATE (name) ON people TO mover_web")
    separated.execute("REVOKE SELECT ON runs FROM mover_api")
    separated.execute("DROP POLICY mover_row_runner_select ON secrets")
    separated.execute("CREATE POLICY mover_row_runner_all ON secrets TO mover_runner USING (true)")
    assert server_says(separated) != as_decided()

    await upgrade(separated.url(Role.OWNER))

    assert server_says(separated) == as_decided()
    policies = separated.execute("SELECT policyname FROM pg_policies WHERE tablename = 'secrets' ORDER BY 1")
    assert ("mover_row_runner_select",) in policies
    assert ("mover_row_runner_all",) not in policies


@on_server
async def test_a_database_of_somebody_else_on_the_same_server_is_left_alone(
    separated: SeparatedServer,
) -> None:
    separated.server.execute("CREATE DATABASE theirs")
    theirs = dataclasses.replace(separated, name="theirs")
    await upgrade(theirs.server.url("theirs"))  # neither as the roles' owner, nor set up for them
    assert server_says(theirs) == set()


_EVENT = "organisation_id, happened_ns, actor_kind, actor_id, actor_name, action, subject, details"
_OF_RUNNER = "'here', 0, 'system', 'runner', 'Mover (runner)', 'a', 's', '{}'"

REFUSED = [
    # A runner lets nobody in, and knows nothing that would.
    (Role.RUNNER, "SELECT password_hash FROM people"),
    (Role.RUNNER, "SELECT * FROM people"),
    (Role.RUNNER, "SELECT name FROM people"),
    *((Role.RUNNER, f"SELECT count(*) FROM {table}") for table in (
        *("sessions", "known_devices", "tickets", "invitations", "password_resets", "totp", "recovery_codes"),
        *("passkeys", "single_sign_on", "single_sign_on_identities", "api_keys", "idempotent_requests"),
        *("sign_in_attempts", "signing_keys", "saved_views", "audit_events"),
    )),
    (Role.RUNNER, "DELETE FROM sessions"),
    (Role.RUNNER, "INSERT INTO sessions (id) VALUES ('x')"),
    (Role.RUNNER, "UPDATE people SET email = 'thief@example.org'"),
    (Role.RUNNER, "INSERT INTO memberships (organisation_id, person_id, role, created_ns) VALUES ('o', 'p', 'owner', 0)"),
    (Role.RUNNER, "UPDATE webhooks SET url = 'https://thief.example.org'"),
    (Role.RUNNER, "UPDATE migrations SET destination_connection_id = 'x'"),
    (Role.RUNNER, "UPDATE connections SET service = 'local'"),
    (Role.RUNNER, "INSERT INTO migration_pairs (id) VALUES (1)"),
    (Role.RUNNER, "INSERT INTO person_keys (person) VALUES ('organisation:x')"),
    (Role.RUNNER, "UPDATE person_keys SET wrapped = ''"),
    (Role.RUNNER, "UPDATE current_global_key SET key_id = 'mine'"),
    (Role.RUNNER, "DELETE FROM audit_events"),
    # It says what happened; where that stands in the log, and who else did what, is not for it to say.
    *((Role.RUNNER, f"INSERT INTO audit_events ({_EVENT}, {column}) VALUES ({_OF_RUNNER}, {value})") for column, value in (
        *(("id", "1"), ("number", "1"), ("position", "1"), ("hash", "''"), ("redaction", "''")),
    )),
    (Role.RUNNER, f"INSERT INTO audit_events ({_EVENT}) VALUES ('here', 0, 'person', 'p', 'ann@example.org', 'a', 's', '{{}}')"),
    (Role.RUNNER, f"INSERT INTO audit_events ({_EVENT}) VALUES ('staff', 0, 'staff', 'p', 'sam@example.org', 'a', 's', '{{}}')"),
    # What shows pages has nothing that is sealed, and lets nobody in.
    *((Role.WEB, f"SELECT count(*) FROM {table}") for table in (
        *("secrets", "person_keys", "current_global_key", "refresh_leases", "totp", "recovery_codes", "api_keys"),
        *("known_devices", "tickets", "invitations", "password_resets", "passkeys", "idempotent_requests"),
        *("audit_events", "webhooks", "run_mails", "single_sign_on_identities"),
    )),
    (Role.WEB, "SELECT password_hash FROM people"),
    (Role.WEB, "SELECT client_id FROM single_sign_on"),
    (Role.WEB, "INSERT INTO sessions (id) VALUES ('x')"),
    (Role.WEB, "UPDATE sessions SET person_id = 'x'"),
    (Role.WEB, "UPDATE sessions SET token_hash = 'x'"),
    (Role.WEB, "UPDATE sessions SET expires_ns = 0"),
    (Role.WEB, "DELETE FROM sessions"),
    (Role.WEB, "UPDATE pair_runs SET wish = 'run'"),
    (Role.WEB, "DELETE FROM items"),
    # Staff look at names, sizes and states.
    *((Role.STAFF, f"SELECT {what}") for what in (
        *("password_hash FROM people", "count(*) FROM sessions", "count(*) FROM secrets", "count(*) FROM totp"),
        *("count(*) FROM person_keys", "secret_hash FROM api_keys", "config FROM connections", "url FROM webhooks"),
        *("body FROM webhook_deliveries", "content_hash FROM items", "hashes FROM arrivals", "access FROM accesses"),
        *("sealed_token FROM uploads", "note FROM migrations", "count(*) FROM user_map_rows", "subject FROM run_mails"),
    )),
    (Role.STAFF, "UPDATE organisations SET name = 'x'"),
    (Role.STAFF, "DELETE FROM audit_events"),
    (Role.STAFF, "INSERT INTO audit_events (organisation_id) VALUES ('')"),
    # The API decides about everything but its own history and the schema.
    (Role.API, "UPDATE audit_events SET action = 'nothing'"),
    (Role.API, "TRUNCATE audit_events"),
    (Role.API, "DROP TABLE audit_events"),
    *((role, statement) for role in SERVICE for statement in (
        "CREATE TABLE public.mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE people ADD COLUMN mine int",
        "ALTER TABLE secrets DISABLE ROW LEVEL SECURITY",
        "DROP POLICY mover_row_runner_select ON secrets",
        "UPDATE alembic_version SET version_num = 'x'",
        "GRANT SELECT ON people TO PUBLIC",
        "SET ROLE mover_owner",
        "CREATE ROLE mine",
        "COPY people TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
    )),
]  # fmt: skip


@on_server
@pytest.mark.promise("P5")
def test_the_server_refuses_what_is_not_a_roles_business(separated: SeparatedServer) -> None:
    granted = []
    for role in SERVICE:
        with separated.connect(role) as connection:
            for who, statement in REFUSED:
                if who is role:
                    try:
                        connection.execute(statement.encode())
                    except errors.InsufficientPrivilege:
                        continue
                    except psycopg.Error as error:
                        granted.append((role, statement, str(error)))
                    else:
                        # GRANT by somebody who may not is a warning, in which nothing was granted.
                        if not statement.startswith("GRANT"):
                            granted.append((role, statement, "done"))
    assert granted == []
    assert server_says(separated) == as_decided()


@contextmanager
def filled(separated: SeparatedServer) -> Iterator[None]:
    """Rows of an organisation, of a person, and of the vault."""
    sealed = (
        ("organisation:here", "connection:c"),
        ("organisation:here", "predecessor:connection:c"),
        ("organisation:here", "webhook:w"),
        ("organisation:here", "signing:s"),
        ("organisation:here", "single_sign_on:here"),
        ("person:p", "totp:p"),
        ("local", "connection:l"),
        ("approvals", "approvals:private"),
        ("approvals-public", "approvals:public"),
    )
    rows = [
        "organisations (id, name, second_factor_required, created_ns) VALUES ('here', 'Here', false, 0)",
        "organisations (id, name, second_factor_required, created_ns, deleted_ns) VALUES ('gone', 'Gone', false, 0, 1)",
        *(
            f"person_keys (person, key_id, global_key_id, format, wrapped, created_ns) VALUES ('{person}', '{person}', 'g', 1, '', 0)"
            for person in ("organisation:here", "person:p", "local", "approvals", "approvals-public")
        ),
        *(
            f"secrets (person, owner, field, key_id, format, sealed) VALUES ('{person}', '{owner}', 'f', 'k', 1, '')"
            for person, owner in sealed
        ),
        *(
            f"connections (id, person, name, service, config, created_ns) VALUES ('{name}', '{person}', 'c', 'sftp', '{{}}', 0)"
            for name, person in (("c", "organisation:here"), ("l", "local"))
        ),
        *(
            f"audit_events (organisation_id, happened_ns, actor_kind, actor_id, actor_name, action, subject, details)"
            f" VALUES ('{organisation}', 0, '', '', '', '', '', '{{}}')"
            for organisation in ("here", "gone", "")
        ),
    ]
    for row in rows:
        separated.execute(f"INSERT INTO {row}")
    try:
        yield
    finally:
        for table, column in (
            ("secrets", "person"),
            ("person_keys", "person"),
            ("connections", "id"),
            ("audit_events", "organisation_id"),
            ("organisations", "id"),
        ):
            separated.execute(
                f"DELETE FROM {table} WHERE {column} IN"
                " ('organisation:here', 'person:p', 'local', 'c', 'l', 'here', 'gone', 'approvals', 'approvals-public')"
            )


@on_server
@pytest.mark.promise("P5")
def test_rows_decide_too(separated: SeparatedServer) -> None:
    with filled(separated), separated.connect(Role.RUNNER) as runner, separated.connect(Role.API) as api:

        def seen(by: psycopg.Connection[Any], query: str) -> set[str]:
            return {row[0] for row in by.execute(query.encode())}

        # Also those of an organisation that other tests have: by its kind alone.
        owners = "SELECT replace(owner, 'predecessor:', '') FROM secrets"
        assert seen(runner, f"{owners} WHERE person = 'organisation:here'") == {"connection:c", "webhook:w"}
        assert {owner.partition(":")[0] for owner in seen(runner, owners)} == {
            "connection",
            "webhook",
            "approvals",
        }
        # How a runner sees that an approval is true; not what it would sign one with.
        assert seen(runner, f"{owners} WHERE owner LIKE 'approvals:%'") == {"approvals:public"}
        assert runner.execute(b"DELETE FROM secrets WHERE owner LIKE 'approvals:%'").rowcount == 0
        assert {person.partition(":")[0] for person in seen(runner, "SELECT person FROM person_keys")} == {
            "organisation",
            "approvals-public",
        }
        assert seen(runner, "SELECT id FROM connections WHERE id IN ('c', 'l')") == {"c"}
        assert seen(api, "SELECT id FROM connections WHERE id IN ('c', 'l')") == {"c", "l"}
        assert seen(api, "SELECT owner FROM secrets") > {"signing:s", "totp:p", "connection:l"}
        assert runner.execute(b"DELETE FROM secrets WHERE person = 'person:p'").rowcount == 0
        assert runner.execute(b"UPDATE connections SET config = '{}' WHERE id = 'l'").rowcount == 0
        for owner in (
            "'person:p', 'connection:mine'",
            "'organisation:here', 'signing:mine'",
            "'approvals-public', 'approvals:public'",
        ):
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                runner.execute(
                    f"INSERT INTO secrets (person, owner, field, key_id, format, sealed) VALUES ({owner}, 'f', 'b', 1, '')".encode()
                )
        added = runner.execute(
            f"INSERT INTO audit_events ({_EVENT}, salt) VALUES ({_OF_RUNNER}, 'aa')".encode()
        )
        assert added.rowcount == 1
        # What no checkpoint has cut off stays, whatever the API is made to do.
        api.execute(b"DELETE FROM audit_events")
        assert seen(api, "SELECT organisation_id FROM audit_events") >= {"here", "gone", ""}


@on_server
async def test_a_role_needs_its_own_certificate_and_looks_whom_it_talks_to(
    separated: SeparatedServer, tmp_path: Path
) -> None:
    tls = separated.folder / "tls"
    other = {"sslcert": str(tls / "mover_web.pem"), "sslkey": str(tls / "mover_web-key.pem")}
    make_certificates(tmp_path / "other")
    theirs = client_certificate(tmp_path / "other", "mover_api")
    stranger = {"sslcert": str(theirs[0]), "sslkey": str(theirs[1])}
    without = {"sslcert": str(tmp_path / "none"), "sslkey": str(tmp_path / "none")}
    for changed, told in (
        (other, "does not accept the user name or password"),
        (without, "does not let this user in"),
        (without | {"sslmode": "disable", "sslrootcert": ""}, "does not let this user in"),
        (stranger, "cannot be trusted"),
        ({"sslrootcert": str(tmp_path / "other" / "ca.pem")}, "cannot be trusted"),
        ({"host": "elsewhere.example", "hostaddr": "127.0.0.1"}, "cannot be trusted"),
    ):
        with pytest.raises(DatabaseUnusable, match=told):
            await condition(separated.url(Role.API, **changed))
    for role in set(Role) - {Role.STAFF}:  # who reads metadata, and no revision
        assert (await condition(separated.url(role))).up_to_date


async def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="SQLite has no roles"):
        await set_up_roles(f"sqlite:///{tmp_path}/mover.db")


@on_server
async def test_applying_is_for_those_who_may(separated: SeparatedServer, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="may not do what Mover needs"):
        await set_up_roles(separated.url(Role.API))
    done = Mover(tmp_path, MOVER_DATABASE_URL=separated.url(Role.OWNER)).run("db", "roles", "--apply", code=0)
    assert "mover_runner" in done.out
    assert server_says(separated) == as_decided()
