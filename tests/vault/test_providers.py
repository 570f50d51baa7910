from __future__ import annotations

import asyncio
import base64
import os
import stat
from pathlib import Path

import pytest

from mover.errors import InvalidConfiguration
from mover.vault.envelope import UnsealError
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider
from mover.vault.secret import Secret

RAW = bytes(range(224, 256))
PERSON_KEY = bytes(32)


async def test_the_key_file_is_made_on_first_use_for_its_owner_alone(key_file: Path) -> None:
    await FileKeyProvider(key_file).wrap(PERSON_KEY, b"here")

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    assert len(bytes.fromhex(key_file.read_text())) == 32
    assert list(key_file.parent.iterdir()) == [key_file]


async def test_many_at_once_make_one_key(key_file: Path) -> None:
    providers = [FileKeyProvider(key_file) for _ in range(20)]

    await asyncio.gather(*(provider.wrap(PERSON_KEY, b"here") for provider in providers))

    assert len({await provider.key_id() for provider in providers}) == 1
    assert list(key_file.parent.iterdir()) == [key_file]


async def test_an_existing_key_is_used_and_not_touched(key_file: Path) -> None:
    wrapped = await FileKeyProvider(key_file).wrap(PERSON_KEY, b"here")
    before = key_file.read_bytes()
    again = FileKeyProvider(key_file)

    assert await again.unwrap(wrapped, b"here") == PERSON_KEY
    await again.wrap(PERSON_KEY, b"here")
    assert key_file.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
async def test_a_key_file_that_others_may_use_is_refused(key_file: Path, mode: int) -> None:
    await FileKeyProvider(key_file).wrap(PERSON_KEY, b"here")
    key_file.chmod(mode)

    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        await FileKeyProvider(key_file).key_id()


async def test_a_missing_key_file_is_not_made_by_unwrapping(key_file: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="is missing"):
        await FileKeyProvider(key_file).unwrap(b"", b"here")

    assert not key_file.exists()


@pytest.mark.parametrize("content", [b"", b"short", RAW, b"ab" * 31, b"ab" * 33, b"\xff\xfe" * 2000])
async def test_a_file_without_a_key_is_refused_without_repeating_it(key_file: Path, content: bytes) -> None:
    key_file.parent.mkdir()
    key_file.touch(0o600)
    key_file.write_bytes(content)

    with pytest.raises(InvalidConfiguration, match="does not hold a key") as caught:
        await FileKeyProvider(key_file).key_id()

    assert "abab" not in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_what_is_not_a_file_is_refused(key_file: Path, kind: str) -> None:
    key_file.parent.mkdir()
    key_file.mkdir(0o700) if kind == "folder" else os.mkfifo(key_file, 0o600)

    with pytest.raises(InvalidConfiguration, match="not a file"):
        await FileKeyProvider(key_file).key_id()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()

    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await FileKeyProvider(tmp_path / "keys" / "global.key").wrap(PERSON_KEY, b"here")


async def test_a_path_that_no_file_can_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="cannot be made"):
        await FileKeyProvider(tmp_path / ("x" * 300)).wrap(PERSON_KEY, b"here")


@pytest.mark.parametrize(
    "spelled",
    [
        RAW.hex(),
        RAW.hex().upper(),
        base64.b64encode(RAW).decode(),
        base64.urlsafe_b64encode(RAW).decode(),
        f" {RAW.hex()}\n",
    ],
)
async def test_a_key_has_the_same_id_however_it_is_spelled_and_held(key_file: Path, spelled: str) -> None:
    key_file.parent.mkdir()
    key_file.touch(0o600)
    key_file.write_text(RAW.hex())

    given = EnvironmentKeyProvider(Secret(spelled))

    assert await given.key_id() == await FileKeyProvider(key_file).key_id()


@pytest.mark.parametrize("rubbish", ["", "hunter2", "ü" * 32, "ab" * 16, "====", "q" * 10_000])
def test_rubbish_in_the_environment_is_refused_without_repeating_it(rubbish: str) -> None:
    with pytest.raises(InvalidConfiguration, match="MOVER_GLOBAL_KEY") as caught:
        EnvironmentKeyProvider(Secret(rubbish))

    assert not rubbish or rubbish not in str(caught.value)


async def test_a_wrapped_key_opens_only_at_its_place_and_under_its_global_key() -> None:
    provider = EnvironmentKeyProvider(Secret(RAW.hex()))
    wrapped = await provider.wrap(PERSON_KEY, b"here")

    assert await provider.unwrap(wrapped, b"here") == PERSON_KEY
    with pytest.raises(UnsealError):
        await provider.unwrap(wrapped, b"there")
    with pytest.raises(UnsealError):
        await EnvironmentKeyProvider(Secret(PERSON_KEY.hex())).unwrap(wrapped, b"here")
