"""`mover egress`: what an operator needs for the one way out. The work is in `mover.cli.egress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

egress_app = typer.Typer(
    name="egress",
    help="The one way out of this installation: what a firewall has to let through.",
    no_args_is_help=True,
)

Form = Literal["plain", "json", "squid", "dante", "nftables", "kubernetes"]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(egress_app)


@egress_app.callback()
def egress() -> None:
    """The one way out of this installation: what a firewall has to let through."""


@egress_app.command("allow-list")
def allow_list(
    *,
    form: Annotated[Form, typer.Option("--format", help="What the list is for.")] = "plain",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write this file, if the list is another one, in one step."
        ),
    ] = None,
    head: Annotated[
        Path | None,
        typer.Option("--head", metavar="FILE", help="Put the list behind the text of this file (for dante)."),
    ] = None,
) -> int:
    """List where the connections in use lead, host and port; run it again when they change.

    Reads connections, webhooks and settings, and no secrets. What it cannot list it names on standard error.
    """
    from mover.cli.egress import allow_list as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(form, output, head))
