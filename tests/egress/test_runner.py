"""A runner in a network that allows no way out but one: it moves between all real servers, and nothing else leaves it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from simulators.front import RunningFront
from tests.database_url import SUITE, Kind
from tests.e2e.command import Mover, Running
from tests.e2e.places import (
    files_below,
    ftp_values,
    mysql_values,
    objects_in,
    put,
    s3_values,
    sftp_values,
    swift_values,
    webdav_values,
)
from tests.notices.receiver import receiving
from tests.runner.stage import Organisation
from tests.servers.box import box_of, person
from tests.servers.collector import Collector, collector
from tests.servers.egress_jail import (
    DANTE_URL,
    MOVER,
    PASSWORD,
    PROXY,
    RUNNER,
    TEMPORAL,
    TEMPORAL_PORT,
    EgressJail,
    egress_jail,
)
from tests.servers.ftp import FtpServer
from tests.servers.jail import can_jail
from tests.servers.mariadb import MariaDbServer
from tests.servers.openstack import SwiftServer
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

from mover.accounts.actor import Actor, ActorKind, Role
from mover.accounts.audit_log import AuditLog
from mover.notices.events import Event
from mover.notices.webhooks import Webhooks
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import Workplace, open_workplace

FILES = {"/a": b"first", "/deep/er/b": bytes(range(256)) * 900, "/deep/nothing": b"", "/c": b"c" * 2_000_000}
NAME = "out-through-one-point"
_SECRETS = frozenset({"password", "secret_key", "refresh_token"})

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(600),
    pytest.mark.promise("P7", "egress"),
    pytest.mark.skipif(not can_jail(), reason="only root can make networks"),
    pytest.mark.skipif(SUITE is not Kind.SQLITE, reason="there is no database server in the networks"),
]


@dataclass(frozen=True)
class Servers:
    """All that a runner moves between."""

    sftp: SftpServer
    ftps: FtpServer
    ftp: FtpServer
    webdav: WebdavServer
    s3: S3Server
    swift: SwiftServer
    mysql: MariaDbServer
    clouds: RunningFront

    def values(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Service and configuration of a connection to each, as an organisation of the service fills them in."""
        box = box_of(self.clouds)
        refresh = box.organisation.accounts.issue(person(box), kind="refresh", lifetime_s=5_184_000).value
        return {
            "sftp": ("sftp", sftp_values(self.sftp)),
            "ftps": ("ftps", ftp_values(self.ftps)),
            "ftp": ("ftp", ftp_values(self.ftp, plain=True)),
            "webdav": ("webdav", webdav_values(self.webdav)),
            "s3": ("s3", s3_values(self.s3, NAME)),
            "swift": ("swift", swift_values(self.swift, NAME)),
            "mysql": ("mysql", mysql_values(self.mysql)),
            "box": ("box", {"refresh_token": refresh}),
        }

    def authorities(self) -> str:
        """All that signed their certificates."""
        signed = (self.ftps.certificates, self.webdav, self.s3, self.swift, self.mysql, self.clouds)
        return "".join(Path(str(each.ca_file)).read_text() for each in signed)


