"""The recipients open an export with the tools that everybody has; to all others it is noise."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import tarfile
from pathlib import Path

import pyrage  # type: ignore[import-untyped] # no stubs are published
import pytest
from tests.e2e.searching import Needle, found_in_files
from tests.lawful.court import Court
from tests.staging.streams import MIB

from mover.lawful.refusals import OutputRefused

pytestmark = pytest.mark.promise("P10")


async def test_the_standard_tools_open_it(court: Court, tmp_path: Path) -> None:
    for tool in ("age", "tar", "openssl"):
        assert shutil.which(tool), f"{tool} is missing; see tests/servers/install.sh"
    content = random.Random(1).randbytes(2 * MIB + 1)
    async with court.station("one") as one:
        await one.hold(await court.under_way("one", name="x" * 250), content)
        await court.export(await court.approved(), one)
    key = tmp_path / "key"
    key.write_text(str(court.identity))
    place = tmp_path / "opened"
    place.mkdir()
    plain = place / "export.tar"

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            [str(word) for word in command], cwd=place, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("age", "-d", "-i", key, "-o", plain, court.output)
    run("tar", "-xf", plain)
    run("age", "-d", "-i", key, "-o", "part", "parts/000001.age")
    assert (place / "part").read_bytes() == content
    verify = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public-key.pem", "-rawin")
    assert "Success" in run(*verify, "-in", "manifest.json", "-sigfile", "manifest.sig")
    for command in ("age -d -i", "openssl pkeyutl -verify"):
        assert command in (place / "README.txt").read_text()


@pytest.mark.promise("P1", "P2")
async def test_what_was_held_is_found_nowhere_while_it_waits_and_afterwards(
    court: Court, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "canary 77b0c1f2-2f0a-4c07 of a customer"
    content = canary.encode() * 50_000
    needles = [Needle.of("content", canary)]
    order = await court.approved()
    async with court.station("one", on_disk=True) as one, court.station("two") as two:
        await one.hold(await court.under_way("one", name="disk"), content)
        await two.hold(await court.under_way("two", name="memory"), content)
        with pytest.raises(OutputRefused):
            await court.export(order, one, two, output=tmp_path / "no" / "folder")
        assert await court.rows_left() > 4
        assert found_in_files([tmp_path], needles) == []  # staged, and sealed in the database
        await court.export(order)
    assert found_in_files([tmp_path], needles) == []
    assert canary not in caplog.text
    assert court.open().contents() == {("/folder/disk", 0): content, ("/folder/memory", 0): content}


async def test_only_recipients_can_open_it(court: Court) -> None:
    second, stranger = (pyrage.x25519.Identity.generate() for _ in range(2))
    async with court.station("one") as one:
        held = await court.under_way("one")
        await one.hold(held, b"held")
        order = await court.approved(recipients=[court.recipient, str(second.to_public())])
        await court.export(order, one)
    files: dict[str, bytes] = {}
    for identity in (court.identity, second):
        files = tar_of(pyrage.decrypt(court.output.read_bytes(), [identity]))
        assert pyrage.decrypt(files["parts/000001.age"], [identity]) == b"held"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(court.output.read_bytes(), [stranger])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(files["parts/000001.age"], [stranger])


def tar_of(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
