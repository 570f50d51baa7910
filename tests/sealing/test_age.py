"""What Mover seals the age command and pyrage open, and the other way round."""

from __future__ import annotations

import random
from contextlib import suppress

import pyrage  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sealing.keys import Keys, joined, opened_by_age, reader, sealed_by_age

from mover.errors import Changed, InvalidConfiguration
from mover.sealing.age.files import AgeSeal, Opened, SeededDraw, open_header
from mover.sealing.age.identities import read_identities
from mover.sealing.age.recipients import read_recipients
from mover.sealing.age.stanzas import Incomplete, NotAge, header_bytes, read_header
from mover.sealing.blocks import BLOCK, Layout, Unsealable
from mover.sealing.streams import opened_range, opened_whole, sealed_range, sealed_whole
from mover.vault.secret import Secret

SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 15 * BLOCK, 15 * BLOCK + 1, 16 * BLOCK]
KINDS = ["age", "ssh-ed25519", "ssh-rsa"]
KEY = pyrage.x25519.Identity.generate()
PUBLIC = "age1g4gegvpwsrfcze5ctzz3nym32lfwz92weaslezaesgks543nw3hqwe2qfv"  # not random: names of tests are made of it
SEAL = AgeSeal(read_recipients([str(KEY.to_public())]))
IDENTITIES = read_identities([Secret(str(KEY))])


def some(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def opened(sealed: bytes, identities=IDENTITIES) -> Opened:
    found = open_header(read_header(sealed), sealed, identities)
    assert found is not None
    return found


async def open_all(sealed: bytes, identities=IDENTITIES) -> bytes:
    how = opened(sealed, identities)
    body = reader(sealed)(how.layout.prefix, None)
    return await joined(opened_whole(how.cipher, body, empty_block=True))


@pytest.mark.promise("P11")
@pytest.mark.parametrize("size", SIZES)
async def test_age_and_pyrage_open_what_was_sealed(size: int, keys: Keys) -> None:
    data = some(size)
    sealing = AgeSeal([*SEAL.recipients, *read_recipients(keys.public.values())]).file()

    sealed = await joined(sealed_range(sealing, size, reader(data), 0, None))

    assert sealed == await joined(sealed_whole(sealing, reader(data)(0, None)))
    assert len(sealed) == sealing.layout.sealed_size(size)
    assert sealing.layout.size(len(sealed)) == size
    assert pyrage.decrypt(sealed, [KEY]) == data
    for kind in KINDS if size in {0, BLOCK + 1} else ["age"]:
        assert opened_by_age(sealed, keys.private[kind]) == data
        assert await open_all(sealed, read_identities([Secret(keys.private[kind].read_text())])) == data


@pytest.mark.parametrize("size", [0, BLOCK, 16 * BLOCK + 1])
async def test_what_age_and_pyrage_seal_is_opened(size: int, keys: Keys) -> None:
    data = some(size)
    by_age = sealed_by_age(data, keys)

    for kind in KINDS:
        assert await open_all(by_age, read_identities([Secret(keys.private[kind].read_text())])) == data
    assert await open_all(pyrage.encrypt(data, [KEY.to_public()])) == data


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 3 * BLOCK + 5) | st.sampled_from(SIZES),
    first=st.floats(0, 1),
    most=st.floats(0, 1),
    piece=st.integers(1, 2 * BLOCK),
)
async def test_ranges_are_pieces_of_the_whole_both_ways(
    size: int, first: float, most: float, piece: int
) -> None:
    data = some(size)
    sealing = SEAL.file(SeededDraw(b"seed", "file"))
    read = reader(data, piece + 4096)
    whole = await joined(sealed_range(sealing, size, read, 0, None))
    offset = int(first * len(whole))
    length = int(most * (len(whole) - offset))

    part = await joined(sealed_range(sealing, size, read, offset, length))

    assert part == whole[offset : offset + length]
    how = opened(whole)
    at = int(first * size)
    length = int(most * (size - at))
    again = opened_range(how.cipher, how.layout, len(whole), reader(whole, piece + 4096), at, length)
    assert await joined(again) == data[at : at + length]
    rest = opened_range(how.cipher, how.layout, len(whole), reader(whole, piece + 4096), at, None)
    assert await joined(rest) == data[at:]


@settings(max_examples=200, deadline=None)
@given(size=st.integers(0, 10 * BLOCK), empty_block=st.booleans(), prefix=st.integers(0, 500))
def test_sizes_are_exact_and_those_between_are_none(size: int, empty_block: bool, prefix: int) -> None:  # noqa: FBT001 - hypothesis
    layout = Layout(prefix, empty_block)
    assert layout.size(layout.sealed_size(size)) == size
    if layout.sealed_size(size + 1) > layout.sealed_size(size) + 1:
        with pytest.raises(ValueError, match=r"block|short"):
            layout.size(layout.sealed_size(size) + 1)


