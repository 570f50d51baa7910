"""The commands for a server, and their options. What they do is in modules of their own, loaded when a command runs."""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mover.cli.remote.report_kinds import ReportFormat, ReportKind

if TYPE_CHECKING:
    from mover.cli.remote.server import Server

_EPILOG = (
    "The key is best given in MOVER_API_KEY or saved: mover profile add. Migrations are named by name or id. "
    "Exit codes: 0 all well, 1 some failed, 2 could not, 130 interrupted."
)
_LARGEST_NUMBER = 2**63 - 1


class Mode(enum.StrEnum):
    """What is done with pairs."""

    COPY = "copy"
    SCAN = "scan"
    VERIFY = "verify"


app = typer.Typer(
    name="mover --server URL",
    help="The same on a Mover server, through its public API: what is there, start it, watch it, report on it.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
migrations_app = typer.Typer(name="migrations", help="Migrations: pairs with options in common.")
app.add_typer(migrations_app)

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Migration = Annotated[str, typer.Argument(metavar="MIGRATION", help="A migration's name or id.")]
RunOrMigration = Annotated[
    str, typer.Argument(metavar="RUN|MIGRATION", help="The number of a run, or a migration's name or id.")
]
PairNumbers = Annotated[
    list[int] | None,
    typer.Option("--pair", metavar="ID", min=1, max=_LARGEST_NUMBER, help="This pair. May be repeated."),
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter", metavar="TEXT", help="Pairs that match: status:failed, tag:finance, text, /expression/."
    ),
]

_KEY = "@file:PATH|@env:NAME|ask"
OpenWith = Annotated[
    list[str] | None,
    typer.Option("--open-with", metavar=_KEY, help="A private key for these runs alone. May be repeated."),
]
CryptFrom = Annotated[
    str | None, typer.Option("--crypt-from", metavar=_KEY, help="Password of rclone's crypt that is read.")
]
CryptTo = Annotated[
    str | None, typer.Option("--crypt-to", metavar=_KEY, help="Password of rclone's crypt that is written.")
]


def run(context: typer.Context, work: Callable[[Server], Coroutine[Any, Any, int]]) -> int:
    """Open the way to the chosen server, do the work, and return its exit code."""
    from mover.cli.loop import run as run_in_loop  # noqa: PLC0415
    from mover.cli.remote.choice import choose  # noqa: PLC0415
    from mover.cli.remote.server import open_server  # noqa: PLC0415

    choice = choose(context.find_root().obj)

    async def connected() -> int:
        async with open_server(choice) as server:
            return await work(server)

    return run_in_loop(connected)


@app.callback()
def root(
    context: typer.Context,
    *,
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help="https://host[:port]; also from MOVER_SERVER."),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", metavar="KEY|@env:NAME|@file:PATH", help="Better: set MOVER_API_KEY."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="A saved server: mover profile list.")
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="Trust these certificates instead of the system's."),
    ] = None,
) -> None:
    """Work with a Mover server."""
    from mover.cli.remote.choice import Options  # noqa: PLC0415

    context.find_root().obj = Options(server, api_key, profile, ca_file)


@app.command()
def connections(context: typer.Context, *, machine: Machine = False) -> int:
    """List the connections."""
    from mover.cli.remote.looking import list_connections  # noqa: PLC0415

    return run(context, lambda server: list_connections(server, machine=machine))


@migrations_app.callback(invoke_without_command=True)
def migrations(context: typer.Context, *, machine: Machine = False) -> int:
    """List the migrations, or make one."""
    if context.invoked_subcommand is not None:
        return 0
    from mover.cli.remote.looking import list_migrations  # noqa: PLC0415

    return run(context, lambda server: list_migrations(server, machine=machine))


@migrations_app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    source: Annotated[str, typer.Option("--source", metavar="CONNECTION", help="Where pairs read.")],
    destination: Annotated[
        str, typer.Option("--destination", metavar="CONNECTION", help="Where they write.")
    ],
    machine: Machine = False,
) -> int:
    """Make a migration between two connections."""
    from mover.cli.remote.changing import create_migration  # noqa: PLC0415

    return run(context, lambda server: create_migration(server, name, source, destination, machine=machine))


@app.command()
def pairs(
    context: typer.Context,
    migration: Migration,
    *,
    text: Filter = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="COLUMN", help="In the order of this column.")
    ] = "id",
    descending: Annotated[bool, typer.Option("--descending", help="The largest first.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    machine: Machine = False,
) -> int:
    """List the pairs of a migration."""
    from mover.cli.remote.looking import list_pairs  # noqa: PLC0415

    return run(
        context,
        lambda server: list_pairs(
            server, migration, text or "", sort=sort, descending=descending, limit=limit, machine=machine
        ),
    )


@app.command()
def add(
    context: typer.Context,
    migration: Migration,
    file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Source Path,Destination Path,Tags; - reads standard input.")
    ],
    *,
    update: Annotated[
        bool, typer.Option("--update", help="Change pairs: ID,Source Path,Destination Path.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what it would do, change nothing.")
    ] = False,
    machine: Machine = False,
) -> int:
    """Add pairs from a CSV file, all of them or none."""
    from mover.cli.remote.changing import import_pairs  # noqa: PLC0415

    return run(
        context,
        lambda server: import_pairs(server, migration, file, update=update, dry_run=dry_run, machine=machine),
    )


