"""`mover db`: the database that everything is kept in. The work is in `mover.cli.databases`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mover.cli.arguments import Machine

db_app = typer.Typer(name="db", help="The database that everything is kept in.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(db_app)


@db_app.callback()
def database() -> None:
    """The database that everything is kept in."""


@db_app.command("check")
def database_check(*, machine: Machine = False) -> int:
    """Tell where the database is, whether it answers, and whether its schema is the right one. Changes nothing."""
    from mover.cli.databases import check as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@db_app.command("upgrade")
def database_upgrade(*, machine: Machine = False) -> int:
    """Make the schema, or bring it up to date. Several at the same time wait for each other."""
    from mover.cli.databases import upgrade as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@db_app.command("roles")
def database_roles(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it to the database, instead of printing the SQL.")
    ] = False,
    machine: Machine = False,
) -> int:
    """Give each process of the service a PostgreSQL role of its own, with the least that it needs.

    Prints SQL for psql. `mover db upgrade` gives the privileges anew once the roles are there.
    """
    from mover.cli.databases import roles as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(apply=apply, machine=machine))


@db_app.command("backup")
def database_backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.", metavar="FILE")],
    *,
    machine: Machine = False,
) -> int:
    """Copy SQLite's file as of now, while Mover works with it. PostgreSQL has pg_dump for that."""
    from mover.cli.databases import backup as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(file, machine=machine))
