"""The user's own encryption as a person uses it: the command, the tools of others, kills, and a search for the key."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.ledger_file import parts_recorded
from tests.e2e.places import files_below, objects_in, put, s3_values
from tests.e2e.searching import Needle, found_in_files
from tests.sealing.keys import Keys, make_keys, opened_by_age
from tests.servers.processes import tool
from tests.servers.s3 import S3Server

pytestmark = [pytest.mark.slow, pytest.mark.promise("P11")]

FILES = {
    "/a.txt": b"hello",
    "/empty": b"",
    "/sub/ünï 日本.bin": random.Random(1).randbytes(200_000),
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    return Mover(tmp_path / "mover", MOVER_STAGING_MEMORY_BYTES="16MiB")


@pytest.mark.promise("P12")
@pytest.mark.servers
@pytest.mark.timeout(240)
def test_killed_on_its_way_and_opened_by_age(
    mover: Mover, keys: Keys, tmp_path: Path, seaweedfs_plain_server: S3Server
) -> None:
    rng = random.Random(7)
    files = {f"/d{n % 7}/file {n}": rng.randbytes(rng.randint(0, 9_000)) for n in range(150)}
    files |= {"/large": rng.randbytes(56 << 20)}
    put(tmp_path / "files", files)
    bucket = "sealed"
    mover.connect("s3", "cold", s3_values(seaweedfs_plain_server, bucket))
    words = ("--seal-to", keys.public["age"], "--seal-to", keys.public["ssh-ed25519"], "--json")
    command = ("copy", str(tmp_path / "files"), "cold:/", *words)
    running = mover.start(*command, "--bwlimit", "8M")
    running.runs_until(lambda: parts_recorded(mover.home) > 0)
    running.kill()

    found = mover.run(*command, code=0).result

    there = objects_in(seaweedfs_plain_server, bucket)
    assert there.keys() == {path + ".age" for path in files}
    assert opened_by_age(there["/large.age"], keys.private["ssh-ed25519"]) == files["/large"]
    for path in random.Random(1).sample(sorted(files), 8):
        assert opened_by_age(there[path + ".age"], keys.private["age"]) == files[path]
    *_, last = mover.report(found["run"])
    assert last["summary"]["adds_up"], last["summary"]["discrepancies"]
    assert last["summary"]["totals"]["files_moved"] == len(files)
    assert found["resumed"]
    assert found["bytes_sent"] < sum(map(len, there.values()))  # what had arrived was not sent again


def test_sealed_opened_and_the_private_key_is_kept_nowhere(mover: Mover, keys: Keys, tmp_path: Path) -> None:
    put(tmp_path / "files", FILES)
    there, back, wrong = (tmp_path / name for name in ("there", "back", "wrong"))
    public = tmp_path / "public"
    public.write_text(f"# mine\n{keys.public['age']}\n{keys.public['ssh-rsa']}")
    secret = next(line for line in keys.private["age"].read_text().splitlines() if line.startswith("AGE-"))

    mover.copy(tmp_path / "files", there, "--seal-to", f"@file:{public}", "--seal-names")
    mover.copy(there, back, "--open-with", f"@file:{keys.private['age']}")
    failed = mover.run("copy", there, wrong, "--open-with", "@env:KEY", "--json", KEY=str(_another(tmp_path)))

    assert files_below(back) == FILES
    assert not any(name in path for path in files_below(there) for name in ("a.txt", "empty", "sub"))
    assert failed.result["failed"] == len(FILES)
    assert files_below(wrong) == {}
    assert found_in_files([mover.home, mover.temporary], [Needle.of("private key", secret)]) == []


def test_crypt_goes_both_ways_with_rclone_and_its_own_configuration(mover: Mover, tmp_path: Path) -> None:
    put(tmp_path / "files", FILES)
    there, config = tmp_path / "there", tmp_path / "rclone.conf"
    password = _rclone(config, "obscure", "correct horse").strip()
    config.write_text(f"[c]\ntype = crypt\nremote = {there}\npassword = {password}\n")

    mover.copy(tmp_path / "files", there, "--crypt-to", f"@file:{config}")
    _rclone(config, "check", "--download", str(tmp_path / "files"), "c:")
    mover.run(
        "copy", there, tmp_path / "back", "--crypt-from", "@env:PASSWORD", code=0, PASSWORD="correct horse"
    )
    wrong = mover.run("copy", there, tmp_path / "wrong", "--crypt-from", "@env:PASSWORD", PASSWORD="wrong")

    assert files_below(tmp_path / "back") == FILES
    assert wrong.code != 0
    assert "password of crypt is another one" in " ".join((wrong.out + wrong.err).split())
    assert found_in_files([mover.home, mover.temporary], [Needle.of("password", "correct horse")]) == []


def _another(folder: Path) -> str:
    subprocess.run([tool("age-keygen"), "-o", folder / "other"], check=True, capture_output=True)
    return (folder / "other").read_text()


def _rclone(config: Path, *words: str) -> str:
    done = subprocess.run(
        [tool("rclone"), "--config", config, *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "HOME": str(config.parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
