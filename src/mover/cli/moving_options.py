"""What the commands that move, scan and compare are told: places, filters, ways, permissions, encryption."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mover.cli.completion import complete_address
from mover.transfer.options import ConflictRule, VerifyLevel
from mover.transfer.sharing_rules import Unmapped, Wider

Source = Annotated[
    str, typer.Argument(help="Folder or file to read.", metavar="SOURCE", autocompletion=complete_address)
]
Destination = Annotated[
    str, typer.Argument(help="Folder to write to.", metavar="DESTINATION", autocompletion=complete_address)
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
