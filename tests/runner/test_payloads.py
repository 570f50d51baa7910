from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from temporalio.api.common.v1 import Payload

from mover.errors import InvalidConfiguration
from mover.runner.payload_keys import PayloadKeys, payload_keys, rotate_payload_key
from mover.runner.payloads import EncryptedPayloads, UnreadablePayload
from mover.settings import Settings
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P5")

ONE, TWO = "11" * 32, "22" * 32
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"run_id":12}')


def keys(*lines: str) -> PayloadKeys:
    return PayloadKeys.parse(list(lines), "test")


async def test_what_was_encrypted_comes_back_and_is_never_the_same_twice():
    codec = EncryptedPayloads(keys(ONE))
    first, second = await codec.encode([PLAIN, PLAIN])
    assert first.data != second.data
    assert b"run_id" not in first.SerializeToString()
    assert await codec.decode([first, second]) == [PLAIN, PLAIN]


async def test_a_new_key_encrypts_and_the_old_one_still_decrypts():
    (old,) = await EncryptedPayloads(keys(ONE)).encode([PLAIN])
    rotated = EncryptedPayloads(keys(TWO, ONE))
    (new,) = await rotated.encode([PLAIN])
    assert new.metadata["key"] != old.metadata["key"]
    assert await rotated.decode([old, new]) == [PLAIN, PLAIN]
    with pytest.raises(UnreadablePayload, match="key that is not here"):
        await EncryptedPayloads(keys(ONE)).decode([new])


async def test_what_mover_did_not_write_is_refused():
    codec = EncryptedPayloads(keys(ONE, TWO))
    (sealed,) = await codec.encode([PLAIN])
    other_key = next(name for name in keys(TWO).keys)
    for forged in (
        PLAIN,
        Payload(metadata=sealed.metadata, data=sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])),
        Payload(metadata=sealed.metadata, data=b"short"),
        Payload(metadata={**sealed.metadata, "key": other_key.encode()}, data=sealed.data),
        Payload(metadata={**sealed.metadata, "key": b"\xff\x00"}, data=sealed.data),
    ):
        with pytest.raises(UnreadablePayload):
            await codec.decode([forged])


def test_a_key_is_made_once_for_its_owner_alone_however_many_ask(mover_home):
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: tuple(payload_keys(Settings()).keys), range(16)))
    assert len(set(found)) == 1
    file = mover_home / "keys" / "payloads.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["payloads.key"]
    assert rotate_payload_key(Settings()) == 2
    rotated = tuple(payload_keys(Settings()).keys)
    assert rotated[1:] == found[0]
    file.chmod(0o644)
    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        payload_keys(Settings())


def test_keys_from_the_settings_are_never_shown():
    settings = Settings(payload_keys=Secret(f"{ONE}, {TWO}"))
    assert len(payload_keys(settings).keys) == 2
    assert ONE not in repr(payload_keys(settings))
    assert ONE not in repr(settings)
    with pytest.raises(InvalidConfiguration, match="MOVER_PAYLOAD_KEYS: key 2 is not 32 bytes") as error:
        payload_keys(Settings(payload_keys=Secret(f"{ONE},secretsecret")))
    assert "secretsecret" not in str(error.value)
    with pytest.raises(InvalidConfiguration, match="put a new one first"):
        rotate_payload_key(settings)
