"""Bringing a database to the revision that this Mover works with."""

from __future__ import annotations

from importlib.resources import as_file, files

from sqlalchemy import Connection, inspect, text

from mover.database.failures import DatabaseUnusable

_REVISIONS = files("mover.database.revisions")


def revisions() -> list[str]:
    """The numbers of all revisions, oldest first: their files' names begin with them."""
    names = [file.name for file in (_REVISIONS / "versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name[:1].isdigit() and name.endswith(".py"))


def bring_up_to_date(connection: Connection) -> None:
    """Apply the revisions that are missing; cheap when none is.

    Runs inside the caller's transaction, which has to exclude other writers.

    Raises:
        DatabaseUnusable: A newer Mover made the database, or something that is not Mover.
    """
    if usable_revision(connection) != revisions()[-1]:
        _upgrade(connection)


def expect_up_to_date(connection: Connection) -> None:
    """See that all revisions are applied. Raises DatabaseUnusable that says what to do about it."""
    match usable_revision(connection):
        case revision if revision == revisions()[-1]:
            return
        case None:
            raise DatabaseUnusable("the database is empty as yet; run: mover db upgrade")
        case revision:
            raise DatabaseUnusable(
                f"the database was made by an older Mover (revision {revision}, this one needs {revisions()[-1]}); "
                "make a backup, then run: mover db upgrade"
            )


def usable_revision(connection: Connection) -> str | None:
    """Which revision a database is at; None if it is empty. Raises DatabaseUnusable as `bring_up_to_date` does."""
    known = revisions()
    match _stored_revision(connection):
        case None if inspect(connection).get_table_names():
            raise DatabaseUnusable(
                "the database belongs to another program; point MOVER_HOME or MOVER_DATABASE_URL elsewhere"
            )
        case str() as revision if revision not in known:
            raise DatabaseUnusable(
                f"the database was made by a newer Mover (revision {revision}, this one knows {known[-1]}); "
                "install that version or a later one"
            )
        case revision:
            return revision


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    # Imported here since it takes longer than everything else that a command does at its start.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with as_file(_REVISIONS) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
