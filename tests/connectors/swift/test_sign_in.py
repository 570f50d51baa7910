"""Every form of signing in, at what speaks like Keystone and Rackspace, and what hostile ones answer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.connectors.s3.scripted import Reply, Request, ScriptedServer
from tests.connectors.swift.acts import PASSWORD, entries, made, put, read, scripted, signed_in
from tests.servers import identity as known
from tests.servers.identity import IdentityServer
from tests.servers.openstack import SwiftServer
from tests.servers.processes import tool

from mover.connectors.swift.identity import Identity
from mover.errors import (
    AddressRefused,
    InvalidConfiguration,
    MoverError,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
)
from mover.vault.secret import Secret

FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "rackspace": ("/v2.0", {"username": known.USERNAME, "api_key": known.API_KEY, "region": "dfw"}),
    "keystone2": ("/v2.0/", {"username": known.USERNAME, "password": known.PASSWORD}),
    "keystone3": (
        "/v3",
        {"username": known.USERNAME, "password": known.PASSWORD, "project": known.PROJECT},
    ),
    "application_credential": (
        "/v3/",
        {
            "application_credential_id": known.CREDENTIAL_ID,
            "application_credential_secret": known.CREDENTIAL_SECRET,
        },
    ),
    "application_credential by name": (
        "",
        {
            "username": known.USERNAME,
            "application_credential_name": known.CREDENTIAL_NAME,
            "application_credential_secret": known.CREDENTIAL_SECRET,
        },
    ),
}


@pytest.mark.servers
@pytest.mark.parametrize("form", FORMS)
async def test_each_form_of_signing_in_leads_to_the_account(
    form: str, identity: IdentityServer, container: str
) -> None:
    path, values = FORMS[form]
    given = {"url": identity.url + path, "ca_file": identity.ca_file, "container": container, **values}
    identity.sign_ins.clear()
    connector = made(given)
    account = await connector.sign_in()
    await put(connector, "/file", b"x")
    assert await read(connector, "/file") == b"x"
    await connector.close()
    assert identity.sign_ins == [form.partition(" ")[0]]
    assert account.secure
    assert known.PASSWORD not in account.description


@pytest.mark.servers
@pytest.mark.parametrize("form", FORMS)
async def test_a_wrong_secret_is_refused_in_each_form(form: str, identity: IdentityServer) -> None:
    path, values = FORMS[form]
    wrong = {
        key: "wrong" if key in {"password", "api_key", "application_credential_secret"} else value
        for key, value in values.items()
    }
    connector = made({"url": identity.url + path, "ca_file": identity.ca_file, **wrong})
    with pytest.raises(SignInFailed) as caught:
        await connector.sign_in()
    await connector.close()
    assert "wrong" not in str(caught.value)
    assert caught.value.said


@pytest.mark.servers
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"region": "LON"}, "DFW, ORD"),
        ({"region": "DFW", "interface": "internal"}, "10.0.0.9"),
    ],
)
async def test_the_catalogue_is_asked_for_region_and_interface(
    values: dict[str, str], message: str, identity: IdentityServer
) -> None:
    path, given = FORMS["rackspace"]
    connector = made({"url": identity.url + path, "ca_file": identity.ca_file, **given, **values})
    with pytest.raises(MoverError, match=message):
        await connector.sign_in()
    await connector.close()


@pytest.mark.servers
async def test_an_unscoped_token_has_no_storage_and_the_error_says_what_is_missing(
    identity: IdentityServer,
) -> None:
    path, given = FORMS["keystone3"]
    without = {key: value for key, value in given.items() if key != "project"}
    connector = made({"url": identity.url + path, "ca_file": identity.ca_file, **without})
    with pytest.raises(InvalidConfiguration, match="project"):
        await connector.sign_in()
    await connector.close()


@pytest.mark.servers
def test_rclone_signs_in_at_the_same_stand_in(
    identity: IdentityServer, swift_node: SwiftServer, container: str, tmp_path: Path
) -> None:
    swift_node.account().put(f"{container}/file", b"x")
    for version, path, key in (("2", "/v2.0", known.API_KEY), ("3", "/v3", known.PASSWORD)):
        remote = {
            "TYPE": "swift",
            "AUTH": identity.url + path,
            "AUTH_VERSION": version,
            "USER": known.USERNAME,
            "KEY": key,
            "REGION": "DFW" if version == "2" else "RegionOne",
        }
        if version == "3":
            remote |= {"DOMAIN": "Default", "TENANT": known.PROJECT, "TENANT_DOMAIN": "Default"}
        variables = {f"RCLONE_CONFIG_T_{name}": value for name, value in remote.items()}
        command = [
            tool("rclone"),
            "--ca-cert",
            str(identity.ca_file),
            "--retries",
            "1",
            "lsf",
            f"T:{container}",
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            env={"PATH": os.defpath, "HOME": str(tmp_path), "RCLONE_CONFIG": "/dev/null", **variables},
        )
        assert done.stdout == b"file\n", done.stderr


def tempauth(storage_url: str, **headers: str) -> Reply:
    return Reply(200, headers={"X-Auth-Token": "AUTH_tk1", "X-Storage-Url": storage_url, **headers})


@pytest.mark.parametrize(
    ("storage_url", "kind"),
    [
        ("http://127.0.0.1:1/v1/a", InvalidConfiguration),  # not encrypted
        ("https://169.254.169.254/v1/a", AddressRefused),
        ("https://10.0.0.1/v1/a", AddressRefused),
        ("https://user:password@127.0.0.1/v1/a", InvalidConfiguration),
        ("https://127.0.0.1/v1/a?x=1", InvalidConfiguration),
        ("file:///etc/passwd", InvalidConfiguration),
        ("//127.0.0.1/v1/a", InvalidConfiguration),
        ("https://127.0.0.1:99999/v1/a", InvalidConfiguration),
        ("https://" + "a" * 3000, InvalidConfiguration),
        ("", ProtocolViolation),
    ],
)
async def test_a_storage_that_the_sign_in_names_is_as_hostile_as_one_that_is_typed(
    storage_url: str, kind: type[MoverError], identity_over_tls: Callable[[Reply], Any]
) -> None:
    async with identity_over_tls(tempauth(storage_url)) as connector:
        with pytest.raises(kind) as caught:
            await connector.sign_in()
    assert "AUTH_tk1" not in str(caught.value)


@pytest.fixture
def identity_over_tls(monkeypatch: pytest.MonkeyPatch) -> Callable[[Reply], Any]:
    """Make a connector that insists on TLS, at a sign-in that answers what a test says, without any TLS here."""

    def connector_to(reply: Reply) -> Any:
        class Answered:
            async def __aenter__(self) -> Any:
                async def ask(*_: Any, **__: Any) -> tuple[dict[str, str], bytes]:
                    return {name.lower(): text for name, text in reply.headers.items()}, reply.body

                monkeypatch.setattr(Identity, "_ask", ask)
                self.connector = made(
                    {"url": "https://127.0.0.1:1/auth/v1.0", "username": "a:b", "password": Secret(PASSWORD)}
                )
                return self.connector

            async def __aexit__(self, *_: object) -> None:
                await self.connector.close()

        return Answered()

    return connector_to


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(401, f"user a:b with key {PASSWORD}".encode()), SignInFailed),
        (Reply(403, b'{"forbidden": {"message": "User is disabled"}}'), SignInFailed),
        (Reply(404), InvalidConfiguration),
        (Reply(300, b"{}"), InvalidConfiguration),
        (Reply(301, headers={"Location": "https://elsewhere.invalid/"}), InvalidConfiguration),
        (Reply(400, b'{"error": {"message": "Expecting to find domain in user"}}'), InvalidConfiguration),
        (Reply(413, b'{"overLimit": {"message": "OverLimit Retry..."}}', {"Retry-After": "7"}), Throttled),
        (Reply(429), Throttled),
        (Reply(500), ServiceFault),
        (Reply(200), ProtocolViolation),
        (
            Reply(200, headers={"X-Auth-Token": "a b", "X-Storage-Url": "http://127.0.0.1/v1/a"}),
            ProtocolViolation,
        ),
    ],
)
async def test_a_sign_in_that_fails_says_why_and_shows_no_secret(
    reply: Reply, kind: type[MoverError]
) -> None:
    async with scripted(lambda _: reply) as (connector, server):
        with pytest.raises(kind) as caught:
            await connector.sign_in()
    assert PASSWORD not in str(caught.value)
    assert caught.value.service == "swift"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<p>X-Auth-Key: p&amp;ss  &quot;word&quot;</p>",
        b'cannot read {"password": "p&ss  \\"word\\""}',
        b"X-Auth-Key: p&ss  " + b'"word"',  # in a text of one line there is only one blank
        b"key=p%26ss++%22word%22",
        b"x" * 1995 + b'p&ss  "word"',  # of which only the beginning would be passed on
    ],
)
async def test_a_refusal_that_repeats_the_secret_in_another_spelling_is_not_passed_on(body: bytes) -> None:
    async with scripted(lambda _: Reply(401, body), password=Secret('p&ss  "word"')) as (connector, _):
        with pytest.raises(SignInFailed) as caught:
            await connector.sign_in()
    assert not caught.value.said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"access": {}}',
        b'{"access": {"token": {"id": 7}}}',
        b'{"access": {"token": {"id": "secret-token"}, "serviceCatalog": "none"}}',
        b'{"access": {"token": {"id": "secret\\ntoken"}, "serviceCatalog": %s}}'
        % b'[{"type": "object-store", "endpoints": [{"publicURL": "http://127.0.0.1/v1/a"}]}]',
    ],
)
async def test_an_answer_that_is_no_token_is_a_clear_error(body: bytes) -> None:
    async with scripted(lambda _: Reply(200, body), auth="keystone2") as (connector, _):
        with pytest.raises(ProtocolViolation) as caught:
            await connector.sign_in()
    assert "secret" not in str(caught.value) + repr(caught.value.__cause__)


async def test_several_regions_without_a_choice_are_named() -> None:
    places = [{"region": region, "publicURL": "http://127.0.0.1/v1/a"} for region in ("ORD", "DFW")]
    catalogue = [{"type": "object-store", "endpoints": places}]
    body = json.dumps({"access": {"token": {"id": "t"}, "serviceCatalog": catalogue}}).encode()
    async with scripted(lambda _: Reply(200, body), auth="keystone2") as (connector, _):
        with pytest.raises(InvalidConfiguration, match="DFW, ORD"):
            await connector.sign_in()


async def test_a_typed_endpoint_is_called_instead_of_the_one_in_the_catalogue() -> None:
    async with ScriptedServer(lambda _: Reply(200, b"[]")).running() as storage:
        answer = signed_in(lambda _: Reply(500))
        async with scripted(answer, endpoint=f"{storage.url}/swift/v1/") as (connector, server):
            account = await connector.sign_in()
    assert [request.path for request in server.requests] == ["/auth/v1.0"]
    assert [request.path for request in storage.requests] == ["/swift/info", "/swift/v1/c"]
    assert storage.requests[0].headers.get("x-auth-token") is None
    assert not account.secure


async def test_a_refused_token_is_renewed_once_and_the_call_made_again() -> None:
    tokens = iter(["AUTH_tk1", "AUTH_tk2", "AUTH_tk3"])

    def answer(request: Request) -> Reply:
        if request.path == "/auth/v1.0":
            host = request.headers["host"]
            return Reply(200, headers={"X-Auth-Token": next(tokens), "X-Storage-Url": f"http://{host}/v1/a"})
        if request.path == "/info":
            return Reply(404)
        if request.headers["x-auth-token"] == "AUTH_tk1":
            return Reply(401)
        return Reply(
            200, b"[]" if request.method == "GET" else b"", {"ETag": "9dd4e461268c8034f5c8564e155c67a6"}
        )

    async with scripted(answer) as (connector, server):
        await connector.sign_in()
        assert await entries(connector) == {}
    assert [request.path for request in server.requests].count("/auth/v1.0") == 2


async def test_a_service_that_refuses_every_token_is_not_asked_for_ever() -> None:
    async with scripted(signed_in(lambda _: Reply(401))) as (connector, server):
        with pytest.raises(SignInFailed):
            await connector.sign_in()
    assert [request.path for request in server.requests].count("/auth/v1.0") == 2


@pytest.mark.parametrize(
    ("values", "path", "asked"),
    [
        (
            {"auth": "keystone2", "project": "p"},
            "/v2.0/tokens",
            {"passwordCredentials": {"username": "a:b", "password": PASSWORD}, "tenantName": "p"},
        ),
        (
            {"auth": "rackspace", "api_key": PASSWORD, "project_id": "7"},
            "/v2.0/tokens",
            {"RAX-KSKEY:apiKeyCredentials": {"username": "a:b", "apiKey": PASSWORD}, "tenantId": "7"},
        ),
        (
            {"auth": "keystone3", "user_domain_id": "d1", "project": "p", "project_domain": "D2"},
            "/v3/auth/tokens",
            {
                "identity": {
                    "methods": ["password"],
                    "password": {"user": {"name": "a:b", "domain": {"id": "d1"}, "password": PASSWORD}},
                },
                "scope": {"project": {"name": "p", "domain": {"name": "D2"}}},
            },
        ),
        (
            {"auth": "keystone3", "project_id": "7"},
            "/v3/auth/tokens",
            {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {"name": "a:b", "domain": {"name": "Default"}, "password": PASSWORD}
                    },
                },
                "scope": {"project": {"id": "7"}},
            },
        ),
    ],
)
async def test_domains_and_projects_are_asked_for_as_they_are_filled_in(
    values: dict[str, str], path: str, asked: dict[str, Any]
) -> None:
    async with ScriptedServer([Reply(503)]).running() as server:
        given = {"url": server.url, "username": "a:b", "password": Secret(PASSWORD), "plain": True}
        connector = made(given | values)
        with pytest.raises(ServiceFault):
            await connector.sign_in()
        await connector.close()
    (request,) = server.requests
    assert request.path == path
    assert json.loads(request.body) == {"auth": asked}
