"""Long lists of values, cut to what one statement takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_IN_LIST = 500  # values in one IN (...): well under SQLite's limit of parameters


def slices(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the values in runs that fit into one IN (...)."""
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]
