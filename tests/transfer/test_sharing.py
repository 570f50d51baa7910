"""Permissions come to the destination through a map, never wider, and only what Mover gave is ever taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.database_url import BOTH
from tests.memory.directory import Directory
from tests.memory.service import PATHS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.entries import AccessRole, GranteeKind
from mover.errors import PermissionDenied, Reason, ServiceFault, SignInFailed
from mover.ledger.grants import GrantState, ReportGrant
from mover.ledger.ledger import Ledger
from mover.ledger.states import Code, ItemState, RunMode
from mover.transfer.folding import fold
from mover.transfer.grantees import GranteeMap
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider

READ, WRITE, OWNER = AccessRole.READ, AccessRole.WRITE, AccessRole.OWNER
PERSON, GROUP, DOMAIN = GranteeKind.PERSON, GranteeKind.GROUP, GranteeKind.DOMAIN
THERE = Directory(
    domain="new.org",
    owner="boss@new.org",
    people=frozenset({"ann@new.org", "ben@new.org", "cleo@new.org", "zoe@new.org"}),
    groups=frozenset({"Staff"}),
)


def rules(rows: Mapping[str, str] | None = None, **values: Any) -> SharingRules:
    """Rules with a map; by default everybody of example.org is at new.org."""
    given = {"example.org": "new.org"} if rows is None else rows
    return SharingRules(map=GranteeMap({fold(k): (k, v) for k, v in given.items()}), **values)


def source(**values: Any) -> MemoryService:
    """A drive of example.org."""
    return MemoryService(directory=Directory(**values))


def there(**values: Any) -> MemoryService:
    """A drive of new.org."""
    return MemoryService(directory=replace(Directory(), **{**_fields(THERE), **values}))


def _fields(directory: Directory) -> dict[str, Any]:
    return {name: getattr(directory, name) for name in ("domain", "owner", "people", "groups")}


@asynccontextmanager
async def moving(folder: Path, one: MemoryService, other: MemoryService) -> AsyncIterator[Workbench]:
    async with workbench(folder, one, other) as bench:
        yield bench


async def lines(bench: Workbench, run: int) -> list[ReportGrant]:
    """What the ledger says of a run's permissions."""
    return [line async for line in Ledger(bench.database).report_grants(run)]


def named(found: list[ReportGrant]) -> dict[tuple[str, str], GrantState]:
    """States by path and by who is meant."""
    return {
        (line.path, line.identity or (line.target.identity if line.target else "")): line.state
        for line in found
    }


