"""`mover audit`: what the operator does with the audit log. The work is in `mover.cli.audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

audit_app = typer.Typer(
    name="audit", help="The audit log: verify it, export it, see how far it is sealed.", no_args_is_help=True
)

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Organisation = Annotated[
    str | None, typer.Option("--organisation", metavar="ID", help="Only this organisation's.")
]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.add_typer(audit_app)


@audit_app.callback()
def audit() -> None:
    """The audit log: verify it, export it, see how far it is sealed."""


@audit_app.command("verify")
def audit_verify(
    file: Annotated[
        Path | None, typer.Argument(help="An exported log; without it, the database.", metavar="[FILE]")
    ] = None,
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="The public key that has to have signed it: base64 or hex."
        ),
    ] = None,
    copies: Annotated[
        Path | None,
        typer.Option(
            "--copies", metavar="FILE", help="What a syslog server or webhook wrote down; is compared."
        ),
    ] = None,
    organisation: Organisation = None,
    machine: Machine = False,
) -> int:
    """Find every event that was removed, changed, moved or put in. Exit code 0: none; 1: some; 2: cannot be verified.

    Give the key that you noted when the service began: whoever can write to the database can put a key of their own there.
    """
    from mover.cli.audit import verify as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(file, key, copies, organisation, machine=machine))


@audit_app.command("export")
def audit_export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file; else standard output.")
    ] = None,
    *,
    organisation: Organisation = None,
) -> int:
    """Write the log as JSON lines, with the checkpoints that prove it."""
    from mover.cli.audit import export as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(output, organisation))


@audit_app.command("status")
def audit_status(*, machine: Machine = False) -> int:
    """Tell the public key, what is not sealed yet, and how far copies elsewhere have come. Exit code 1 if any lags."""
    from mover.cli.audit import status as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@audit_app.command("seal")
def audit_seal() -> int:
    """Seal what was written up to now; runners do so each second by themselves."""
    from mover.cli.audit import seal as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(work)


@audit_app.command("rotate-key")
def audit_rotate_key(*, machine: Machine = False) -> int:
    """Sign with a new key from now on; note its public half. What was signed before stays valid."""
    from mover.cli.audit import rotate_key as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))
