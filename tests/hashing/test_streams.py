import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.entries import HashName
from mover.hashing import MultiHasher, hash_chunks, streams

NAMES = [HashName.MD5, HashName.CRC64NVME, HashName.DROPBOX]


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def digests(content: bytes) -> dict[HashName, str]:
    hasher = MultiHasher(NAMES)
    hasher.update(content)
    return hasher.hexdigests()


@pytest.fixture
def threads_that_hashed(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    seen: set[int] = set()
    update: Callable[[MultiHasher, bytes], None] = MultiHasher.update

    def noting(self: MultiHasher, data: bytes) -> None:
        seen.add(threading.get_ident())
        update(self, data)

    monkeypatch.setattr(streams, "MultiHasher", type("Noting", (MultiHasher,), {"update": noting}))
    return seen


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_small_streams_have_the_hashes_of_their_content(chunks: list[bytes]) -> None:
    content = b"".join(chunks)
    assert asyncio.run(hash_chunks(stream(chunks), NAMES)) == (digests(content), len(content))


@pytest.mark.parametrize("size", [100, 1000, 65_537, 1024 * 1024, 3 * 1024 * 1024])
async def test_large_streams_have_the_hashes_of_their_content(size: int) -> None:
    content = bytes(range(256)) * 20_000
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    assert await hash_chunks(stream(chunks), NAMES) == (digests(content), len(content))


async def test_s3_etag_is_made_with_the_given_part_size() -> None:
    hashes, _ = await hash_chunks(stream([b"abc"]), [HashName.S3_ETAG], s3_part_size=1)
    assert hashes[HashName.S3_ETAG].endswith("-3")


async def test_large_content_is_hashed_off_the_event_loop(threads_that_hashed: set[int]) -> None:
    await hash_chunks(stream([bytes(1024)] * 2048), NAMES)
    assert threading.get_ident() not in threads_that_hashed
    assert threads_that_hashed


async def test_tiny_content_is_hashed_without_a_thread(threads_that_hashed: set[int]) -> None:
    await hash_chunks(stream([b"tiny"]), NAMES)
    assert threads_that_hashed == {threading.get_ident()}


async def test_an_error_of_the_stream_passes_through() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(2 * 1024 * 1024)
        raise ConnectionResetError("peer went away")

    with pytest.raises(ConnectionResetError, match="peer went away"):
        await hash_chunks(broken(), NAMES)
