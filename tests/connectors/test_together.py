"""Archives take no more memory than they may, and nobody waits for what will not come."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping, Sequence

import pytest

from mover.connectors.archives import Small
from mover.connectors.together import Archives, Asked
from mover.errors import Canceled, SignInFailed, Unreachable


def _hash(content: bytes) -> str:
    return content.hex()


def _zip(contents: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class _Service:
    """Gives out archives when it is let to."""

    def __init__(self, archives: Archives) -> None:
        self.archives = archives
        self.open = asyncio.Event()
        self.under_way = 0
        self.given_back: list[Small] = []

    def begin(self, contents: Mapping[str, bytes], *, answer: bytes | Exception | None = None) -> None:
        """Have an archive fetched of files that are called like this."""
        files = [Small(name, "1", len(content), _hash(content)) for name, content in contents.items()]

        async def fetch(_most: int) -> bytes:
            self.under_way += 1
            await self.open.wait()
            if isinstance(answer, Exception):
                raise answer
            return _zip(contents) if answer is None else answer

        self.archives.begin(
            files,
            fetch,
            entries=len(files),
            size=sum(small.size for small in files),
            give_back=self.given_back.append,
        )

    async def take(self, names: Sequence[str]) -> list[bytes | None]:
        """Ask for files at once."""
        return await asyncio.gather(*(self.archives.take(name, "1") for name in names))


def _files(letter: str, number: int = 2, size: int = 100) -> dict[str, bytes]:
    return {f"{letter}{each}": f"{letter}{each}".encode() * (size // 2) for each in range(number)}


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_nobody_asks_for_makes_way_for_the_next_archive() -> None:
    service = _Service(Archives(_hash, room=500))
    service.open.set()
    first, second = _files("a"), _files("b")
    service.begin(first)
    assert await service.take(["a0"]) == [first["a0"]]
    service.begin(second)
    assert await service.take(list(second)) == list(second.values())
    assert "a1" in service.archives  # there was room for both
    service.begin(_files("c", number=3))
    assert await service.take(["c0"]) == [_files("c", number=3)["c0"]]
    assert "a1" not in service.archives
    assert await service.take(["a1"]) == [None]


async def test_an_archive_for_which_there_is_no_room_waits_for_the_one_under_way() -> None:
    service = _Service(Archives(_hash, room=500))
    for letter in "abc":
        service.begin(_files(letter))
    asked = asyncio.ensure_future(service.take(["a0", "a1", "b0", "b1", "c0", "c1"]))
    await _settle()
    assert service.under_way == 1
    service.open.set()
    assert None not in await asked
    assert service.under_way == 3


async def test_archives_that_bring_nothing_are_asked_for_three_times_and_what_is_never_asked_for_counts() -> (
    None
):
    for answer in (b"no archive", _zip({"a0": b"other"}), Unreachable("gone")):
        service = _Service(Archives(_hash))
        service.open.set()
        for letter in "abc":
            assert service.archives.are_given_out
            service.begin(_files(letter), answer=answer)
            assert await service.take([f"{letter}0", f"{letter}1"]) == [None, None]
        assert not service.archives.are_given_out
    service = _Service(Archives(_hash, room=400))
    service.open.set()
    for letter in "abcd":
        service.begin(_files(letter))
        await service.take(["x"])
        while service.archives.under_way:
            await service.archives.until_one_has_come()
    assert not service.archives.are_given_out


async def test_who_has_to_come_again_is_told_so_and_his_file_is_offered_again() -> None:
    service = _Service(Archives(_hash))
    service.begin(_files("a"), answer=SignInFailed("ended"))
    asked = [asyncio.ensure_future(service.archives.take(name, "1")) for name in ("a0", "a1")]
    await _settle()
    service.open.set()
    for found in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(found, SignInFailed)
    assert [small.id for small in service.given_back] == ["a0", "a1"]
    assert "a0" not in service.archives


async def test_another_version_is_not_given_out() -> None:
    service = _Service(Archives(_hash))
    service.begin(_files("a"))
    assert await service.archives.take("a0", "2") is None
    await service.archives.close()


async def test_closing_ends_what_is_under_way_and_lets_nobody_wait() -> None:
    service = _Service(Archives(_hash))
    service.begin(_files("a"))
    asked = asyncio.ensure_future(service.archives.take("a0", "1"))
    await _settle()
    await service.archives.close()
    with pytest.raises(Canceled):
        await asked
    assert "a0" not in service.archives
    assert not service.archives.are_given_out
    await service.archives.close()


def test_the_share_of_what_is_asked_for_follows_what_is_passed_over() -> None:
    asked = Asked()
    assert asked.share == 0
    for _ in range(50):
        asked.count(0)
    assert asked.share == 1
    for _ in range(20):
        asked.count(19)
    assert asked.share < 0.25
    asked = Asked()
    asked.count(3)
    for _ in range(3):
        asked.count(-1)  # those passed over come later
    assert asked.share == 1
