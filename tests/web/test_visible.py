"""Text from outside is shown as what it is."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from mover.web.visible import visible, visible_name


def test_overrides_of_direction_are_spelled_out():
    assert visible("photo\u202egpj.exe") == "photo⟨U+202E⟩gpj.exe"
    assert visible("a\u2066b\u2069") == "a⟨U+2066⟩b⟨U+2069⟩"


def test_controls_become_pictures():
    assert visible("bell\x07 escape\x1b delete\x7f") == "bell␇ escape␛ delete␡"
    assert visible("c1 \x9b") == "c1 ⟨U+009B⟩"


def test_line_ends_stay_in_text_but_not_in_names():
    assert visible("a\n\tb") == "a\n\tb"
    assert visible_name("a\n\tb\r") == "a␊␉b␍"


def test_names_of_all_scripts_and_emoji_stay():
    for name in ("Übergrößenträger", "مرحبا", "שלום", "日本語", "👩‍👩‍👧", "नमस्ते"):
        assert visible_name(name) == name


def test_half_pairs_and_invisible_letters_are_spelled_out():
    assert visible("\udc80") == "⟨U+DC80⟩"
    assert visible("zero\u200bwidth \ufeff") == "zero⟨U+200B⟩width ⟨U+FEFF⟩"


@given(st.text(alphabet=st.characters()))
def test_whatever_comes_can_be_sent_and_hides_nothing(text: str):
    shown = visible_name(text)
    shown.encode()
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs"}]
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
