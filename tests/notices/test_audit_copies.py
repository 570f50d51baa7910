"""Copies of the audit log: in order, at least once, never in the way of an act."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.audit.log import A, Log, Who, open_log
from tests.certificates import make_authority
from tests.database_url import Kind
from tests.notices.receiver import receiving
from tests.notices.test_notices import is_signed
from tests.transport.scripted_server import server_tls

from mover.audit import queries
from mover.audit.reading import copies_of_file
from mover.audit.verifying import Copied
from mover.errors import InvalidConfiguration, Unreachable
from mover.notices.audit_copies import PAUSES_S, AuditCopies, SyslogReceiver, WebhookReceiver
from mover.notices.syslog import line_to, message
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.transport.proxy import Proxy
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("audit")

RFC5424 = re.compile(
    r"<109>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<host>[!-~]{1,255}) mover \d+ (?P<id>[!-~]{1,32}) - (?P<text>.*)"
)
SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@pytest.fixture
async def log(tmp_path: Path, database_url: str, database_kind: Kind) -> AsyncIterator[Log]:  # noqa: ARG001 - chosen before
    opened = await open_log(tmp_path, database_url)
    yield opened
    await opened.database.close()


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    opened = Egress(allowed=PrivateAddresses(every=True))
    yield opened
    await opened.close()


@dataclass
class Server:
    """A syslog server that counts octets, as RFC 6587 has it."""

    port: int = 0
    taken: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    hang_up: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not self.hang_up:
                length = int((await reader.readuntil(b" ")).decode())
                self.taken.append((await reader.readexactly(length)).decode("ascii"))
                self.arrived.set()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def syslog(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


async def events(log: Log, count: int) -> None:
    for number in range(count):
        await log.record(Who(organisation_id=A), "map.created", f"map {number} \u00e9\u2028")
    await log.sealer.seal_due()


def copies(log: Log, **receivers) -> AuditCopies:
    return AuditCopies(log.database, receivers, now_ns=log.clock)


def sent(messages: list[str]) -> list[dict[str, object]]:
    return [json.loads(parsed(one)["text"]) for one in messages]


def parsed(message: str) -> re.Match[str]:
    found = RFC5424.fullmatch(message)
    assert found
    return found


async def arrived(server: Server, count: int) -> None:
    async with asyncio.timeout(10):
        while len(server.taken) < count:
            server.arrived.clear()
            await server.arrived.wait()


async def test_every_event_arrives_by_tcp_in_order_and_once_and_can_be_compared(
    log: Log, egress: Egress, tmp_path: Path
) -> None:
    async with syslog() as server:
        copier = copies(
            log, syslog=SyslogReceiver(line_to(f"tcp://127.0.0.1:{server.port}", egress), host="h")
        )
        await events(log, 3)
        assert await copier.lag() == {"syslog": 4}
        assert await copier.send_due() == 4
        await events(log, 1)
        assert await copier.send_due() == 1
        assert await copier.send_due() == 0
        await arrived(server, 5)
        await copier.close()

    assert await copier.lag() == {"syslog": 0}
    told = sent(server.taken)
    assert [one["position"] for one in told] == [1, 2, 3, 4, 5]
    found = parsed(server.taken[1])
    assert (found["host"], found["id"], found["time"][:4]) == ("h", "map.created", "2023")
    file = tmp_path / "syslog.log"
    file.write_text("\n".join(server.taken))
    with file.open("rb") as stream:
        report = await log.verify(None, tuple(copies_of_file(stream)))
    assert (report.intact, report.compared) == (True, 5)


async def test_tls_is_spoken_and_a_stranger_is_not_spoken_to(log: Log, tmp_path: Path) -> None:
    await events(log, 1)
    authority = make_authority(tmp_path)
    async with syslog(server_tls(*authority.issue("127.0.0.1"))) as server:
        for ca_file, taken in ((None, 0), (authority.ca_file, 2)):
            egress = Egress(allowed=PrivateAddresses(every=True), ca_file=ca_file)
            line = line_to(f"tls://127.0.0.1:{server.port}", egress)
            copier = copies(log, syslog=SyslogReceiver(line))
            log.clock.ns += 10**12
            assert await copier.send_due() == taken
            await copier.close()
            await egress.close()
        await arrived(server, 2)


async def test_datagrams_go_to_udp_and_to_a_local_socket(log: Log, egress: Egress, tmp_path: Path) -> None:
    await events(log, 1)
    local = tmp_path / "log"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by_udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as by_path,
    ):
        by_udp.bind(("127.0.0.1", 0))
        by_path.bind(str(local))
        for one in (by_udp, by_path):
            one.settimeout(10)
        copier = copies(
            log,
            udp=SyslogReceiver(line_to(f"udp://127.0.0.1:{by_udp.getsockname()[1]}", egress)),
            unix=SyslogReceiver(line_to(f"unix://{local}", egress)),
        )
        assert await copier.send_due() == 4
        received = [[one.recv(65536).decode() for _ in range(2)] for one in (by_udp, by_path)]
        await copier.close()

    assert [[one["position"] for one in sent(some)] for some in received] == [[1, 2], [1, 2]]


async def test_a_receiver_that_is_away_is_tried_again_later_and_acts_go_on(log: Log, egress: Egress) -> None:
    async with syslog() as server:
        port = server.port
    copier = copies(log, syslog=SyslogReceiver(line_to(f"tcp://127.0.0.1:{port}", egress)))
    await events(log, 2)

    assert await copier.send_due() == 0
    state = await log.database.read(lambda c: queries.stream(c, "syslog"))
    assert (state.position, state.failures) == (0, 1)
    assert "no connection" in state.trouble
    assert state.due_ns == log.clock.ns + PAUSES_S[0] * 10**9
    await events(log, 1)  # an act asks nobody
    listening = await asyncio.start_server((back := Server()).serve, "127.0.0.1", port)
    try:
        assert await copier.send_due() == 0  # it rests
        log.clock.ns += PAUSES_S[0] * 10**9
        assert await copier.send_due() == 4
        await arrived(back, 4)
        await copier.close()
    finally:
        listening.close()
        await listening.wait_closed()
    state = await log.database.read(lambda c: queries.stream(c, "syslog"))
    assert (state.position, state.failures, state.trouble) == (4, 0, "")


async def test_what_was_sent_into_a_connection_that_had_broken_is_sent_again(
    log: Log, egress: Egress
) -> None:
    async with syslog() as server:
        line = line_to(f"tcp://127.0.0.1:{server.port}", egress)
        copier = copies(log, syslog=SyslogReceiver(line))
        await events(log, 1)
        await copier.send_due()
        await arrived(server, 2)
        server.hang_up = True
        await events(log, 1)  # read by the server, which then hangs up
        await copier.send_due()
        await arrived(server, 3)
        server.hang_up = False
        async with asyncio.timeout(10):
            assert await line._open[0].read() == b""  # type: ignore[attr-defined]  # until it has noticed
        await events(log, 1)
        assert await copier.send_due() == 1
        await arrived(server, 4)
        await copier.close()

    assert [one["position"] for one in sent(server.taken)] == [1, 2, 3, 4]


async def test_two_runners_do_not_copy_the_same_at_the_same_time(
    log: Log, egress: Egress, tmp_path: Path, database_url: str
) -> None:
    other = await open_log(tmp_path, database_url)
    async with syslog() as server:
        url = f"tcp://127.0.0.1:{server.port}"
        mine, theirs = (copies(one, syslog=SyslogReceiver(line_to(url, egress))) for one in (log, other))
        await events(log, 20)
        await asyncio.gather(mine.send_due(), theirs.send_due())
        await mine.send_due()
        await arrived(server, 21)
        await mine.close()
        await theirs.close()
    await other.database.close()

    assert [one["position"] for one in sent(server.taken)] == list(range(1, 22))


async def test_a_webhook_gets_signed_messages_with_the_same_id_when_they_are_sent_again(
    log: Log, egress: Egress
) -> None:
    async with receiving() as receiver:
        session = egress.http("audit webhook", allow_plain=True)
        hook = WebhookReceiver(session, receiver.url, SECRET, now_ns=log.clock)
        copier = copies(log, webhook=hook)
        await events(log, 1)
        receiver.answers = [b"500 Broken"]
        assert await copier.send_due() == 0
        receiver.answers = [b"204 No Content"]
        log.clock.ns += PAUSES_S[0] * 10**9
        assert await copier.send_due() == 2
        await copier.close()

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "audit_1_2"
    assert is_signed(SECRET, second.headers, second.body)
    told = json.loads(second.body)
    assert told["type"] == "audit.events"
    assert [one["number"] for one in told["data"]["events"]] == [1, 1]
    with_hash = [Copied(organisation_id=A, number=1, hash=told["data"]["events"][1]["hash"])]
    assert (await log.verify(None, tuple(with_hash))).compared == 1


async def test_private_addresses_are_as_forbidden_as_everywhere(log: Log) -> None:
    await events(log, 1)
    strict = Egress()
    copier = copies(
        log,
        tcp=SyslogReceiver(line_to("tcp://127.0.0.1:601", strict)),
        udp=SyslogReceiver(line_to("udp://127.0.0.1:514", strict)),
    )

    assert await copier.send_due() == 0
    troubles = [one.trouble for one in await log.database.read(queries.streams)]
    assert len(troubles) == 2
    assert all("127.0.0.1" in one for one in troubles)
    await strict.close()


async def test_udp_is_refused_where_everything_goes_through_a_proxy() -> None:
    behind = Egress(proxy=Proxy.parse(Secret("http://127.0.0.1:3128")))

    with pytest.raises(InvalidConfiguration, match="cannot go through the proxy"):
        await behind.datagrams("logs.example.org", 514)
    await behind.close()


async def test_a_local_socket_that_is_not_there_is_said(egress: Egress, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="there is no syslog at"):
        await line_to(f"unix://{tmp_path}/none", egress).send([b"x"])


def test_a_message_has_no_room_for_another_one() -> None:
    spelled = message('{"a":1}', "a b\n<1>" + "x" * 99, 0, host="ho st\n", process=7).decode()

    assert spelled.startswith("<109>1 1970-01-01T00:00:00.000000Z host mover 7 ab<1>xxx")
    assert len(spelled.split(" ")[5]) == 32
    assert "\n" not in spelled


@pytest.mark.parametrize(
    "url",
    ["http://x", "udp://", "tls://h/path", "unix://host/path", "unix:///", "tcp://u@h", "tcp://h:0", "x"],
)
def test_addresses_that_cannot_be_are_refused(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="MOVER_AUDIT_SYSLOG"):
        Settings(audit_syslog=url)


@pytest.mark.parametrize(
    "secret", ["x", "whsec_", "whsec_AAAA", "whsec_!!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
)
def test_a_secret_that_signs_nothing_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidConfiguration) as refused:
        Settings(audit_webhook="https://logs.example.org", audit_webhook_secret=Secret(secret))
    assert "MOVER_AUDIT_WEBHOOK_SECRET" in str(refused.value)
    assert len(secret) < 7 or secret not in str(refused.value)
    with pytest.raises(InvalidConfiguration, match="belong together"):
        Settings(audit_webhook="https://logs.example.org")
