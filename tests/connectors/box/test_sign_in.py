"""Tokens: of people, exchanged once each; of apps, by secret or key."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from functools import cache
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from simulators.box.organisation import ENTERPRISE_ID
from simulators.front import RunningFront
from tests.contents import GivenContent
from tests.contract.acts import listed, target
from tests.servers.box import ANN, APPS, BEN, connected, enterprise, person
from tests.servers.simulators import simulators_egress

from mover.connectors.box.config import BoxConfig
from mover.connectors.box.sign_in import OAUTH
from mover.entries import ROOT, EntryRef
from mover.errors import (
    AccountSuspended,
    InvalidConfiguration,
    SignInFailed,
    TokenRenewed,
    UserNotFound,
)
from mover.transport.oauth.authorization import authorization_address, code_of, redeem
from mover.transport.oauth.endpoint import show_token
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.tokens import MemoryKeeper
from mover.vault.secret import Secret
from simulators.box import Box

pytestmark = pytest.mark.servers

REDIRECT = "https://localhost:8443/"
TOKEN = "POST /oauth2/token"
PASSPHRASE = "the-passphrase"


def refresh_token(box: Box) -> Secret:
    return Secret(box.organisation.accounts.issue(person(box), kind="refresh", lifetime_s=5_184_000).value)


@pytest.fixture
async def browser(simulators: RunningFront) -> AsyncIterator[httpx.AsyncClient]:
    trusted = ssl.create_default_context(cafile=simulators.ca_file)
    async with httpx.AsyncClient(proxy=simulators.proxy_url, verify=trusted, trust_env=False) as made:
        yield made


async def test_a_person_signs_in_by_the_consent_page_and_revokes(
    simulators: RunningFront, box: Box, browser: httpx.AsyncClient
) -> None:
    proofs = Proofs.of(Secret("a ticket"), "test")
    address = authorization_address(OAUTH, BoxConfig(), APPS["box"], proofs, REDIRECT)
    assert address.startswith("https://account.box.com/api/oauth2/authorize?")
    assert ANN in (await browser.get(address)).text
    sent_back = await browser.post(address, data={"decision": "allow", "person": ANN})
    answer = dict(parse_qsl(urlsplit(sent_back.headers["location"]).query))
    egress = simulators_egress(simulators)
    http = egress.http("box")
    code = code_of(answer, OAUTH, BoxConfig(), proofs)
    granted = await redeem(http, OAUTH, BoxConfig(), APPS["box"], code, proofs, REDIRECT)
    assert granted.refresh_token is not None
    assert granted.lifetime_s == 3600
    async with connected(simulators, values={"refresh_token": granted.refresh_token}) as connector:
        account = await connector.sign_in()
        assert (account.email, account.tenant, account.description) == (ANN, ENTERPRISE_ID, f"{ANN} at Box")
    assert OAUTH.revoke_url is not None
    await show_token(
        http,
        OAUTH.revoke_url(BoxConfig()),
        OAUTH.revoke_parameters(granted.access_token),
        app=APPS["box"],
    )
    await egress.close()
    assert box.organisation.accounts.find(granted.access_token.reveal()) is None


async def test_a_code_is_good_for_half_a_minute(
    simulators: RunningFront, box: Box, browser: httpx.AsyncClient
) -> None:
    proofs = Proofs.of(Secret("a ticket"), "test")
    address = authorization_address(OAUTH, BoxConfig(), APPS["box"], proofs, REDIRECT)
    sent_back = await browser.post(address, data={"decision": "allow", "person": ANN})
    code = Secret(dict(parse_qsl(urlsplit(sent_back.headers["location"]).query))["code"])
    simulators.world.clock.advance(31)
    egress = simulators_egress(simulators)
    with pytest.raises(SignInFailed, match="expired"):
        await redeem(egress.http("box"), OAUTH, BoxConfig(), APPS["box"], code, proofs, REDIRECT)
    await egress.close()
    assert not [token for token in box.organisation.accounts.tokens.values() if token.kind == "refresh"]


async def test_many_calls_at_once_exchange_a_refresh_token_once_and_keep_the_next_one(
    simulators: RunningFront, box: Box
) -> None:
    first = refresh_token(box)
    keeper = MemoryKeeper({"refresh_token": first})
    async with connected(simulators, keeper=keeper, values={"refresh_token": first}) as connector:
        await asyncio.gather(*(listed(connector, ROOT) for _ in range(10)))
        assert box.tally.calls[TOKEN] == 1
        assert keeper.secrets["refresh_token"] != first
        simulators.world.clock.advance(
            3700
        )  # Box takes the access token no more, though our clock does not know
        await asyncio.gather(*(listed(connector, ROOT) for _ in range(10)))
        assert box.tally.calls[TOKEN] == 2


async def test_a_refresh_token_that_another_process_has_spent_is_taken_from_the_keeper(
    simulators: RunningFront, box: Box
) -> None:
    first = refresh_token(box)
    keeper = MemoryKeeper({"refresh_token": first})
    for _ in range(2):  # two processes, both configured with the first one
        async with connected(simulators, keeper=keeper, values={"refresh_token": first}) as connector:
            await listed(connector, ROOT)
    assert box.tally.calls[TOKEN] == 1


async def test_an_upload_in_the_middle_of_which_the_token_ends_is_begun_again(
    simulators: RunningFront, box: Box
) -> None:
    keeper = MemoryKeeper({"refresh_token": refresh_token(box)})
    async with connected(simulators, keeper=keeper, values=keeper.secrets) as connector:
        simulators.world.clock.advance(3700)
        content = GivenContent(bytes(1_000_000))
        with pytest.raises(TokenRenewed):
            await connector.upload(target(ROOT, "file"), content)
        assert (await connector.upload(target(ROOT, "file"), content)).size == 1_000_000
        simulators.world.clock.advance(3700)
        await connector.upload(target(ROOT, "small"), GivenContent(b"x"))  # could be sent twice, and was


@pytest.mark.parametrize("end", ["revoked", "expired", "suspended"])
async def test_a_sign_in_that_has_ended_is_told_as_such(simulators: RunningFront, box: Box, end: str) -> None:
    keeper = MemoryKeeper({"refresh_token": refresh_token(box)})
    async with connected(simulators, keeper=keeper, values=keeper.secrets) as connector:
        ann = person(box)
        match end:
            case "revoked":
                box.organisation.accounts.revoke_all(ann)
            case "expired":
                simulators.world.clock.advance(61 * 24 * 3600)
            case _:
                box.organisation.suspend(ann)
        with pytest.raises(SignInFailed) as caught:
            await listed(connector, ROOT)
    assert "connect" in caught.value.advice.lower()


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def app_config(box: Box, passphrase: str = PASSPHRASE) -> Secret:
    """What the developer console gives, with the key known to Box."""
    box.signing_in.keys["key-1"] = (
        key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    private = key().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
    )
    settings = {
        "clientID": "test-app",
        "clientSecret": "test-secret",
        "appAuth": {"publicKeyID": "key-1", "privateKey": private.decode(), "passphrase": passphrase},
    }
    return Secret(json.dumps({"boxAppSettings": settings, "enterpriseID": ENTERPRISE_ID}))


async def test_an_app_signs_with_its_key(simulators: RunningFront, box: Box) -> None:
    now = simulators.world.clock.now_s
    async with enterprise(simulators, {"app_config": app_config(box)}, now=now) as connector:
        assert [entry.name for entry in await listed(connector, EntryRef("/Users"))] == [ANN, BEN]
        simulators.world.clock.advance(3700)
        await listed(connector, EntryRef("/Users"))
    assert box.tally.calls[TOKEN] == 2


async def test_a_key_that_does_not_open_and_a_text_that_is_none_are_no_secrets_in_errors(
    simulators: RunningFront, box: Box
) -> None:
    given = app_config(box, "wrong")
    for values, said in (({"app_config": given}, "passphrase"), ({"app_config": Secret("{}")}, "JSON")):
        with pytest.raises(InvalidConfiguration, match=said) as caught:
            async with enterprise(simulators, values):
                pass
        assert "PRIVATE" not in str(caught.value)
        assert "wrong" not in str(caught.value)


async def test_an_app_that_was_not_authorized_is_told_so(simulators: RunningFront, box: Box) -> None:
    box.signing_in.enterprise_access = False
    with pytest.raises(SignInFailed, match="Grant credentials are invalid"):
        async with enterprise(simulators):
            pass


async def test_users_of_an_enterprise(simulators: RunningFront, box: Box) -> None:
    box.organisation.suspend(person(box, BEN))
    cat = box.organisation.add_person("cat@example.org")
    box.organisation.suspend(cat, "cannot_delete_edit_upload")
    async with enterprise(simulators, page=1) as connector:
        places = [place async for page in connector.directory.all() for place in page]
        assert [(place.path, place.ready) for place in places] == [
            (f"/Users/{ANN}", True),
            (f"/Users/{BEN}", False),
            ("/Users/cat@example.org", False),
        ]
        root = await listed(connector, EntryRef("/"))
        assert [entry.name for entry in root] == ["Users"]
        with pytest.raises(UserNotFound):
            await connector.look_up("/Users/nobody@example.org")
        with pytest.raises(AccountSuspended):
            await connector.look_up(f"/Users/{BEN}")


async def test_a_user_who_is_suspended_in_the_middle_of_a_move(simulators: RunningFront, box: Box) -> None:
    async with enterprise(simulators) as connector:
        folder = EntryRef(f"/Users/{BEN}")
        await connector.upload(target(folder, "file"), GivenContent(b"x"))
        box.organisation.suspend(person(box, BEN))
        with pytest.raises(AccountSuspended):
            await connector.upload(target(folder, "file 2"), GivenContent(b"x"))
        ann = await connector.look_up(f"/Users/{ANN}")
        assert ann.name == ANN


async def test_calls_for_a_user_cost_one_call_to_find_the_user(simulators: RunningFront, box: Box) -> None:
    async with enterprise(simulators) as connector:
        box.tally.clear()
        folder = EntryRef(f"/Users/{BEN}")
        for number in range(5):
            await connector.upload(target(folder, f"file {number}"), GivenContent(b"x"))
        assert box.tally.calls == {"GET /2.0/users": 1, "POST /api/2.0/files/content": 5}
    assert len(box.organisation.drive(BEN).children(box.organisation.drive(BEN).root)) == 5
