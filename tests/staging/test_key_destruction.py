"""Deletion is the destruction of a key: of a destroyed one nothing is left in memory, and what it sealed is noise."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from tests.staging import forgetful

from mover.errors import IntegrityError
from mover.staging.sealing import FileKey

pytestmark = pytest.mark.promise("P1", "P2")


def found_in_memory(pid: int, wanted: bytes) -> int:
    """How often something stands in the memory of another process."""
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if not rights.startswith("rw"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            with contextlib.suppress(OSError):  # a mapping of a device
                found += memory.read(end - start).count(wanted)
    return found


def test_of_a_destroyed_key_nothing_is_left_in_memory(tmp_path: Path) -> None:
    wanted = bytearray(32)
    forgetful.fill(wanted)
    with subprocess.Popen(
        [sys.executable, forgetful.__file__, str(tmp_path / "sealed")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "holds it\n"
            assert found_in_memory(process.pid, bytes(wanted)) > 0  # it can be found
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "has destroyed it\n"
            assert found_in_memory(process.pid, bytes(wanted)) == 0
        finally:
            process.kill()


def test_without_its_key_a_part_cannot_be_opened() -> None:
    """The ciphertext and all else that could be on a disk are there: the same numbers, the same id of the file."""
    key = FileKey()
    sealed = key.next_part().seal(b"content of a customer", 0, last=True)
    key.destroy()
    with pytest.raises(RuntimeError, match="its key with it"):
        key.cipher  # noqa: B018 - reading it is what fails
    other = FileKey()
    other.file_id = key.file_id
    with pytest.raises(IntegrityError):
        other.next_part().unseal(sealed, 0, last=True)
    assert b"customer" not in sealed


def test_no_two_keys_are_the_same() -> None:
    texts = {FileKey().next_part().seal(bytes(32), 0, last=True) for _ in range(50)}
    assert len(texts) == 50
