"""Where words go: results to standard output, everything about the work itself to standard error."""

from __future__ import annotations

import sys
import unicodedata
from functools import cache
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

_UNFOLDED = 10_000  # columns


class CommandConsole(Console):
    """A console that leaves it to the command what becomes of it when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError on, where Rich would end the process with its move."""
        raise BrokenPipeError


@cache
def out() -> Console:
    """For results."""
    # Where no terminal folds lines, nothing else shall: programs read them.
    width = None if sys.stdout.isatty() else _UNFOLDED
    return CommandConsole(highlight=False, soft_wrap=True, width=width)


@cache
def err() -> Console:
    """For progress, warnings and errors."""
    return CommandConsole(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one line of JSON."""
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
    return Text(plain(text), style=style)
