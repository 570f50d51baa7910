"""Nothing of a file's content and no secret is found outside of the two services, whatever is done to the whole service.

`mover serve` with all its processes, PostgreSQL and an egress proxy: searched are all that any of them writes, at every
stage of a move and after every process was killed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import http.client
import json
import os
import resource
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.e2e.places import objects_in, put, s3_values, sftp_values
from tests.e2e.searching import SHARED_MEMORY, Needle, Search, found_in_files, found_in_process
from tests.e2e.test_canary import CANARY, files_with_canary
from tests.e2e.unreliable import Trouble, Way, unreliable
from tests.servers.postgresql import PostgresqlServer, postgresql
from tests.servers.proxies import Proxy
from tests.servers.s3 import S3Server
from tests.servers.service import EMAIL, Prepared, prepare_home
from tests.servers.ssh import SftpServer
from tests.serving.test_serve_command import Service, lives, wait_until

from mover.api.cookies import SESSION_COOKIE

KEY_BYTES = 32
STAGED = "staging/process-*/part-*"
LET_THROUGH = 1_000_000
"""Bytes that a connection may send while the destination is held: more than all small files together, far less than a large one."""
EVERY = "every process"
ENDS = ("runner", "serve", EVERY, "api", "temporal")
"""What is ended: one process by the signal that leaves a core where one is written, or all by the one that leaves no time."""

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]


class Watched(Service):
    """`mover serve` as an operator would have it who takes care: a small share of memory, and the most talkative log."""

    variables: dict[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        return super().environment(**{**self.variables, **more})

    def call(self, prepared: Prepared, path: str, body: object = None) -> Any:
        """Ask the public API."""
        asked = urllib.request.Request(  # noqa: S310 - of loopback
            f"{self.url}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {prepared.key.reveal()}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(asked, timeout=60, context=context) as answer:  # noqa: S310 - as above
            return json.loads(answer.read())

    def sign_in(self, prepared: Prepared) -> str:
        """Sign in at the pages, as a browser does, and look at the first one; returns the session's cookie."""
        context = ssl.create_default_context(cafile=self.ca_file)
        form = urlencode({"email": EMAIL, "password": prepared.password.reveal()})
        headers = {"Origin": self.url, "Content-Type": "application/x-www-form-urlencoded"}
        pages = http.client.HTTPSConnection("localhost", self.port, timeout=60, context=context)
        with contextlib.closing(pages):
            pages.request("POST", "/sign-in", form, headers)
            answer = pages.getresponse()
            said = answer.read()
            cookies = SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie", [])))
            assert SESSION_COOKIE in cookies, (answer.status, said)
            cookie = cookies[SESSION_COOKIE].value
            pages.request("GET", "/", headers={"Cookie": f"{SESSION_COOKIE}={cookie}"})
            assert pages.getresponse().status == HTTPStatus.OK  # others are sent to the sign-in
        return cookie


@pytest.fixture
def cores_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that cores of processes would be written to, as they are of processes that do nothing about it."""
    folder = tmp_path / "cores"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    subprocess.run([sys.executable, "-c", "import os; os.abort()"], check=False)
    if not list(folder.iterdir()):
        pytest.skip("this machine writes no core dumps")
    for core in folder.iterdir():
        core.unlink()
    yield folder
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.fixture
def server() -> Iterator[PostgresqlServer]:
    """PostgreSQL of the test's own, since its folder is searched."""
    with postgresql() as running:
        yield running


