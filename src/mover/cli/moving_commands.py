"""`mover scan`, `copy` and `verify`. The work is in modules of their own, loaded when a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from mover.cli.arguments import Machine
from mover.cli.completion import complete_address
from mover.cli.moving_options import (
    BandwidthLimit,
    Conflict,
    CryptFrom,
    CryptTo,
    Destination,
    Exclude,
    External,
    FilesFrom,
    FilterFrom,
    Include,
    Links,
    MaxSize,
    MinSize,
    NewerThan,
    OlderThan,
    OpenWith,
    PermissionsOf,
    ReportFolder,
    SealNames,
    SealTo,
    Source,
    UnmappedRule,
    Verify,
    WiderRule,
)
from mover.transfer.options import MOST_VERSIONS, ConflictRule, VerifyLevel
from mover.transfer.sharing_rules import Unmapped, Wider


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command()(scan)
    app.command()(copy)
    app.command()(verify)


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
    from mover.cli.choices import Choices  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
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
    archive: Annotated[
        bool,
        typer.Option(
            "--archive",
            help="Put everything into one new ZIP archive, named after the folder and the time, instead of copying files "
            "beside each other.",
            rich_help_panel="How it moves",
        ),
    ] = False,
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
    from mover.cli.choices import Choices  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.moving import move  # noqa: PLC0415
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
        archive=archive,
        seal_to=tuple(seal_to or ()),
        seal_names=seal_names,
        open_with=tuple(open_with or ()),
        crypt_to=crypt_to,
        crypt_from=crypt_from,
    )
    return run(
        lambda: move(RunMode.COPY, source, destination, choices, report_folder=report, machine=machine)
    )


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
    from mover.cli.choices import Choices  # noqa: PLC0415
    from mover.cli.loop import run  # noqa: PLC0415
    from mover.cli.moving import move  # noqa: PLC0415
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
