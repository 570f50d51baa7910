from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers.hashicorp import (
    JWT,
    JWT_ROLE,
    ROLE_ID,
    SECRET_ID,
    HashicorpServer,
    RefusedError,
    hashicorp,
)

from mover.errors import (
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ServiceFault,
    SignInFailed,
    Throttled,
    Unreachable,
    UntrustedServer,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.key_services import KeyServices
from mover.transport.retries import RetryPolicy
from mover.vault.envelope import UnsealError
from mover.vault.hashicorp import HashicorpKeyProvider
from mover.vault.secret import Secret
from mover.vault.sources import HashicorpSource

KEY = b"a person's key, 32 bytes long..."


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HashicorpServer]:
    with hashicorp(tmp_path_factory.mktemp("hashicorp")) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(running: HashicorpServer, clock: Clock) -> HashicorpServer:
    """The server as it was in the beginning, with one key."""
    running.__init__(running.url, running.ca_file, now=clock)  # type: ignore[misc]  # starting it anew takes longer
    running.make_key("mover")
    return running


@pytest.fixture
async def door() -> AsyncIterator[KeyServices]:
    services = KeyServices(
        Egress(allowed=PrivateAddresses(every=True)), retries=RetryPolicy(attempts=2, first_s=0)
    )
    yield services
    await services.close()


def provider(server: HashicorpServer, door: KeyServices, **fields: Any) -> HashicorpKeyProvider:
    if not {"token_file", "role_id", "jwt_role"} & fields.keys():
        fields.setdefault("token", Secret(server.make_token()))
    given = {"address": server.url, "key": "mover", "ca_file": server.ca_file, **fields}
    return HashicorpKeyProvider(HashicorpSource(**given), door, clock=server.now)


async def test_a_key_is_wrapped_in_the_server_and_opens_at_its_place_alone(
    server: HashicorpServer, door: KeyServices
) -> None:
    keys = provider(server, door)

    wrapped = await keys.wrap(KEY, b"here")

    assert wrapped.startswith(b"vault:v1:")
    assert await keys.unwrap(wrapped, b"here") == KEY
    with pytest.raises(UnsealError):
        await keys.unwrap(wrapped, b"there")


async def test_a_server_that_passes_over_associated_data_does_not_loosen_the_place(
    server: HashicorpServer, door: KeyServices
) -> None:
    server.ignores_associated_data = True
    keys = provider(server, door)
    wrapped = await keys.wrap(KEY, b"here")

    assert await keys.unwrap(wrapped, b"here") == KEY
    with pytest.raises(UnsealError):
        await keys.unwrap(wrapped, b"there")


async def test_a_derived_key_is_given_its_context(server: HashicorpServer, door: KeyServices) -> None:
    server.make_key("derived", derived=True)
    keys = provider(server, door, key="derived", derived=True)

    assert await keys.unwrap(await keys.wrap(KEY, b"here"), b"here") == KEY
    with pytest.raises(InvalidConfiguration, match="set derived = true"):
        await provider(server, door, key="derived").wrap(KEY, b"here")


async def test_versions_of_a_key_open_what_they_closed_and_have_one_id(
    server: HashicorpServer, door: KeyServices
) -> None:
    keys = provider(server, door)
    first, first_id = await keys.wrap(KEY, b"here"), await keys.key_id()
    server.keys["", "transit", "mover"].rotate()
    second = await keys.wrap(KEY, b"here")

    assert second.startswith(b"vault:v2:")
    assert await keys.key_id() == first_id
    assert {await keys.unwrap(wrapped, b"here") for wrapped in (first, second)} == {KEY}
    server.keys["", "transit", "mover"].min_decryption_version = 2
    with pytest.raises(InvalidConfiguration, match="min_decryption_version"):
        await keys.unwrap(first, b"here")
    assert await keys.unwrap(second, b"here") == KEY


