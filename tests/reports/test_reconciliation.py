from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mover.reports.reconciliation import (
    NotAReconciliation,
    check,
    read_lines,
    signed_lines,
)
from mover.vault.signing import SigningKey, key_id_of, read_public_key


def signing_key(seed: int) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return SigningKey(key_id_of(private.public_key().public_bytes_raw()), private)


OURS, THEIRS = signing_key(1), signing_key(2)


async def _made(key: SigningKey, count: int) -> bytes:
    async def rows() -> AsyncIterator[Mapping[str, Any]]:
        for number in range(count):
            yield {"path": f"/file {number} \u2028", "hashes": {"sha256": "ab"}}

    return b"".join([piece async for piece in signed_lines(key, {"run_id": 1}, rows(), "2024-01-01")])


@cache
def made(count: int = 6, key: SigningKey = OURS) -> bytes:
    return asyncio.run(_made(key, count))


def intact(data: bytes, key: bytes | None = None) -> bool:
    try:
        return check(read_lines(io.BytesIO(data)), key).intact
    except NotAReconciliation:
        return False


@pytest.mark.parametrize("count", [0, 1, 255, 256, 600])
def test_a_whole_file_is_intact_and_tells_what_it_is_about(count):
    verdict = check(read_lines(io.BytesIO(made(count))), OURS.public)
    assert (verdict.intact, verdict.items, verdict.signed) == (True, count, "2024-01-01")
    assert verdict.run == {"run_id": 1}


@given(st.data())
def test_whatever_is_changed_anywhere_is_noticed(data):
    whole = made()
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["change", "remove", "insert", "cut"]))
    byte = data.draw(st.integers(0, 255))
    match how:
        case "change":
            other = whole[:at] + bytes([byte]) + whole[at + 1 :]
        case "remove":
            other = whole[:at] + whole[at + 1 + byte % 40 :]
        case "insert":
            other = whole[:at] + bytes([byte]) + whole[at:]
        case _:
            other = whole[:at]
    assert intact(other) == (other == whole)


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=2))
def test_lines_that_are_moved_removed_or_repeated_are_noticed(order, dropped):
    lines = made().splitlines(keepends=True)
    assert len(lines) == 8
    other = [lines[number] for number in order if number not in dropped]
    assert intact(b"".join(other)) == (other == lines)
    assert not intact(b"".join([*lines, *other[:1]]))


def test_it_says_what_and_where():
    lines = made().splitlines(keepends=True)

    def told(*changed: bytes) -> tuple[int, str]:
        verdict = check(read_lines(io.BytesIO(b"".join(changed))))
        return verdict.line, verdict.problem

    moved = "this line or the one before was changed, removed, added or moved"
    assert told(*lines[:3], lines[3].replace(b'"ab"', b'"cd"'), *lines[4:]) == (5, moved)
    assert told(*lines[:3], *lines[4:]) == (4, moved)
    assert told(*lines[:5]) == (5, "its end is missing: it was cut off")
    assert told(*lines, lines[3]) == (9, "lines were appended")
    assert told(*lines[:-1], lines[-1].replace(b'"items":6', b'"items":7')) == (
        8,
        "the signature is not right",
    )
    assert told(*lines[:-1], lines[-1][:-5]) == (8, "this line was changed or cut off")


def test_a_file_that_somebody_else_signed_is_whole_but_not_ours():
    forged = made(6, THEIRS)
    assert intact(forged)
    assert not intact(forged, OURS.public)


def test_a_trailer_of_another_key_does_not_fit():
    assert not intact(
        b"".join(made().splitlines(keepends=True)[:-1] + made(6, THEIRS).splitlines(keepends=True)[-1:])
    )


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}", b"[]\n", b"\xff\xfe", b'{"number":0}\n', b"x" * 2_000_000]
)
def test_what_is_no_reconciliation_is_called_so(data):
    with pytest.raises(NotAReconciliation):
        check(read_lines(io.BytesIO(data)))


def test_keys_are_read_in_both_spellings():
    assert read_public_key(base64.b64encode(OURS.public).decode()) == OURS.public
    assert read_public_key(" " + OURS.public.hex().upper() + "\n") == OURS.public
    for wrong in ("", "x", "ü" * 64, OURS.public.hex()[:-2], "=" * 44):
        with pytest.raises(ValueError, match="a public key is"):
            read_public_key(wrong)


def test_the_private_half_is_not_shown():
    assert "private" not in repr(OURS)