async def test_shares_of_folders_and_files_are_given_to_whom_the_map_says(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/plan.txt", b"plan")
    one.add_file("/team/deep/note.txt", b"note")
    one.share("/team", "ann@example.org", WRITE)
    one.share("/team/deep/note.txt", "ben@example.org", READ)
    one.share("/team", "Sales", READ, kind=GROUP)
    one.share("/team", "example.org", READ, kind=DOMAIN)
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(
            sharing=rules({"example.org": "new.org", "sales": "Staff", "Ann@Example.org": "zoe@new.org"})
        )
    assert result.code is Code.SUCCESS, result.message
    assert other.shares("/team") == {
        (PERSON, "zoe@new.org"): WRITE,
        (GROUP, "Staff"): READ,
        (DOMAIN, "new.org"): READ,
    }
    assert other.shares("/team/deep/note.txt") == {(PERSON, "ben@new.org"): READ}
    assert other.shares("/team/plan.txt") == other.shares("/team/deep") == {}
    assert "4 given" in result.message


async def test_only_what_is_shared_is_asked_about_and_a_hundred_at_once(tmp_path: Path) -> None:
    one, other = source(), there()
    for n in range(450):
        one.add_file(f"/f{n}", b"")
        if n < 250:
            one.share(f"/f{n}", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        assert one.calls["permissions_of"] == 1 + 3  # the root, and 250 files
        assert other.calls["permissions_of"] == 1
        assert other.calls["grant"] == 250
        one.calls.clear()
        other.calls.clear()
        result = await bench.run(sharing=rules())
    assert result.code is Code.NOTHING_TO_COPY
    assert other.calls["grant"] == other.calls["revoke"] == 0
    assert one.calls["permissions_of"] == other.calls["permissions_of"] == 4
    assert one.calls["resolve_path"] == other.calls["resolve_path"] == 0


async def test_what_somebody_took_off_at_the_destination_is_given_again(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        other.unshare("/a", "ann@new.org")
        await bench.run(sharing=rules())
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}


async def test_only_what_mover_gave_is_taken_back(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org")
    one.share("/a", "ben@example.org", WRITE)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        other.share("/a", "zoe@new.org")  # somebody else's doing
        one.unshare("/a", "ann@example.org")
        one.unshare("/a", "ben@example.org")
        result = await bench.run(sharing=rules(wider=Wider.ALLOW))
        found = named(await lines(bench, result.run))
    assert other.shares("/a") == {(PERSON, "zoe@new.org"): READ}
    assert found["/a", "ann@new.org"] is found["/a", "ben@new.org"] is GrantState.TAKEN_BACK


async def test_what_the_destination_had_given_itself_is_never_taken_back(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"x", modified_ns=0)
    other.add_file("/a", b"x", modified_ns=0)
    for person in ("ann", "ben"):
        other.share("/a", f"{person}@new.org", READ)
    one.share("/a", "ann@example.org", READ)
    one.share("/a", "ben@example.org", WRITE)  # Mover raises what ben had
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        assert other.shares("/a")[PERSON, "ben@new.org"] is WRITE
        one.unshare("/a", "ann@example.org")
        one.unshare("/a", "ben@example.org")
        await bench.run(sharing=rules(wider=Wider.ALLOW))
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ, (PERSON, "ben@new.org"): READ}


@pytest.mark.usefixtures("database_kind")
@pytest.mark.parametrize("database_kind", BOTH, indirect=True)
async def test_role_that_was_lowered_at_the_source_is_lowered(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org", WRITE)
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.unshare("/a", "ann@example.org")
        one.share("/a", "ann@example.org", READ)
        await bench.run(sharing=rules())
        assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}
        await bench.run(sharing=rules())
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}


async def test_entry_that_is_no_longer_shared_at_all_is_taken_back_before_its_new_content_comes(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/team/a", b"old")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.unshare("/team", "ann@example.org")
        one.change_file("/team/a", b"new and secret")
        result = await bench.run(sharing=rules())
        order = [operation for operation, _ in other.journal if operation in {"revoke", "upload"}]
    assert result.code is Code.SUCCESS
    assert other.access("/team/a") == {}
    assert order == ["upload", "revoke", "upload"]


async def test_narrower_entry_is_not_put_into_a_wider_folder(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/open", b"")
    one.add_file("/team/secret", b"")
    one.add_file("/team/boss/salaries", b"")
    one.share("/team", "ann@example.org")
    one.restrict("/team/secret")
    one.restrict("/team/boss")
    one.share("/team/boss", "ben@example.org")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
        states = await bench.rows(result.run)
        found = await lines(bench, result.run)
    assert result.code is Code.UNSUPPORTED_NOT_MOVED
    assert set(other.tree()) == {"/team/open"}
    for path in ("/team/secret", "/team/boss"):
        assert states[path]["state"] == ItemState.UNSUPPORTED
        assert states[path]["reason"] == Reason.WOULD_BE_WIDER
        assert "ann@new.org (read)" in states[path]["message"]
    assert named(found)["/team/secret", "ann@new.org"] is GrantState.WIDER
    assert named(found)["/team/boss", "ben@example.org"] is GrantState.NOT_THERE


async def test_narrower_entry_is_put_there_if_that_is_asked_for_and_told(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/secret", b"")
    one.share("/team", "ann@example.org")
    one.restrict("/team/secret")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules(wider=Wider.ALLOW))
        found = named(await lines(bench, result.run))
    assert result.code is Code.SUCCESS
    assert set(other.tree()) == {"/team/secret"}
    assert found["/team/secret", "ann@new.org"] is GrantState.LISTED


async def test_lower_role_than_the_folder_s_is_narrower_too(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/only-read", b"")
    one.share("/team", "ann@example.org", WRITE)
    one.restrict("/team/only-read")
    one.share("/team/only-read", "ann@example.org", READ)
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
    assert "/team/only-read" not in other.tree(), result.message


async def test_folder_that_is_open_to_others_at_the_destination_holds_everything_back(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/from/a", b"")
    one.add_file("/from/sub/b", b"")
    other.add_folder("/into")
    other.share("/into", "zoe@new.org")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(source_root="/from", destination_root="/into", sharing=rules())
        assert other.tree() == {}
        assert result.code is Code.UNSUPPORTED_NOT_MOVED
        one.share("/from", "zoe@example.org")
        result = await bench.run(source_root="/from", destination_root="/into", sharing=rules())
    assert set(other.tree()) == {"/into/a", "/into/sub/b"}, result.message


async def test_subfolder_that_others_opened_at_the_destination_holds_its_new_files_back(
    tmp_path: Path,
) -> None:
    one, other = source(), there()
    one.add_file("/sub/a", b"")
    one.add_file("/b", b"")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        other.share("/sub", "zoe@new.org")
        one.add_file("/sub/new", b"")
        one.add_file("/new", b"")
        result = await bench.run(sharing=rules())
        states = await bench.states(result.run)
    assert states["/sub/a"] is ItemState.UNCHANGED
    assert states["/sub/new"] is ItemState.UNSUPPORTED
    assert states["/new"] is ItemState.COPIED


async def test_external_people_and_links_are_listed_and_never_made_again(tmp_path: Path) -> None:
    one, other = source(people=frozenset({"guest@partner.com"})), there()
    other.directory = replace(THERE, people=frozenset({"guest@partner.com"}))
    one.add_file("/a", b"")
    one.share("/a", "guest@partner.com", WRITE)
    one.share_by_link("/a")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules({"guest@partner.com": "guest@partner.com"}))
        found = named(await lines(bench, result.run))
        assert found == {
            ("/a", "guest@partner.com"): GrantState.LISTED,
            ("/a", ""): GrantState.LISTED,
        }
        assert other.calls["grant"] == 0
        assert result.code is Code.SUCCESS
        asked = rules({"guest@partner.com": "guest@partner.com"}, external=True, links=True)
        await bench.run(sharing=asked)
        assert other.shares("/a") == {(PERSON, "guest@partner.com"): WRITE}
        assert other.directory.is_shared(other.nodes.at("/a"))  # type: ignore[arg-type]  # it stands there
        assert other.calls["grant"] == 2


async def test_who_has_another_domain_than_the_owner_is_external_where_nobody_says(tmp_path: Path) -> None:
    one = source(people=frozenset({"guest@partner.com", "ann@example.org"}), tells_external=False)
    other = there(people=frozenset({"guest@partner.com", "ann@example.org"}))
    one.add_file("/a", b"")
    one.share("/a", "guest@partner.com")
    one.share("/a", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules({}))
    assert other.shares("/a") == {(PERSON, "ann@example.org"): READ}


async def test_blank_row_drops_the_share_and_unknown_people_are_reported(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    for person in ("ann", "ben", "cleo"):
        one.share("/a", f"{person}@example.org")
    one.share("/a", "Sales", kind=GROUP)
    mapped = {"ann@example.org": "", "cleo@example.org": "cleo@new.org"}
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules(mapped))
        found = {line.identity: line for line in await lines(bench, result.run)}
        assert other.shares("/a") == {(PERSON, "cleo@new.org"): READ}
        assert found["ann@example.org"].state is GrantState.DROPPED
        assert (found["ben@example.org"].state, found["ben@example.org"].reason) == (
            GrantState.FAILED,
            Reason.USER_NOT_FOUND,
        )
        assert (found["Sales"].state, found["Sales"].target) == (GrantState.FAILED, None)
        assert result.code is Code.UNSUPPORTED_NOT_MOVED
        assert set(other.tree()) == {"/a"}
        dropped = await bench.run(sharing=rules(mapped, unmapped=Unmapped.DROP))
        assert dropped.code is Code.NOTHING_TO_COPY
        assert named(await lines(bench, dropped.run))["/a", "ben@example.org"] is GrantState.DROPPED


async def test_two_people_may_change_places(tmp_path: Path) -> None:
    people = frozenset({"ann@example.org", "ben@example.org"})
    one, other = source(), there(people=people)
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org", WRITE)
    one.share("/a", "ben@example.org", READ)
    swap = {"ann@example.org": "ben@example.org", "ben@example.org": "ann@example.org"}
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules(swap))
    assert other.shares("/a") == {(PERSON, "ben@example.org"): WRITE, (PERSON, "ann@example.org"): READ}


async def test_role_that_the_destination_lacks_becomes_the_next_narrower_one(tmp_path: Path) -> None:
    one, other = source(), there(roles=frozenset({READ}))
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org", WRITE)
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
        [line] = await lines(bench, result.run)
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}
    assert (line.state, line.role, line.target_role) == (GrantState.GIVEN, WRITE, READ)


async def test_kind_that_the_destination_lacks_is_reported_and_fails_no_file(tmp_path: Path) -> None:
    one, other = source(), there(kinds=frozenset({PERSON}), folders_only=True)
    one.add_file("/team/a", b"")
    one.share("/team", "Sales", kind=GROUP)
    one.share("/team/a", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules({"Sales": "Staff", "example.org": "new.org"}))
        found = named(await lines(bench, result.run))
    assert found["/team", "Sales"] is found["/team/a", "ann@example.org"] is GrantState.UNSUPPORTED
    assert result.code is Code.UNSUPPORTED_NOT_MOVED
    assert set(other.tree()) == {"/team/a"}


async def test_destination_without_inheritance_gets_every_entry_s_own(tmp_path: Path) -> None:
    one, other = source(), there(inherited=False)
    one.add_file("/team/sub/a", b"")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
    for path in ("/team", "/team/sub", "/team/sub/a"):
        assert other.shares(path) == {(PERSON, "ann@new.org"): READ}


async def test_shares_of_the_root_and_above_are_given_to_the_root(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/project/a", b"")
    one.share("/team", "ann@example.org")
    one.share("/team/project", "ben@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(source_root="/team/project", destination_root="/x/y", sharing=rules())
        assert other.shares("/x/y") == {(PERSON, "ann@new.org"): READ, (PERSON, "ben@new.org"): READ}
        assert other.shares("/x/y/a") == other.shares("/x") == {}
        one.unshare("/team", "ann@example.org")
        await bench.run(source_root="/team/project", destination_root="/x/y", sharing=rules())
    assert other.shares("/x/y") == {(PERSON, "ben@new.org"): READ}


async def test_what_the_root_of_an_account_cannot_be_given_is_given_to_what_is_in_it(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/sub/a", b"")
    one.add_file("/team/b", b"")
    one.share("/team", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(source_root="/team", destination_root="/", sharing=rules())
    assert other.shares("/sub") == other.shares("/b") == {(PERSON, "ann@new.org"): READ}
    assert other.shares("/sub/a") == {}


async def test_unreadable_permissions_are_told_and_hold_back_what_others_would_see(tmp_path: Path) -> None:
    one, other = source(), there()
    for name in ("a", "b", "c"):
        one.add_file(f"/team/{name}", b"")
        one.share(f"/team/{name}", "ben@example.org")
    one.share("/team", "ann@example.org")
    unreadable = one.entry("/team/b").id
    assert unreadable is not None
    assert one.directory is not None
    one.directory.unreadable.add(unreadable)
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
        states = await bench.states(result.run)
        found = [line for line in await lines(bench, result.run) if line.path == "/team/b"]
    assert states["/team/b"] is ItemState.UNSUPPORTED
    assert states["/team/a"] is states["/team/c"] is ItemState.COPIED
    assert Reason.PERMISSION_DENIED in {line.reason for line in found}
    assert other.access("/team/c") == {(PERSON, "ann@new.org"): READ, (PERSON, "ben@new.org"): READ}


async def test_owner_of_the_source_is_not_invited_unless_the_map_says_so(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/x/a", b"")
    one.share("/x/a", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(
            source_root="/x", destination_root="/y", sharing=rules({"ann@example.org": "ann@new.org"})
        )
        assert result.code is Code.SUCCESS
        assert [line.identity for line in await lines(bench, result.run)] == ["ann@example.org"]
        mapped = {"ann@example.org": "ann@new.org", "owner@example.org": "zoe@new.org"}
        await bench.run(source_root="/x", destination_root="/y", sharing=rules(mapped))
    assert other.shares("/y") == {(PERSON, "zoe@new.org"): WRITE}  # it gives no ownership away


@pytest.mark.usefixtures("database_kind")
@pytest.mark.parametrize("database_kind", BOTH, indirect=True)
async def test_failed_grant_fails_no_file_and_is_given_by_the_next_run(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org")
    other.faults.add("grant", times=1, error=PermissionDenied("not you"))
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
        assert result.code is Code.UNSUPPORTED_NOT_MOVED
        assert "1 permission needs a look" in result.message
        assert named(await lines(bench, result.run))["/a", "ann@example.org"] is GrantState.FAILED
        assert (await bench.run(sharing=rules())).code is Code.NOTHING_TO_COPY
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}


async def test_unknown_person_is_asked_for_once(tmp_path: Path) -> None:
    one, other = source(), there(people=frozenset())
    for n in range(30):
        one.add_file(f"/f{n:02}", b"")
        one.share(f"/f{n:02}", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
        found = await lines(bench, result.run)
    assert {line.state for line in found} == {GrantState.FAILED}
    assert other.calls["grant"] <= 8  # those that were under way together


@pytest.mark.parametrize("skip", [0, 3, 7, 11])
async def test_run_that_dies_among_its_grants_goes_on_and_knows_what_is_its_own(
    tmp_path: Path, skip: int
) -> None:
    one, other = source(), there()
    for n in range(12):
        one.add_file(f"/f{n:02}", b"")
        one.share(f"/f{n:02}", "ann@example.org", WRITE)
    fault = other.faults.add("grant", skip=skip, stall=asyncio.Event(), times=None)
    async with moving(tmp_path, one, other) as bench:
        task = asyncio.create_task(bench.run(sharing=rules()))
        await asyncio.wait_for(fault.reached.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other.faults.clear()
        result = await bench.run(sharing=rules())
        assert result.code is Code.SUCCESS
        assert {line.state for line in await lines(bench, result.run)} == {GrantState.GIVEN}
        for n in range(12):
            assert other.shares(f"/f{n:02}") == {(PERSON, "ann@new.org"): WRITE}
            one.unshare(f"/f{n:02}", "ann@example.org")
        await bench.run(sharing=rules())
    assert all(other.shares(f"/f{n:02}") == {} for n in range(12))


async def test_refused_sign_in_ends_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"")
    one.share("/a", "ann@example.org")
    other.faults.add("grant", error=SignInFailed("revoked"))
    async with moving(tmp_path, one, other) as bench:
        assert (await bench.run(sharing=rules())).code is Code.SIGN_IN_FAILED
        assert (await bench.run(sharing=rules())).code is Code.SUCCESS
    assert other.shares("/a") == {(PERSON, "ann@new.org"): READ}


async def test_what_could_not_be_taken_back_keeps_new_content_away(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/a", b"old")
    one.share("/a", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.unshare("/a", "ann@example.org")
        one.change_file("/a", b"secret")
        other.faults.add("revoke", times=3, error=ServiceFault("broken"))
        result = await bench.run(sharing=rules())
        assert other.tree() == {"/a": b"old"}
        assert result.code is Code.UNSUPPORTED_NOT_MOVED
        await bench.run(sharing=rules())
    assert (other.tree(), other.shares("/a")) == ({"/a": b"secret"}, {})


async def test_scan_tells_all_of_it_and_changes_nothing(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/team/a", b"")
    one.add_file("/team/secret", b"")
    one.share("/team", "ann@example.org")
    one.share("/team/a", "nobody@example.org")
    one.restrict("/team/secret")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(RunMode.SCAN, sharing=rules({"ann@example.org": "ann@new.org"}))
        found = named(await lines(bench, result.run))
        states = await bench.states(result.run)
    assert found["/team", "ann@example.org"] is found["/team/a", "nobody@example.org"] is GrantState.PLANNED
    assert found["/team/secret", "ann@new.org"] is GrantState.WIDER
    assert states["/team/secret"] is ItemState.UNSUPPORTED
    assert other.calls["grant"] == other.calls["upload"] == other.calls["create_folder"] == 0


async def test_service_without_permissions_is_said_and_nothing_else_changes(tmp_path: Path) -> None:
    one, other = MemoryService(PATHS), there()
    one.add_file("/a", b"")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules())
    assert result.code is Code.SUCCESS
    assert "permissions were left out: the source" in result.message
    assert other.calls["permissions_of"] == 0


async def test_renamed_entry_keeps_what_mover_gave_and_can_lose_it(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/old", b"content that is recognised", modified_ns=0)
    one.share("/old", "ann@example.org")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules())
        one.move("/old", "/new")
        result = await bench.run(sharing=rules())
        assert (await bench.states(result.run))["/new"] is ItemState.RENAMED
        assert other.shares("/new") == {(PERSON, "ann@new.org"): READ}
        one.unshare("/new", "ann@example.org")
        await bench.run(sharing=rules())
    assert other.shares("/new") == {}


async def test_people_whom_the_destination_does_not_list_are_told_before_the_copy_and_not_asked_for(
    tmp_path: Path,
) -> None:
    one, other = source(), there(people=frozenset({"ann@example.org"}))
    assert other.directory is not None
    other.directory.lists_people = True
    one.add_file("/a", b"")
    async with moving(tmp_path, one, other) as bench:
        await bench.run(sharing=rules({}))
        assert other.calls["places"] == 0  # nobody has access to anything
        one.share("/a", "ann@example.org")
        one.share("/a", "ben@example.org")
        scan = await bench.run(RunMode.SCAN, sharing=rules({}))
        assert named(await lines(bench, scan.run)) == {
            ("/a", "ann@example.org"): GrantState.PLANNED,
            ("/a", "ben@example.org"): GrantState.FAILED,
        }
        await bench.run(sharing=rules({}))
    assert other.shares("/a") == {(PERSON, "ann@example.org"): READ}
    assert other.calls["grant"] == 1


async def test_folder_above_all_users_has_no_permissions_and_is_no_trouble(tmp_path: Path) -> None:
    one, other = source(), there()
    one.add_file("/ann/a", b"")
    one.share("/ann/a", "ben@example.org")
    for service in (one, other):
        assert service.directory is not None
        service.directory.unshareable.add("root")
    async with moving(tmp_path, one, other) as bench:
        result = await bench.run(sharing=rules({"ben@example.org": "ben@new.org"}))
        assert result.code is Code.SUCCESS, await lines(bench, result.run)
    assert other.shares("/ann/a") == {(PERSON, "ben@new.org"): READ}