@pytest.fixture(scope="module")
def servers(
    sshd_server: SftpServer,
    proftpd_ftps_server: FtpServer,
    pure_ftpd_server: FtpServer,
    apache_server: WebdavServer,
    seaweedfs_server: S3Server,
    swift_node: SwiftServer,
    mariadb_server: MariaDbServer,
    simulators_front: RunningFront,
) -> Servers:
    simulators_front.fresh()
    return Servers(
        sshd_server,
        proftpd_ftps_server,
        pure_ftpd_server,
        apache_server,
        seaweedfs_server,
        swift_node,
        mariadb_server,
        simulators_front,
    )


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture(scope="module")
def jail(servers: Servers, spans: Collector) -> Iterator[EgressJail]:
    # Not below pytest's folders, which only root may enter.
    with tempfile.TemporaryDirectory(prefix="mover-egress-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        trusted = folder / "authorities.pem"
        trusted.write_text(servers.authorities())
        _, _, port = servers.clouds.address("box").rpartition(":")
        hosts = dict.fromkeys(box_of(servers.clouds).hosts, "127.0.0.1")
        with ExitStack() as stack:
            made = stack.enter_context(egress_jail(folder, {443: int(port)}, hosts))
            made.variables |= {
                "MOVER_CA_FILE": str(trusted),
                "MOVER_BOX_CLIENT_ID": "test-app",
                "MOVER_BOX_CLIENT_SECRET": "test-secret",
                "MOVER_OTLP_ENDPOINT": spans.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            }
            yield made


PAIRS = (
    ("sftp", "s3"),
    ("ftps", "webdav"),
    ("webdav", "sftp"),
    ("s3", "swift"),
    ("swift", "ftp"),
    ("ftp", "box"),
    ("mysql", "mysql"),
)
"""Each server gives and takes; what Box took is read by another test."""


@asynccontextmanager
async def opened(jail: EgressJail) -> AsyncIterator[Workplace]:
    """The state that the runner works on, as the API has it open."""
    async with open_workplace(Settings(home=jail.operator().home, local_folders=(jail.folder,))) as place:
        yield place


def set_the_stage(servers: Servers) -> None:
    """Lay the files wherever a pair begins, past Mover."""
    for server in (servers.sftp, servers.ftps, servers.ftp):
        put(server.root / f"{NAME}-from", FILES, owner=server.owner)
    put(servers.webdav.root / f"{NAME}-from", FILES, owner=servers.webdav.root.stat().st_uid)
    client = servers.s3.client()
    account = servers.swift.account()
    for path, content in FILES.items():
        client.put_object(Bucket=NAME, Key=f"{NAME}-from{path}", Body=content)
        account.put(f"{NAME}/{NAME}-from{path}", content)
    client.close()
    servers.mysql.execute(f"DROP DATABASE IF EXISTS `{NAME}-to`", f"DROP DATABASE IF EXISTS `{NAME}-from`")
    servers.mysql.execute(f"CREATE DATABASE `{NAME}-from`")
    servers.mysql.execute("CREATE TABLE t (id int PRIMARY KEY, word text)", database=f"{NAME}-from")
    servers.mysql.execute("INSERT INTO t VALUES (1, 'first'), (2, NULL)", database=f"{NAME}-from")


def arrived(servers: Servers, name: str) -> Mapping[str, bytes]:
    """What lies where a pair ends, as the server has it."""
    match name:
        case "sftp" | "ftps" | "ftp" | "webdav":
            return files_below(getattr(servers, name).root / f"{NAME}-to")
        case "s3":
            found = objects_in(servers.s3, NAME)
        case "swift":
            found = servers.swift.account().objects(NAME)
        case _:
            raise AssertionError(name)
    beginning = f"/{NAME}-to"
    return {path.removeprefix(beginning): body for path, body in found.items() if path.startswith(beginning)}


@asynccontextmanager
async def running(mover: Mover) -> AsyncIterator[Running]:
    """`mover runner`, and its end in order."""
    process = mover.start("runner")
    try:
        yield process
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        process_id = int(children[0])
        os.kill(process_id, signal.SIGTERM)
        done = await asyncio.to_thread(process.wait, limit_s=60)
        assert done.code == 0, done
    except TimeoutError:
        process.process.kill()
        raise AssertionError(f"the runner did not get its work done: {process.wait(limit_s=10)}") from None
    finally:
        if process.process.poll() is None:
            process.kill()


async def test_a_runner_moves_between_all_servers_and_nothing_else_leaves_or_enters(
    jail: EgressJail, servers: Servers, spans: Collector
) -> None:
    filled_in = servers.values()
    set_the_stage(servers)
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(opened(jail))
        organisation = await Organisation.make(place, jail.folder)
        connections = place.for_organisation(organisation.id).connections
        made = {
            name: (await connections.add(name, service, secret(values))).id
            for name, (service, values) in filled_in.items()
        }
        hook = await stack.enter_async_context(receiving(certified(servers)))
        owner = Actor(organisation.id, ActorKind.PERSON, "o", "owner", Role.OWNER.permissions)
        webhooks = Webhooks(place.database, place.vault, AuditLog(place.database))
        await webhooks.create(owner, hook.url, [Event.MIGRATION_ENDED])
        await asyncio.to_thread(jail.open_ways)
        before = len(jail.requests.read_text().splitlines())
        runs = {}
        for source, destination in PAIRS:
            pair = replace(organisation, source_id=made[source], destination_id=made[destination])
            (runs[source, destination],) = await pair.start(f"/{NAME}-from", to=f"/{NAME}-to")
        async with running(jail.mover()):
            ended = await asyncio.gather(*(until_ended(organisation, run) for run in runs.values()))
            assert {
                pair: (run["code"], run["message"]) for pair, run in zip(runs, ended, strict=True)
            } == dict.fromkeys(runs, (100, ""))
            async with asyncio.timeout(40):
                await hook.came.wait()
            assert jail.refused() == {"refused_out": 0, "refused_lookups": 0, "refused_in": 0}, (
                jail.runner.run("nft", "list", "table", "inet", "mover_runner")
            )
            await nothing_enters(jail)
            nothing_else_leaves(jail, hook.port)
    for _, destination in PAIRS:
        if destination not in {"box", "mysql"}:
            assert arrived(servers, destination) == FILES, destination
    assert servers.mysql.execute("SELECT * FROM t ORDER BY id", database=f"{NAME}-to") == [
        (1, "first"),
        (2, None),
    ]
    tunnels = jail.requests.read_text().splitlines()[before:]
    told = (spans.endpoint.removeprefix("http://"), f"127.0.0.1:{hook.port}")
    for place_asked in (*expected_tunnels(servers), *told):
        assert any(f" {place_asked} " in line and f" {MOVER.name} " in line for line in tunnels), place_asked
    assert not [line for line in tunnels if "DENIED" in line]
    assert spans.spans
    assert json.loads(hook.received[0].body)["type"] == "migration.ended"


def certified(servers: Servers) -> ssl.SSLContext:
    """TLS with a certificate that the runner trusts."""
    made = servers.ftps.certificates
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    return tls


def expected_tunnels(servers: Servers) -> list[str]:
    """What the proxy must have been asked for."""
    ports = [
        servers.sftp.port,
        servers.ftps.port,
        servers.ftp.port,
        servers.webdav.port,
        servers.s3.port,
        servers.swift.port,
        servers.mysql.port,
    ]
    return [*(f"127.0.0.1:{port}" for port in ports), "api.box.com:443", "upload.box.com:443"]


async def until_ended(organisation: Organisation, run: int) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while True:
            found = await organisation.run(run)
            if found["state"] == "ended":
                return found
            await asyncio.sleep(0.1)


async def nothing_enters(jail: EgressJail) -> None:
    """The runner's machine has no socket that anybody could connect to, and its firewall refuses them before."""
    assert jail.runner.listening() == []
    tries = [(jail.stranger, 22), (jail.stranger, 8443), (jail.proxy, 9090), (jail.temporal, TEMPORAL_PORT)]
    tried = await asyncio.gather(
        *(asyncio.to_thread(machine.reaches, RUNNER, port) for machine, port in tries)
    )
    assert set(tried) == {"TimeoutError"}
    assert jail.refused()["refused_in"] >= len(tries)


def nothing_else_leaves(jail: EgressJail, hook: int) -> None:
    """The runner's user gets through to the proxy and to Temporal, and to nothing else, by name neither.

    Not even to the receiver of a webhook, which the proxy leads to.
    """
    user = MOVER.uid
    assert jail.runner.reaches(PROXY, 3128, user=user) == "yes"
    assert jail.runner.reaches(TEMPORAL, TEMPORAL_PORT, user=user) == "yes"
    before = jail.refused()
    for address, port in (
        ("192.0.2.66", 443),
        (PROXY, 22),
        (TEMPORAL, 22),
        ("127.0.0.1", 5432),
        ("::1", 5432),
        ("127.0.0.1", hook),
    ):
        assert jail.runner.reaches(address, port, user=user) == "ConnectionRefusedError", (address, port)
    assert jail.refused()["refused_out"] == before["refused_out"] + 6
    done = jail.runner.tried(
        "setpriv", "--reuid", str(user), "--clear-groups", "--", "getent", "ahostsv4", "api.box.com"
    )
    assert done.returncode != 0
    assert jail.refused()["refused_lookups"] > before["refused_lookups"]


def secret(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, but for files of this machine, which an organisation cannot name."""
    return {
        key: Secret(str(value)) if key in _SECRETS else value
        for key, value in values.items()
        if key != "ca_file"
    }


async def test_what_the_list_does_not_name_is_refused_until_it_does(
    jail: EgressJail, servers: Servers
) -> None:
    assert servers.webdav.plain_url is not None
    # Another address, since at the usual one every port is open that an FTP server may name for its data.
    url = servers.webdav.plain_url.replace("127.0.0.1", "127.0.0.77")
    place = url.split("/")[2]
    words = ("connect", "webdav", "new", f"url={url}", "plain=true", "username=u", "password=@env:P")
    mover = jail.mover(P=servers.webdav.password)
    words = (*words[:5], f"username={servers.webdav.username}", words[6])
    await asyncio.to_thread(jail.open_ways)
    refused = mover.run(*words, code=2)
    assert f"the proxy does not allow connections to {place}" in refused.err
    await asyncio.to_thread(lambda: jail.open_ways(egress_also=(place,)))
    mover.run(*words, code=0)
    # Now it is a connection in use, and need not be named any more.
    await asyncio.to_thread(jail.open_ways)
    before = len(jail.requests.read_text().splitlines())
    jail.mover().run("ls", "new:/", code=0)
    assert f" {place} " in "".join(jail.requests.read_text().splitlines()[before:])
    async with opened(jail) as state:
        await state.connections.remove("new")
    await asyncio.to_thread(jail.open_ways)
    refused = jail.mover(P=servers.webdav.password).run(*words, code=2)
    assert "the proxy does not allow connections" in refused.err
    assert jail.refused() == {"refused_out": 0, "refused_lookups": 0, "refused_in": 0}
    denied = [line for line in jail.requests.read_text().splitlines() if "TCP_DENIED/403" in line]
    assert [line for line in denied if f" {place} " in line]


async def test_socks_is_a_way_too_for_a_move_an_exchange_of_tokens_and_a_revocation(
    jail: EgressJail, servers: Servers
) -> None:
    box = box_of(servers.clouds)
    filled_in = servers.values()
    async with opened(jail) as state:
        for name in ("box", "ftps", "sftp"):
            service, values = filled_in[name]
            await state.connections.add(name, service, secret(values))
    put(servers.sftp.root / f"{NAME}-socks", FILES, owner=servers.sftp.owner)
    await asyncio.to_thread(lambda: jail.open_ways(proxy=Secret(DANTE_URL)))
    with jail.with_dante():
        mover = jail.mover(MOVER_PROXY=DANTE_URL)
        assert mover.copy(f"sftp:/{NAME}-socks", f"box:/{NAME}-socks")["failed"] == 0
        assert mover.copy(f"box:/{NAME}-socks", f"ftps:/{NAME}-socks")["failed"] == 0
        revoked = box.tally.calls["POST /oauth2/revoke"]
        mover.run("disconnect", "box", code=0)
        assert box.tally.calls["POST /oauth2/revoke"] == revoked + 1
    assert files_below(servers.ftps.root / f"{NAME}-socks") == FILES
    asked = jail.asked.read_text()
    assert PASSWORD not in asked
    assert jail.refused() == {"refused_out": 0, "refused_lookups": 0, "refused_in": 0}


def test_the_proxy_lets_nobody_through_without_the_password(jail: EgressJail) -> None:
    jail.open_ways()
    done = jail.mover(MOVER_PROXY="http://mover:wrong@192.0.2.10:3128", P="x").run(
        "connect", "sftp", "nobody", "host=127.0.0.1", "port=22", "username=u", "password=@env:P", code=2
    )
    assert "the proxy does not accept its user name and password (MOVER_PROXY)" in done.err
    assert "wrong" not in done.err


def test_without_the_proxy_nothing_leaves(jail: EgressJail) -> None:
    variables = {**jail.variables, "P": "x"}
    before = jail.refused()["refused_out"]
    mover = jail.mover(**variables)
    del mover.variables["MOVER_PROXY"]
    words = ("host=192.0.2.66", "port=22", "username=u", "password=@env:P")
    done = mover.run("connect", "sftp", "direct", *words, MOVER_ALLOW_PRIVATE_ADDRESSES="true", code=2)
    assert "no connection to 192.0.2.66:22" in done.err
    assert jail.refused()["refused_out"] > before
