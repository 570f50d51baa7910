from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mover.database.database import Database
from mover.errors import AddressRefused, InvalidConfiguration, ProtocolViolation, Unreachable
from mover.settings import Settings
from mover.transport.egress import Egress
from mover.transport.key_services import KeyServices, open_vault
from mover.transport.retries import RetryPolicy
from mover.vault.secret import Secret
from mover.vault.sources import HashicorpSource, KmsSource

CANARY = "canary-token-5b1e"


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server whose connections get these answers in turn (nothing at all for an empty one), and what it was asked."""
    left, asked = list(answers), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(65536))
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", asked


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[KeyServices]:
    made = KeyServices.from_settings(Settings(home=tmp_path))
    made._retries = RetryPolicy(attempts=3, first_s=0)
    yield made
    await made.close()


async def test_the_operators_key_service_may_be_at_a_private_address_and_connections_still_may_not(
    services: KeyServices, tmp_path: Path
) -> None:
    async with answering(http("200 OK", b"yes")) as (url, asked):
        answer = await services.post(url, {"X-Vault-Token": CANARY}, b"{}", allow_plain=True)

        assert (answer.status, answer.body) == (200, b"yes")
        assert b"X-Vault-Token: " + CANARY.encode() in asked[0]
        assert b"yes" not in repr(answer).encode()
        egress = Egress.from_settings(Settings(home=tmp_path))
        with pytest.raises(AddressRefused):
            await egress.connect("127.0.0.1", 443)
        await egress.close()


async def test_what_got_no_answer_is_sent_again_twice_at_most(services: KeyServices) -> None:
    async with answering(b"", b"", http("200 OK")) as (url, asked):
        assert (await services.post(url, {}, b"{}", allow_plain=True)).status == 200
        assert len(asked) == 3
    async with answering(b"", b"", b"") as (url, asked):
        with pytest.raises(Unreachable) as caught:
            await services.post(url, {"X-Vault-Token": CANARY}, CANARY.encode(), allow_plain=True)
        assert len(asked) == 3
        assert CANARY not in str(caught.value) + repr(caught.value.__cause__)


async def test_an_answer_is_handed_over_whatever_it_is_and_no_redirect_followed(
    services: KeyServices,
) -> None:
    async with answering(
        http("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/"), http("503 Sealed", b"s")
    ) as (url, asked):
        assert (await services.post(url, {}, b"{}", allow_plain=True)).status == 307
        assert (await services.post(url, {}, b"{}", allow_plain=True)).status == 503
        assert len(asked) == 2


async def test_an_endless_answer_is_cut_off(services: KeyServices) -> None:
    async with answering(http("200 OK", b"x" * (1024 * 1024 + 1))) as (url, _):
        with pytest.raises(ProtocolViolation, match="longer"):
            await services.post(url, {}, b"{}", allow_plain=True)


async def test_plain_http_is_refused_unless_insisted_on(services: KeyServices) -> None:
    async with answering(http("200 OK")) as (url, asked):
        with pytest.raises(InvalidConfiguration, match="plain http"):
            await services.post(url, {}, b"{}")
        assert asked == []


async def test_the_vault_uses_the_providers_of_the_settings_and_asks_none_before_one_is_needed(
    tmp_path: Path,
) -> None:
    settings = Settings(
        home=tmp_path,
        global_key_source=HashicorpSource(address="https://127.0.0.1:1", key="k", token=Secret(CANARY)),
        previous_global_keys=(
            KmsSource(key="alias/x", region="eu-central-1", endpoint="https://127.0.0.1:1"),
        ),
    )
    database = await Database.open(settings.database_url)
    async with open_vault(settings, database) as vault:
        assert await vault.fetch_all("local", "connection:1") == {}
        with pytest.raises(Unreachable) as caught:
            await vault.store("local", "connection:1", "password", Secret(CANARY))
    await database.close()

    assert CANARY not in str(caught.value)
