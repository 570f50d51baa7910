"""The real `mover serve`: started, asked, killed, started again, and ended. One process for all tests that only ask."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import signal
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.servers.processes import free_port
from tests.servers.service import Prepared, answers, prepare_home

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(240)]

PATIENCE_S = 120
MEMORY_MIB = 400
COMMAND = [sys.executable, "-m", "mover", "serve"]


@dataclass
class Service:
    """`mover serve` on a home of its own; what it prints goes to files."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def ca_file(self) -> Path:
        return self.home / "tls" / "ca.pem"

    @property
    def printed(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def log(self) -> str:
        return (self.folder / "err").read_text()

    def environment(self, **more: str) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("MOVER_")},
            "MOVER_HOME": str(self.home),
            "MOVER_LOCAL_FOLDERS": str(self.folder),
            **more,
        }

    def start(self) -> None:
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("ab") as err:
            self.process = subprocess.Popen(
                [*COMMAND, "--port", str(self.port), "--owner-email", "first@example.org"],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        wait_until(lambda: "Mover is at" in self.printed or self.process_ended())
        assert not self.process_ended(), self.log[-3000:]
        wait_until(lambda: answers(self.port, self.ca_file, "/readyz"))

    def process_ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    def children(self) -> dict[str, int]:
        """The processes below it, by what they are."""
        assert self.process is not None
        found: dict[str, int] = {}
        for pid, parent, command in processes():
            if parent == self.process.pid:
                found[next((word for word in ("temporal", "api", "runner") if word in command), "?")] = pid
        return found

    def end(self, number: signal.Signals) -> float:
        """End it, and return how many seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=PATIENCE_S)
        return time.monotonic() - began


def processes() -> Iterator[tuple[int, int, list[str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if status[0] != "Z":
                yield int(folder.name), int(status[1]), [Path(word).name for word in words]


def lives(pid: int) -> bool:
    return any(found == pid for found, _, _ in processes())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Started for the first time; ends with the module."""
    service = Service(tmp_path_factory.mktemp("serve"))
    service.start()
    yield service
    if not service.process_ended():
        service.end(signal.SIGKILL)


def mover(service: Service, prepared: Prepared, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = service.environment(
        MOVER_API_KEY=prepared.key.reveal(), MOVER_CA_FILE=str(service.ca_file), COLUMNS="200"
    )
    return subprocess.run(
        [sys.executable, "-m", "mover", "--server", service.url, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_first_start_tells_where_it_is_and_leaves_the_password_to_the_owner_alone(service):
    file = service.home / "first-owner.txt"
    email, password = file.read_text().splitlines()
    assert service.url in service.printed
    assert email == "first@example.org"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert password not in service.printed + service.log
    certificate = ssl.get_server_certificate(("localhost", service.port))
    assert certificate in (service.home / "tls" / "server.pem").read_text()


def test_pages_and_api_answer_over_tls_and_send_plain_http_away(service):
    context = ssl.create_default_context(cafile=service.ca_file)
    secure = http.client.HTTPSConnection("localhost", service.port, timeout=30, context=context)
    with contextlib.closing(secure):
        secure.request("GET", "/api/v1/connections")
        assert secure.getresponse().status == 401
    with contextlib.closing(http.client.HTTPConnection("localhost", service.port, timeout=30)) as plain:
        plain.request("GET", "/sign-in")
        answer = plain.getresponse()
        assert (answer.status, answer.headers["Location"]) == (308, f"{service.url}/sign-in")


def test_each_process_is_small(service):
    pids = {**service.children(), "serve": service.process.pid}
    assert set(pids) == {"serve", "api", "runner", "temporal"}
    for pid in pids.values():
        line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
        assert int(line.split()[1]) / 1024 < MEMORY_MIB


@pytest.mark.parametrize(
    ("other_home", "expected"), [(False, "another mover serve"), (True, "is taken: another program listens")]
)
def test_a_second_one_is_told_why_it_cannot_start(service, tmp_path, other_home, expected):
    environment = service.environment(**({"MOVER_HOME": str(tmp_path / "other")} if other_home else {}))
    command = [*COMMAND, "--port", str(service.port if other_home else 0)]
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert said.returncode == 2
    assert expected in said.stderr
    assert len(said.stderr.splitlines()) == 2


def test_a_runner_that_dies_is_started_again_and_the_api_with_it_stays(service):
    before = service.children()
    os.kill(before["runner"], signal.SIGKILL)
    wait_until(lambda: service.children().get("runner", before["runner"]) != before["runner"])
    assert service.children()["api"] == before["api"]


def test_it_moves_files_survives_being_killed_and_ends_in_order(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moves")
    service = Service(folder)
    prepared = asyncio.run(prepare_home(service.home))
    (folder / "from" / "sub").mkdir(parents=True)
    (folder / "to").mkdir()
    for number in range(30):
        (folder / "from" / "sub" / f"file {number}.bin").write_bytes(os.urandom(20_000))
    service.start()
    try:
        assert "first time" not in service.printed  # there is an owner already
        _connect_and_plan(service, prepared)
        first = mover(service, prepared, "start", "M", "--watch")
        assert (first.returncode, "30 copied" in first.stdout) == (0, True), first.stdout + first.stderr
        children = service.children()
        service.end(signal.SIGKILL)
        wait_until(lambda: not any(lives(pid) for pid in children.values()))
        service.start()
        again = mover(service, prepared, "start", "M", "--watch")
        assert (again.returncode, "30 had nothing to do" in again.stdout) == (0, True), again.stdout
        copied = {path.name: path.read_bytes() for path in (folder / "to" / "sub").iterdir()}
        assert copied == {path.name: path.read_bytes() for path in (folder / "from" / "sub").iterdir()}
        children = service.children()
        assert service.end(signal.SIGTERM) < 30
        assert service.process is not None
        assert service.process.returncode == 0
        assert not any(lives(pid) for pid in children.values())
    finally:
        if not service.process_ended():
            service.end(signal.SIGKILL)


def _connect_and_plan(service: Service, prepared: Prepared) -> None:
    context = ssl.create_default_context(cafile=service.ca_file)
    headers = {"Authorization": f"Bearer {prepared.key.reveal()}", "Content-Type": "application/json"}
    api = http.client.HTTPSConnection("localhost", service.port, timeout=60, context=context)
    with contextlib.closing(api):
        for name in ("from", "to"):
            body = f'{{"name": "{name}", "service": "local", "configuration": {{"path": "{service.folder / name}"}}}}'
            api.request("POST", "/api/v1/connections", body, headers)
            answer = api.getresponse()
            assert answer.status == 201, answer.read()
            answer.read()
    csv = service.folder / "pairs.csv"
    csv.write_text("Source Path,Destination Path,Tags\r\n/,/,\r\n")
    for arguments in (
        ("migrations", "create", "M", "--source", "from", "--destination", "to"),
        ("add", "M", str(csv)),
    ):
        said = mover(service, prepared, *arguments)
        assert said.returncode == 0, said.stderr
