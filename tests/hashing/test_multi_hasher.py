import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.entries import HashName
from mover.hashing import SUPPORTED, MultiHasher, s3_etag

PART = 64
chunkings = st.lists(st.binary(max_size=500), max_size=12)


def digests(*chunks: bytes | memoryview) -> dict[HashName, str]:
    hasher = MultiHasher(SUPPORTED, s3_part_size=PART)
    for chunk in chunks:
        hasher.update(chunk)
    return hasher.hexdigests()


@given(chunkings)
def test_every_way_of_cutting_the_content_gives_the_same_hashes(chunks: list[bytes]) -> None:
    assert digests(*chunks) == digests(b"".join(chunks))


@pytest.mark.slow
@pytest.mark.parametrize("edge", [160, 40_960, 4 * 1024 * 1024])
def test_cuts_around_an_edge_of_an_algorithm_do_not_show(edge: int) -> None:
    content = bytes(itertools.islice(itertools.cycle(range(251)), edge + 200))
    whole = digests(content)
    for cut in (edge - 1, edge, edge + 1):
        assert digests(content[:cut], content[cut:]) == whole
        assert digests(content[:7], content[7:cut], content[cut:]) == whole


@given(st.binary(max_size=500))
def test_a_memoryview_counts_as_its_bytes(content: bytes) -> None:
    assert digests(memoryview(content)) == digests(content)


@given(chunkings)
def test_size_is_the_number_of_bytes_taken(chunks: list[bytes]) -> None:
    hasher = MultiHasher(())
    for chunk in chunks:
        hasher.update(chunk)
    assert hasher.size == sum(map(len, chunks))
    assert hasher.hexdigests() == {}


@given(st.binary(max_size=400), st.binary(max_size=400), st.binary(max_size=400))
def test_a_copy_goes_its_own_way(begin: bytes, first: bytes, second: bytes) -> None:
    hasher = MultiHasher(SUPPORTED, s3_part_size=PART)
    hasher.update(begin)
    twin = hasher.copy()
    hasher.update(first)
    twin.update(second)
    assert hasher.hexdigests() == digests(begin, first)
    assert twin.hexdigests() == digests(begin, second)
    assert (hasher.size, twin.size) == (len(begin + first), len(begin + second))


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_asking_for_the_hashes_does_not_end_the_hashing(first: bytes, second: bytes) -> None:
    hasher = MultiHasher(SUPPORTED, s3_part_size=PART)
    hasher.update(first)
    assert hasher.hexdigests() == digests(first)
    hasher.update(second)
    assert hasher.hexdigests() == digests(first, second)


@given(st.binary(min_size=1, max_size=500))
def test_s3_etag_follows_from_the_md5s_of_the_parts(content: bytes) -> None:
    md5s = []
    for start in range(0, len(content), PART):
        part = MultiHasher([HashName.MD5])
        part.update(content[start : start + PART])
        md5s.append(part.hexdigests()[HashName.MD5])
    assert s3_etag(md5s) == digests(content)[HashName.S3_ETAG]


@pytest.mark.parametrize("md5s", [[], ["abc"], ["zz" * 16], ["00" * 15]])
def test_s3_etag_of_what_is_no_md5_is_refused(md5s: list[str]) -> None:
    with pytest.raises(ValueError):
        s3_etag(md5s)


@pytest.mark.parametrize("part_size", [None, 0, -1])
def test_s3_etag_without_a_part_size_is_refused(part_size: int | None) -> None:
    with pytest.raises(ValueError):
        MultiHasher([HashName.S3_ETAG], s3_part_size=part_size)
