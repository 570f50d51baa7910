import os
import random
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.staging.streams import MIB, content_of, stream

from mover.errors import InvalidConfiguration, Reason, StagingFull
from mover.staging import Staging

pytestmark = pytest.mark.promise("P2")


@pytest.fixture
def no_file_beyond_2_mib() -> Iterator[None]:
    """The kernel refuses to write beyond, as a file system with a limit does; needs no rights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.usefixtures("no_file_beyond_2_mib")
async def test_a_refused_write_is_staging_full_and_leaves_nothing(on_disk: Staging, folder: Path) -> None:
    async with on_disk.file() as file:
        with pytest.raises(StagingFull) as caught:
            await file.receive(stream([bytes(MIB)] * 4), most=4 * MIB)
        assert on_disk.disk_used == 0
        assert not list(folder.glob("*/part-*"))
    assert caught.value.reason is Reason.STAGING_FULL
    assert "File too large" in str(caught.value)


async def test_a_full_disk_is_staging_full_and_room_is_given_back(small_disk: Path) -> None:
    content = random.Random(1).randbytes(2 * MIB)
    async with Staging(small_disk / "staging", memory_bytes=0, disk_bytes=64 * MIB) as staging:
        async with staging.file() as file:
            kept = await file.receive(stream([content]), most=2 * MIB)
            with pytest.raises(StagingFull, match="No space left"):
                await file.receive(stream([bytes(MIB)] * 8), most=8 * MIB)
            assert staging.disk_used == 2 * MIB
            assert await content_of(kept) == content
            await kept.destroy()
            again = await file.receive(stream([content, content[:MIB]]), most=3 * MIB)
            assert await content_of(again) == content + content[:MIB]
        assert not list(small_disk.glob("staging/*/part-*"))


async def test_a_part_larger_than_the_whole_budget_is_refused(folder: Path) -> None:
    async with Staging(folder, memory_bytes=10, disk_bytes=20) as staging, staging.file() as file:
        with pytest.raises(StagingFull, match="larger than the whole staging budget"):
            await file.receive(stream([b"x"]), most=21)


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidConfiguration, match="file/staging"):
        async with Staging(tmp_path / "file" / "staging", memory_bytes=1, disk_bytes=1):
            pass
