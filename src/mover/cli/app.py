"""The command line. Each subject has its commands in a module, see `subjects.py`, and what they do in others."""

from __future__ import annotations

from typing import Annotated

import typer

from mover import __version__
from mover.cli.subjects import CommandsBySubject

_EPILOG = (
    "Addresses: ./folder, /folder or file:/folder on this machine; name:/folder at a connection. "
    "State lies in MOVER_HOME. Exit codes: 0 all well, 1 some items failed, 2 could not run, 130 interrupted."
)

app = typer.Typer(
    name="mover",
    cls=CommandsBySubject,
    help="Move files between storage services: verified, encrypted on the way, and without keeping anything.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - called by typer
    if wanted:
        typer.echo(f"mover {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(
            "--server", metavar="URL", help="Work with a Mover server instead: mover remote --help."
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Likewise, with a saved one.")
    ] = None,
) -> None:
    """Move files between storage services."""
