"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from mover.cli.completion import complete_name

Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines and nothing else.")]
Name = Annotated[
    str, typer.Argument(help="Name of a connection.", metavar="NAME", autocompletion=complete_name)
]
