"""What all tests share: a clean environment, a closed door to the outside, and real servers on demand.

A server starts when the first test asks for its fixture and ends with the session.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from simulators.front import RunningFront
from simulators.front import running as simulators_running
from tests import database_url as databases
from tests import quick_schema
from tests.database_url import Kind
from tests.outside import TRUST_NOBODY, refuse_outside
from tests.servers.ftp import FtpServer, proftpd, pure_ftpd, vsftpd
from tests.servers.installed import Installed, installed_once
from tests.servers.jail import can_jail
from tests.servers.kms import KmsServer, moto_kms
from tests.servers.mariadb import MariaDbServer, mariadb
from tests.servers.openstack import SwiftServer, swift
from tests.servers.proxies import Proxy, dante, squid
from tests.servers.s3 import S3Server, seaweedfs
from tests.servers.ssh import SftpServer, proftpd_sftp, sshd
from tests.servers.webdav import WebdavServer, apache, wsgidav

pytest_plugins = ["tests.promises"]

Server = TypeVar("Server")

_MISLEADING = re.compile(
    r"(?i)(https?|all|no|ftp|socks)_proxy|AWS_.*|MOVER_(?!TEST_).*|SOFTHSM2_CONF|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_.*|SSH_.*|RCLONE_.*|NETRC"
)
_SERVERS = {
    "sshd_server",
    "sshd_shell_server",
    "proftpd_server",
    "proftpd_ftps_server",
    "vsftpd_server",
    "pure_ftpd_server",
    "apache_server",
    "wsgidav_server",
    "seaweedfs_server",
    "seaweedfs_plain_server",
    "swift_node",
    "swift_server",
    "mariadb_server",
    "kms_server",
    "simulators",
    "squid_proxy",
    "dante_proxy",
    "mover_installed",
}


_folders = itertools.count()
_LONGEST_ROOMS = (
    "e2e",
    "web",
    "runner",
    "contract",
    "serving",
    "matrix",
    "egress",
    "isolation",
    "transfer",
    "simulators",
)


def pytest_configure() -> None:
    """Before anything is imported by a test: no settings of the person at the keyboard, no way out."""
    for name in list(os.environ):
        if _MISLEADING.fullmatch(name):
            del os.environ[name]
    os.environ.update(TRUST_NOBODY)
    refuse_outside()
    quick_schema.install()


def pytest_unconfigure() -> None:
    """When all is done."""
    databases.end()


# A busy machine is no failure: no deadline. The same examples each time, so that a change is judged by what it changes;
# others are looked for before a release: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("quick", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None]:
    """Find the tests without a collector that looks for garbage where there is none: it took nearly half of that time.

    What is there then (modules and tests, for the whole session) is not looked through again later either, and what the
    tests make is looked through seldom: most of it goes without a collector, which took a tenth of their time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a server, so that `-m "not servers"` leaves them out, and put them in order.

    A test asks by the fixture's name, as an argument or as a parameter for `request.getfixturevalue`.
    """
    for item in items:
        call = getattr(item, "callspec", None)
        parameters = [value for value in call.params.values() if isinstance(value, str)] if call else []
        if _SERVERS.intersection([*getattr(item, "fixturenames", ()), *parameters]):
            item.add_marker(pytest.mark.servers)
    # The rooms whose files take longest first, so that several workers end at about the same time.
    order = {room: number for number, room in enumerate(_LONGEST_ROOMS)}
    here = Path(__file__).parent
    items.sort(key=lambda item: order.get(item.path.relative_to(here).parts[0], len(order)))


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of a test's own, which goes with it unless it failed.

    In place of pytest's, which also points a link at the newest folder of each test and resolves each path twice.
    """
    failed_before = request.session.testsfailed
    name = re.sub(r"\W", "_", request.node.name)[:25]
    folder = tmp_path_factory.getbasetemp() / f"{name}{next(_folders)}"
    folder.mkdir(mode=0o700)
    yield folder
    if request.session.testsfailed == failed_before:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def mover_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """State of a test's own; not created yet."""
    home = tmp_path / "mover-home"
    monkeypatch.setenv("MOVER_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def databases_dropped() -> Iterator[None]:
    """Whatever databases a test made on a server go when it ends."""
    yield
    databases.drop_all()


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """The kind of database that a test uses; `on_sqlite` and the like choose another."""
    yield from databases.using(Kind(getattr(request, "param", databases.SUITE)))


@pytest.fixture
def database_url(tmp_path: Path, database_kind: Kind) -> str:  # noqa: ARG001 - chosen before
    """A fresh database of a test's own."""
    return databases.fresh(tmp_path / "state")


def _session(
    factory: pytest.TempPathFactory, name: str, start: Callable[[Path], AbstractContextManager[Server]]
) -> Iterator[Server]:
    with start(factory.mktemp(name)) as server:
        yield server


def _needs_root() -> None:
    if not can_jail():
        pytest.skip("only root can give a server its private view of the machine")


@pytest.fixture(scope="session")
def mover_installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Mover from its wheel, in an environment of its own; built and installed once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    return installed_once((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "installed-mover")


@pytest.fixture(scope="session")
def simulators_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFront]:
    """All simulators, for the session; tests take `simulators`."""
    with simulators_running(tmp_path_factory.mktemp("simulators")) as front:
        yield front


@pytest.fixture
def simulators(simulators_front: RunningFront) -> RunningFront:
    """All simulators, with an empty world of the test's own."""
    simulators_front.fresh()
    return simulators_front


@pytest.fixture(scope="session")
def sshd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """OpenSSH whose user is confined to SFTP."""
    _needs_root()
    yield from _session(tmp_path_factory, "sshd", sshd)


@pytest.fixture(scope="session")
def sshd_shell_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """OpenSSH whose user may run commands."""
    _needs_root()
    yield from _session(tmp_path_factory, "sshd-shell", lambda folder: sshd(folder, runs_commands=True))


@pytest.fixture(scope="session")
def proftpd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """ProFTPD's mod_sftp, with check-file."""
    _needs_root()
    yield from _session(tmp_path_factory, "proftpd", proftpd_sftp)


@pytest.fixture(scope="session")
def proftpd_ftps_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """ProFTPD's mod_tls, explicit and implicit, with MLSD and hashes."""
    _needs_root()
    yield from _session(tmp_path_factory, "proftpd-ftps", proftpd)


@pytest.fixture(scope="session")
def vsftpd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """Vsftpd over TLS, with LIST only."""
    _needs_root()
    yield from _session(tmp_path_factory, "vsftpd", vsftpd)


@pytest.fixture(scope="session")
def pure_ftpd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """Pure-FTPd, used without TLS."""
    _needs_root()
    yield from _session(tmp_path_factory, "pure-ftpd", pure_ftpd)


@pytest.fixture(scope="session")
def apache_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebdavServer]:
    """Apache mod_dav over TLS."""
    _needs_root()
    yield from _session(tmp_path_factory, "apache", apache)


