"""Runs that open what is sealed: with keys that are given for the run, and lost files for nobody who has others."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.service import PATHS, MemoryService
from tests.transfer.sealing import FOR_KEY, OTHER, WITH_KEY, SealingBench, sealed, sealing_bench

from mover.errors import Reason
from mover.ledger.states import ItemState, RunMode
from mover.sealing.age.stanzas import MAGIC
from mover.sealing.blocks import BLOCK
from mover.sealing.names import SEALED_INDEX_NAME
from mover.vault.secret import Secret
from mover.workplace.sealing import SealingChoice

pytestmark = pytest.mark.promise("P11")

LARGE = random.Random(6).randbytes(9_000_000)
PLAIN = {"/empty": b"", "/block": b"x" * BLOCK, "/sub/more": b"y" * (BLOCK + 1), "/large": LARGE}


@pytest.fixture(params=["ids", "paths", "streams"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SealingBench]:
    services = {
        "ids": None,
        "paths": MemoryService(PATHS),
        "streams": MemoryService(replace(PATHS, range_reads=False)),
    }
    async with sealing_bench(tmp_path, services[request.param]) as made:
        yield made


async def test_age_files_are_opened_and_all_others_left_alone_and_reported(bench: SealingBench) -> None:
    for path, data in PLAIN.items():
        bench.source.add_file(path + ".age", sealed(data))
    bench.source.add_file("/note.txt", b"never was sealed")

    result = await bench.run(WITH_KEY)
    again = await bench.run(WITH_KEY)

    assert dict(bench.destination.files()) == {**PLAIN, "/note.txt": b"never was sealed"}
    messages = await bench.messages(result.run)
    assert messages["/note.txt"] == "not encrypted, so moved as it is"
    assert {messages[path] for path in PLAIN} == {"opened"}
    assert "1 files were not encrypted, and were moved as they are: /note.txt" in result.message
    assert set((await bench.bench.files(again.run)).values()) == {ItemState.UNCHANGED}
    verified = await bench.run(WITH_KEY, RunMode.VERIFY)
    assert set((await bench.bench.files(verified.run)).values()) == {ItemState.ALREADY_THERE}


async def test_what_does_not_open_is_the_outcome_of_that_file_alone(bench: SealingBench) -> None:
    good = sealed(b"good")
    bench.source.add_file("/good.age", good)
    bench.source.add_file("/others.age", sealed(b"not for this key", OTHER))
    bench.source.add_file("/cut off.age", sealed(b"z" * 100_000)[:-20_000])
    bench.source.add_file("/changed.age", good[:-1] + bytes([good[-1] ^ 1]))
    bench.source.add_file("/header.age", MAGIC + b"broken\n" + b"0" * 300)
    bench.source.add_file("/short.age", MAGIC)

    result = await bench.run(WITH_KEY)

    rows = await bench.bench.rows(result.run)
    assert dict(bench.destination.files()) == {"/good": b"good"}
    bad = {path: row for path, row in rows.items() if path != "/good"}
    assert {row["state"] for row in bad.values()} == {ItemState.FAILED}
    assert {row["reason"] for row in bad.values()} == {Reason.NOT_OPENED}
    assert "encrypted for other keys" in rows["/others"]["message"]
    assert "cut off or changed" in rows["/cut off"]["message"]
    assert {row["side"] for row in bad.values()} == {"source"}


async def test_sealed_names_are_told_again(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path) as bench:
        for path, data in PLAIN.items():
            bench.source.add_file(path, data)
        await bench.run(replace(FOR_KEY, names=True))
        for path in list(PLAIN):
            bench.source.remove(path)

        result = await bench.run(WITH_KEY, swap=True)

        assert dict(bench.source.files()) == PLAIN
        index = (await bench.messages(result.run))["/" + SEALED_INDEX_NAME]
        assert index == "it tells the names of the encrypted files beside it"


async def test_a_file_and_one_that_is_opened_to_its_name_both_arrive(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path, MemoryService(PATHS)) as bench:
        bench.source.add_file("/a.txt", b"plain")
        bench.source.add_file("/a.txt.age", sealed(b"sealed"))
        await bench.run(WITH_KEY)
        assert dict(bench.destination.files()) == {"/a.txt": b"plain", "/a (2).txt": b"sealed"}


async def test_what_is_opened_can_be_sealed_for_others_on_its_way(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path) as bench:
        bench.source.add_file("/a.age", sealed(b"mine", OTHER))
        both = SealingChoice(recipients=FOR_KEY.recipients, open_with=(Secret(str(OTHER)),))
        await bench.run(both)
        await bench.run(replace(WITH_KEY), swap=True)
        assert dict(bench.source.files())["/a"] == b"mine"


async def test_another_password_of_crypt_ends_the_run_with_a_clear_word(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path) as bench:
        bench.source.add_file("/a", b"a")
        await bench.run(SealingChoice(crypt_to=Secret("one")))
        bench.source.remove("/a")
        result = await bench.run(SealingChoice(crypt_from=Secret("another")), swap=True)
        assert "password of crypt is another one" in result.message
        assert bench.source.tree() == {}


async def test_strangers_in_a_folder_of_crypt_are_named(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path) as bench:
        bench.source.add_file("/a", b"a")
        await bench.run(SealingChoice(crypt_to=Secret("one")))
        bench.destination.add_file("/readme.txt", b"not of crypt")
        bench.source.remove("/a")
        result = await bench.run(SealingChoice(crypt_from=Secret("one")), swap=True)
        assert dict(bench.source.files()) == {"/a": b"a"}
        assert "was not encrypted with this password" in (await bench.messages(result.run))["/readme.txt"]


async def test_the_private_key_is_nowhere_when_the_run_is_over(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path) as bench:
        bench.source.add_file("/a.age", sealed(b"a"))
        await bench.run(WITH_KEY)
    secret = WITH_KEY.open_with[0].reveal().encode()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert secret not in file.read_bytes()
