"""The commands for connections, and for a look at what is there. The work is in modules of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from mover.cli.arguments import Machine, Name
from mover.cli.completion import complete_address, complete_service


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command()(connect)
    app.command()(connections)
    app.command()(test)
    app.command()(disconnect)
    app.command()(ls)


def connect(
    service: Annotated[
        str | None,
        typer.Argument(
            help="Kind of service; without it the kinds are listed.", autocompletion=complete_service
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="Name to give it; without it the service's keys are listed.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="@env:NAME and @file:PATH take the value from there."),
    ] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Authorise an existing connection anew; its history is kept.")
    ] = False,
    no_test: Annotated[bool, typer.Option("--no-test", help="Save it without signing in.")] = False,
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Sign in with a browser elsewhere, and paste what it came to."),
    ] = False,
    machine: Machine = False,
) -> int:
    """Save the access to an account at a service under a name.

    [dim]mover connect sftp nas host=nas.example.org username=alice password=@env:NAS_PASSWORD[/dim]
    """
    from mover.cli.loop import run  # noqa: PLC0415

    if service is None or name is None:
        from mover.cli.services import list_keys, list_services  # noqa: PLC0415

        return list_keys(service, machine=machine) if service else list_services(machine=machine)
    from mover.cli.connecting import connect as work  # noqa: PLC0415
    from mover.cli.connecting import fill_in, signs_in_by_browser  # noqa: PLC0415

    filled_in = fill_in(service, name, values or [], machine=machine)
    sign_in = None
    if signs_in_by_browser(service, filled_in):
        from mover.cli.browser import sign_in_by_browser  # noqa: PLC0415
        from mover.connections.browser_sign_in import Wanted  # noqa: PLC0415

        wanted = Wanted(name=name, service=service, values=filled_in, replace=replace)
        sign_in = sign_in_by_browser(wanted, opens=not no_browser)
    return run(
        lambda: work(
            service, name, filled_in, replace=replace, test=not no_test, machine=machine, sign_in=sign_in
        )
    )


def connections(*, machine: Machine = False) -> int:
    """List the saved connections."""
    from mover.cli.connecting import list_connections  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: list_connections(machine=machine))


def test(name: Name, *, machine: Machine = False) -> int:  # noqa: PT028 - a command, not a test
    """Sign in to a connection and tell what can be done there."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.testing import test as work  # noqa: PLC0415

    return run(lambda: work(name, machine=machine))


def disconnect(name: Name, *, machine: Machine = False) -> int:
    """Forget a connection and destroy its secrets."""
    from mover.cli.connecting import disconnect as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(name, machine=machine))


def ls(
    address: Annotated[str, typer.Argument(help="Folder to list.", autocompletion=complete_address)],
    *,
    machine: Machine = False,
) -> int:
    """List a folder, here or at a connection."""
    from mover.cli.listing import ls as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(address, machine=machine))
