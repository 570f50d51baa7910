"""A folder that was removed and made anew under its name is another one: what was permitted on the first says nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transfer.test_sharing import PERSON, READ, WRITE, lines, moving, rules, source, there
from tests.transfer.workbench import Workbench

from mover.errors import PermissionDenied
from mover.ledger.grants import GrantState
from mover.ledger.states import Code

pytestmark = pytest.mark.promise("P13")
ANN, BEN = (PERSON, "ann@new.org"), (PERSON, "ben@new.org")


async def wider(bench: Workbench, run: int) -> set[tuple[str, str]]:
    """Who is told to see more than at the source, and where."""
    return {
        (line.path, line.target.identity)
        for line in await lines(bench, run)
        if line.state is GrantState.WIDER and line.target
    }


async def test_a_folder_made_anew_at_the_source_loses_what_was_given_for_the_one_before(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/team/deep/plan", b"first")
    one.share("/team", "ann@example.org")
    one.share("/team/deep", "ben@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: READ}
        assert other.shares("/team/deep") == {BEN: READ}
        one.remove("/team")
        one.add_file("/team/deep/secret", b"for nobody else")
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS, await lines(bench, result.run)
    assert other.shares("/team") == other.shares("/team/deep") == {}
    assert other.tree()["/team/deep/secret"] == b"for nobody else"


async def test_what_a_folder_made_anew_at_the_source_shares_too_is_taken_back_later(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"first")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.remove("/team")
        one.add_file("/team/plan", b"second")
        one.share("/team", "ann@example.org", WRITE)
        await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: WRITE}
        one.unshare("/team", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/team") == {}


async def test_what_others_permit_on_a_folder_made_anew_at_the_destination_is_left_to_them(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"first")
    one.share("/team", "ann@example.org", WRITE)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        other.remove("/team")
        other.add_folder("/team")
        other.share("/team", "ann@new.org", READ)
        await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: WRITE}
        one.unshare("/team", "ann@example.org")
        one.add_file("/team/more", b"more")
        result = await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: READ}
        assert await wider(bench, result.run) == {("/team", "ann@new.org")}
        assert "/team/more" not in other.tree()


async def test_a_folder_made_anew_at_the_destination_gets_what_is_wanted_and_no_more(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"first")
    other.add_folder("/team")
    other.share("/team", "ann@new.org", READ)  # by others; Mover raises it
    one.share("/team", "ann@example.org", WRITE)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: WRITE}
        other.remove("/team")
        other.add_folder("/team")
        await bench.run(sharing=rules())
        assert other.shares("/team") == {ANN: WRITE}
        one.unshare("/team", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/team") == {}  # and not what others had given on the one that is gone


async def test_what_the_source_takes_back_while_others_make_the_folder_anew_is_theirs(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"first")
    one.share("/team", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.unshare("/team", "ann@example.org")
        other.remove("/team")
        other.add_folder("/team")
        other.share("/team", "ann@new.org", READ)
        result = await bench.run(sharing=rules())
        assert await wider(bench, result.run) == {("/team", "ann@new.org")}
    assert other.shares("/team") == {ANN: READ}
    assert "/team/plan" not in other.tree()


async def test_what_was_given_on_the_folder_before_goes_when_it_is_given_on_the_one_after(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"plan")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        other.add_file("/team/theirs", b"theirs")
        one.move("/team", "/crew")
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS
        assert other.shares("/crew") == {ANN: READ}
        assert other.shares("/team") == {}  # no later run would know of it
        one.unshare("/crew", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/crew") == {}
    assert other.tree() == {"/crew/plan": b"plan", "/team/theirs": b"theirs"}


async def test_what_cannot_be_taken_back_from_the_folder_before_is_told_and_tried_again(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"plan")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move("/team", "/crew")
        other.faults.add("revoke", times=1, error=PermissionDenied("not you"))
        result = await bench.run(sharing=rules())
        assert {line.state for line in await lines(bench, result.run)} == {GrantState.FAILED}
        assert (other.shares("/team"), other.shares("/crew")) == ({ANN: READ}, {})
        await bench.run(sharing=rules(), full=True)
    assert (other.shares("/team"), other.shares("/crew")) == ({}, {ANN: READ})


async def test_a_moved_folder_leaves_what_it_had_to_the_one_made_in_its_place(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/plan", b"plan")
    one.share("/team", "ann@example.org")
    one.share("/team", "ben@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move("/team", "/crew")
        one.add_file("/team/secret", b"secret")
        one.share("/team", "ben@example.org")
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS, await lines(bench, result.run)
        assert (other.shares("/team"), other.shares("/crew")) == ({BEN: READ}, {ANN: READ, BEN: READ})
        one.unshare("/team", "ben@example.org")
        await bench.run(sharing=rules())
    assert (other.shares("/team"), other.shares("/crew")) == ({}, {ANN: READ, BEN: READ})


@pytest.mark.parametrize("refused", [False, True])
async def test_a_folder_that_is_moved_onto_the_place_of_another_one_has_one_place(
    tmp_path: Path, *, refused: bool
) -> None:
    one, other = source(), there()
    for path in ("/team", "/crew"):
        one.add_file(f"{path}/plan", path.encode())
        one.share(path, "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.remove("/team")
        one.move("/crew", "/team")
        if refused:
            other.faults.add("revoke", times=1, error=PermissionDenied("not you"))
            await bench.run(sharing=rules())
            assert other.shares("/crew") == {ANN: READ}
        await bench.run(sharing=rules(), full=True)
        assert (other.shares("/team"), other.shares("/crew")) == ({ANN: READ}, {})
        one.unshare("/team", "ann@example.org")
        result = await bench.run(sharing=rules())
        assert await wider(bench, result.run) == set()
    assert (other.shares("/team"), other.shares("/crew")) == ({}, {})
