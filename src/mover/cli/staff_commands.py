"""`mover staff`: who helps to run the service, which the operator alone decides. The work is in `mover.cli.staff`."""

from __future__ import annotations

from typing import Annotated

import typer

staff_app = typer.Typer(
    name="staff", help="The people who help to run the service on this machine.", no_args_is_help=True
)

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Email = Annotated[str, typer.Argument(help="Mail address of the person.", metavar="EMAIL")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(staff_app)


@staff_app.callback()
def staff() -> None:
    """The people who help to run the service on this machine. They see metadata of all organisations, never contents."""


@staff_app.command("list")
def staff_list(*, machine: Machine = False) -> int:
    """List the staff: mail address, name, second factor."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff import list_staff as work  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@staff_app.command("add")
def staff_add(
    email: Email,
    name: Annotated[str, typer.Argument(help="What others of the staff call them.", metavar="NAME")],
    *,
    machine: Machine = False,
) -> int:
    """Give somebody an account and print its first password, this once.

    At the first sign-in, at /staff/sign-in, they set up an authenticator app and choose a password of their own.
    """
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff import add as work  # noqa: PLC0415

    return run(lambda: work(email, name, machine=machine))


@staff_app.command("reset")
def staff_reset(email: Email, *, yes: Yes = False, machine: Machine = False) -> int:
    """Give somebody who lost password or phone a new password; the authenticator app, all sessions and API keys go.

    Make sure first that it is them who ask.
    """
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff import confirmed  # noqa: PLC0415
    from mover.cli.staff import reset as work  # noqa: PLC0415

    if not yes and not confirmed("Reset the staff account of", email):
        return 0
    return run(lambda: work(email, machine=machine))


@staff_app.command("keys")
def staff_keys(*, machine: Machine = False) -> int:
    """List the keys of the staff's API: id, whose, name, until when, last use."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_keys import list_keys as work  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@staff_app.command("revoke-key")
def staff_revoke_key(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as the list tells it.", metavar="KEY")],
    *,
    machine: Machine = False,
) -> int:
    """End a key of the staff's API at once."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_keys import revoke as work  # noqa: PLC0415

    return run(lambda: work(key_id, machine=machine))


@staff_app.command("remove")
def staff_remove(email: Email, *, yes: Yes = False, machine: Machine = False) -> int:
    """Remove somebody: sessions and API keys end at once, what they asked for is withdrawn."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff import confirmed  # noqa: PLC0415
    from mover.cli.staff import remove as work  # noqa: PLC0415

    if not yes and not confirmed("Remove the staff account of", email):
        return 0
    return run(lambda: work(email, machine=machine))