async def test_namespace_mount_and_key_make_the_id_and_reach_their_key_alone(
    server: HashicorpServer, door: KeyServices
) -> None:
    server.make_key("mover", namespace="team/a", mount="deep/transit")
    there = provider(server, door, namespace="team/a", mount="deep/transit")
    wrapped = await there.wrap(KEY, b"here")

    assert await there.unwrap(wrapped, b"here") == KEY
    assert await there.key_id() != await provider(server, door).key_id()
    assert await provider(server, door, id="second").key_id() != await provider(server, door).key_id()
    with pytest.raises(UnsealError):
        await provider(server, door).unwrap(wrapped, b"here")


@pytest.mark.parametrize(
    "rubbish", [b"", b"\xff\xfe", b"vault:v1:", b"vault:v9:AAAA", b"vault:v1:AAAA", b"x" * 500]
)
async def test_what_the_server_did_not_make_does_not_open(
    server: HashicorpServer, door: KeyServices, rubbish: bytes
) -> None:
    with pytest.raises(UnsealError):
        await provider(server, door).unwrap(rubbish, b"here")


# ways to sign in


async def test_approle_signs_in_once_and_again_when_its_token_is_gone(
    server: HashicorpServer, door: KeyServices
) -> None:
    keys = provider(server, door, role_id=ROLE_ID, secret_id=Secret(SECRET_ID))
    wrapped = await keys.wrap(KEY, b"here")
    assert await keys.unwrap(wrapped, b"here") == KEY
    assert server.calls.count("auth/approle/login") == 1

    server.tokens.clear()  # revoked
    assert await keys.unwrap(wrapped, b"here") == KEY
    assert server.calls.count("auth/approle/login") == 2


async def test_kubernetes_signs_in_with_the_token_that_the_file_holds_now(
    server: HashicorpServer, door: KeyServices, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("stale")
    keys = provider(server, door, jwt_role=JWT_ROLE, jwt_file=file)
    with pytest.raises(SignInFailed, match="kubernetes"):
        await keys.wrap(KEY, b"here")

    file.write_text(JWT + "\n")
    await keys.wrap(KEY, b"here")
    elsewhere = provider(server, door, jwt_role=JWT_ROLE, jwt_file=file, auth_mount="jwt")
    await elsewhere.wrap(KEY, b"here")
    assert server.calls.count("auth/jwt/login") == 1


async def test_a_token_is_renewed_after_half_its_life_and_not_before(
    server: HashicorpServer, door: KeyServices, clock: Clock
) -> None:
    keys = provider(server, door, token=Secret(server.make_token(ttl_s=100)))
    await keys.wrap(KEY, b"here")  # the first call asks how long it lives
    server.calls.clear()

    for passed_s in (40, 20, 40, 20, 40, 20, 40, 20):
        clock.now_s += passed_s
        await keys.wrap(KEY, b"here")

    assert server.calls.count("auth/token/renew-self") == 4


async def test_a_sign_in_is_renewed_and_repeated_after_a_long_silence(
    server: HashicorpServer, door: KeyServices, clock: Clock
) -> None:
    server.login_ttl_s = 100
    keys = provider(server, door, role_id=ROLE_ID, secret_id=Secret(SECRET_ID))
    await keys.wrap(KEY, b"here")
    clock.now_s += 60
    await keys.wrap(KEY, b"here")
    assert server.calls.count("auth/token/renew-self") == 1

    clock.now_s += 1000
    await keys.wrap(KEY, b"here")
    assert server.calls.count("auth/approle/login") == 2


async def test_a_token_that_cannot_be_renewed_is_used_as_it_is(
    server: HashicorpServer, door: KeyServices
) -> None:
    keys = provider(server, door, token=Secret(server.make_token(ttl_s=100, renewable=False)))

    for _ in range(3):
        await keys.wrap(KEY, b"here")

    assert server.calls.count("auth/token/renew-self") == 1


async def test_a_new_token_in_the_file_is_found_when_the_old_one_has_expired(
    server: HashicorpServer, door: KeyServices, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(server.make_token(ttl_s=100))
    keys = provider(server, door, token_file=file)
    await keys.wrap(KEY, b"here")

    clock.now_s += 1000
    with pytest.raises(PermissionDenied, match="expired"):
        await keys.wrap(KEY, b"here")
    file.write_text(server.make_token(ttl_s=100))
    await keys.wrap(KEY, b"here")


# what goes wrong


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (RefusedError(503, "Vault is sealed"), ServiceFault, "is sealed; unseal it"),
        (
            RefusedError(500, "local node not active but active cluster node not found"),
            ServiceFault,
            "not active",
        ),
        (RefusedError(307), ServiceFault, "standby"),
        (RefusedError(473), ServiceFault, "standby"),
        (RefusedError(429, 'request path "transit": rate limit quota exceeded'), Throttled, "fewer calls"),
    ],
)
async def test_a_server_that_cannot_serve_is_explained(
    server: HashicorpServer, door: KeyServices, fault: RefusedError, kind: type[MoverError], words: str
) -> None:
    keys = provider(server, door)
    server.fault = fault

    with pytest.raises(kind, match=words):
        await keys.wrap(KEY, b"here")

    server.fault = None
    await keys.wrap(KEY, b"here")