@pytest.fixture(scope="session")
def wsgidav_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebdavServer]:
    """WsgiDAV over TLS."""
    yield from _session(tmp_path_factory, "wsgidav", wsgidav)


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS over TLS."""
    yield from _session(tmp_path_factory, "seaweedfs", seaweedfs)


@pytest.fixture(scope="session")
def seaweedfs_plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """SeaweedFS without TLS."""
    yield from _session(tmp_path_factory, "seaweedfs-plain", lambda folder: seaweedfs(folder, tls=False))


@pytest.fixture(scope="session")
def swift_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftServer]:
    """OpenStack Swift, over TLS and without."""
    _needs_root()
    yield from _session(tmp_path_factory, "swift", swift)


@pytest.fixture(scope="session")
def swift_server(swift_node: SwiftServer) -> S3Server:
    """OpenStack Swift's s3api over TLS."""
    return swift_node.s3


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDbServer]:
    """MariaDB that offers TLS."""
    yield from _session(tmp_path_factory, "mariadb", mariadb)


@pytest.fixture(scope="session")
def kms_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KmsServer]:
    """AWS KMS, by moto."""
    yield from _session(tmp_path_factory, "kms", moto_kms)


@pytest.fixture(scope="session")
def squid_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """An HTTP proxy that demands a password."""
    _needs_root()
    yield from _session(tmp_path_factory, "squid", squid)


@pytest.fixture(scope="session")
def dante_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A SOCKS5 proxy that demands a password."""
    _needs_root()
    yield from _session(tmp_path_factory, "dante", dante)
