"""What Mover gave goes again when the source has it no more, whatever has happened to the file itself meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transfer.test_sharing import PERSON, READ, moving, rules, source, there

from mover.ledger.states import Code, ItemState

pytestmark = pytest.mark.promise("P13")
ANN = (PERSON, "ann@new.org")


async def test_what_is_saved_anew_loses_what_was_given_to_the_one_before(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/plan", b"first")
    one.share("/plan", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        assert (await bench.run(sharing=rules())).code is Code.SUCCESS
        assert other.shares("/plan") == {ANN: READ}
        one.remove("/plan")
        one.add_file("/plan", b"second, for nobody else")
        result = await bench.run(sharing=rules())
        assert await bench.files(result.run) == {"/plan": ItemState.REPLACED}
    assert other.shares("/plan") == {}
    assert other.tree() == one.tree()


async def test_what_is_saved_anew_and_shared_again_is_unshared_later(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/plan", b"first")
    one.share("/plan", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.remove("/plan")
        one.add_file("/plan", b"second")
        one.share("/plan", "ann@example.org", READ)
        await bench.run(sharing=rules())
        assert other.shares("/plan") == {ANN: READ}
        one.unshare("/plan", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/plan") == {}


async def test_two_files_that_change_places_keep_their_own_shares(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/open", b"open")
    one.add_file("/secret", b"secret")
    one.share("/open", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move("/open", "/aside")
        one.move("/secret", "/open")
        one.move("/aside", "/secret")
        result = await bench.run(sharing=rules())
        assert set((await bench.files(result.run)).values()) == {ItemState.REPLACED}
    assert other.tree() == {"/open": b"secret", "/secret": b"open"}
    assert other.shares("/open") == {}
    assert other.shares("/secret") == {ANN: READ}


async def test_the_same_content_under_a_new_id_elsewhere_takes_no_shares_along(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/old", b"content")
    one.share("/old", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.remove("/old")
        one.add_file("/new", b"content")
        await bench.run(sharing=rules())
        assert other.tree()["/new"] == b"content"
        assert other.shares("/new") == {}
        one.share("/new", "ann@example.org", READ)
        await bench.run(sharing=rules())
        assert other.shares("/new") == {ANN: READ}
        one.unshare("/new", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/new") == {}


async def test_what_is_in_conflict_loses_what_was_given_nevertheless(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/plan", b"first")
    one.share("/plan", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.change_file("/plan", b"second, there")
        other.change_file("/plan", b"second, here")
        one.unshare("/plan", "ann@example.org")
        result = await bench.run(sharing=rules())
        assert await bench.files(result.run) == {"/plan": ItemState.CONFLICT}
    assert other.shares("/plan") == {}
    assert other.tree() == {"/plan": b"second, here"}
