"""Runs that seal: what arrives only the user opens, and all that the engine promises holds for it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.parts import MemoryPartUploads
from tests.memory.service import CASELESS_DRIVE, PATHS, TABLES, MemoryService
from tests.transfer.sealing import (
    FOR_KEY,
    KEY,
    OTHER,
    SealingBench,
    opened,
    sealed,
    sealing_bench,
)

from mover.connectors.contract import Content, SentPart
from mover.errors import InvalidConfiguration, Unreachable
from mover.ledger.states import ItemState, RunMode
from mover.sealing.age.stanzas import MAGIC
from mover.sealing.blocks import BLOCK
from mover.sealing.crypt.files import Crypt
from mover.sealing.crypt.settings import CryptSettings
from mover.transfer.filters import Filters
from mover.transfer.options import VerifyLevel
from mover.vault.secret import Secret
from mover.workplace.sealing import SealingChoice
from mover.workplace.seeds import KEPT_S, destroy_old_seeds

pytestmark = [pytest.mark.slow, pytest.mark.promise("P11")]

LARGE = random.Random(5).randbytes(9_500_000)
FILES = {
    "/empty": b"",
    "/one block": random.Random(1).randbytes(BLOCK),
    "/sub/one more": random.Random(2).randbytes(BLOCK + 1),
    "/sub/deep/ünï 日本": b"hello",
}
NAMED = SealingChoice(recipients=FOR_KEY.recipients, names=True)
_OBSCURED = "7MR31SAW7w8-wHxALzZSssaiRyL3cQ"  # "secret", as rclone hides it
SAID = "sealed; verified by the hash of the ciphertext"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SealingBench]:
    async with sealing_bench(tmp_path) as made:
        yield made


def fill(bench: SealingBench) -> None:
    for path, data in FILES.items():
        bench.source.add_file(path, data)


def arrived(bench: SealingBench) -> dict[str, bytes]:
    return {path.removesuffix(".age"): opened(data) for path, data in bench.destination.files()}


async def test_only_the_owner_opens_what_arrives_and_the_report_says_how_it_was_verified(
    bench: SealingBench,
) -> None:
    fill(bench)
    result = await bench.run()

    assert arrived(bench) == FILES
    assert all(path.endswith(".age") and data.startswith(MAGIC) for path, data in bench.destination.files())
    assert set((await bench.messages(result.run)).values()) == {SAID}
    assert await bench.seeds() == []


async def test_a_service_that_reads_back_and_one_whose_sizes_suffice_are_told_apart(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path, destination=MemoryService(PATHS)) as bench:
        fill(bench)
        assert set((await bench.messages((await bench.run()).run)).values()) == {
            "sealed; verified by reading the ciphertext back"
        }
        bench.source.add_file("/new", b"new")
        result = await bench.run(verify=VerifyLevel.SIZE)
        assert (await bench.messages(result.run))[
            "/new"
        ] == "sealed; only the size of the ciphertext was compared"


async def test_the_next_run_sends_only_what_changed_though_sealing_differs_each_time(
    bench: SealingBench,
) -> None:
    fill(bench)
    await bench.run()
    before = dict(bench.destination.files())
    bench.source.change_file("/empty", b"no longer")
    bench.source.add_file("/new", b"new")

    result = await bench.run()

    states = await bench.bench.files(result.run)
    assert states == {
        **dict.fromkeys(FILES, ItemState.UNCHANGED),
        "/empty": ItemState.REPLACED,
        "/new": ItemState.COPIED,
    }
    assert arrived(bench) == {**FILES, "/empty": b"no longer", "/new": b"new"}
    after = dict(bench.destination.files())
    assert all(after[path] == before[path] for path in before if path != "/empty.age")


async def test_keys_are_others_in_each_file_and_each_run(bench: SealingBench) -> None:
    bench.source.add_file("/a", b"same")
    bench.source.add_file("/b", b"same")
    await bench.run()
    first = dict(bench.destination.files())
    bench.destination.remove("/a.age")
    await bench.run()
    second = dict(bench.destination.files())

    assert first["/a.age"] != first["/b.age"]
    assert second["/a.age"] != first["/a.age"]
    assert opened(second["/a.age"]) == b"same"


async def test_what_is_sealed_already_passes_untouched_whatever_its_name(bench: SealingBench) -> None:
    small, large = sealed(b"mine", OTHER), sealed(LARGE, OTHER)
    bench.source.add_file("/named.age", small)
    bench.source.add_file("/unnamed", small)
    bench.source.add_file("/large", large)
    bench.source.add_file("/pretends.age", b"not encrypted at all")
    bench.source.add_file("/large and pretends.age", LARGE)
    bench.source.add_file("/begins as one", MAGIC + b"but goes on otherwise")

    result = await bench.run()
    again = await bench.run()

    there = dict(bench.destination.files())
    assert (there["/named.age"], there["/unnamed.age"], there["/large.age"]) == (small, small, large)
    assert opened(there["/pretends.age"]) == b"not encrypted at all"
    assert opened(there["/large and pretends.age"]) == LARGE
    assert opened(there["/begins as one.age"]) == MAGIC + b"but goes on otherwise"
    messages = await bench.messages(result.run)
    untouched = "encrypted already, so moved as it is; verified by the hash of the ciphertext"
    assert {path for path, said in messages.items() if said == untouched} == {
        "/named.age",
        "/unnamed",
        "/large",
    }
    assert messages["/pretends.age"] == SAID
    assert set((await bench.bench.files(again.run)).values()) == {ItemState.UNCHANGED}


async def test_nothing_that_pretends_to_be_sealed_leaves_in_the_clear(
    bench: SealingBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in parts of an upload that is given up."""
    bench.source.add_file("/pretends.age", LARGE)
    sent = bytearray()
    send = MemoryPartUploads.send

    async def watched(
        uploads: MemoryPartUploads, token: str, number: int, offset: int, content: Content
    ) -> SentPart:
        sent.extend(b"".join([chunk async for chunk in content.chunks()]))
        return await send(uploads, token, number, offset, content)

    monkeypatch.setattr(MemoryPartUploads, "send", watched)
    await bench.run()

    assert len(sent) >= len(LARGE)
    assert not any(LARGE[at : at + 32] in sent for at in range(0, len(LARGE), 1_000_000))


