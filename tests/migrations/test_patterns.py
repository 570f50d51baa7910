from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from tests.database_url import on_postgresql

from mover.migrations.pattern_nodes import in_any_case
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
def test_it_finds_what_the_standard_library_finds(pattern, searched):
    expected = re.search(pattern.replace("$", r"\Z"), searched, re.IGNORECASE)
    assert Expression(pattern).found_in(searched) == (expected is not None)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*b", "(.*b){20}", "(a*)*b", "a{50}a{50}b", "(?:.*b){20}$"]
)
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
    assert expression._program.remembered <= 12_000


def test_an_expression_with_sets_without_number_takes_time_by_the_length_of_the_text_alone():
    """Each character makes another set of states; the work for each is bounded by the states all the same."""
    expression = Expression("[ab]*a" + "(?:[ab]{50}){10}c")
    rng = random.Random(1)
    assert not expression.found_in("".join(rng.choices("ab", k=20_000)))
    assert expression._program.remembered <= 5_000 + 2 + 256 * 76


_CASES = "kK\u212asS\u017fßẞäÄµ\u03bc\u039c\u03c3ς\u03a3iI\u0131ǅǆǄ"


@given(
    st.sampled_from(_CASES),
    st.text(_CASES, max_size=4),
    st.sampled_from(["{}", "[{}x]", "[^{}x]", "x|{}", "[{}-{}]"]),
)
def test_letters_are_the_same_in_any_case_as_for_the_standard_library(letter, searched, pattern):
    pattern = pattern.replace("{}", letter)
    expected = re.search(pattern, searched, re.IGNORECASE)
    assert Expression(pattern).found_in(searched) == (expected is not None)


def test_no_letter_is_another_one_that_it_is_not_for_the_standard_library():
    """But for those that are several letters in the other case."""
    several = {chr(code) for code in range(0x20000) if len(chr(code).lower() + chr(code).upper()) > 2}
    for code in range(0xC0, 0x20000):
        character = chr(code)
        if character.isalpha() and character.lower() != character.upper() and character not in several:
            others = {chr(low) for low, high in in_any_case(((code, code),)) for low in range(low, high + 1)}
            found = re.compile(re.escape(character), re.IGNORECASE)
            assert {other for other in others if found.fullmatch(other)} == others
            assert {character.lower(), character.upper()} <= others


def _random_pattern(rng: random.Random, depth: int = 3) -> str:
    if depth == 0 or rng.random() < 0.2:
        atoms = [
            "a",
            "B",
            "ä",
            "K",
            "s",
            r"\.",
            ".",
            "[ab]",
            "[^a]",
            "[^Ä-Ö]",
            r"\d",
            r"\w",
            r"\W",
            r"\s",
            r"\S",
        ]
        return rng.choice([*atoms, "^", "$", "(?:)", "(?:a|)", "é{0}"])
    one, two = _random_pattern(rng, depth - 1), _random_pattern(rng, depth - 1)
    repeated = rng.choice(["*", "+", "?", "{2}", "{1,}", "{0,2}"])
    return rng.choice([one + two, f"(?:{one}|{two})", f"({one}){repeated}"])


@on_postgresql
async def test_postgresql_finds_the_same(database):
    rng = random.Random(4)
    letters = "aAbBäÄöÖkK\u212as\u017fS.1 \n\u00a0\u3000_\u2013日😀é"
    texts = ["", *("".join(rng.choices(letters, k=rng.randrange(1, 9))) for _ in range(60))]
    expressions = [Expression(_random_pattern(rng)) for _ in range(300)]
    query = text('SELECT t FROM unnest(CAST(:texts AS text[])) AS t WHERE t COLLATE "C" ~ :pattern')

    def ask(connection):
        return [
            set(connection.scalars(query, {"texts": texts, "pattern": expression.for_postgresql()}))
            for expression in expressions
        ]

    for expression, found in zip(expressions, await database.read(ask), strict=True):
        assert found == {each for each in texts if expression.found_in(each)}, expression.text


HOSTILE = [
    "(a+)+$",
    "(?:.*b){20}",
    r"(?:\w{100}){5}",
    r"\w" * 100,
    "[ab]*a(?:[ab]{50}){10}c",
    "(?:a{1,100}){1,2}",
    "(?:(?:a?){20}){10}b",
    "(?:^)*a",
    "\udc80|\x1a|\0",
    r".{100}",
]


@on_postgresql
async def test_postgresql_bears_what_is_hostile(database):
    query = text('SELECT CAST(:t AS text) COLLATE "C" ~ :pattern')
    expressions, hostile = [Expression(pattern) for pattern in HOSTILE], "ab" * 2_000 + "!"

    def ask(connection):
        connection.exec_driver_sql("SET LOCAL statement_timeout = '120s'")
        return [
            connection.scalar(query, {"t": hostile, "pattern": expression.for_postgresql()})
            for expression in expressions
        ]

    found = await database.read(ask)
    assert found == [expression.found_in(hostile) for expression in expressions]
