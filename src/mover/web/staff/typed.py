"""What stands in addresses."""

from __future__ import annotations

_DIGITS = 18  # a signed number of 64 bits holds all of so many


def number_of(text: str) -> int | None:
    """A number that a column can hold; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
