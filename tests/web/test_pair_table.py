"""What of the table is shown stands in its address."""

from __future__ import annotations

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from mover.migrations.queries.filtering import SORTS
from mover.web.pair_table import COLUMNS, USUAL, Shown


def read(query: str) -> Shown:
    return Shown.read(dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


def test_the_usual_needs_no_address():
    assert Shown().query == ""
    assert read("") == Shown()


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.sampled_from([column.sort for column in COLUMNS if column.sort]),
    st.booleans(),
    st.lists(st.sampled_from([column.name for column in COLUMNS]), min_size=1, unique=True),
)
def test_an_address_says_all(text: str, sort: str, descending: bool, columns: list[str]):  # noqa: FBT001 - drawn
    shown = Shown(filter=text, sort=sort, descending=descending, columns=tuple(columns), limit=250)
    assert read(shown.query) == shown


def test_nonsense_is_as_usual():
    shown = read("?sort=password&order=sideways&columns=a,b&limit=1000000")
    assert shown == Shown()
    assert shown.columns == USUAL


def test_every_column_is_sorted_by_something_that_pairs_can_be_sorted_by():
    assert {column.sort for column in COLUMNS if column.sort} <= set(SORTS)


def test_figures_begin_with_the_greatest_and_a_second_press_turns_round():
    failed = next(column for column in COLUMNS if column.name == "failed")
    once = Shown(cursor="x").sorted_by(failed)
    assert (once.sort, once.descending, once.cursor) == ("failed", True, "")
    assert once.sorted_by(failed).descending is False
