"""What Mover writes as crypt rclone reads, and the other way round, in each of its settings."""

from __future__ import annotations

import os
import random
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sealing.keys import joined, reader
from tests.servers.processes import tool

from mover.errors import InvalidConfiguration, NameRejected
from mover.sealing.blocks import BLOCK, Unsealable
from mover.sealing.crypt.files import LAYOUT, Crypt
from mover.sealing.crypt.settings import CryptSettings, NameEncoding, NameEncryption, read_crypt_settings
from mover.sealing.streams import opened_range, opened_whole, sealed_range
from mover.vault.secret import Secret

pytestmark = pytest.mark.slow

FOLDER = "Größe Ä"
NAMES = [
    *("a", "hello.txt", "ünï.txt", "日本語.pdf", "x" * 143, " with blank ", "!bang1.Z9z", "a!b", "😀.txt"),
    *("fifteen letters", "sixteen letters.", "ÿ¡.x", "1.2", ".hidden", "no ending"),
]
SIZES = [0, 1, BLOCK, BLOCK + 1, 200_000]
FILES = {name: random.Random(name).randbytes(SIZES[at % len(SIZES)]) for at, name in enumerate(NAMES)}
WAYS = [
    ("standard", "base32", "true"),
    ("standard", "base64", "false"),
    ("standard", "base32768", "true"),
    ("obfuscate", "base32", "true"),
    ("off", "base32", "true"),
]