@pytest.mark.promise("P12")
async def test_a_large_file_goes_on_with_its_parts_after_a_kill(bench: SealingBench) -> None:
    bench.source.add_file("/large", LARGE)
    stalled = bench.destination.faults.add("send", skip=5, stall=asyncio.Event())
    run = asyncio.create_task(bench.run(parts_at_once=1))
    await stalled.reached.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert len(await bench.seeds()) == 1

    received_before = bench.bench.progress.bytes_received
    result = await bench.run(parts_at_once=1)

    assert arrived(bench) == {"/large": LARGE}
    assert bench.bench.progress.bytes_received < len(LARGE) * 3 // 4
    assert received_before > 0
    assert (await bench.messages(result.run))["/large"].startswith(
        "sealed; verified by reading the ciphertext back"
    )
    assert await bench.seeds() == []


@pytest.mark.promise("P12")
async def test_parts_that_were_sealed_with_other_keys_are_never_mixed_in(bench: SealingBench) -> None:
    bench.source.add_file("/large", LARGE)
    for step in range(2):
        stalled = bench.destination.faults.add("send", skip=2, stall=asyncio.Event())
        choice = FOR_KEY if step else SealingChoice(recipients=(str(OTHER.to_public()), *FOR_KEY.recipients))
        run = asyncio.create_task(bench.run(choice, parts_at_once=1))
        await stalled.reached.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert await destroy_old_seeds(bench.vault, now=10**12) == 1

    await bench.run(parts_at_once=1)

    assert arrived(bench) == {"/large": LARGE}


@pytest.mark.promise("P12")
async def test_a_small_file_whose_arrival_was_not_noted_is_recognised(bench: SealingBench) -> None:
    fill(bench)
    bench.destination.faults.add("upload", path="/empty.age", error=Unreachable("gone"), lose_answer=True)

    result = await bench.run()

    states = await bench.bench.files(result.run)
    assert states["/empty"] is ItemState.COPIED
    assert arrived(bench) == FILES


