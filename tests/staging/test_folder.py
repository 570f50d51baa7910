"""Leftovers of processes that were killed, beside processes that live."""

import asyncio
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.staging.streams import MIB, stream

from mover.staging import Staging
from mover.staging.folder import ProcessFolder

pytestmark = pytest.mark.promise("P2")

CANARY = b"the canary sings in clear text "

# Stages a part on disk and one in memory, says so, and then waits to be killed.
STAGE_AND_WAIT = textwrap.dedent("""
    import asyncio, pathlib, sys
    from mover.staging import Staging

    CANARY = b"the canary sings in clear text "

    async def chunks():
        for _ in range(3):
            yield CANARY * 30_000

    async def main():
        staging = Staging(pathlib.Path(sys.argv[1]), memory_bytes=0, disk_bytes=2**30)
        await staging.open()
        file = staging.file()
        await file.receive(chunks(), most=2**22)

        async def never_ending():
            async for chunk in chunks():
                yield chunk
            print("staged", flush=True)
            await asyncio.Event().wait()

        await file.receive(never_ending(), most=2**22)

    asyncio.run(main())
""")


@pytest.fixture
def lives(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that have staged."""
    with ExitStack() as stack:
        processes = []
        for _ in range(2):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", STAGE_AND_WAIT, folder], stdout=subprocess.PIPE, text=True
                )
            )
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "staged\n"
        yield processes


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.promise("P1", "P2")
async def test_after_kill_9_only_ciphertext_is_left_and_the_next_start_removes_it(
    lives: list[subprocess.Popen[str]], folder: Path
) -> None:
    dying, living = lives
    staged = files_below(folder)
    assert len([path for path in staged if path.name != "lock"]) == 4
    assert sum(path.stat().st_size for path in staged) > 3 * MIB
    assert not [path for path in staged if CANARY in path.read_bytes()]

    dying.send_signal(signal.SIGKILL)
    dying.wait()
    assert files_below(folder) == staged
    async with Staging(folder, memory_bytes=0, disk_bytes=MIB):
        left = files_below(folder)
        assert len(left & staged) == len(staged) // 2
        assert len(left) == len(staged) // 2 + 1  # and the lock of the new one

    living.send_signal(signal.SIGKILL)
    living.wait()
    async with Staging(folder, memory_bytes=0, disk_bytes=MIB):
        assert not files_below(folder) & staged
    assert not list(folder.iterdir())


@pytest.mark.promise("P1")
async def test_no_content_is_ever_on_disk_in_clear_text(on_disk: Staging, folder: Path) -> None:
    async with on_disk.file() as file:
        for size in (1, 2000, 100_000):
            await file.receive(stream([CANARY * size]), most=len(CANARY) * size)
            assert not [path for path in files_below(folder) if CANARY in path.read_bytes()]
        assert sum(path.stat().st_size for path in files_below(folder)) > len(CANARY) * 102_001


async def test_folders_and_files_are_for_their_owner_only(on_disk: Staging, folder: Path) -> None:
    async with on_disk.file() as file:
        await file.receive(stream([b"x"]), most=1)
        for path in [folder, *folder.rglob("*")]:
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


async def test_what_mover_did_not_put_there_is_left_alone(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    foreign = {
        folder / "notes.txt",
        folder / "process-notes" / "lock",
        folder / "process-0123456789abcdef" / "notes.txt",  # no lock: not made by Mover
    }
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (folder / "process-aaaaaaaaaaaaaaaa").symlink_to(elsewhere)
    async with Staging(folder, memory_bytes=0, disk_bytes=MIB):
        pass
    assert files_below(folder) >= foreign
    assert (elsewhere / "lock").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.parametrize("died", ["before the lock", "after the lock"])
async def test_a_process_that_died_at_its_very_start_is_swept_too(folder: Path, died: str) -> None:
    leftover = folder / "process-0123456789abcdef"
    leftover.mkdir(parents=True)
    if died == "after the lock":
        (leftover / "lock").touch()
    async with Staging(folder, memory_bytes=0, disk_bytes=MIB):
        assert not leftover.exists()


def test_processes_that_start_at_once_do_not_sweep_each_other(folder: Path) -> None:
    def start_and_end(_: int) -> None:
        own = ProcessFolder.claim(folder)
        path = own.new_file()
        path.write_bytes(b"sealed")
        assert path.read_bytes() == b"sealed"
        own.remove()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(start_and_end, range(200)))
    assert not list(folder.iterdir())


async def test_opening_that_is_cancelled_is_undone_by_close(folder: Path) -> None:
    staging = Staging(folder, memory_bytes=0, disk_bytes=MIB)
    opening = asyncio.create_task(staging.open())
    await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait([opening])
    await staging.close()
    assert opening.cancelled()
    assert not list(folder.iterdir())


async def test_staging_that_is_not_open_gives_no_file(folder: Path) -> None:
    staging = Staging(folder, memory_bytes=1, disk_bytes=1)
    with pytest.raises(RuntimeError, match="not open"):
        staging.file()
    await staging.close()
