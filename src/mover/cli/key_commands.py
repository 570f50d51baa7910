"""`mover keys`: the keys of stored secrets. The work is in `mover.cli.keys`."""

from __future__ import annotations

from typing import Annotated

import typer

from mover.cli.arguments import Machine

keys_app = typer.Typer(
    name="keys", help="The keys that stored secrets are encrypted with.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(keys_app)


@keys_app.callback()
def keys() -> None:
    """The keys that stored secrets are encrypted with."""


@keys_app.command()
def rotate(
    *,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="@env:VARIABLE|@file:PATH",
            help="The next global key, where MOVER_GLOBAL_KEY holds the present one.",
        ),
    ] = None,
    machine: Machine = False,
) -> int:
    """Encrypt all stored secrets with new keys."""
    from mover.cli.keys import rotate as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.values import read_elsewhere  # noqa: PLC0415

    key = read_elsewhere("--new-key", new_key) if new_key is not None else None
    return run(lambda: work(key, machine=machine))


@keys_app.command("status")
def keys_status(*, machine: Machine = False) -> int:
    """Tell which global keys stored secrets need, and which of them can go."""
    from mover.cli.keys import status as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))