async def test_seeds_that_nobody_went_on_with_are_destroyed_and_others_are_not(bench: SealingBench) -> None:
    bench.source.add_file("/a", b"a")
    stalled = bench.destination.faults.add("upload", stall=asyncio.Event())
    run = asyncio.create_task(bench.run())
    await stalled.reached.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await destroy_old_seeds(bench.vault, now=time.time() + KEPT_S - 60) == 0
    assert await destroy_old_seeds(bench.vault, now=time.time() + KEPT_S + 60) == 1
    assert await bench.seeds() == []


async def test_verifying_compares_with_what_was_noted_at_arrival(bench: SealingBench) -> None:
    fill(bench)
    bench.source.add_file("/as it is", sealed(b"x", OTHER))
    await bench.run()
    bench.destination.change_file("/one block.age", sealed(b"another"))
    bench.source.change_file("/sub/one more", b"changed")
    bench.source.add_file("/never sent", b"")

    states = await bench.bench.files((await bench.run(FOR_KEY, RunMode.VERIFY)).run)

    assert states == {
        "/empty": ItemState.ALREADY_THERE,
        "/as it is": ItemState.ALREADY_THERE,
        "/sub/deep/ünï 日本": ItemState.ALREADY_THERE,
        "/one block": ItemState.CONFLICT,
        "/sub/one more": ItemState.CONFLICT,
        "/never sent": ItemState.FAILED,
    }


async def test_verifying_reads_back_where_nothing_else_tells(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path, destination=MemoryService(PATHS)) as bench:
        fill(bench)
        await bench.run()
        data = dict(bench.destination.files())["/one block.age"]
        bench.destination.change_file("/one block.age", data[:-1] + bytes([data[-1] ^ 1]))
        states = await bench.bench.files((await bench.run(FOR_KEY, RunMode.VERIFY)).run)
        assert {path for path, state in states.items() if state is ItemState.CONFLICT} == {"/one block"}


@pytest.mark.promise("P4")
async def test_what_stands_there_is_a_conflict_and_never_taken_for_ours(bench: SealingBench) -> None:
    bench.source.add_file("/a", b"same", modified_ns=10**18)
    bench.destination.add_file("/a.age", sealed(b"same"), modified_ns=10**18)
    result = await bench.run()
    assert await bench.bench.files(result.run) == {"/a": ItemState.CONFLICT}


async def test_a_file_and_its_namesake_that_is_sealed_both_arrive(bench: SealingBench) -> None:
    bench.source.add_file("/a", b"plain")
    bench.source.add_file("/a.age", sealed(b"sealed", OTHER))
    await bench.run()
    assert sorted(bench.destination.tree()) == ["/a (2).age", "/a.age"]


async def test_filters_speak_of_names_as_people_know_them(bench: SealingBench) -> None:
    bench.source.add_file("/a.txt", b"a")
    bench.source.add_file("/b.pdf", b"b")
    await bench.run(NAMED, filters=Filters.build(include=["*.txt"]))
    files = [data for path, data in bench.destination.files() if not path.endswith("mover-names.age")]
    assert [opened(data) for data in files] == [b"a"]
    assert "/mover-names.age" in dict(bench.destination.files())


async def test_sealed_names_tell_nothing_and_are_told_by_a_sealed_file(bench: SealingBench) -> None:
    fill(bench)
    await bench.run(NAMED)
    again = await bench.run(NAMED)

    tree = dict(bench.destination.files())
    assert not any(word in path for path in tree for word in ("empty", "block", "sub", "deep", "ünï"))
    names = {
        path.rpartition("/")[0] + "/" + line["sealed"]: line["name"]
        for path, data in tree.items()
        if path.endswith("/mover-names.age")
        for line in map(json.loads, opened(data).splitlines())
    }

    def plain(path: str) -> str:
        parts = path.split("/")
        return "/".join(["", *(names["/".join(parts[: at + 1])] for at in range(1, len(parts)))])

    found = {
        plain(path): opened(data) for path, data in tree.items() if not path.endswith("/mover-names.age")
    }
    assert found == FILES
    assert set((await bench.bench.files(again.run)).values()) == {ItemState.UNCHANGED}


async def test_sealed_names_follow_a_change_in_the_folder(bench: SealingBench) -> None:
    fill(bench)
    await bench.run(NAMED)
    bench.source.move("/empty", "/renamed")
    result = await bench.run(NAMED)
    index = opened(dict(bench.destination.files())["/mover-names.age"]).decode()
    assert "renamed" in index
    assert "empty" not in index
    assert (await bench.bench.files(result.run))["/renamed"] in {ItemState.RENAMED, ItemState.COPIED}


