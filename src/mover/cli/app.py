"""The commands and their options. What they do is in modules of their own, loaded when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mover import __version__
from mover.cli import (
    audit_commands,
    egress_commands,
    legal_commands,
    people_commands,
    service_commands,
    staff_commands,
)
from mover.cli.commands import RunOrCommand
from mover.cli.completion import complete_address, complete_name, complete_service
from mover.transfer.options import MOST_VERSIONS, ConflictRule, VerifyLevel
from mover.transfer.sharing_rules import Unmapped, Wider

_EPILOG = (
    "Addresses: ./folder, /folder or file:/folder on this machine; name:/folder at a connection. "
    "State lies in MOVER_HOME. Exit codes: 0 all well, 1 some items failed, 2 could not run, 130 interrupted."
)

_LARGEST_NUMBER = 2**63 - 1  # that the ledger can hold

app = typer.Typer(
    name="mover",
    help="Move files between storage services: verified, encrypted on the way, and without keeping anything.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys_app = typer.Typer(
    name="keys", help="The keys that stored secrets are encrypted with.", no_args_is_help=True
)
app.add_typer(keys_app)
db_app = typer.Typer(name="db", help="The database that everything is kept in.", no_args_is_help=True)
app.add_typer(db_app)
report_app = typer.Typer(cls=RunOrCommand, no_args_is_help=False)
app.add_typer(report_app, name="report")

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Source = Annotated[
    str, typer.Argument(help="Folder or file to read.", metavar="SOURCE", autocompletion=complete_address)
]
Destination = Annotated[
    str, typer.Argument(help="Folder to write to.", metavar="DESTINATION", autocompletion=complete_address)
]
Name = Annotated[
    str, typer.Argument(help="Name of a connection.", metavar="NAME", autocompletion=complete_name)
]
RunNumber = Annotated[
    int, typer.Argument(help="Number of a run, see `mover runs`.", metavar="RUN", min=1, max=_LARGEST_NUMBER)
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="PATTERN",
        help="Move only files that match. May be repeated.",
        rich_help_panel="What moves",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out files and folders that match. May be repeated.",
        rich_help_panel="What moves",
    ),
]
FilterFrom = Annotated[
    Path | None,
    typer.Option(
        "--filter-from",
        metavar="FILE",
        help="A file in the form of .gitignore: what is left out.",
        rich_help_panel="What moves",
    ),
]
FilesFrom = Annotated[
    Path | None,
    typer.Option(
        "--files-from",
        metavar="FILE",
        help="A file with the exact paths to move, one a line.",
        rich_help_panel="What moves",
    ),
]
MinSize = Annotated[
    str | None,
    typer.Option(
        "--min-size",
        metavar="SIZE",
        help="Leave out smaller files: 512, 10K, 1.5G.",
        rich_help_panel="What moves",
    ),
]
MaxSize = Annotated[
    str | None,
    typer.Option("--max-size", metavar="SIZE", help="Leave out larger files.", rich_help_panel="What moves"),
]
NewerThan = Annotated[
    str | None,
    typer.Option(
        "--newer-than",
        metavar="WHEN",
        help="Only files modified since then: 2024-01-31, 30d, 12h.",
        rich_help_panel="What moves",
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option(
        "--older-than", metavar="WHEN", help="Only files modified before then.", rich_help_panel="What moves"
    ),
]
BandwidthLimit = Annotated[
    str | None,
    typer.Option(
        "--bwlimit",
        metavar="RATE",
        help="Bytes per second at most: 10M; off: no limit.",
        rich_help_panel="How it moves",
    ),
]
Verify = Annotated[
    VerifyLevel,
    typer.Option(
        "--verify",
        help="auto: by content hash where both sides have one in common, else read back; size: compare sizes only.",
        rich_help_panel="How it moves",
    ),
]
Conflict = Annotated[
    ConflictRule,
    typer.Option(
        "--conflict",
        help="What stands at the destination and is not ours: report it, or let the source overwrite it.",
        rich_help_panel="How it moves",
    ),
]
PermissionsOf = Annotated[
    str | None,
    typer.Option(
        "--permissions",
        metavar="same|MAP.csv",
        help="Re-create shares: for the same addresses, or through a map with the columns Source User and "
        "Destination User.",
        rich_help_panel="Permissions",
    ),
]
UnmappedRule = Annotated[
    Unmapped,
    typer.Option(
        "--unmapped",
        help="Who is not in the map: the same address, if the destination knows it, or nobody.",
        rich_help_panel="Permissions",
    ),
]
WiderRule = Annotated[
    Wider,
    typer.Option(
        "--wider",
        help="What more people would see at the destination than at the source: hold it back, or allow it.",
        rich_help_panel="Permissions",
    ),
]
External = Annotated[
    bool,
    typer.Option(
        "--external",
        help="Share with people outside of the organisation again; else they are only listed.",
        rich_help_panel="Permissions",
    ),
]
Links = Annotated[
    bool,
    typer.Option(
        "--links", help="Make shares by link again; else they are only listed.", rich_help_panel="Permissions"
    ),
]
SealTo = Annotated[
    list[str] | None,
    typer.Option(
        "--seal-to",
        metavar="KEY",
        help="Seal each file for this public key: age1..., ssh-ed25519 ..., ssh-rsa ..., or @file: with several.",
        rich_help_panel="Encryption",
    ),
]
SealNames = Annotated[
    bool,
    typer.Option(
        "--seal-names",
        help="Seal names, too: a sealed file in each folder tells what they stand for.",
        rich_help_panel="Encryption",
    ),
]
OpenWith = Annotated[
    list[str] | None,
    typer.Option(
        "--open-with",
        metavar="@file:|@env:|ask",
        help="Open age files of the source with this private key, which is used for this run and kept nowhere.",
        rich_help_panel="Encryption",
    ),
]
CryptTo = Annotated[
    str | None,
    typer.Option(
        "--crypt-to",
        metavar="@file:|@env:|ask",
        help="Write files as rclone's crypt does: its password, or its section of rclone's configuration.",
        rich_help_panel="Encryption",
    ),
]
CryptFrom = Annotated[
    str | None,
    typer.Option(
        "--crypt-from",
        metavar="@file:|@env:|ask",
        help="Read files that rclone's crypt has written.",
        rich_help_panel="Encryption",
    ),
]
ReportFolder = Annotated[
    Path | None,
    typer.Option("--report", metavar="DIR", help="Write the reports of the run into this folder."),
]


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


@app.command()
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


@app.command()
def connections(*, machine: Machine = False) -> int:
    """List the saved connections."""
    from mover.cli.connecting import list_connections  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: list_connections(machine=machine))


@app.command()
def test(name: Name, *, machine: Machine = False) -> int:  # noqa: PT028 - a command, not a test
    """Sign in to a connection and tell what can be done there."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.testing import test as work  # noqa: PLC0415

    return run(lambda: work(name, machine=machine))


