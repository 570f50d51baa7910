"""`mover legal`: lawful exports (P10). What they do is in `mover.cli.legal`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

legal_app = typer.Typer(
    name="legal",
    help="Lawful exports: what is held at a moment, for those whom an order names, approved by two others.",
    no_args_is_help=True,
)

As = Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="Your staff account; else asked for.")]
Password = Annotated[
    str | None,
    typer.Option("--password", metavar="@env:VARIABLE|@file:PATH", help="Its password; else asked for."),
]
Code = Annotated[
    str | None, typer.Option("--code", metavar="CODE", help="Of your authenticator app; else asked for.")
]
Case = Annotated[
    str, typer.Option("--case", metavar="CASE", help="Name of the case: of the court, of the authority.")
]
RequestId = Annotated[
    str | None, typer.Option("--request", metavar="ID", help="Which request, where a case has several.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(legal_app, rich_help_panel="The service")


@legal_app.callback()
def legal() -> None:
    """Lawful exports: what is held at a moment, for those whom an order names, approved by two others.

    Files pass through Mover in parts that exist for seconds, and their keys in the memory of runners alone. So an export
    mostly says that nothing is held; names, sizes and states are in it in any case.
    """


@legal_app.command()
def ask(
    *,
    case: Case,
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="NAME|ID", help="Whose migrations it is about.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For those who approve.")],
    recipient: Annotated[
        list[str],
        typer.Option(
            "--recipient",
            metavar="age1...",
            help="Who can open the export: a public key of age. May be repeated.",
        ),
    ],
    expires: Annotated[
        str, typer.Option("--expires", metavar="WHEN", help="Until when it may be made: 7d, 12h, 2026-05-31.")
    ],
    person: Annotated[
        str | None,
        typer.Option(
            "--person",
            metavar="EMAIL|ID",
            help="Only connections that this person added, and migrations that they created.",
        ),
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option("--connection", metavar="NAME|ID", help="Only what goes through this connection."),
    ] = None,
    pair: Annotated[str | None, typer.Option("--pair", metavar="ID", help="Only this pair.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="Only from then on: 2026-05-03, 30d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Only before then.")] = None,
    email: As = None,
    password: Password = None,
    code: Code = None,
    machine: Machine = False,
) -> int:
    """Ask for an export. Two others of the staff have to approve it; then whoever asked makes it."""
    from mover.cli import legal as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    wanted = work.Wanted(
        case=case,
        organisation=organisation,
        reason=reason,
        recipients=tuple(recipient),
        expires=expires,
        person=person,
        connection=connection,
        pair=pair,
        since=since,
        until=until,
    )
    who = asked(email, password, code)
    return run(lambda: work.ask(who, wanted, machine=machine))


@legal_app.command("list")
def list_orders(
    *, email: As = None, password: Password = None, code: Code = None, machine: Machine = False
) -> int:
    """List what was asked for, the newest first."""
    from mover.cli.legal import list_orders as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    who = asked(email, password, code)
    return run(lambda: work(who, machine=machine))


@legal_app.command()
def approve(
    *,
    case: Case,
    request: RequestId = None,
    yes: Yes = False,
    email: As = None,
    password: Password = None,
    code: Code = None,
    machine: Machine = False,
) -> int:
    """Approve what somebody else asked for."""
    from mover.cli.legal import approve as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    who = asked(email, password, code)
    return run(lambda: work(who, case, request, yes=yes, machine=machine))


@legal_app.command()
def refuse(
    *,
    case: Case,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="For the log.")] = "",
    request: RequestId = None,
    email: As = None,
    password: Password = None,
    code: Code = None,
    machine: Machine = False,
) -> int:
    """Refuse what somebody else asked for, also after it was approved; or withdraw what you asked for."""
    from mover.cli.legal import refuse as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    who = asked(email, password, code)
    return run(lambda: work(who, case, request, why, machine=machine))


@legal_app.command()
def disclose(
    *,
    case: Case,
    on: Annotated[
        str, typer.Option("--on", metavar="WHEN", help="From when on the organisation may know: 2026-12-31.")
    ],
    request: RequestId = None,
    email: As = None,
    password: Password = None,
    code: Code = None,
    machine: Machine = False,
) -> int:
    """Say from when on the organisation sees it in its audit log; until somebody does it never will."""
    from mover.cli.legal import disclose as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    who = asked(email, password, code)
    return run(lambda: work(who, case, request, on, machine=machine))


@legal_app.command()
def export(
    *,
    case: Case,
    output: Annotated[
        Path,
        typer.Option("--output", metavar="FILE", help="Where to; nothing may be there. Ends in .tar.age."),
    ],
    wait: Annotated[
        float,
        typer.Option("--wait", metavar="SECONDS", min=1, max=3600, help="How long runners have to answer."),
    ] = 30,
    most: Annotated[
        str, typer.Option("--most", metavar="SIZE", help="Bytes of files that are taken over, at most.")
    ] = "4G",
    request: RequestId = None,
    email: As = None,
    password: Password = None,
    code: Code = None,
    machine: Machine = False,
) -> int:
    """Export what is held now, with its metadata, sealed to the recipients.

    Open it with: age -d -i KEY FILE | tar x. Exit codes: 0 all runners answered, 1 some did not (the manifest names them),
    2 it was not exported.
    """
    from mover.cli.legal import export as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.staff_terminal import asked  # noqa: PLC0415

    who = asked(email, password, code)
    return run(lambda: work(who, case, request, output, wait, most, machine=machine))
