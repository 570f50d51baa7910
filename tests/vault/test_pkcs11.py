from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from tests.servers.softhsm import USER_PIN, SoftHsm, soft_hsm

from mover.errors import InvalidConfiguration, SignInFailed
from mover.vault.envelope import UnsealError
from mover.vault.pkcs11 import Pkcs11KeyProvider
from mover.vault.secret import Secret
from mover.vault.sources import Pkcs11Source

pytestmark = pytest.mark.servers

KEY = b"a person's key, 32 bytes long..."


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    found = soft_hsm(tmp_path_factory.mktemp("softhsm"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOFTHSM2_CONF", str(found.folder / "softhsm2.conf"))
        found.make_token("vault")
        found.make_key("vault", "mover")
        yield found


def provider(hsm: SoftHsm, **fields: Any) -> Pkcs11KeyProvider:
    if "pin_file" not in fields:
        fields.setdefault("pin", Secret(USER_PIN))
    return Pkcs11KeyProvider(
        Pkcs11Source(**{"module": hsm.module, "token": "vault", "key": "mover", **fields})
    )


async def test_a_key_is_wrapped_in_the_token_and_opens_at_its_place_alone(hsm: SoftHsm) -> None:
    keys = provider(hsm)

    wrapped = await keys.wrap(KEY, b"here")

    assert KEY not in wrapped
    assert await keys.unwrap(wrapped, b"here") == KEY
    with pytest.raises(UnsealError):
        await keys.unwrap(wrapped, b"there")
    assert await keys.unwrap(wrapped, b"here") == KEY  # a failure does not spoil the session


@pytest.mark.parametrize("rubbish", [b"", b"x" * 27, b"x" * 28, b"x" * 60])
async def test_what_the_token_did_not_make_does_not_open(hsm: SoftHsm, rubbish: bytes) -> None:
    with pytest.raises(UnsealError):
        await provider(hsm).unwrap(rubbish, b"here")


async def test_many_calls_at_once_do_not_mix(hsm: SoftHsm) -> None:
    keys = provider(hsm)

    async def once(number: int) -> bool:
        key, where = number.to_bytes(32, "big"), b"place %d" % number
        return await keys.unwrap(await keys.wrap(key, where), where) == key

    assert all(await asyncio.gather(*(once(number) for number in range(100))))


async def test_another_object_opens_what_one_closed(hsm: SoftHsm, tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text(USER_PIN + "\n")
    other = provider(hsm, pin_file=file)

    assert await other.unwrap(await provider(hsm).wrap(KEY, b"here"), b"here") == KEY
    assert await other.key_id() == await provider(hsm).key_id()


async def test_a_wrong_pin_is_tried_once_and_not_repeated(hsm: SoftHsm) -> None:
    hsm.make_token("strict")  # which nobody in this process is signed in to
    hsm.make_key("strict", "mover")
    keys = provider(hsm, token="strict", pin=Secret("wrong-canary"))
    with pytest.raises(SignInFailed, match="refused the PIN") as caught:
        await keys.wrap(KEY, b"here")
    assert "canary" not in str(caught.value)

    with pytest.raises(SignInFailed, match="start anew"):
        await keys.wrap(KEY, b"here")
    await provider(hsm, token="strict").wrap(KEY, b"here")


async def test_a_session_that_is_lost_is_opened_anew(hsm: SoftHsm) -> None:
    keys = provider(hsm)
    wrapped = await keys.wrap(KEY, b"here")

    pkcs11.lib(str(hsm.module)).reinitialize()  # what the end of a token's connection looks like

    assert await keys.unwrap(wrapped, b"here") == KEY


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"token": "elsewhere"}, "no token 'elsewhere'"),
        ({"key": "other"}, "no AES key 'other'"),
        ({"module": "/nonexistent.so"}, "cannot be loaded"),
        ({"pin_file": "/nonexistent"}, "cannot be read"),
    ],
)
async def test_what_is_not_there_is_named(hsm: SoftHsm, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfiguration, match=words):
        await provider(hsm, **fields).wrap(KEY, b"here")


async def test_a_key_that_could_be_taken_out_or_is_short_is_refused(hsm: SoftHsm) -> None:
    hsm.make_key("vault", "loose", extractable=True)
    hsm.make_key("vault", "short", bits=128)

    with pytest.raises(InvalidConfiguration, match="can be taken out"):
        await provider(hsm, key="loose").wrap(KEY, b"here")
    with pytest.raises(InvalidConfiguration, match="not an AES-256 key"):
        await provider(hsm, key="short").wrap(KEY, b"here")


async def test_two_keys_of_one_name_are_not_chosen_between(hsm: SoftHsm) -> None:
    hsm.make_key("vault", "twice")
    hsm.make_key("vault", "twice")

    with pytest.raises(InvalidConfiguration, match="several"):
        await provider(hsm, key="twice").wrap(KEY, b"here")


async def test_without_the_extra_it_says_what_to_install(
    hsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)

    with pytest.raises(InvalidConfiguration, match=r"mover\[pkcs11\]"):
        await provider(hsm).wrap(KEY, b"here")
