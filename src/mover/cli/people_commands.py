"""`mover people`: what the operator does for people who cannot sign in. The work is in `mover.cli.people`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

people_app = typer.Typer(
    name="people", help="The people who sign in to the service on this machine.", no_args_is_help=True
)

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(people_app)


@people_app.callback()
def people() -> None:
    """The people who sign in to the service on this machine."""


@people_app.command("list")
def people_list(*, machine: Machine = False) -> int:
    """List everybody: mail address, second factors, organisations."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.people import list_people as work  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@people_app.command("reset-second-factor")
def people_reset_second_factor(
    email: Annotated[str, typer.Argument(help="Mail address of the person.", metavar="EMAIL")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    machine: Machine = False,
) -> int:
    """Remove authenticator app, recovery codes and passkeys of somebody who lost them, and end their sessions.

    Make sure first that it is them who ask. The password stays; whoever has it signs in with it alone.
    """
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.people import confirmed, reset_second_factor  # noqa: PLC0415

    if not yes and not confirmed(email):
        return 0
    return run(lambda: reset_second_factor(email, machine=machine))


@people_app.command("export")
def people_export(
    email: Annotated[str, typer.Argument(help="Mail address of the person.", metavar="EMAIL")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A new file, such as ann.zip.")
    ],
) -> int:
    """Write everything that is kept of somebody into a ZIP of JSON, without secrets. It is in the audit log."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.people import export_person as work  # noqa: PLC0415

    return run(lambda: work(email, output))


@people_app.command("delete")
def people_delete(
    email: Annotated[str, typer.Argument(help="Mail address of the person.", metavar="EMAIL")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Delete somebody from all organisations; audit logs name them by a pseudonym from then on.

    The last owner of an organisation stays, until there is another one or the organisation is deleted.
    """
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.people import confirmed, delete_person  # noqa: PLC0415

    if not yes and not confirmed(email, "Delete {email} for good, with everything that is theirs alone?"):
        return 0
    return run(lambda: delete_person(email))
