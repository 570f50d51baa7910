"""How runs end that are no use going on with, and what is said of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.memory.service import MemoryService
from tests.transfer.workbench import Workbench, signed_in, workbench

from mover.errors import (
    AccountSuspended,
    ApiQuotaExceeded,
    Locked,
    MoverError,
    Reason,
    SignInFailed,
    UserNotFound,
    advice_for,
)
from mover.ledger.states import Code, ItemState, RunStatus, status_of
from mover.migrations.states import AUTOMATIC, MEANINGS, RunCode
from mover.runner.codes import code_of

FOLDERS = 30
USED_UP = ApiQuotaExceeded("no more calls today", said="daily limit")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(tmp_path) as made:
        for number in range(FOLDERS):
            made.source.add_file(f"/{number:02}/a", b"content")
        yield made


@pytest.mark.parametrize(
    ("side", "operation", "error", "code"),
    [
        ("source", "list_folder", USED_UP, Code.API_QUOTA),
        ("source", "read", USED_UP, Code.API_QUOTA),
        ("source", "changes_cursor", USED_UP, Code.API_QUOTA),
        ("destination", "upload", USED_UP, Code.API_QUOTA),
        ("source", "list_folder", SignInFailed("revoked"), Code.SIGN_IN_FAILED),
        ("destination", "create_folder", AccountSuspended("suspended"), Code.SIGN_IN_FAILED),
    ],
)
async def test_what_concerns_all_files_ends_the_run_and_the_next_one_goes_on(
    bench: Workbench, side: str, operation: str, error: MoverError, code: Code
) -> None:
    service = bench.source if side == "source" else bench.destination
    service.faults.add(operation, skip=10 if operation != "changes_cursor" else 0, error=error, times=None)

    broken = await bench.run()
    calls = service.calls[operation]
    service.faults.clear()
    result = await bench.run()

    assert (broken.code, broken.reason) == (code, error.reason)
    assert status_of(broken.code) is not RunStatus.SUCCESS
    assert calls < FOLDERS
    assert (await bench.states(result.run)).keys() == {
        path for number in range(FOLDERS) for path in (f"/{number:02}", f"/{number:02}/a")
    }
    assert result.run == broken.run
    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()


@pytest.mark.parametrize(
    ("side", "operation", "code"),
    [
        ("source", "list_folder", Code.GENERAL_FAILURE),
        ("source", "read", Code.SOME_DOWNLOADS_FAILED),
        ("destination", "upload", Code.SOME_UPLOADS_FAILED),
    ],
)
async def test_a_locked_drive_is_told_with_its_advice_and_moved_when_it_is_open_again(
    bench: Workbench, side: str, operation: str, code: Code
) -> None:
    service = bench.source if side == "source" else bench.destination
    service.faults.add(operation, error=Locked("the site is locked"), times=None)
    broken = await bench.run()
    told = {row["reason"] for row in (await bench.rows(broken.run)).values() if row["reason"]} or {
        broken.reason
    }
    service.faults.clear()
    result = await bench.run()
    assert (broken.code, told) == (code, {Reason.LOCKED})
    assert "unlocked" in advice_for(Reason.LOCKED)
    assert result.code is Code.SUCCESS
    assert bench.destination.tree() == bench.source.tree()


@pytest.mark.parametrize("error", [USED_UP, AccountSuspended("suspended"), UserNotFound("nobody")])
async def test_a_root_that_cannot_be_looked_at_has_its_own_code_and_advice(error: MoverError) -> None:
    code = code_of(error)

    assert code is {
        Reason.API_QUOTA: RunCode.API_QUOTA,
        Reason.ACCOUNT_SUSPENDED: RunCode.SIGN_IN_FAILED,
        Reason.USER_NOT_FOUND: RunCode.USER_NOT_FOUND,
    }.get(error.reason)
    assert MEANINGS[code]
    assert code not in AUTOMATIC
    assert advice_for(error.reason) == type(error).advice


async def test_a_user_that_is_not_there_is_told_before_anything_is_begun(bench: Workbench) -> None:
    bench.source.faults.add("look_up", "/Users/nobody", error=UserNotFound("no such user"))

    with pytest.raises(UserNotFound):
        await bench.run(source_root="/Users/nobody")


async def test_a_user_that_vanishes_in_mid_move_has_its_code(bench: Workbench) -> None:
    bench.source.faults.add("list_folder", "/", error=UserNotFound("deleted"), times=None)

    result = await bench.run()

    assert (result.code, result.reason) == (Code.USER_NOT_FOUND, Reason.USER_NOT_FOUND)


async def test_a_finished_run_says_when_its_calls_are_used_up_at_the_end(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService()) as bench:
        bench.source.add_file("/a", b"content")
        bench.destination.faults.add("changes_since", error=USED_UP)

        result = await bench.run()
        again = await bench.run()

        assert result.code is Code.API_QUOTA
        assert (again.run, again.code) == (result.run, Code.SUCCESS)
        assert await bench.files(again.run) == {"/a": ItemState.COPIED}
        async with signed_in(bench.destination) as connector:
            assert (await connector.look_up("/a")).size == len(b"content")
