"""The services that the contract suite runs on: how to reach each, and what a test may do behind its back."""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from simulators.blobs import Bytes
from simulators.front import RunningFront
from simulators.nodes import Node
from tests.contract.dumps import as_files
from tests.contract.sealed import sealed_with_age, sealed_with_crypt
from tests.memory.directory import Directory
from tests.memory.service import CASELESS_DRIVE, DRIVE, PATHS, MemoryService
from tests.servers.certificates import make_certificates
from tests.servers.ftp import FtpServer
from tests.servers.mariadb import MariaDbServer
from tests.servers.openstack import SwiftServer
from tests.servers.processes import free_port
from tests.servers.s3 import S3Server
from tests.servers.simulators import simulators_egress
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

from mover.connectors.box import BoxConnector, BoxEnterpriseConnector
from mover.connectors.box.config import BoxConfig, BoxEnterpriseConfig
from mover.connectors.box.parts import PARTS as BOX_PARTS
from mover.connectors.contract import Connector
from mover.connectors.registry import Surroundings, connector_type
from mover.connectors.swift.config import SwiftConfig
from mover.connectors.swift.connector import SwiftConnector
from mover.entries import GranteeKind
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.proxy import Proxy
from mover.vault.secret import Secret
from simulators.box import Box

Connect = Callable[[], Connector]


