"""Bringing a database to the revision that this Mover works with."""

from __future__ import annotations

from importlib.resources import as_file, files

from sqlalchemy import Connection, inspect, text

from mover.errors import InvalidConfiguration

_REVISIONS = files("mover.database.revisions")


def revisions() -> list[str]:
    """The numbers of all revisions, oldest first: their files' names begin with them."""
    names = [file.name for file in (_REVISIONS / "versions").iterdir()]
    return sorted(name.partition("_")[0] for name in names if name[:1].isdigit() and name.endswith(".py"))


def bring_up_to_date(connection: Connection) -> None:
    """Apply the revisions that are missing; cheap when none is.

    Runs inside the caller's transaction, which has to exclude other writers.

    Raises:
        InvalidConfiguration: A newer Mover made the database, or something that is not Mover.
    """
    known = revisions()
    match _stored_revision(connection):
        case revision if revision == known[-1]:
            return
        case None if inspect(connection).get_table_names():
            raise InvalidConfiguration("the database belongs to another program; point MOVER_HOME elsewhere")
        case str() as revision if revision not in known:
            raise InvalidConfiguration(
                f"the database was made by a newer Mover (revision {revision}, this one knows {known[-1]}); "
                "install that version or a later one"
            )
        case _:
            _upgrade(connection)


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