def rclone(config: Path, *words: str | Path) -> str:
    done = subprocess.run(
        [tool("rclone"), "--config", str(config), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "HOME": str(config.parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def obscured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    config = tmp_path_factory.mktemp("rclone") / "none"
    return rclone(config, "obscure", "pässwörd").strip(), rclone(config, "obscure", "sält").strip()


def section(remote: Path, obscured: tuple[str, str], names: str, encoding: str, folders: str) -> str:
    return (
        f"[c]\ntype = crypt\nremote = {remote}\npassword = {obscured[0]}\npassword2 = {obscured[1]}\n"
        f"filename_encryption = {names}\nfilename_encoding = {encoding}\ndirectory_name_encryption = {folders}\n"
    )


@cache
def plain(
    names: NameEncryption = NameEncryption.STANDARD, encoding: NameEncoding = NameEncoding.BASE32
) -> Crypt:
    return Crypt(CryptSettings(password=Secret("secret"), names=names, encoding=encoding))


@pytest.mark.promise("P11")
@pytest.mark.parametrize(("names", "encoding", "folders"), WAYS)
async def test_rclone_and_mover_read_each_other(
    names: str, encoding: str, folders: str, tmp_path: Path, obscured: tuple[str, str]
) -> None:
    there, config = tmp_path / "there", tmp_path / "config"
    text = section(there, obscured, names, encoding, folders)
    config.write_text(text)
    crypt = Crypt(read_crypt_settings(Secret(text)))
    ours = there / crypt.name(FOLDER, folder=True)
    ours.mkdir(parents=True)
    for name, data in FILES.items():
        sealed = await joined(sealed_range(crypt.file(), len(data), reader(data), 0, None))
        (ours / crypt.name(name, folder=False)).write_bytes(sealed)

    rclone(config, "copy", "c:", tmp_path / "back")
    rclone(config, "copy", tmp_path / "back", "c:again")

    assert {file.name: file.read_bytes() for file in (tmp_path / "back" / FOLDER).iterdir()} == FILES
    theirs = there / crypt.name("again", folder=True) / crypt.name(FOLDER, folder=True)
    found = {}
    for file in theirs.iterdir():
        sealed = file.read_bytes()
        cipher = crypt.opened(sealed[: LAYOUT.prefix])
        body = reader(sealed)(LAYOUT.prefix, None)
        name = crypt.plain_name(file.name, folder=False)
        found[name] = await joined(opened_whole(cipher, body, empty_block=False))
        part = opened_range(cipher, LAYOUT, len(sealed), reader(sealed), len(found[name]) // 2, None)
        assert await joined(part) == found[name][len(found[name]) // 2 :]
        assert crypt.name(name, folder=False) == file.name
    assert found == FILES


@settings(max_examples=80, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=60),
    names=st.sampled_from(NameEncryption),
    encoding=st.sampled_from(NameEncoding),
    folder=st.booleans(),
)
def test_names_come_back(name: str, names: NameEncryption, encoding: NameEncoding, folder: bool) -> None:  # noqa: FBT001 - hypothesis
    if name in {".", ".."}:
        return
    crypt = plain(names, encoding)
    assert crypt.plain_name(crypt.name(name, folder=folder), folder=folder) == name


@settings(max_examples=80, deadline=None)
@given(
    name=st.text("0123456789abcdefghijklmnopqrstuvABC-_ҠҡƀƁ. ", min_size=1, max_size=60),
    encoding=st.sampled_from(NameEncoding),
)
def test_a_name_is_decrypted_to_what_it_was_made_of_or_refused(name: str, encoding: NameEncoding) -> None:
    crypt = plain(NameEncryption.STANDARD, encoding)
    try:
        found = crypt.plain_name(name, folder=False)
    except ValueError:
        return
    assert crypt.name(found, folder=False) == (name.lower() if encoding is NameEncoding.BASE32 else name)


def test_a_name_beyond_all_blocks_is_refused() -> None:
    assert plain().name("x" * 2047, folder=False)
    with pytest.raises(NameRejected, match="too long"):
        plain().name("x" * 2048, folder=False)


async def test_another_password_opens_neither_names_nor_contents() -> None:
    other = Crypt(CryptSettings(password=Secret("another")))
    data = b"content"
    sealed = await joined(sealed_range(plain().file(), len(data), reader(data), 0, None))

    with pytest.raises(ValueError, match=r"password|name"):
        other.plain_name(plain().name("hello.txt", folder=False), folder=False)
    cipher = other.opened(sealed[: LAYOUT.prefix])
    with pytest.raises(Unsealable, match="password"):
        await joined(opened_whole(cipher, reader(sealed)(LAYOUT.prefix, None), empty_block=False))
    with pytest.raises(Unsealable, match="does not begin"):
        other.opened(b"RCLONE")


def test_nonces_count_up_over_all_their_bytes() -> None:
    cipher = plain().file(lambda length: b"\xff" * length).cipher
    assert cipher.open(1, cipher.seal(1, b"x", last=False), last=True) == b"x"
    zero = plain().file(bytes).cipher
    assert cipher.seal(1, b"x", last=False) == zero.seal(0, b"x", last=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("one\ntwo\nthree", "one line"),
        ("[c]\ntype = crypt\n", "no password"),
        ("[c]\ntype = crypt\npassword = !!\n", "as rclone writes it"),
        ("[c]\ntype = crypt\npassword = c2hvcnQ\n", "as rclone writes it"),
        ("[c]\ntype = sftp\n", "type is crypt"),
        ("[c\n", "cannot be read"),
        (
            "[c]\ntype = crypt\npassword = {}\nfilename_encryption = rot13\n",
            "filename_encryption is standard",
        ),
        ("[c]\ntype = crypt\npassword = {}\nno_data_encryption = true\n", "not supported"),
    ],
)
def test_settings_that_cannot_be_are_refused(text: str, why: str, obscured: tuple[str, str]) -> None:
    with pytest.raises(InvalidConfiguration, match=why) as caught:
        read_crypt_settings(Secret(text.format(obscured[0])))
    assert "two" not in str(caught.value)
    assert obscured[0] not in str(caught.value)


def test_a_password_and_its_salt_in_two_lines(obscured: tuple[str, str], tmp_path: Path) -> None:
    by_lines = Crypt(read_crypt_settings(Secret("pässwörd\nsält\n")))
    by_section = Crypt(read_crypt_settings(Secret(section(tmp_path, obscured, "standard", "base32", "true"))))
    assert by_lines.name("hello", folder=False) == by_section.name("hello", folder=False)
    assert by_lines.name("hello", folder=False) != plain().name("hello", folder=False)