@pytest.mark.promise("P1", "P2", "P5", "P12")
def test_neither_content_nor_secrets_are_found_anywhere_in_the_service(  # noqa: PLR0915 - one life of a service
    cores_are_written: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: PostgresqlServer,
    squid_proxy: Proxy,
    sshd_server: SftpServer,
    seaweedfs_server: S3Server,
) -> None:
    source = sshd_server.root / "service-canary"
    files = moved()
    put(source, files, owner=sshd_server.owner)
    service = Watched(tmp_path / "serve")
    (service.folder / "tmp").mkdir(parents=True)
    url = server.url("postgres")
    assert seaweedfs_server.ca_file is not None
    service.variables = {
        "MOVER_DATABASE_URL": url,
        "MOVER_PROXY": squid_proxy.url,
        "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "MOVER_CA_FILE": str(seaweedfs_server.ca_file),
        "MOVER_STAGING_MEMORY_BYTES": "1MiB",  # the rest goes to disk
        "MOVER_RUNNER_SILENCE_S": "4",
        "MOVER_LOG_LEVEL": "debug",
        "TMPDIR": str(service.folder / "tmp"),
    }
    subprocess.run(
        [sys.executable, "-m", "mover", "db", "upgrade"],
        env=service.environment(),
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("MOVER_DATABASE_URL", url)
    prepared = asyncio.run(prepare_home(service.home))
    needles = [
        Needle.of("content", CANARY),
        Needle.of("password", sshd_server.password),
        Needle.of("secret key", seaweedfs_server.secret_key),
        Needle.of("API key", prepared.key.reveal()),
        Needle.of("owner's password", prepared.password.reveal()),
    ]
    assert found_in_files([source], needles[:1])  # it can be found
    proxy_logs = squid_proxy.requests.parent
    places = [service.folder, proxy_logs, cores_are_written, Path("/var/crash"), SHARED_MEMORY]
    thrown_away: list[bytes] = []
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(unreliable(seaweedfs_server.port))
        service.start()
        stack.callback(end, service)
        values = s3_values(seaweedfs_server, "service-canary", port=held.port)
        # The pages are of the API's process here; a process of their own has even less: no key, and no content.
        needles.append(Needle.of("cookie", service.sign_in(prepared)))
        search = Search(places, needles)
        of_server = Search([server.data.parent], needles)
        del values["ca_file"]  # a path of the server's, which its users may not name
        migration = plan(service, prepared, sftp_values(sshd_server), values)
        assert search.again() == []

        # What is sent stands still while there is something to be looked at: small files arrive, and large ones cannot, however
        # fast or slow this machine is. A part of one of them fills the memory, and those of others come to lie on the disk.
        held.add(Trouble.STALL, Way.TO_SERVER, LET_THROUGH, times=None)
        service.call(prepared, f"/migrations/{migration}/start", {"pairs": {"all": True}})
        for name in ENDS:
            staged = work_on_disk(service) if name in {"runner", "serve", EVERY} else {}
            check_processes(service, needles)
            assert search.again() == []
            kill(service, name)
            if name == EVERY:  # of what waits, the last
                held.clear()
            assert search.again() == []  # what it left says nothing
            if name in {"serve", EVERY}:
                assert of_server.again() == []
                assert {
                    path: path.read_bytes() for path in staged
                } == staged  # there was something that could have
                service.start()
            if staged:  # those whose keys died with their process are swept away by the next
                wait_until(functools.partial(all_gone, [*staged]))
            thrown_away += staged.values()
        wait_until(lambda: ended(service, prepared, migration))
        assert objects_in(seaweedfs_server, "service-canary") == files
        assert list(service.home.glob(STAGED)) == []
        (run,) = service.call(prepared, f"/migrations/{migration}/runs")["items"]
        assert run["code"] == 100, run
        assert search.again() + of_server.again() == []
    # Not even as ciphertext is anything kept of what was staged, by whomever.
    pieces = [
        Needle("staged part", (part[offset : offset + 64],))
        for part in thrown_away
        for offset in (0, len(part) // 2)
    ]
    assert pieces
    assert found_in_files([*places, server.data.parent], pieces) == []
    assert squid_proxy.requests.stat().st_size > 0
    assert not list(cores_are_written.iterdir())
    key = bytes.fromhex((service.home / "keys" / "global.key").read_text().strip())
    assert len(key) == KEY_BYTES
    elsewhere = [path for path in service.home.iterdir() if path.name != "keys"]
    assert found_in_files([*elsewhere, *places[1:], server.data.parent], [of_bytes("global key", key)]) == []


def moved() -> dict[str, bytes]:
    """Some small files, and two large ones that go in parts.

    A part is kept until the destination has said that it arrived. What goes as one stream is let go of as it is sent, and the
    buffers of sockets on its way may hold all of it.
    """
    made = files_with_canary(2)
    small = [path for path in made if path not in {"/parts", "/stream"}][:40]
    return {path: made[path] for path in small} | {f"/parts {n}": made["/parts"] for n in range(2)}


def end(service: Watched) -> None:
    """See that nothing outlives the test."""
    if not service.process_ended():
        service.end(signal.SIGKILL)


def plan(service: Watched, prepared: Prepared, sftp: dict[str, Any], s3: dict[str, Any]) -> str:
    """Connect both and make a migration; returns its id."""
    connections = [
        service.call(prepared, "/connections", {"name": name, "service": name, "configuration": values})["id"]
        for name, values in (("sftp", sftp), ("s3", s3))
    ]
    sides = {"source_connection_id": connections[0], "destination_connection_id": connections[1]}
    new = {"name": "Canary", **sides, "options": {"bandwidth": "8M"}}
    migration: str = service.call(prepared, "/migrations", new)["id"]
    pair = {"source_path": "/service-canary", "destination_path": "/"}
    service.call(prepared, f"/migrations/{migration}/pairs", {"pairs": [pair]})
    return migration


def all_gone(paths: list[Path]) -> bool:
    """Whether none of them is there."""
    return not any(path.exists() for path in paths)


def work_on_disk(service: Service) -> dict[Path, bytes]:
    """Let it work until encrypted parts lie on the disk, and stop it; they are returned."""
    while True:
        wait_until(lambda: any(service.home.glob(STAGED)))
        runner = service.children().get("runner")
        if runner is None:
            continue
        os.kill(runner, signal.SIGSTOP)
        wait_until(functools.partial(stands_still, runner))
        staged = {path: path.read_bytes() for path in service.home.glob(STAGED)}
        if any(map(len, staged.values())):
            return {path: content for path, content in staged.items() if content}
        os.kill(runner, signal.SIGCONT)


def stands_still(pid: int) -> bool:
    """Whether the last of its threads has heard that it is to stop."""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return set(states) == {"T"}


def check_processes(service: Service, needles: list[Needle]) -> None:
    """What the kernel shows of the processes, and may do with their memory."""
    assert service.process is not None
    assert found_in_process(service.process.pid, needles) == []
    for name, pid in {**service.children(), "serve": service.process.pid}.items():
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert "Max core file size        0                    0" in limits, (name, limits)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["VmSwap"].split()[0] == "0", name


def kill(service: Service, name: str) -> None:
    """End a process on the spot, and see that another takes its place, or that nothing outlives `serve`."""
    before = service.children()
    assert service.process is not None
    pids = {"serve": service.process.pid, **before}
    if name == EVERY:
        for pid in pids.values():
            with contextlib.suppress(ProcessLookupError):  # it died with the one that started it
                os.kill(pid, signal.SIGKILL)
    else:
        os.kill(pids[name], signal.SIGABRT)
    if name in {"serve", EVERY}:
        service.process.wait()
        wait_until(lambda: not any(lives(each) for each in before.values()))
        return
    if name == "runner":
        os.kill(pids[name], signal.SIGCONT)  # it stands still, and dies as soon as it goes on
    wait_until(lambda: service.children().get(name, pids[name]) != pids[name])


def ended(service: Watched, prepared: Prepared, migration: str) -> bool:
    """Whether the run has ended, as the API tells, if it answers."""
    with contextlib.suppress(OSError):
        return all(
            run["state"] == "ended"
            for run in service.call(prepared, f"/migrations/{migration}/runs")["items"]
        )
    return False


def of_bytes(name: str, raw: bytes) -> Needle:
    """A key, as programs would spell it."""
    return Needle(name, (raw, raw.hex().encode(), raw.hex().upper().encode(), base64.b64encode(raw)[:-1]))
