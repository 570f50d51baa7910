"""What comes out of an archive is what was wanted, whatever else is in it, and at a cost that is bounded."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
import zipfile

import pytest

from mover.connectors.archives import longest
from mover.connectors.unpacking import unpacked
from mover.errors import ProtocolViolation


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


WANTED = _hash(b"wanted")


def _archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_gives_out_what_is_wanted_and_no_more() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../etc/passwd", b"wanted", zipfile.ZIP_DEFLATED)
        archive.writestr("other", b"others")
        archive.writestr("huge", bytes(10**6), zipfile.ZIP_DEFLATED)
        archive.writestr("rare form", b"wanted", zipfile.ZIP_LZMA)
    data = buffer.getvalue()
    assert unpacked(data, {"0" * 64: 6, WANTED: 7}, _hash, entries=4) == {}
    assert unpacked(data, {WANTED: 6}, _hash, entries=4) == {WANTED: b"wanted"}
    for cut in (10, 60, 200):
        with pytest.raises(ProtocolViolation):
            unpacked(data[:cut], {WANTED: 6}, _hash, entries=4)


def test_an_entry_that_is_broken_or_encrypted_keeps_no_other_from_being_found() -> None:
    data = bytearray(_archive(broken=b"broken", secret=b"secret", good=b"wanted"))
    data[data.index(b"broken") + len("broken") + 2] ^= 0xFF  # within its content
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 8] |= 1  # its flags: encrypted
    wanted = {WANTED: 6, _hash(b"broken"): 6, _hash(b"secret"): 6}
    assert unpacked(bytes(data), wanted, _hash, entries=3) == {WANTED: b"wanted"}


def test_a_size_that_lies_brings_neither_a_file_nor_more_memory() -> None:
    data = bytearray(_archive(bomb=bytes(64 * 1024 * 1024)))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 1000)  # the directory says that it is small
    tracemalloc.start()
    try:
        assert unpacked(bytes(data), {WANTED: 1000}, _hash, entries=1) == {}
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_directory_longer_than_there_are_entries_is_not_read() -> None:
    data = _archive(**{f"file {number}": b"" for number in range(2000)}, good=b"wanted")
    assert unpacked(data, {WANTED: 6}, _hash, entries=2001) == {WANTED: b"wanted"}
    with pytest.raises(ProtocolViolation):
        unpacked(data, {WANTED: 6}, _hash, entries=1)


def test_an_archive_of_what_does_not_shrink_is_no_longer_than_it_may_be() -> None:
    files = {
        f"{number:03} {'a long name ' * 20}": hashlib.sha512(b"%d" % number).digest() for number in range(200)
    }
    assert len(_archive(**files)) <= longest(len(files), sum(map(len, files.values())))