async def test_another_form_is_another_pair_so_nothing_is_renamed_in_the_clear(bench: SealingBench) -> None:
    fill(bench)
    await bench.run(SealingChoice())
    await bench.run(FOR_KEY)
    there = dict(bench.destination.files())
    for path, data in FILES.items():
        assert there[path] == data
        assert opened(there[path + ".age"]) == data


async def test_documents_of_unknown_size_arrive_sealed(bench: SealingBench) -> None:
    bench.source.add_native("/document.docx", lambda: b"exported" * 1000)
    await bench.run()
    assert arrived(bench) == {"/document.docx": b"exported" * 1000}


async def test_a_service_without_ids_hashes_and_parts_is_sealed_as_well(tmp_path: Path) -> None:
    coarse = replace(PATHS, modified_resolution_ns=60_000_000_000)
    async with sealing_bench(tmp_path, MemoryService(coarse), MemoryService(PATHS)) as bench:
        fill(bench)
        bench.source.add_file("/large", LARGE)
        await bench.run()
        assert arrived(bench) == {**FILES, "/large": LARGE}
        states = await bench.bench.files((await bench.run()).run)
        assert set(states.values()) == {ItemState.UNCHANGED}


async def test_what_cannot_hold_sealed_files_is_refused_at_once(tmp_path: Path) -> None:
    async with sealing_bench(tmp_path, destination=MemoryService(TABLES)) as bench:
        with pytest.raises(InvalidConfiguration, match="takes only dumps, so it cannot hold"):
            await bench.run()
    section = f"[c]\ntype = crypt\npassword = {_OBSCURED}\nfilename_encoding = base64"
    base64 = SealingChoice(crypt_to=Secret(section))
    async with sealing_bench(tmp_path / "caseless", destination=MemoryService(CASELESS_DRIVE)) as bench:
        with pytest.raises(InvalidConfiguration, match="capitals"):
            await bench.run(base64)


async def test_crypt_is_written_and_read_again_by_its_password(bench: SealingBench) -> None:
    fill(bench)
    bench.source.add_file("/large", LARGE)
    await bench.run(SealingChoice(crypt_to=Secret("secret")))
    crypt = Crypt(CryptSettings(password=Secret("secret")))
    shown = {
        "/".join(["", *(crypt.plain_name(part, folder=False) for part in path.split("/")[1:])])
        for path, _ in bench.destination.files()
    }
    assert shown == {*FILES, "/large"}
    for path in list(bench.source.tree()):
        if path in {*FILES, "/large"}:
            bench.source.remove(path)

    await bench.run(SealingChoice(crypt_from=Secret("secret")), swap=True)

    assert dict(bench.source.files()) == {**FILES, "/large": LARGE}


async def test_a_mistyped_password_encrypts_nothing_beside_what_another_one_did(bench: SealingBench) -> None:
    bench.destination.add_file("/stood here before", b"x")
    bench.source.add_file("/one", b"1")
    await bench.run(SealingChoice(crypt_to=Secret("secret")))
    bench.source.add_file("/two", b"2")
    before = bench.destination.tree()

    with pytest.raises(InvalidConfiguration, match="another password"):
        await bench.run(SealingChoice(crypt_to=Secret("secrte")))

    assert bench.destination.tree() == before
    await bench.run(SealingChoice(crypt_to=Secret("secret")))
    assert len(bench.destination.tree()) == len(before) + 1


@pytest.mark.parametrize(
    ("choice", "why"),
    [
        (SealingChoice(recipients=FOR_KEY.recipients, crypt_to=Secret("x")), "not with both"),
        (SealingChoice(open_with=(Secret(str(KEY)),), crypt_from=Secret("x")), "not with both"),
        (SealingChoice(names=True), "needs public keys"),
        (SealingChoice(recipients=("age1nonsense",)), "letters|checksum"),
        (SealingChoice(crypt_to=Secret("")), "empty"),
    ],
)
def test_choices_that_cannot_be_are_refused(choice: SealingChoice, why: str) -> None:
    with pytest.raises(InvalidConfiguration, match=why):
        choice.check()