async def test_a_policy_without_the_right_is_spelled_out(server: HashicorpServer, door: KeyServices) -> None:
    keys = provider(server, door, token=Secret(server.make_token(may=False)))

    with pytest.raises(
        PermissionDenied, match=r'path "transit/encrypt/mover" \{ capabilities = \["update"\] \}'
    ):
        await keys.wrap(KEY, b"here")


async def test_a_missing_key_and_a_missing_engine_are_told_apart(
    server: HashicorpServer, door: KeyServices
) -> None:
    with pytest.raises(InvalidConfiguration, match="no key 'other'"):
        await provider(server, door, key="other").wrap(KEY, b"here")
    with pytest.raises(
        InvalidConfiguration, match="no transit engine at 'elsewhere' in the namespace 'team'"
    ):
        await provider(server, door, mount="elsewhere", namespace="team").wrap(KEY, b"here")


@pytest.mark.parametrize(
    "fields",
    [
        {"role_id": ROLE_ID, "secret_id": Secret("wrong-canary")},
        {"role_id": ROLE_ID, "secret_id": Secret(SECRET_ID), "auth_mount": "nowhere"},
        {"jwt_role": "other", "jwt_file": __file__},
    ],
)
async def test_a_sign_in_that_is_refused_says_so_and_repeats_no_secret(
    server: HashicorpServer, door: KeyServices, fields: dict[str, Any]
) -> None:
    with pytest.raises(SignInFailed) as caught:
        await provider(server, door, **fields).wrap(KEY, b"here")

    assert "canary" not in str(caught.value)


async def test_no_answer_is_tried_again_and_then_said(server: HashicorpServer, door: KeyServices) -> None:
    with pytest.raises(Unreachable):
        await provider(server, door, address="https://127.0.0.1:1").wrap(KEY, b"here")


async def test_a_server_that_cannot_prove_itself_gets_no_token(
    server: HashicorpServer, door: KeyServices
) -> None:
    with pytest.raises(UntrustedServer):
        await provider(server, door, ca_file=None).wrap(KEY, b"here")

    assert server.calls == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "http://vault.example.org"},
        {"address": "https://user:pw@vault.example.org"},
        {"address": "ftp://x"},
        {"key": "../sys/seal"},
        {"mount": "../sys"},
        {"mount": "a//b"},
        {"namespace": "a b"},
        {"token": "t", "role_id": "r"},
        {"secret_id": "a", "secret_id_file": "/b", "role_id": "r", "token": None},
        {"token": None},
    ],
)
def test_what_cannot_work_or_would_leave_the_path_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        HashicorpSource(**{"address": "https://vault.example.org", "key": "mover", "token": "t", **wrong})