@app.command()
def disconnect(name: Name, *, machine: Machine = False) -> int:
    """Forget a connection and destroy its secrets."""
    from mover.cli.connecting import disconnect as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(name, machine=machine))


@app.command()
def ls(
    address: Annotated[str, typer.Argument(help="Folder to list.", autocompletion=complete_address)],
    *,
    machine: Machine = False,
) -> int:
    """List a folder, here or at a connection."""
    from mover.cli.listing import ls as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(address, machine=machine))


@app.command()
def scan(
    source: Source,
    destination: Annotated[
        str | None,
        typer.Argument(
            help="Folder to compare with.", metavar="[DESTINATION]", autocompletion=complete_address
        ),
    ] = None,
    *,
    include: Include = None,
    exclude: Exclude = None,
    filter_from: FilterFrom = None,
    files_from: FilesFrom = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    newer_than: NewerThan = None,
    older_than: OlderThan = None,
    conflict: Conflict = ConflictRule.REPORT,
    permissions: PermissionsOf = None,
    unmapped: UnmappedRule = Unmapped.SAME,
    wider: WiderRule = Wider.HOLD,
    external: External = False,
    links: Links = False,
    seal_to: SealTo = None,
    seal_names: SealNames = False,
    open_with: OpenWith = None,
    crypt_to: CryptTo = None,
    crypt_from: CryptFrom = None,
    machine: Machine = False,
) -> int:
    """Look at a folder and tell what is in it, and what a copy would do. Changes nothing."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.moving import Choices  # noqa: PLC0415
    from mover.cli.scanning import scan as work  # noqa: PLC0415

    choices = Choices(
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        filter_from=filter_from,
        files_from=files_from,
        min_size=min_size,
        max_size=max_size,
        newer_than=newer_than,
        older_than=older_than,
        conflict=conflict,
        permissions=permissions,
        unmapped=unmapped,
        wider=wider,
        external=external,
        links=links,
        seal_to=tuple(seal_to or ()),
        seal_names=seal_names,
        open_with=tuple(open_with or ()),
        crypt_to=crypt_to,
        crypt_from=crypt_from,
    )
    return run(lambda: work(source, destination, choices, machine=machine))


@app.command()
def copy(
    source: Source,
    destination: Destination,
    *,
    include: Include = None,
    exclude: Exclude = None,
    filter_from: FilterFrom = None,
    files_from: FilesFrom = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    newer_than: NewerThan = None,
    older_than: OlderThan = None,
    bwlimit: BandwidthLimit = None,
    verify: Verify = VerifyLevel.AUTO,
    conflict: Conflict = ConflictRule.REPORT,
    permissions: PermissionsOf = None,
    unmapped: UnmappedRule = Unmapped.SAME,
    wider: WiderRule = Wider.HOLD,
    external: External = False,
    links: Links = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look and tell, change nothing.", rich_help_panel="How it moves")
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="List everything, even where a service tells what changed since the last run.",
            rich_help_panel="How it moves",
        ),
    ] = False,
    versions: Annotated[
        int,
        typer.Option(
            help="Bring so many earlier versions of each file, where both services keep versions.",
            min=0,
            max=MOST_VERSIONS,
            metavar="NUMBER",
            rich_help_panel="How it moves",
        ),
    ] = 0,
    seal_to: SealTo = None,
    seal_names: SealNames = False,
    open_with: OpenWith = None,
    crypt_to: CryptTo = None,
    crypt_from: CryptFrom = None,
    report: ReportFolder = None,
    machine: Machine = False,
) -> int:
    """Copy a folder or a file and verify that every byte arrived. Repeat it to go on, or to bring what is new.

    [dim]mover copy nas:/docs cold:/backup --exclude '*.tmp' --report ./report[/dim]
    """
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.moving import Choices, move  # noqa: PLC0415
    from mover.ledger.states import RunMode  # noqa: PLC0415

    choices = Choices(
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        filter_from=filter_from,
        files_from=files_from,
        min_size=min_size,
        max_size=max_size,
        newer_than=newer_than,
        older_than=older_than,
        bwlimit=bwlimit,
        verify=verify,
        conflict=conflict,
        permissions=permissions,
        unmapped=unmapped,
        wider=wider,
        external=external,
        links=links,
        dry_run=dry_run,
        full=full,
        versions=versions,
        seal_to=tuple(seal_to or ()),
        seal_names=seal_names,
        open_with=tuple(open_with or ()),
        crypt_to=crypt_to,
        crypt_from=crypt_from,
    )
    return run(
        lambda: move(RunMode.COPY, source, destination, choices, report_folder=report, machine=machine)
    )


@app.command()
def verify(
    source: Source,
    destination: Destination,
    *,
    include: Include = None,
    exclude: Exclude = None,
    filter_from: FilterFrom = None,
    files_from: FilesFrom = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    newer_than: NewerThan = None,
    older_than: OlderThan = None,
    bwlimit: BandwidthLimit = None,
    level: Verify = VerifyLevel.AUTO,
    seal_to: SealTo = None,
    seal_names: SealNames = False,
    open_with: OpenWith = None,
    crypt_to: CryptTo = None,
    crypt_from: CryptFrom = None,
    report: ReportFolder = None,
    machine: Machine = False,
) -> int:
    """Compare source and destination, file by file, and change nothing."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.moving import Choices, move  # noqa: PLC0415
    from mover.ledger.states import RunMode  # noqa: PLC0415

    choices = Choices(
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        filter_from=filter_from,
        files_from=files_from,
        min_size=min_size,
        max_size=max_size,
        newer_than=newer_than,
        older_than=older_than,
        bwlimit=bwlimit,
        verify=level,
        seal_to=tuple(seal_to or ()),
        seal_names=seal_names,
        open_with=tuple(open_with or ()),
        crypt_to=crypt_to,
        crypt_from=crypt_from,
    )
    return run(
        lambda: move(RunMode.VERIFY, source, destination, choices, report_folder=report, machine=machine)
    )


