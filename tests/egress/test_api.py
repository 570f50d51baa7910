"""The API in the same network: mail, single sign-on and copies of the audit log leave through the one point, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.api.installation import Recorded
from tests.database_url import SUITE, Kind
from tests.e2e.command import Mover
from tests.mail.server import PASSWORD, USER, MailServer, mail_server
from tests.notices.receiver import Receiver, receiving
from tests.servers.certificates import make_certificates
from tests.servers.egress_jail import MOVER, EgressJail, egress_jail
from tests.servers.jail import can_jail
from tests.servers.openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, openid_provider
from tests.servers.processes import tool
from tests.servers.service import EMAIL, prepare_home

from mover.accounts.actor import Actor, Role
from mover.accounts.records import SingleSignOnSettings
from mover.api.services import make_services
from mover.notices.signatures import new_secret
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import open_workplace

PORT = 8443
LOCAL = "127.0.0.0/8"
PATIENCE_S = 60

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(300),
    pytest.mark.promise("P7", "egress"),
    pytest.mark.skipif(not can_jail(), reason="only root can make networks"),
    pytest.mark.skipif(SUITE is not Kind.SQLITE, reason="there is no database server in the networks"),
]


@pytest.fixture
def jail() -> Iterator[EgressJail]:
    with tempfile.TemporaryDirectory(prefix="mover-egress-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with egress_jail(folder, {}, {}) as made:
            yield made


class Lines(asyncio.Protocol):
    """What came to a receiver of syslog."""

    def __init__(self) -> None:
        self.port = 0
        self.received = bytearray()

    def data_received(self, data: bytes) -> None:
        self.received += data


@contextlib.asynccontextmanager
async def syslog() -> AsyncIterator[Lines]:
    lines = Lines()
    server = await asyncio.get_running_loop().create_server(lambda: lines, "127.0.0.1", 0)
    lines.port = server.sockets[0].getsockname()[1]
    async with server:
        yield lines


async def let_in_by(provider: OpenIdProvider, jail: EgressJail, ca_file: Path) -> Actor:
    """Make an organisation whose people come by way of a provider."""
    prepared = await prepare_home(jail.operator().home)
    settings = Settings(home=prepared.home, ca_file=ca_file, allow_private_addresses=LOCAL)
    wanted = SingleSignOnSettings(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        domains=("example.org",),
        default_role=Role.OPERATOR,
        required=False,
    )
    async with open_workplace(settings) as place:
        services = make_services(place, Recorded())
        await services.single_sign_on.configure(prepared.actor, wanted, Secret(CLIENT_SECRET))
        await services.accounts.close()
    return prepared.actor


def press(jail: EgressJail, path: str, **form: str) -> str:
    """Send a form of the pages, from the runner's machine itself; returns the head of the answer."""
    url = f"https://localhost:{PORT}"
    words = [tool("curl"), "-sk", "-D", "-", "-o", "/dev/null", "--resolve", f"localhost:{PORT}:127.0.0.1"]
    words += ["-H", f"Origin: {url}", "-X", "POST"]
    for name, value in form.items():
        words += ["--data-urlencode", f"{name}={value}"]
    done = subprocess.run(
        jail.runner.network_only(*words, f"{url}{path}"), capture_output=True, text=True, check=False
    )
    return done.stdout


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - who comes tells nobody
            await asyncio.sleep(0.05)


async def test_what_the_api_sends_leaves_through_the_proxy_and_nowhere_else(
    jail: EgressJail, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path / "tls")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    async with contextlib.AsyncExitStack() as stack:
        mails: MailServer = await stack.enter_async_context(mail_server(tls, implicit=True))
        provider = await stack.enter_async_context(openid_provider(tmp_path / "tls", 0))
        lines = await stack.enter_async_context(syslog())
        hook: Receiver = await stack.enter_async_context(receiving(tls))
        owner = await let_in_by(provider, jail, made.ca_file)
        trusted = jail.folder / "ca.pem"
        trusted.write_bytes(made.ca_file.read_bytes())
        sent = {
            "smtp_url": f"smtps://{quote(USER)}:{quote(PASSWORD, safe='')}@localhost:{mails.port}",
            "audit_syslog": f"tcp://127.0.0.1:{lines.port}",
            "audit_webhook": hook.url,
        }
        secrets = {"smtp_url": Secret(sent["smtp_url"]), "audit_webhook_secret": new_secret()}
        await asyncio.to_thread(lambda: jail.open_ways(**{**sent, **secrets, "mail_from": USER}))
        provider.requests.clear()
        mover: Mover = jail.mover(
            MOVER_CA_FILE=str(trusted),
            MOVER_PUBLIC_URL=f"https://localhost:{PORT}",
            MOVER_SMTP_URL=sent["smtp_url"],
            MOVER_MAIL_FROM=USER,
            MOVER_AUDIT_SYSLOG=sent["audit_syslog"],
            MOVER_AUDIT_WEBHOOK=hook.url,
            MOVER_AUDIT_WEBHOOK_SECRET=secrets["audit_webhook_secret"].reveal(),
        )
        process = mover.start("api", "--host", "127.0.0.1", "--port", str(PORT))
        try:
            await asyncio.to_thread(process.runs_until, lambda: bool(press(jail, "/nothing")))
            away = await asyncio.to_thread(press, jail, f"/sign-in/organisation/{owner.organisation_id}")
            assert f"{provider.issuer}/authorize?" in away, away
            asked = await asyncio.to_thread(functools.partial(press, jail, "/forgotten", email=EMAIL))
            assert " 200" in asked, asked
            await until(lambda: mails.mails and lines.received and hook.received)
        finally:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself, which was noticed
                process.kill()
    assert provider.requests == ["/.well-known/openid-configuration"]
    assert mails.signed_in == [True]
    assert jail.refused() == {"refused_out": 0, "refused_lookups": 0, "refused_in": 0}
    tunnels = jail.requests.read_text().splitlines()
    for place in (
        f"localhost:{mails.port}",
        provider.issuer.removeprefix("https://"),
        sent["audit_syslog"][6:],
        f"127.0.0.1:{hook.port}",
    ):
        assert any(f" {place} " in line and f" {MOVER.name} " in line for line in tunnels), (place, tunnels)
    assert "DENIED" not in "".join(tunnels)
    assert "webhook-signature" in hook.received[0].headers
    refused_directly(jail, mails.port, hook.port)


def refused_directly(jail: EgressJail, *ports: int) -> None:
    """What was reached through the proxy is refused, and counted, for who does not ask the proxy."""
    before = jail.refused()["refused_out"]
    for port in ports:
        assert jail.runner.reaches("127.0.0.1", port, user=MOVER.uid) == "ConnectionRefusedError"
    assert jail.refused()["refused_out"] == before + len(ports)
