from __future__ import annotations

import pytest

from mover.entries import Entry, EntryKind


@pytest.mark.parametrize(
    ("told", "kept"), [(0, 0), (2**50, 2**50), (2**50 + 1, None), (2**63, None), (-1, None)]
)
def test_a_size_that_nothing_has_is_not_told(told: int, kept: int | None) -> None:
    assert Entry(name="x", kind=EntryKind.FILE, size=told).size == kept


@pytest.mark.parametrize(("told", "kept"), [(2**63 - 1, 2**63 - 1), (2**63, None), (-(2**63), None)])
def test_a_time_that_cannot_be_kept_is_not_told(told: int, kept: int | None) -> None:
    entry = Entry(name="x", kind=EntryKind.FILE, modified_ns=told, created_ns=told)
    assert (entry.modified_ns, entry.created_ns) == (kept, kept)
