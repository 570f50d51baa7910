import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.entries import HashName
from mover.hashing import SUPPORTED, MultiHasher, combine_crc

CRCS = [HashName.CRC32, HashName.CRC32C, HashName.CRC64NVME]
TEBIBYTE = 2**40


def crc(name: HashName, content: bytes) -> str:
    hasher = MultiHasher([name])
    hasher.update(content)
    return hasher.hexdigests()[name]


@pytest.mark.parametrize("name", CRCS)
@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_combined_crc_is_that_of_the_concatenation(name: HashName, first: bytes, second: bytes) -> None:
    assert combine_crc(name, crc(name, first), crc(name, second), len(second)) == crc(name, first + second)


@pytest.mark.parametrize("name", CRCS)
def test_order_of_combining_does_not_matter_for_parts_of_terabytes(name: HashName) -> None:
    a, b, c = (crc(name, text) for text in (b"a", b"b", b"c"))
    left = combine_crc(name, combine_crc(name, a, b, 5 * TEBIBYTE), c, 3 * TEBIBYTE)
    right = combine_crc(name, a, combine_crc(name, b, c, 3 * TEBIBYTE), 8 * TEBIBYTE)
    assert left == right


@pytest.mark.parametrize("name", CRCS)
@pytest.mark.parametrize("text", ["", "12", "0x", "-1" * 4, "1_" * 4, " 1" * 4, "g" * 8, "0" * 7, "0" * 18])
def test_text_that_is_no_crc_is_refused(name: HashName, text: str) -> None:
    right = crc(name, b"")
    with pytest.raises(ValueError):
        combine_crc(name, text, right, 1)
    with pytest.raises(ValueError):
        combine_crc(name, right, text, 1)


def test_blanks_between_digits_are_refused() -> None:
    with pytest.raises(ValueError):
        combine_crc(HashName.CRC32, "00 00 00", "00000000", 1)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError):
        combine_crc(HashName.CRC32, "00000000", "00000000", -1)


@pytest.mark.parametrize("name", sorted(SUPPORTED - set(CRCS)))
def test_hashes_that_are_no_crc_cannot_be_combined(name: HashName) -> None:
    with pytest.raises(ValueError):
        combine_crc(name, "00", "00", 1)
