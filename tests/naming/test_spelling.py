"""Names of any bytes are spelled as text without loss."""
# ruff: noqa: RUF001 - look-alikes are the subject

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.errors import NameRejected
from mover.naming import QUOTE, bytes_from_text, text_from_bytes
from mover.naming.spelling import is_spelling

hostile_bytes = st.lists(
    st.sampled_from(
        [
            QUOTE.encode(),
            "é".encode(),
            "😀".encode(),
            b"FF",
            b"E2",
            b"\xff",
            b"\xc3",
            b"\xa9",
            b"\xe2",
            b"\x80",
            b"\x9b",
            b"\xed\xa0\x80",
            b"F",
            b"8",
            b"0",
            b"a",
            b"/",
        ]
    ),
    max_size=12,
).map(b"".join)
hostile_text = st.lists(
    st.sampled_from([QUOTE, "F", "8", "E", "2", "9", "B", "C3", "A9", "a", "é", "/"]), max_size=12
).map("".join)


@given(st.one_of(st.binary(max_size=40), hostile_bytes))
def test_every_byte_string_comes_back(raw: bytes) -> None:
    text = text_from_bytes(raw)

    text.encode()  # valid Unicode: no surrogate is left
    assert bytes_from_text(text) == raw
    assert is_spelling(text)


@given(st.one_of(st.text(max_size=30), hostile_text))
def test_every_text_that_is_a_spelling_comes_back_and_others_are_told(text: str) -> None:
    assert is_spelling(text) == (text_from_bytes(bytes_from_text(text)) == text)


@given(st.text(max_size=30).filter(lambda text: QUOTE not in text))
def test_ordinary_text_is_its_own_spelling(text: str) -> None:
    assert text_from_bytes(text.encode()) == text
    assert bytes_from_text(text) == text.encode()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xe9.txt", "caf‛E9.txt"),
        ("it‛s".encode(), "it‛s"),
        ("‛ff".encode(), "‛ff"),
        ("‛7F".encode(), "‛7F"),
        ("‛FF".encode(), "‛E2‛80‛9BFF"),
        (b"\xed\xa0\x80", "‛ED‛A0‛80"),  # a surrogate, encoded: not valid UTF-8
        (b"\xc0\xaf", "‛C0‛AF"),  # an overlong slash
    ],
)
def test_known_spellings(raw: bytes, text: str) -> None:
    assert text_from_bytes(raw) == text
    assert bytes_from_text(text) == raw


@given(hostile_text)
def test_no_slash_dot_or_nul_hides_in_a_spelling(text: str) -> None:
    raw = bytes_from_text(text)

    for byte, character in ((b"/", "/"), (b".", "."), (b"\0", "\0")):
        assert raw.count(byte) == text.count(character)


def test_a_lone_surrogate_is_rejected() -> None:
    with pytest.raises(NameRejected):
        bytes_from_text("a\udc80")
