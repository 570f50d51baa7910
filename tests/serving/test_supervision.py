from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mover.errors import InvalidConfiguration, Locked
from mover.serving.children import Part, PartDidNotStart
from mover.serving.home_lock import alone_in
from mover.serving.supervision import running_parts

READY = (
    "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, {on_term});"
    "file = open({path!r}, 'a'); file.write(str(os.getpid()) + '\\n'); file.close();"
    "os.write(int(os.environ['MOVER_READY_DESCRIPTOR']), b'1'); time.sleep(300)"
)


def part(path: Path, *, on_term: str = "lambda *_: os._exit(0)", end_within_s: float = 10) -> Part:
    code = READY.format(on_term=on_term, path=str(path))
    return Part("runner", (sys.executable, "-c", code), tells_ready=True, end_within_s=end_within_s)


def lives(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)


async def test_all_parts_run_and_end_together(tmp_path):
    async with running_parts([part(tmp_path / "one"), part(tmp_path / "two")]) as parts:
        pids = [int((tmp_path / name).read_text()) for name in ("one", "two")]
        assert all(lives(pid) for pid in pids)
        assert pids[-1] in parts.pids.values()
    assert not any(lives(pid) for pid in pids)


async def test_a_part_that_dies_is_started_again(tmp_path, caplog):
    path = tmp_path / "pids"
    async with running_parts([part(path)]):
        os.kill(int(path.read_text()), signal.SIGKILL)
        await until(lambda: len(path.read_text().splitlines()) == 2)
    assert "is started again" in caplog.text
    assert not any(lives(int(pid)) for pid in path.read_text().splitlines())


async def test_a_part_that_does_not_start_ends_the_others(tmp_path):
    bad = Part("API", (sys.executable, "-c", "raise SystemExit(2)"), tells_ready=True)
    with pytest.raises(PartDidNotStart, match=r"API did not start \(exit code 2\)"):
        async with running_parts([part(tmp_path / "one"), bad]):
            pass
    assert not lives(int((tmp_path / "one").read_text()))


async def test_a_part_that_does_not_end_is_killed(tmp_path, caplog):
    async with running_parts([part(tmp_path / "pid", on_term="signal.SIG_IGN", end_within_s=0.1)]):
        pid = int((tmp_path / "pid").read_text())
    assert not lives(pid)
    assert "is killed" in caplog.text


async def test_no_part_outlives_a_supervisor_that_is_killed(tmp_path):
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.serving.test_supervision import part
from mover.serving.supervision import running_parts

async def main():
    async with running_parts([part(Path({str(tmp_path / "pid")!r}))]):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    try:
        assert supervisor.stdout is not None
        await supervisor.stdout.readline()
        pid = int((tmp_path / "pid").read_text())
        assert lives(pid)
    finally:
        supervisor.kill()
        await supervisor.communicate()
    await until(lambda: not lives(pid))


def test_a_home_has_one_service_at_a_time(tmp_path):
    home = tmp_path / "home"
    told = f"another mover serve .process {os.getpid()}."
    with alone_in(home), pytest.raises(Locked, match=told), alone_in(home):
        pass
    with alone_in(home):
        pass


def test_a_home_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidConfiguration, match="file"), alone_in(tmp_path / "file" / "home"):
        pass
