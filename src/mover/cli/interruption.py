"""How work ends that somebody has put an end to. Apart from the loop that it ran in, which takes time to load."""

from __future__ import annotations


class Interrupted(Exception):
    """A person or the system ended the work, which has cleaned up. No KeyboardInterrupt: event loops stop dead at one.

    `told`: the work has printed for machines what it came to.
    """

    def __init__(self, *, told: bool = False) -> None:
        super().__init__()
        self.told = told


class PipeBroken(Exception):
    """A BrokenPipeError, as its cause. Under this name Typer lets it pass, which else replaces standard output."""
