"""`mover profile`: saved servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="mover profile",
    help="Saved servers: an address and an API key under a name.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the profile.")]


@app.callback()
def root() -> None:
    """Saved servers."""


@app.command()
def add(
    name: Name,
    *,
    server: Annotated[str, typer.Option("--server", metavar="URL", help="https://host[:port]")],
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="@env:NAME|@file:PATH",
            help="Without it MOVER_API_KEY, or you are asked for it.",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="Trust these certificates instead of the system's."),
    ] = None,
    machine: Machine = False,
) -> int:
    """Save a server and a key, or replace those that are saved under that name."""
    from mover.cli.remote.profile_commands import add as work  # noqa: PLC0415

    return work(name, server, api_key, ca_file, machine=machine)


@app.command("list")
def list_(*, machine: Machine = False) -> int:
    """List what is saved, without the keys."""
    from mover.cli.remote.profile_commands import list_profiles  # noqa: PLC0415

    return list_profiles(machine=machine)


@app.command()
def use(name: Name, *, machine: Machine = False) -> int:
    """Let `mover remote` go to this server."""
    from mover.cli.remote.profile_commands import use as work  # noqa: PLC0415

    return work(name, machine=machine)


@app.command()
def remove(name: Name, *, machine: Machine = False) -> int:
    """Forget a server and its key. The key itself stays good: revoke it on the server."""
    from mover.cli.remote.profile_commands import remove as work  # noqa: PLC0415

    return work(name, machine=machine)
