"""Roles and privileges as SQL for PostgreSQL 13 and newer, the same each time; done again it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from mover.database.roles.words import ALL, SERVICE, Allowed, Columns, Everything, Privileges, Role

_POLICY = "mover_row_"
_NAMES = ", ".join(f"'{role}'" for role in SERVICE)


def role_statements() -> Iterator[str]:
    """Make the roles that are missing, and let nobody else into the database.

    They can sign in, but have no password: the operator gives them one, or certificates (pg_hba.conf). For an
    administrator of the server, or the owner of the database once the roles are there.
    """
    for role in Role:
        yield (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN "
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS; END IF; END $$"
        )
    others = ", ".join(SERVICE)
    for act in (
        "REVOKE ALL ON DATABASE %I FROM PUBLIC",
        f"REVOKE ALL ON DATABASE %I FROM {others}",
        f"GRANT CONNECT ON DATABASE %I TO {others}",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO {Role.OWNER}",
    ):
        yield f"DO $$ BEGIN EXECUTE format('{act}', current_database()); END $$"
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"REVOKE ALL ON SCHEMA public FROM {others}"
    yield f"GRANT USAGE ON SCHEMA public TO {others}"
    yield f"GRANT USAGE, CREATE ON SCHEMA public TO {Role.OWNER}"


def privilege_statements(privileges: Privileges) -> Iterator[str]:
    """Take away all that the roles had, and give them what is theirs; for whoever owns the tables.

    To be done in one transaction: nobody then sees a moment without privileges.
    """
    others = ", ".join(SERVICE)
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        yield f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM PUBLIC, {others}"
    yield _WITHOUT_POLICIES
    for table in sorted(privileges):
        by_role = privileges[table]
        for role in SERVICE:
            if role in by_role:
                yield from _grants(table, role, by_role[role])
        if any(allowed.rows or allowed.removable or allowed.readable for allowed in by_role.values()):
            yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
            for role in SERVICE:
                if role in by_role:
                    yield from _policies(table, role, by_role[role])
    yield _NUMBERS


def _grants(table: str, role: Role, allowed: Allowed) -> Iterator[str]:
    for word, columns in (
        ("SELECT", allowed.select),
        ("INSERT", allowed.insert),
        ("UPDATE", allowed.update),
    ):
        if columns:
            yield f'GRANT {word}{_listed(columns)} ON "{table}" TO {role}'
    if allowed.delete:
        yield f'GRANT DELETE ON "{table}" TO {role}'


def _policies(table: str, role: Role, allowed: Allowed) -> Iterator[str]:
    rows = allowed.rows or "true"
    readable = f"({rows}) OR ({allowed.readable})" if allowed.readable else rows
    removable = f"({rows}) AND ({allowed.removable})" if allowed.removable else rows
    wanted = (
        ("SELECT", bool(allowed.select), f"USING ({readable})"),
        ("INSERT", bool(allowed.insert), f"WITH CHECK ({rows})"),
        ("UPDATE", bool(allowed.update), f"USING ({rows}) WITH CHECK ({rows})"),
        ("DELETE", allowed.delete, f"USING ({removable})"),
    )
    for word, may, condition in wanted:
        if may:
            name = f"{_POLICY}{role.removeprefix('mover_')}_{word.lower()}"
            yield f'CREATE POLICY {name} ON "{table}" FOR {word} TO {role} {condition}'


def _listed(columns: Columns) -> str:
    if isinstance(columns, Everything):
        assert columns is ALL
        return ""
    return " (" + ", ".join(f'"{name}"' for name in columns) + ")"


# Made of constants alone, as all statements here are.
_WITHOUT_POLICIES = f"""DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT policyname, tablename FROM pg_policies
      WHERE schemaname = 'public' AND starts_with(policyname, '{_POLICY}') LOOP
    EXECUTE format('DROP POLICY %I ON %I', found.policyname, found.tablename);
  END LOOP;
END $$"""  # noqa: S608 - see above

# Whoever may add rows to a table needs the numbers that it gives them.
_NUMBERS = f"""DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT sequences.relname AS numbers, tables.oid AS numbered, roles.rolname AS who
      FROM pg_class sequences
      JOIN pg_depend ON pg_depend.objid = sequences.oid AND pg_depend.classid = 'pg_class'::regclass
        AND pg_depend.refclassid = 'pg_class'::regclass AND pg_depend.deptype IN ('a', 'i')
      JOIN pg_class tables ON tables.oid = pg_depend.refobjid
      CROSS JOIN pg_roles roles
      WHERE sequences.relkind = 'S' AND sequences.relnamespace = 'public'::regnamespace
        AND roles.rolname IN ({_NAMES}) LOOP
    IF has_any_column_privilege(found.who, found.numbered, 'INSERT') THEN
      EXECUTE format('GRANT USAGE ON SEQUENCE %I TO %I', found.numbers, found.who);
    END IF;
  END LOOP;
END $$"""  # noqa: S608 - see above
