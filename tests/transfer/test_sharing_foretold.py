"""A dry run tells of permissions what the run does: what is taken back first holds nothing back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.memory.service import MemoryService
from tests.transfer.test_sharing import READ, WRITE, lines, moving, rules, source, there
from tests.transfer.workbench import Workbench

from mover.ledger.grants import GrantState
from mover.ledger.states import Code, RunMode

pytestmark = pytest.mark.promise("P13")


async def told(bench: Workbench, run: int) -> set[tuple[str, str, GrantState]]:
    """What is told of who has access, with the same words before and after."""
    after = {GrantState.GIVEN: GrantState.PLANNED, GrantState.TAKEN_BACK: GrantState.PLANNED}
    return {
        (line.path, line.target.identity if line.target else line.identity, after.get(line.state, line.state))
        for line in await lines(bench, run)
    }


def folder_is_unshared(one: MemoryService) -> None:
    one.unshare("/team", "ann@example.org")
    one.add_file("/team/sub/deep/new", b"new")


def role_is_lowered(one: MemoryService) -> None:
    one.unshare("/team", "ann@example.org")
    one.share("/team", "ann@example.org", READ)
    one.add_file("/team/sub/deep/new", b"new")


def folder_is_made_anew(one: MemoryService) -> None:
    one.remove("/team")
    one.add_file("/team/sub/deep/new", b"new")
    one.share("/team/sub", "ben@example.org")


def file_is_saved_anew(one: MemoryService) -> None:
    one.remove("/team/sub/plan")
    one.add_file("/team/sub/plan", b"saved anew")


def files_change_places(one: MemoryService) -> None:
    one.move("/team/sub/plan", "/aside")
    one.move("/team/sub/other", "/team/sub/plan")
    one.move("/aside", "/team/sub/other")


@pytest.mark.parametrize(
    "change",
    [folder_is_unshared, role_is_lowered, folder_is_made_anew, file_is_saved_anew, files_change_places],
)
async def test_a_dry_run_tells_what_the_run_does(
    tmp_path: Path, change: Callable[[MemoryService], None]
) -> None:
    one, other = source(), there()
    one.add_file("/team/sub/plan", b"plan")
    one.add_file("/team/sub/other", b"other")
    one.share("/team", "ann@example.org", WRITE)
    one.share("/team/sub", "ben@example.org")
    one.share("/team/sub/plan", "cleo@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        change(one)
        before = dict(other.calls)
        dry = await bench.run(RunMode.SCAN, sharing=rules())
        changing = ("grant", "revoke", "upload", "create_folder", "rename")
        assert [other.calls[name] - before.get(name, 0) for name in changing] == [0] * len(changing)
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS, await lines(bench, result.run)
        reasons = {path: row["reason"] for path, row in (await bench.rows(dry.run)).items()}
        assert set(reasons.values()) == {None}, reasons
        foretold, done = await told(bench, dry.run), await told(bench, result.run)
        assert not [one for one in foretold if one[2] is GrantState.WIDER]
        assert foretold == done


async def test_what_others_permit_below_is_told_as_wider_by_both(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/sub/plan", b"plan")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.unshare("/team", "ann@example.org")
        other.share("/team/sub", "ann@new.org", READ)
        one.add_file("/team/sub/new", b"new")
        dry = await bench.run(RunMode.SCAN, sharing=rules())
        result = await bench.run(sharing=rules())
        foretold = await told(bench, dry.run)
        assert ("/team/sub", "ann@new.org", GrantState.WIDER) in foretold
        assert foretold == await told(bench, result.run)
    assert "/team/sub/new" not in other.tree()


async def test_a_dry_run_into_a_folder_that_is_not_there_yet_tells_who_would_see_it(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/plan", b"plan")
    other.add_file("/open/other", b"")
    other.share("/open", "zoe@new.org")  # of whom the source knows nothing
    async with moving(tmp_path, one, other) as bench:
        dry = await bench.run(RunMode.SCAN, destination_root="/open/not/yet", sharing=rules({}))
        foretold = await told(bench, dry.run)
        assert ("/", "zoe@new.org", GrantState.WIDER) in foretold
        result = await bench.run(destination_root="/open/not/yet", sharing=rules({}))
        assert foretold == await told(bench, result.run)
        assert await bench.states(dry.run) == await bench.states(result.run)
    assert "/open/not/yet/plan" not in other.tree()


async def test_a_dry_run_tells_narrower_roles_and_what_is_refused_on_files(tmp_path: Path) -> None:
    one, other = source(), there(roles=frozenset({READ}), folders_only=True)
    one.add_file("/team/plan", b"plan")
    one.share("/team", "ann@example.org", WRITE)
    one.share("/team/plan", "ben@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        dry = await lines(bench, (await bench.run(RunMode.SCAN, sharing=rules())).run)
        done = await lines(bench, (await bench.run(sharing=rules())).run)
    [given] = [line for line in dry if line.path == "/team"]
    assert (given.state, given.target_role) == (GrantState.PLANNED, READ)
    assert given.message == "the destination has no write here: read would be given"
    [refused] = [line for line in dry if line.path == "/team/plan"]
    assert (refused.state, refused.reason) == (GrantState.UNSUPPORTED, "unsupported")
    roles = [{line.path: (line.target_role, line.reason) for line in some} for some in (dry, done)]
    assert roles[0] == roles[1]
