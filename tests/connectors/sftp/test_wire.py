from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.sftp.wire import Attributes, Call, Unpacker, attributes, header, string, u32, u64
from mover.errors import ProtocolViolation


def test_request_header_counts_type_number_and_arguments() -> None:
    assert header(Call.READ, 7, 100) == bytes.fromhex("00000069 05 00000007")


def test_usual_attributes_are_read() -> None:
    packed = u32(0x0F) + u64(5_000_000_000) + u32(1) + u32(2) + u32(0o100644) + u32(10) + u32(4_000_000_000)
    assert Unpacker(packed).attributes() == Attributes(5_000_000_000, 0o100644, 4_000_000_000)


def test_attributes_that_are_not_told_are_none() -> None:
    assert Unpacker(u32(0)).attributes() == Attributes()
    assert Unpacker(u32(0x01) + u64(3)).attributes() == Attributes(size=3)


def test_extended_attributes_are_passed_over() -> None:
    packed = u32(0x80000001) + u64(3) + u32(1) + string(b"acl") + string(b"rubbish")
    unpacker = Unpacker(packed)
    assert unpacker.attributes() == Attributes(size=3)
    assert unpacker.left == 0


def test_unknown_attributes_violate_the_protocol() -> None:
    with pytest.raises(ProtocolViolation):
        Unpacker(u32(0x40)).attributes()


@given(st.integers(0, 0o177777), st.integers(0, 2**32 - 1))
def test_attributes_to_be_set_are_packed_as_they_are_read(permissions: int, modified_s: int) -> None:
    values = Attributes(permissions=permissions, modified_s=modified_s)
    assert Unpacker(attributes(values)).attributes() == values


def test_count_of_names_beyond_what_arrived_violates_the_protocol() -> None:
    with pytest.raises(ProtocolViolation):
        Unpacker(u32(0xFFFFFFFF)).names()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_violate_the_protocol(data: bytes) -> None:
    for take in (Unpacker.names, Unpacker.attributes, Unpacker.string, Unpacker.u64):
        with contextlib.suppress(ProtocolViolation):
            take(Unpacker(data))
