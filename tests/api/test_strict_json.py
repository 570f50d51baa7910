from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.api.strict_json import DEEPEST, NotJson, RefusedJson, read_json

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_what_json_can_say_is_read_as_it_is_meant(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        "[1,]",
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
        "{'a': 1}",
        "[1] [2]",
        "01",
        "\ufeff1",
    ],
)
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotJson):
        read_json(text.encode())


def test_bytes_that_are_not_utf8_are_no_json() -> None:
    with pytest.raises(NotJson, match="UTF-8"):
        read_json(b'"\xff"')


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '[{"b": {"a": 1, "a": 1}}]',
        "9223372036854775808",
        "-9223372036854775809",
        "1" * 5000,
        "1e999",
        r'"\u0000"',
        r'{"\u0000": 1}',
        r'["\ud800"]',
        r'{"\udfff": 1}',
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "[" * 200_000,
        '{"a":' * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_json_that_programs_read_differently_or_databases_refuse_is_refused(text: str) -> None:
    with pytest.raises(RefusedJson):
        read_json(text.encode())


def test_a_refusal_points_at_the_place_and_repeats_no_value() -> None:
    with pytest.raises(RefusedJson) as raised:
        read_json(rb'{"list": [1, {"pass/word": "canary\u0000"}]}')

    assert raised.value.pointer == "/list/1/pass~1word"
    assert "canary" not in raised.value.message


def test_surrogate_pairs_are_characters() -> None:
    assert read_json(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"


def test_nesting_up_to_the_limit_is_read() -> None:
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST)