@app.command()
def runs(
    context: typer.Context,
    migration: Annotated[
        str | None, typer.Argument(metavar="[MIGRATION]", help="Only those of this one.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="The newest so many.")] = 20,
    machine: Machine = False,
) -> int:
    """List what was run."""
    from mover.cli.remote.looking import list_runs  # noqa: PLC0415

    return run(context, lambda server: list_runs(server, migration, limit=limit, machine=machine))


@app.command()
def start(
    context: typer.Context,
    migration: Migration,
    *,
    pair: PairNumbers = None,
    text: Filter = None,
    mode: Annotated[Mode, typer.Option("--mode", help="What is done.")] = Mode.COPY,
    failed_only: Annotated[
        bool, typer.Option("--failed-only", help="Try again what failed in the last runs, and nothing else.")
    ] = False,
    open_with: OpenWith = None,
    crypt_from: CryptFrom = None,
    crypt_to: CryptTo = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show how it goes, and end when it has ended.")
    ] = False,
    machine: Machine = False,
) -> int:
    """Start pairs of a migration: all, some, or those that match."""
    from mover.cli.remote.steering import start as work  # noqa: PLC0415
    from mover.cli.sealing import read_run_keys  # noqa: PLC0415

    keys = read_run_keys(open_with=open_with or [], crypt_from=crypt_from, crypt_to=crypt_to)

    return run(
        context,
        lambda server: work(
            server,
            migration,
            pairs=pair or (),
            text=text,
            mode=mode.value,
            failed_only=failed_only,
            keys=keys,
            watch=watch,
            machine=machine,
        ),
    )


@app.command(name="give-key")
def give_key(
    context: typer.Context,
    migration: Migration,
    *,
    pair: PairNumbers = None,
    text: Filter = None,
    open_with: OpenWith = None,
    crypt_from: CryptFrom = None,
    crypt_to: CryptTo = None,
    machine: Machine = False,
) -> int:
    """Give a private key or password to the runs that wait for it; they go on."""
    from mover.cli.remote.steering import give_keys  # noqa: PLC0415
    from mover.cli.sealing import read_run_keys  # noqa: PLC0415

    keys = read_run_keys(open_with=open_with or [], crypt_from=crypt_from, crypt_to=crypt_to)
    return run(
        context,
        lambda server: give_keys(server, migration, pairs=pair or (), text=text, keys=keys, machine=machine),
    )


@app.command()
def watch(context: typer.Context, migration: Migration, *, machine: Machine = False) -> int:
    """Show how what was started last goes, until it has ended."""
    from mover.cli.remote.watching import watch as work  # noqa: PLC0415

    return run(context, lambda server: work(server, migration, machine=machine))


@app.command()
def pause(
    context: typer.Context,
    what: RunOrMigration,
    *,
    pair: PairNumbers = None,
    text: Filter = None,
    machine: Machine = False,
) -> int:
    """Pause, in order: what is being sent is finished, or left to be gone on with."""
    return _steer(context, "PAUSE", what, pair, text, machine=machine)


@app.command()
def resume(
    context: typer.Context,
    what: RunOrMigration,
    *,
    pair: PairNumbers = None,
    text: Filter = None,
    machine: Machine = False,
) -> int:
    """Let go on what was paused."""
    return _steer(context, "RESUME", what, pair, text, machine=machine)


@app.command()
def cancel(
    context: typer.Context,
    what: RunOrMigration,
    *,
    pair: PairNumbers = None,
    text: Filter = None,
    machine: Machine = False,
) -> int:
    """End what runs. What has arrived stays; a later start goes on from there."""
    return _steer(context, "CANCEL", what, pair, text, machine=machine)


@app.command()
def report(
    context: typer.Context,
    what: RunOrMigration,
    *,
    kind: Annotated[
        ReportKind | None,
        typer.Option(
            "--kind",
            help="Of a run: log, errors, permissions, reconciliation; of a migration: pairs, errors.",
        ),
    ] = None,
    form: Annotated[ReportFormat | None, typer.Option("--format", help="In which form.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it into this file.")
    ] = None,
    machine: Machine = False,
) -> int:
    """Tell what came of a run, or download a report of a run or a migration."""
    from mover.cli.remote.reports import report as work  # noqa: PLC0415

    return run(
        context, lambda server: work(server, what, kind=kind, form=form, output=output, machine=machine)
    )


def _steer(
    context: typer.Context, deed: str, what: str, pair: list[int] | None, text: str | None, *, machine: bool
) -> int:
    from mover.cli.remote.steering import Deed, steer  # noqa: PLC0415

    return run(
        context, lambda server: steer(server, Deed[deed], what, pairs=pair or (), text=text, machine=machine)
    )
