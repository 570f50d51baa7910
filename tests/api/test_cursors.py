from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.callers import a_caller

from mover.api.cursors import Cursors
from mover.api.problems import HttpProblem


def _cursors(credential: str = "mvr_one", of: str = "/api/v1/runs?[]") -> Cursors:
    return Cursors(a_caller(credential), of)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_cursor_is_opened_by_the_caller_that_it_was_made_for(position: str) -> None:
    cursor = _cursors().make(position)

    assert cursor is not None
    assert cursor.isascii()
    assert _cursors().open(cursor) == position


def test_the_last_page_has_no_cursor_and_the_first_needs_none() -> None:
    assert _cursors().make(None) is None
    assert _cursors().open(None) is None


@pytest.mark.parametrize(
    "other", [_cursors(of="/api/v1/pairs?[]"), _cursors("mvr_two")], ids=["list", "caller"]
)
def test_a_cursor_of_another_list_or_caller_is_refused(other: Cursors) -> None:
    with pytest.raises(HttpProblem) as raised:
        _cursors().open(other.make("17"))

    assert raised.value.status_code == 400
    assert raised.value.reason == "bad_cursor"


@given(st.text(max_size=100))
def test_nonsense_is_refused(cursor: str) -> None:
    with pytest.raises(HttpProblem):
        _cursors().open(cursor)


def test_every_changed_character_is_noticed() -> None:
    cursor = _cursors().make("a position") or ""

    for place, character in enumerate(cursor):
        # The last character has bits that stand for nothing; a change that leaves the bytes as they are is none.
        changed = cursor[:place] + ("A" if character != "A" else "Q") + cursor[place + 1 :]
        with pytest.raises(HttpProblem):
            _cursors().open(changed)
