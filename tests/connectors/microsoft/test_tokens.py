"""Signing in, of people and of apps; tokens that end, are revoked, and renewed."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from simulators.accounts import Person
from simulators.front import RunningFront
from tests.connectors.microsoft.conftest import Connects
from tests.contract.acts import listed
from tests.servers.simulators import simulators_egress

from mover.connectors.microsoft import CONNECTOR_TYPE, OFFICE365_TYPE, SHAREPOINT_TYPE
from mover.connectors.microsoft.app_sign_in import signed_assertion
from mover.connectors.microsoft.config import Office365Config, OneDriveConfig
from mover.connectors.microsoft.sign_in import ONEDRIVE_OAUTH
from mover.connectors.registry import ConnectorType
from mover.entries import ROOT
from mover.errors import AccountSuspended, InvalidConfiguration, SignInFailed, UserNotFound
from mover.transport.oauth.authorization import authorization_address, code_of, redeem
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.refusals import AppRefused
from mover.transport.oauth.tokens import REFRESH_TOKEN, MemoryKeeper
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers

APP = AppRegistration(client_id="test-app", client_secret=Secret("test-secret"))
REDIRECT = "http://localhost:40123/"


def _refresh_token(vendor: Microsoft, person: Person) -> Secret:
    issued = vendor.state.accounts.issue(
        person, kind="refresh", lifetime_s=None, scopes=("offline_access", "Files.ReadWrite.All")
    )
    return Secret(issued.value)


async def test_a_person_signs_in_at_the_page_and_is_told_who(
    simulators: RunningFront, vendor: Microsoft, connects: Connects
) -> None:
    anna = vendor.add_user("anna")
    config = OneDriveConfig()
    proofs = Proofs.of(Secret("ticket"), "test")
    address = authorization_address(ONEDRIVE_OAUTH, config, APP, proofs, REDIRECT)
    assert address.startswith("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?")
    async with httpx.AsyncClient(
        proxy=simulators.proxy_url,
        verify=ssl.create_default_context(cafile=simulators.ca_file),
        trust_env=False,
    ) as browser:
        assert "Continue as anna@contoso.example" in (await browser.get(address)).text
        sent_on = await browser.post(address, data={"person": anna.email, "decision": "allow"})
    answer = {
        name: values[0] for name, values in parse_qs(urlsplit(sent_on.headers["location"]).query).items()
    }
    code = code_of(answer, ONEDRIVE_OAUTH, config, proofs)
    egress = simulators_egress(simulators)
    granted = await redeem(egress.http("onedrive"), ONEDRIVE_OAUTH, config, APP, code, proofs, REDIRECT)
    await egress.close()
    assert granted.refresh_token is not None
    connector = await connects(CONNECTOR_TYPE, signs_in=False, access_token=granted.access_token)
    account = await connector.sign_in()
    assert account.description == "anna@contoso.example at OneDrive for Business"
    assert (account.email, account.tenant) == (anna.email, "")
    assert account.secure


@pytest.mark.parametrize("kind", [CONNECTOR_TYPE, SHAREPOINT_TYPE])
async def test_the_organisation_is_told_where_a_certain_one_is_wanted(
    vendor: Microsoft, connects: Connects, kind: ConnectorType
) -> None:
    anna = vendor.add_user("anna")
    connector = await connects(
        kind, signs_in=False, access_token=Secret(vendor.token(anna)), allowed_tenant=vendor.state.tenant_id
    )
    account = await connector.sign_in()
    assert (account.email, account.tenant) == (anna.email, vendor.state.tenant_id)


async def test_a_microsoft_account_is_told_by_its_address(vendor: Microsoft, connects: Connects) -> None:
    paul = vendor.add_microsoft_account("paul@outlook.example")
    connector = await connects(
        CONNECTOR_TYPE, signs_in=False, access_token=Secret(vendor.token(paul)), allowed_tenant="x"
    )
    account = await connector.sign_in()
    assert (account.description, account.email, account.tenant) == (
        "paul@outlook.example at OneDrive",
        paul.email,
        "",
    )


async def test_least_scopes_are_asked_for() -> None:
    def of(kind: object) -> set[str]:
        assert hasattr(kind, "oauth")
        return {scope.rpartition("/")[2] for scope in kind.oauth.scopes(OneDriveConfig())}

    assert of(CONNECTOR_TYPE) == {"offline_access", "User.Read", "Files.ReadWrite.All"}
    assert of(SHAREPOINT_TYPE) == {"offline_access", "User.Read", "Sites.ReadWrite.All"}
    assert OFFICE365_TYPE.oauth is None


async def test_an_expired_token_is_renewed_and_the_new_refresh_token_kept(
    vendor: Microsoft, connects: Connects
) -> None:
    anna = vendor.add_user("anna")
    refresh = _refresh_token(vendor, anna)
    keeper = MemoryKeeper({REFRESH_TOKEN: refresh})
    connector = await connects(
        CONNECTOR_TYPE,
        surroundings={"keeper": keeper, "apps": {"microsoft": APP}},
        refresh_token=refresh,
        access_token=Secret(vendor.token(anna, lifetime_s=-1)),
    )
    assert await listed(connector, ROOT) == []
    assert keeper.secrets[REFRESH_TOKEN] != refresh
    vendor.state.clock.advance(3600)
    assert await listed(connector, ROOT) == []
    assert vendor.tally.calls["POST token"] == 2


@pytest.mark.parametrize("ends", ["suspended", "revoked"])
async def test_a_revoked_account_is_told_as_signed_out_and_a_suspended_one_as_such(
    vendor: Microsoft, connects: Connects, ends: str
) -> None:
    anna = vendor.add_user("anna")
    refresh = _refresh_token(vendor, anna)
    around = {"keeper": MemoryKeeper({REFRESH_TOKEN: refresh}), "apps": {"microsoft": APP}}
    connector = await connects(CONNECTOR_TYPE, surroundings=around, refresh_token=refresh)
    if ends == "suspended":
        anna.is_active = False
        vendor.state.clock.advance(3600)
        with pytest.raises(AccountSuspended):
            await listed(connector, ROOT)
    else:
        vendor.state.accounts.revoke_all(anna)
        with pytest.raises(SignInFailed, match="does not accept the sign-in any more"):
            await listed(connector, ROOT)


async def test_an_account_without_a_drive_is_told_what_to_do(vendor: Microsoft, connects: Connects) -> None:
    anna = vendor.add_user("anna", provisioned=False)
    with pytest.raises(UserNotFound, match="open it once in a browser"):
        await connects(CONNECTOR_TYPE, access_token=Secret(vendor.token(anna)))


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Mover")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _values(vendor: Microsoft, key: rsa.RSAPrivateKey, passphrase: str | None = None) -> dict[str, object]:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
    return {
        "tenant": vendor.state.tenant_id,
        "client_id": "test-app",
        "certificate": Secret(_certificate(key).public_bytes(Encoding.PEM).decode()),
        "private_key": Secret(pem),
        "passphrase": Secret(passphrase) if passphrase else None,
    }


async def test_an_app_signs_in_with_its_certificate(
    vendor: Microsoft, connects: Connects, key: rsa.RSAPrivateKey
) -> None:
    vendor.add_user("anna")
    values = _values(vendor, key, "open sesame")
    with pytest.raises(AppRefused, match="AADSTS700027"):
        await connects(OFFICE365_TYPE, **values)
    vendor.sign_in.certificates["test-app"] = [_certificate(key)]
    with pytest.raises(AppRefused, match="AADSTS700027"):  # the same key, another certificate
        await connects(OFFICE365_TYPE, **values)
    certificate = values["certificate"]
    assert isinstance(certificate, Secret)
    vendor.sign_in.certificates["test-app"] = [x509.load_pem_x509_certificate(certificate.reveal().encode())]
    connector = await connects(OFFICE365_TYPE, **values)
    vendor.tally.clear()
    assert [entry.name for entry in await listed(connector, ROOT)] == ["Users", "Sites"]
    assert [entry.name async for page in connector.list_folder(ROOT.child("Users")) for entry in page.entries]
    assert vendor.tally.calls["POST token"] == 0
    for token in vendor.state.accounts.tokens.values():
        token.is_spent = True
    assert (await connector.look_up("/Users/anna@contoso.example")).id is not None


async def test_keys_that_do_not_fit_are_told_before_anything_is_sent(
    vendor: Microsoft, key: rsa.RSAPrivateKey
) -> None:
    other = rsa.generate_private_key(65537, 2048)
    values = _values(vendor, key)
    pem = _values(vendor, other)["private_key"]
    for wrong, words in (
        ({"private_key": pem}, "not the key of the certificate"),
        ({"private_key": Secret("MIIEvQ")}, "neither in PEM form"),
        ({"certificate": Secret("-----BEGIN x")}, "no certificate"),
    ):
        config = Office365Config.model_validate(values | wrong)
        with pytest.raises(InvalidConfiguration, match=words):
            signed_assertion(config, 0, "id")
    config = Office365Config.model_validate(_values(vendor, key, "right") | {"passphrase": Secret("wrong")})
    with pytest.raises(SignInFailed, match="passphrase"):
        signed_assertion(config, 0, "id")
    with pytest.raises(ValidationError, match="either client_secret or certificate"):
        Office365Config.model_validate({**values, "client_secret": Secret("x")})
    with pytest.raises(ValidationError, match="belong together"):
        Office365Config.model_validate({**values, "private_key": None})
