"""Where words go: results to standard output, everything about the work itself to standard error."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_UNFOLDED = 10_000  # columns


@cache
def out() -> Console:
    """For results."""
    from mover.cli.console import CommandConsole  # noqa: PLC0415 - Rich takes time to load, and JSON needs none

    # Where no terminal folds lines, nothing else shall: programs read them.
    width = None if sys.stdout.isatty() else _UNFOLDED
    return CommandConsole(highlight=False, soft_wrap=True, width=width)


@cache
def err() -> Console:
    """For progress, warnings and errors."""
    from mover.cli.console import CommandConsole  # noqa: PLC0415 - as above

    return CommandConsole(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    import msgspec  # noqa: PLC0415 - as above, for who only asks for help

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def plain(text: str) -> str:
    """Text from outside, fit for a terminal: control and format characters become visible, so that a name can neither
    move the cursor nor look like another one.
    """  # noqa: D205 - one sentence
    if text.isprintable():
        return text
    return "".join(
        repr(c)[1:-1] if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else c
        for c in text
    )


def words(text: str, style: str = "") -> Text:
    """Text from outside for Rich: no markup in it counts."""
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(plain(text), style=style)
