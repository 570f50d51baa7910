from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.migrations.patterns import BadExpression, Expression

_ATOMS = st.sampled_from(["a", "b", "ä", "/", r"\.", ".", "[ab]", "[^a]", "[a-c/]", r"\d", r"\s", "^", "$"])


def _combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(parts, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    )


@given(st.recursive(_ATOMS, _combined, max_leaves=8), st.text("abAB.cä/1 \n", max_size=12))
def test_it_finds_what_the_standard_library_finds(pattern, text):
    expected = re.search(pattern.replace("$", r"\Z"), text, re.IGNORECASE)
    assert Expression(pattern).found_in(text) == (expected is not None)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*b){20}", "(a*)*b", "a{50}a{50}b"])
def test_what_makes_others_hang_ends_at_once(pattern):
    assert not Expression(pattern).found_in("a" * 3_000 + "!")


@pytest.mark.parametrize(
    ("pattern", "at"),
    [
        ("(a", 0),
        ("a)", 1),
        ("[a", 0),
        ("*a", 0),
        ("a**", 0),
        ("a{3,2}", 1),
        ("a{9999}", 1),
        ("a{x}", 1),
        (r"(a)\1", 3),
        ("(?=a)", 0),
        ("(?i)a", 0),
        ("[z-a]", 1),
        ("a\\", 1),
        (r"\q", 0),
        ("(a{100}){100}", 0),
        ("x" * 201, 200),
        ("(" * 50, 20),
    ],
)
def test_what_is_not_possible_says_where(pattern, at):
    with pytest.raises(BadExpression) as caught:
        Expression(pattern)
    assert caught.value.at == at


def test_many_different_texts_do_not_fill_memory():
    expression = Expression("[^x]*x.{8}y")
    for start in range(0, 60_000, 50):
        expression.found_in("".join(chr(0x4E00 + (start + n) % 20_000) for n in range(50)))
    assert len(expression._program.steps) <= 20_000