@dataclass(frozen=True, kw_only=True)
class Grantees:
    """Whom a service knows, for the tests of permissions.

    Attributes:
        people: Two addresses of its organisation, neither of them the account's own.
        group: As permissions name it; None where there are none.
        domain: Of the organisation; None where nothing can be permitted to a whole domain.
        nobody: An address that the service refuses as unknown; None where it takes any.
        on_files: Files can be shared, not only folders.
        share_by_link: Shares the entry at a path by link, behind the connector's back.
    """

    people: tuple[str, str]
    group: str | None = None
    domain: str | None = None
    nobody: str | None = "nobody-at-all@example.org"
    on_files: bool = True
    share_by_link: Callable[[str], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service to run the suite on.

    Attributes:
        connect: Makes a connector that is not signed in yet.
        refused: Likewise, with credentials that the service does not accept; None if it has none.
        unreachable: Likewise, at an address where nobody listens; None where there is no address.
        untrusted: Likewise, trusting another authority than the one that signed the server's certificate.
        base: The folder in which each test makes one of its own.
        disk: The same folder on the server's disk; None where a test cannot look there.
        owner: uid and gid that files made there should have.
        decides_races: Of two that create one file at the same moment only one succeeds. Swift checks If-None-Match
            before it takes the bytes, and WsgiDAV looks for the destination before it moves: both may succeed,
            or WsgiDAV answers the loser with a fault of its own.
        large_folder: Files that do not fit on two of its pages, or hardly fit on one where making them takes long.
        fill: Puts empty files into a folder behind the service's back, where that is not done on a disk.
        grantees: Whom it knows; needed where the connector has `permissions`.
        parts_replace: Uploads in parts can replace a file; else `begin` raises Unsupported, and it is sent whole.
    """

    connect: Connect
    refused: Connect | None = None
    unreachable: Connect | None = None
    untrusted: Connect | None = None
    base: str = "/"
    disk: Path | None = None
    owner: int = 0
    decides_races: bool = True
    large_folder: int = 2100
    fill: Callable[[str, Iterable[str]], None] | None = None
    grantees: Grantees | None = None
    parts_replace: bool = True

    def put_on_disk(self, path: str, data: bytes) -> None:
        """Write a file behind the service's back; `path` is the connector's."""
        file = self.on_disk(path)
        file.write_bytes(data)
        os.chown(file, self.owner, self.owner)

    def on_disk(self, path: str) -> Path:
        """Return where an entry lies."""
        assert self.disk is not None, "asked only where there is a disk to look at"
        return self.disk / path.removeprefix(self.base).strip("/")


def stranger_to(request: pytest.FixtureRequest) -> Path:
    """Return the certificate of an authority that signed nothing of any server here; made with the first test."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return make_certificates(factory.getbasetemp() / "stranger").ca_file


async def forget(_key: str, _value: str) -> None:
    """Take what a connector wants remembered, and keep nothing."""


def loopback_egress() -> Egress:
    """Return a way out that leads to this machine only."""
    return Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"))


def configured(name: str, values: Mapping[str, Any]) -> Connect:
    """Return what makes connectors of a service from filled-in values."""
    kind = connector_type(name)
    return lambda: kind.make(
        kind.config.model_validate(values), Surroundings(egress=loopback_egress(), remember=forget)
    )


def _memory(service: MemoryService) -> Service:
    grantees = Grantees(
        people=("ann@example.org", "ben@example.org"),
        group="Sales",
        domain="example.org",
        on_files=service.directory is None or not service.directory.folders_only,
        share_by_link=service.share_by_link,
    )
    return Service(connect=service.connector, grantees=grantees if service.directory else None)


def memory_drive(_: pytest.FixtureRequest) -> Service:
    drive = replace(DRIVE, duplicate_names=True)
    return _memory(MemoryService(drive, page_size=100, directory=Directory()))


def memory_caseless(_: pytest.FixtureRequest) -> Service:
    only_reading_tells_times = replace(CASELESS_DRIVE, modified_resolution_ns=None)
    return _memory(MemoryService(only_reading_tells_times, resumable_listings=False, times_listed=False))


def memory_paths(_: pytest.FixtureRequest) -> Service:
    few = Directory(
        kinds=frozenset({GranteeKind.PERSON, GranteeKind.GROUP}),
        folders_only=True,
        inherited=False,
        tells_shared=False,
        tells_external=False,
    )
    return _memory(MemoryService(PATHS, free_bytes=10**9, directory=few))


def local(request: pytest.FixtureRequest) -> Service:
    folder: Path = request.getfixturevalue("tmp_path") / "local"
    folder.mkdir()
    return Service(
        connect=configured("local", {"path": str(folder)}),
        disk=folder,
        owner=os.getuid(),
    )


def _sealed(plain: Service, form: Callable[[Connector], Connector]) -> Service:
    """The service with files in another form; what a test puts there itself has none, so it cannot."""
    return Service(connect=lambda: form(plain.connect()), base=plain.base, large_folder=plain.large_folder)


def memory_age(_: pytest.FixtureRequest) -> Service:
    drive = MemoryService(replace(DRIVE, duplicate_names=False), page_size=100)
    return replace(_sealed(_memory(drive), sealed_with_age), large_folder=250)


def local_crypt(request: pytest.FixtureRequest) -> Service:
    return _sealed(local(request), sealed_with_crypt)


def _sftp(server: SftpServer, **values: object) -> Service:
    given = {
        "host": server.host,
        "port": server.port,
        "username": server.username,
        "path": server.path,
        **values,
    }
    password = {"password": Secret(server.password)}
    return Service(
        connect=configured("sftp", given | password),
        refused=configured("sftp", given | {"password": Secret("wrong")}),
        unreachable=configured("sftp", given | password | {"port": free_port()}),
        untrusted=configured("sftp", given | password | {"host_key": "ssh-ed25519 " + _OTHER_HOST_KEY}),
        disk=server.root,
        owner=server.owner,
    )


_OTHER_HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"


def sftp_openssh(request: pytest.FixtureRequest) -> Service:
    return _sftp(request.getfixturevalue("sshd_server"))


def sftp_openssh_commands(request: pytest.FixtureRequest) -> Service:
    return _sftp(request.getfixturevalue("sshd_shell_server"), remote_checksums="commands")


def sftp_proftpd(request: pytest.FixtureRequest) -> Service:
    return _sftp(request.getfixturevalue("proftpd_server"))


def _ftp(server: FtpServer, name: str, request: pytest.FixtureRequest, **values: object) -> Service:
    given = {"host": server.host, "port": server.port, "username": server.username, **values}
    password = {"password": Secret(server.password)}
    return Service(
        connect=configured(name, given | password),
        refused=configured(name, given | {"password": Secret("wrong")}),
        unreachable=configured(name, given | password | {"port": free_port()}),
        untrusted=configured(name, given | password | {"ca_file": stranger_to(request)})
        if name == "ftps"
        else None,
        disk=server.root,
        owner=server.owner,
    )


def ftps_proftpd(request: pytest.FixtureRequest) -> Service:
    server: FtpServer = request.getfixturevalue("proftpd_ftps_server")
    return _ftp(server, "ftps", request, ca_file=server.certificates.ca_file)


def ftps_vsftpd(request: pytest.FixtureRequest) -> Service:
    server: FtpServer = request.getfixturevalue("vsftpd_server")
    return _ftp(server, "ftps", request, ca_file=server.certificates.ca_file)


def ftp_pure_ftpd(request: pytest.FixtureRequest) -> Service:
    server: FtpServer = request.getfixturevalue("pure_ftpd_server")
    return _ftp(server, "ftp", request, plain=True)


def _webdav(server: WebdavServer, url: str, request: pytest.FixtureRequest) -> Service:
    given = {"url": url, "username": server.username, "ca_file": server.ca_file}
    password = {"password": Secret(server.password)}
    return Service(
        connect=configured("webdav", given | password),
        refused=configured("webdav", given | {"password": Secret("wrong")}),
        unreachable=configured("webdav", given | password | {"url": f"https://127.0.0.1:{free_port()}/"}),
        untrusted=configured("webdav", given | password | {"ca_file": stranger_to(request)}),
        disk=server.root,
        owner=server.root.stat().st_uid,
    )


def webdav_apache(request: pytest.FixtureRequest) -> Service:
    server: WebdavServer = request.getfixturevalue("apache_server")
    reached = _webdav(server, server.url, request)
    return replace(reached, decides_races=False)  # mod_dav looks before it takes the body


def webdav_apache_digest(request: pytest.FixtureRequest) -> Service:
    server: WebdavServer = request.getfixturevalue("apache_server")
    reached = _webdav(server, server.digest_url, request)
    return replace(reached, decides_races=False)  # likewise


def webdav_wsgidav(request: pytest.FixtureRequest) -> Service:
    server: WebdavServer = request.getfixturevalue("wsgidav_server")
    reached = _webdav(server, server.url, request)
    return replace(reached, decides_races=False)


@functools.cache
def _bucket(server: S3Server) -> str:
    """Make it with the first test: a client of boto's takes longer to make than most tests."""
    bucket = f"contract-{uuid.uuid5(uuid.NAMESPACE_URL, server.url).hex[:8]}"
    with contextlib.closing(server.client()) as client:
        if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
            client.create_bucket(Bucket=bucket)
    return bucket


def _s3(server: S3Server, request: pytest.FixtureRequest) -> Service:
    given = {
        "endpoint": server.url,
        "bucket": _bucket(server),
        "access_key": server.access_key,
        "ca_file": server.ca_file,
        "plain": server.ca_file is None,
    }
    secret = {"secret_key": Secret(server.secret_key)}
    return Service(
        connect=configured("s3", given | secret),
        refused=configured("s3", given | {"secret_key": Secret("wrong")}),
        unreachable=configured("s3", given | secret | {"endpoint": f"https://127.0.0.1:{free_port()}"}),
        untrusted=configured("s3", given | secret | {"ca_file": stranger_to(request)})
        if server.ca_file
        else None,
    )


def s3_seaweedfs(request: pytest.FixtureRequest) -> Service:
    return _s3(request.getfixturevalue("seaweedfs_server"), request)


def s3_seaweedfs_plain(request: pytest.FixtureRequest) -> Service:
    return _s3(request.getfixturevalue("seaweedfs_plain_server"), request)


def s3_swift(request: pytest.FixtureRequest) -> Service:
    reached = _s3(request.getfixturevalue("swift_server"), request)
    return replace(reached, decides_races=False, large_folder=1050)


def swift(request: pytest.FixtureRequest) -> Service:
    server: SwiftServer = request.getfixturevalue("swift_node")
    server.account().put("contract")
    given = {
        "url": server.auth_url,
        "username": server.username,
        "password": Secret(server.password),
        "ca_file": server.ca_file,
        "container": "contract",
    }
    nobody = f"https://127.0.0.1:{free_port()}/auth/v1.0"
    return Service(
        connect=lambda: SwiftConnector(SwiftConfig.model_validate(given), loopback_egress(), page=50),
        refused=configured("swift", given | {"password": Secret("wrong")}),
        unreachable=configured("swift", given | {"url": nobody}),
        untrusted=configured("swift", given | {"ca_file": stranger_to(request)}),
        decides_races=False,
        large_folder=120,
    )


def mysql_mariadb(request: pytest.FixtureRequest) -> Service:
    server: MariaDbServer = request.getfixturevalue("mariadb_server")
    given = {"host": server.host, "port": server.port, "username": server.username, "ca_file": server.ca_file}
    password = {"password": Secret(server.password)}

    def connects(**values: object) -> Connect:
        connect = configured("mysql", given | password | values)
        return lambda: as_files(connect())

    def fill(folder: str, files: Iterable[str]) -> None:
        with server.connect(folder.strip("/")) as connection, connection.cursor() as cursor:
            for name in files:
                cursor.execute(f"CREATE TABLE `{name}` (n int) ENGINE = MEMORY")  # costs no file of its own

    return Service(
        connect=connects(),
        refused=connects(password=Secret("wrong")),
        unreachable=connects(port=free_port()),
        untrusted=connects(ca_file=stranger_to(request)),
        fill=fill,
    )


def _box(request: pytest.FixtureRequest, make: Callable[[Box, Egress], Connect], base: str) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = front.world.vendors["box"]
    assert isinstance(vendor, Box)
    organisation = vendor.organisation
    organisation.smallest_session, organisation.part_size = 1000, 100_000
    drive = organisation.drives[organisation.add_person("ann@example.org", quota=10**10).id]
    people = [organisation.add_person(name) for name in ("ben@example.org", "cat@example.org")]
    organisation.add_group("Sales", tuple(people))

    def node(path: str) -> Node:
        found = drive.at(path.removeprefix(base))
        assert found is not None
        return found

    def fill(folder: str, files: Iterable[str]) -> None:
        front.inside(lambda: [drive.add(node(folder), name, blob=Bytes()) for name in files])

    def share_by_link(path: str) -> None:
        link = {"url": "https://app.box.com/s/x", "access": "open", "effective_access": "open"}
        node(path).properties["shared_link"] = link

    nobody_listens = Egress(proxy=Proxy.parse(Secret(f"http://127.0.0.1:{free_port()}")))
    return Service(
        connect=make(vendor, simulators_egress(front)),
        unreachable=make(vendor, nobody_listens),
        untrusted=make(vendor, simulators_egress(front, ca_file=stranger_to(request))),
        base=base,
        fill=fill,
        grantees=Grantees(
            people=("ben@example.org", "cat@example.org"),
            group="Sales",
            nobody=None,
            share_by_link=share_by_link,
        ),
    )


_BOX_PARTS = replace(BOX_PARTS, smallest=300_000, preferred=300_000, multiple=100_000)


def box(request: pytest.FixtureRequest) -> Service:
    def make(vendor: Box, egress: Egress, token: str | None = None) -> Connect:
        ann = vendor.organisation.accounts.person_of("ann@example.org")
        shown = Secret(token or vendor.organisation.accounts.issue(ann).value)
        surroundings = Surroundings(egress=egress, remember=forget)
        return lambda: BoxConnector(BoxConfig(access_token=shown), surroundings, parts=_BOX_PARTS)

    reached = _box(request, make, "")
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = front.world.vendors["box"]
    assert isinstance(vendor, Box)
    return replace(reached, base="/", refused=make(vendor, simulators_egress(front), "wrong"))


def box_enterprise(request: pytest.FixtureRequest) -> Service:
    def make(_vendor: Box, egress: Egress, *, is_right: bool = True) -> Connect:
        secret = Secret("test-secret" if is_right else "wrong")
        config = BoxEnterpriseConfig(client_id="test-app", client_secret=secret, enterprise_id="900100")
        surroundings = Surroundings(egress=egress, remember=forget)
        return lambda: BoxEnterpriseConnector(config, surroundings, parts=_BOX_PARTS)

    reached = _box(request, make, "/Users/ann@example.org")
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = front.world.vendors["box"]
    assert isinstance(vendor, Box)
    return replace(reached, refused=make(vendor, simulators_egress(front), is_right=False))


IN_PROCESS: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    "memory-drive": memory_drive,
    "memory-caseless": memory_caseless,
    "memory-paths": memory_paths,
    "local": local,
    "memory-age": memory_age,
    "local-crypt": local_crypt,
}
REAL: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    "sftp-openssh": sftp_openssh,
    "sftp-openssh-commands": sftp_openssh_commands,
    "sftp-proftpd": sftp_proftpd,
    "ftps-proftpd": ftps_proftpd,
    "ftps-vsftpd": ftps_vsftpd,
    "ftp-pure-ftpd": ftp_pure_ftpd,
    "webdav-apache": webdav_apache,
    "webdav-apache-digest": webdav_apache_digest,
    "webdav-wsgidav": webdav_wsgidav,
    "s3-seaweedfs": s3_seaweedfs,
    "s3-seaweedfs-plain": s3_seaweedfs_plain,
    "s3-swift": s3_swift,
    "swift": swift,
    "mysql-mariadb": mysql_mariadb,
    "box": box,
    "box-enterprise": box_enterprise,
}