@app.command()
def runner(
    *,
    queue: Annotated[
        str,
        typer.Option("--queue", metavar="NAME", help="Work on the pairs of this queue: a site, a region."),
    ] = "default",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", min=1, max=65535, help="Show figures for Prometheus at this port of 127.0.0.1."
        ),
    ] = None,
) -> int:
    """Move files for the service, until told to end. Listens nowhere: it only dials out."""
    from mover.cli.running import run_runner  # noqa: PLC0415

    return run_runner(queue, metrics_port)


@app.command()
def runs(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 20,
    machine: Machine = False,
) -> int:
    """List what was run."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.runs import list_runs  # noqa: PLC0415

    return run(lambda: list_runs(limit, machine=machine))


@report_app.callback()
def reports() -> None:
    """Tell what came of a run, and whether it adds up; or check a signed reconciliation."""


@report_app.command(RunOrCommand.DEFAULT)
def report(
    number: RunNumber,
    *,
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="csv|json|html", help="Print this report instead of a summary."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="PATH", help="Write it into this file, or all of them into this folder."
        ),
    ] = None,
    machine: Machine = False,
) -> int:
    """Tell what came of a run, and whether it adds up."""
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.reporting import report as work  # noqa: PLC0415

    return run(lambda: work(number, format_name, output, machine=machine))


@report_app.command("verify")
def verify_report(
    file: Annotated[Path, typer.Argument(help="A reconciliation, as Mover wrote it.", metavar="FILE")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="PUBLIC",
            help="The public key that has to have signed it, in base64 or hexadecimal digits.",
        ),
    ] = None,
    machine: Machine = False,
) -> int:
    """Check a signed reconciliation, without any database: nothing was changed, removed, added or moved.

    Exit codes: 0 it is as it was signed, 1 it is not, 2 it cannot be checked.
    """
    from mover.cli.verifying import verify_file  # noqa: PLC0415

    return verify_file(file, key, machine=machine)


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


@db_app.callback()
def database() -> None:
    """The database that everything is kept in."""


@db_app.command("check")
def database_check(*, machine: Machine = False) -> int:
    """Tell where the database is, whether it answers, and whether its schema is the right one. Changes nothing."""
    from mover.cli.databases import check as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@db_app.command("upgrade")
def database_upgrade(*, machine: Machine = False) -> int:
    """Make the schema, or bring it up to date. Several at the same time wait for each other."""
    from mover.cli.databases import upgrade as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(machine=machine))


@db_app.command("roles")
def database_roles(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it to the database, instead of printing the SQL.")
    ] = False,
    machine: Machine = False,
) -> int:
    """Give each process of the service a PostgreSQL role of its own, with the least that it needs.

    Prints SQL for psql. `mover db upgrade` gives the privileges anew once the roles are there.
    """
    from mover.cli.databases import roles as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(apply=apply, machine=machine))


@db_app.command("backup")
def database_backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.", metavar="FILE")],
    *,
    machine: Machine = False,
) -> int:
    """Copy SQLite's file as of now, while Mover works with it. PostgreSQL has pg_dump for that."""
    from mover.cli.databases import backup as work  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415

    return run(lambda: work(file, machine=machine))


service_commands.add_to(app)
people_commands.add_to(app)
egress_commands.add_to(app)
audit_commands.add_to(app)
staff_commands.add_to(app)
legal_commands.add_to(app)
