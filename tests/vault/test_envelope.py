from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.vault.envelope import UnsealError, new_key, place, seal, unseal

pytestmark = pytest.mark.promise("P5")

KEY = new_key()
any_text = st.text(alphabet=st.characters(), max_size=40)


@given(st.binary(max_size=300), st.lists(any_text, max_size=4))
def test_what_is_sealed_for_a_place_opens_there(plain: bytes, parts: list[str]) -> None:
    assert unseal(KEY, seal(KEY, plain, place(*parts)), place(*parts)) == plain


@given(st.lists(any_text, max_size=4), st.lists(any_text, max_size=4))
def test_two_places_are_spelled_alike_only_if_they_are_the_same(one: list[str], other: list[str]) -> None:
    assert (place(*one) == place(*other)) == (one == other)


@given(st.binary(max_size=60), st.data())
def test_one_changed_bit_anywhere_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, plain, b"here"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(UnsealError):
        unseal(KEY, bytes(sealed), b"here")


@pytest.mark.parametrize("length", [0, 1, 27, 28, 30])
def test_a_ciphertext_cut_short_is_noticed(length: int) -> None:
    with pytest.raises(UnsealError):
        unseal(KEY, seal(KEY, b"password", b"here")[:length], b"here")


def test_another_place_or_another_key_does_not_open() -> None:
    sealed = seal(KEY, b"password", b"here")

    with pytest.raises(UnsealError):
        unseal(KEY, sealed, b"there")
    with pytest.raises(UnsealError):
        unseal(new_key(), sealed, b"here")


def test_the_same_text_is_never_sealed_the_same_way_twice() -> None:
    assert len({seal(KEY, b"password", b"here") for _ in range(1000)}) == 1000
