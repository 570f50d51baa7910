"""Whoever can write to the staging folder can make a move fail, and nothing worse."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.staging.streams import MIB, content_of, stream

from mover.errors import IntegrityError
from mover.staging import StagedPart, Staging
from mover.staging.sealing import SEGMENT, TAG

pytestmark = pytest.mark.promise("P1")

SEALED = SEGMENT + TAG
CONTENT = random.Random(7).randbytes(3 * MIB)


def flip_a_bit(place: int) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[place] ^= 1
        path.write_bytes(raw)

    return flip


def cut_one_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def cut_the_last_segment(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-SEALED])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def swap_two_segments(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[SEALED : 2 * SEALED] + raw[:SEALED] + raw[2 * SEALED :])


def repeat_the_first_segment(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:SEALED] * 3)


def remove(path: Path) -> None:
    path.unlink()


def put_a_link_in_its_place(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "tamper",
    [
        flip_a_bit(0),
        flip_a_bit(SEALED + 12345),
        flip_a_bit(-1),
        cut_one_byte,
        cut_the_last_segment,
        empty,
        swap_two_segments,
        repeat_the_first_segment,
        remove,
        put_a_link_in_its_place,
    ],
)
async def test_a_damaged_file_is_noticed_and_no_wrong_byte_comes_out(
    on_disk: Staging, folder: Path, tamper: Callable[[Path], None]
) -> None:
    async with on_disk.file() as file:
        part = await file.receive(stream([CONTENT]), most=len(CONTENT))
        (path,) = folder.glob("*/part-*")
        tamper(path)
        came = bytearray()

        async def read() -> None:
            async for chunk in part.chunks():
                came.extend(chunk)

        with pytest.raises(IntegrityError):
            await read()
        assert CONTENT.startswith(came)


async def two_parts(staging: Staging) -> tuple[StagedPart, StagedPart]:
    file = staging.file()
    first = await file.receive(stream([bytes(MIB)]), most=MIB)
    return first, await file.receive(stream([bytes(MIB)]), most=MIB)


async def test_parts_of_one_file_cannot_be_swapped(on_disk: Staging, folder: Path) -> None:
    first, second = await two_parts(on_disk)
    one, other = sorted(folder.glob("*/part-*"))
    raw = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(raw)
    for part in (first, second):
        with pytest.raises(IntegrityError):
            await content_of(part)


async def test_parts_of_two_files_cannot_be_swapped(on_disk: Staging, folder: Path) -> None:
    with on_disk.file() as one_file, on_disk.file() as other_file:
        parts = [await file.receive(stream([bytes(MIB)]), most=MIB) for file in (one_file, other_file)]
        one, other = sorted(folder.glob("*/part-*"))
        raw = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(raw)
        for part in parts:
            with pytest.raises(IntegrityError):
                await content_of(part)


async def test_equal_content_never_looks_equal_on_disk(on_disk: Staging, folder: Path) -> None:
    await two_parts(on_disk)
    await two_parts(on_disk)
    assert len({path.read_bytes() for path in folder.glob("*/part-*")}) == 4


async def test_damage_in_memory_is_noticed(in_memory: Staging) -> None:
    async with in_memory.file() as file:
        part = await file.receive(stream([bytes(MIB)]), most=MIB)
        part._segments._sealed[0][5] ^= 1  # type: ignore[attr-defined]  # looks inside: there is no other way in
        with pytest.raises(IntegrityError):
            await content_of(part)
