"""Everything is lost but a backup from the middle of a move, and is restored elsewhere: the move goes on, nothing is sent twice."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from tests.database_url import Kind, as_administrator, empty, fresh, on_sqlite, server, using
from tests.e2e.command import Mover
from tests.e2e.fleet import Fleet, fleet
from tests.e2e.moves import Moves
from tests.e2e.places import files_below, put, sftp_values
from tests.servers.postgresql import USERNAME, program
from tests.servers.processes import LOOPBACK
from tests.servers.ssh import SftpServer

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.promise("availability"),
]


@on_sqlite
@pytest.mark.usefixtures("database_kind")
def test_a_move_goes_on_from_a_copy_of_the_file_and_the_keys(sshd_server: SftpServer, tmp_path: Path) -> None:
    rng = random.Random(8)
    files = {f"/{n % 4}/{n}": rng.randbytes(20_000) for n in range(150)}
    put(sshd_server.root / "backup", files, owner=sshd_server.owner)
    destination = tmp_path / "to"
    first = Mover(tmp_path / "first")
    first.connect("sftp", "nas", sftp_values(sshd_server))
    running = first.start("copy", "nas:/backup", str(destination), "--bwlimit", "500K")

    def arrived() -> int:
        return len(inodes(destination))

    running.runs_until(lambda: arrived() > 20)
    first.run("db", "backup", tmp_path / "copy.db", code=0)
    at_backup = arrived()
    running.runs_until(lambda: arrived() > at_backup + 20)
    running.kill()
    there = inodes(destination)

    second = Mover(tmp_path / "second")
    (tmp_path / "copy.db").replace(second.home / "mover.db")
    shutil.copytree(first.home / "keys", second.home / "keys")
    shutil.rmtree(tmp_path / "first")
    done = second.copy("nas:/backup", str(destination))

    assert (done["failed"], done["conflicts"]) == (0, 0), done
    assert files_below(destination) == files
    after = inodes(destination)
    assert {path for path in there if after[path] != there[path]} == set()


def inodes(folder: Path) -> dict[str, int]:
    """Files that stand in a folder under their own names."""
    return {str(path): path.stat().st_ino for path in folder.glob("*/*") if path.name.isdigit()}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Everything, running."""
    with contextmanager(using)(Kind.POSTGRESQL), fleet(tmp_path, fresh(tmp_path), monkeypatch) as made:
        made.start_all()
        yield made


async def test_a_service_goes_on_from_a_dump_and_the_keys(
    service: Fleet, sshd_server: SftpServer, tmp_path: Path
) -> None:
    key = Path(service.variables["MOVER_GLOBAL_KEY_FILE"])
    kept = tmp_path / "kept"
    kept.mkdir()
    async with AsyncExitStack() as stack:
        moves = await stack.enter_async_context(Moves.of(service, random.Random(9), nas=sshd_server))
        moving = asyncio.create_task(moves.once())
        await moves.under_way()
        whole = as_administrator(service.variables["MOVER_DATABASE_URL"])  # a role sees no rows but its own
        await asyncio.to_thread(dump, whole, kept / "mover.dump")
        shutil.copy(key, kept / "global.key")
        at_backup = len(moves.inodes())
        async with asyncio.timeout(60):
            while len(moves.inodes()) < min(at_backup + 20, len(moves.files) - 5):  # noqa: ASYNC110 - nobody calls
                await asyncio.sleep(0.01)
        for name in tuple(service.running):  # everything is lost
            service.kill(name)
            shutil.rmtree(service.folder / name)
        server().drop(service.variables["MOVER_DATABASE_URL"].rpartition("/")[2])
        service.temporal.kill()
        service.temporal.forget()
        key.unlink()
        there = moves.inodes()

        with contextmanager(using)(Kind.POSTGRESQL):
            service.variables["MOVER_DATABASE_URL"] = await asyncio.to_thread(restore, kept / "mover.dump")
        service.variables["MOVER_GLOBAL_KEY_FILE"] = str(kept / "global.key")
        service.temporal.start()
        service.start_all()
        await moving  # whoever watched it all the time sees it end well
        after = moves.inodes()
        assert {path for path in there if after[path] != there[path]} == set()
        moves.check()


def dump(url: str, file: Path) -> None:
    """What docs/operating.md says."""
    subprocess.run(
        [program("pg_dump"), "--format=custom", f"--file={file}", url], check=True, env={"PATH": os.defpath}
    )


def restore(file: Path) -> str:
    """Likewise, into a new database, whose URL is returned."""
    url = empty()
    name = url.rpartition("/")[2]
    place = ["-h", LOOPBACK, "-p", str(server().port), "-U", USERNAME, "-d", name]
    subprocess.run(
        [program("pg_restore"), "--exit-on-error", *place, str(file)], check=True, env={"PATH": os.defpath}
    )
    return url