def test_the_same_draws_give_the_same_file_and_others_another_one(keys: Keys) -> None:
    seal = AgeSeal(read_recipients(keys.public.values()))
    one, same, other = (seal.file(SeededDraw(b"seed", text)) for text in ("a", "a", "b"))

    assert one.prefix == same.prefix
    assert one.cipher.seal(0, b"x", last=True) == same.cipher.seal(0, b"x", last=True)
    assert one.prefix != other.prefix
    assert one.cipher.seal(0, b"x", last=True) != other.cipher.seal(0, b"x", last=True)


@pytest.mark.parametrize("size", [0, 10, BLOCK, 2 * BLOCK])
async def test_what_was_cut_off_or_changed_does_not_open(size: int) -> None:
    sealed = bytearray(await joined(sealed_whole(SEAL.file(), reader(some(size))(0, None))))
    prefix = read_header(bytes(sealed)).length + 16
    changed = bytearray(sealed)
    changed[-1] ^= 1
    swapped = sealed[:prefix] + sealed[prefix + BLOCK + 16 :] if size > BLOCK else sealed[:-1]

    for bad in (changed, sealed[:-1], sealed + b"x", swapped, sealed[:prefix]):
        with pytest.raises(Unsealable):
            await open_all(bytes(bad))


async def test_a_whole_block_cut_off_does_not_open() -> None:
    sealed = await joined(sealed_whole(SEAL.file(), reader(some(2 * BLOCK))(0, None)))
    with pytest.raises(Unsealable):
        await open_all(sealed[: -BLOCK - 16])


def test_a_header_that_was_changed_is_refused() -> None:
    sealing = SEAL.file()
    stanzas = read_header(sealing.prefix).stanzas
    forged = header_bytes([*stanzas, stanzas[0]], b"k" * 16) + b"n" * 16
    with pytest.raises(NotAge, match="changed after"):
        open_header(read_header(forged), forged, IDENTITIES)


@pytest.mark.parametrize(
    "bad",
    [
        b"age-encryption.org/v2\n",
        b"hello\n",
        b"age-encryption.org/v1\nhello\n",
        b"age-encryption.org/v1\n-> \n",
        b"age-encryption.org/v1\n-> X25519 a\n!!!\n",
        b"age-encryption.org/v1\n--- " + b"A" * 43 + b"\n",
        b"age-encryption.org/v1\n-> x a\n\n--- short\n",
        b"age-encryption.org/v1\n-> x a\n" + b"A" * 65 + b"\n",
        b"age-encryption.org/v1\n-> x " + b"a" * 70_000 + b"\n",
        b"age-encryption.org/v1\n-> x \xff\n\n",
    ],
)
def test_rubbish_is_no_header(bad: bytes) -> None:
    with pytest.raises(NotAge) as caught:
        read_header(bad)
    assert not isinstance(caught.value, Incomplete)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 180))
def test_any_bytes_are_a_header_none_or_incomplete(junk: bytes, at: int) -> None:
    start = SEAL.file(SeededDraw(b"", "")).prefix[:at] + junk
    with suppress(NotAge):
        read_header(start)


async def test_a_file_that_grew_or_shrank_is_never_sealed_as_if_it_had_not() -> None:
    for told in (99, 101):
        with pytest.raises(Changed):
            await joined(sealed_range(SEAL.file(), told, reader(some(100)), 0, None))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "no public key"),
        ("# only a comment", "no public key"),
        ("AGE-SECRET-KEY-1QQQ", "private key"),
        ("age1qqqqqqqq", "checksum"),
        (PUBLIC[:-1] + "q", "checksum"),
        (PUBLIC.replace("age1", "Age1"), "capitals"),
        ("ssh-ed25519 AAAA", "mistyped"),
        ("ssh-rsa !!!!", "mistyped"),
        ("ecdsa-sha2-nistp256 AAAA", "no public key"),
        ("nonsense", "no public key"),
    ],
)
def test_what_is_no_public_key_is_refused_with_the_reason(bad: str, why: str) -> None:
    with pytest.raises(InvalidConfiguration, match=why) as caught:
        read_recipients([bad])
    assert "QQQ" not in str(caught.value)


def test_a_key_that_everybody_could_open_is_refused() -> None:
    from mover.sealing.bech32 import bech32_encode  # noqa: PLC0415 - for this test alone

    for point in (bytes(32), (1).to_bytes(32, "little")):
        with pytest.raises(InvalidConfiguration, match="nothing can be sealed"):
            read_recipients([bech32_encode("age", point)])


@pytest.mark.promise("P11")
@pytest.mark.parametrize("bad", ["", "AGE-SECRET-KEY-1QQSECRETQQ", "age1xyz", "-----BEGIN SECRET-----\nabc"])
def test_what_is_no_private_key_is_refused_and_never_repeated(bad: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read_identities([Secret(bad)])
    assert "SECRETQQ" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_private_keys_do_not_print() -> None:
    assert str(KEY)[16:30] not in repr(IDENTITIES)
    assert "X25519" not in repr(IDENTITIES)
