"""Any history of edits and shares on both sides: a run by feeds ends with the permissions of one that lists everything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.directory import Directory, Who
from tests.memory.service import MemoryService
from tests.transfer.test_following_histories import FOLDERS, NAMES, act, told
from tests.transfer.test_sharing import THERE, rules
from tests.transfer.workbench import Workbench, workbench

from mover.entries import AccessRole, GranteeKind
from mover.ledger.states import ItemState

pytestmark = pytest.mark.promise("P13")

EXAMPLES = int(os.environ.get("SHARING_HISTORIES", "6"))
MAPS = {
    "all": rules(),
    "some": rules({"example.org": "new.org", "ben@example.org": "", "Sales": "Staff"}),
}

folder = st.sampled_from(FOLDERS)
path = st.builds("{}/{}".format, folder, st.sampled_from(NAMES))
who = st.sampled_from(["ann@{}", "ben@{}", "group"])
role = st.sampled_from([AccessRole.READ, AccessRole.WRITE])
edits = (
    st.tuples(st.just("write"), path, st.sampled_from([b"one", b"two"]))
    | st.tuples(st.just("move"), path | folder, path | folder)
    | st.tuples(st.just("remove"), path | folder, st.none())
    | st.tuples(st.just("write there"), path, st.just(b"theirs"))
    | st.tuples(st.just("move there"), path | folder, path | folder)
    | st.tuples(st.just("remove there"), path | folder, st.none())
    | st.tuples(
        st.just("feed"), st.sampled_from(["shuffled", "repeated", "too old", "too old there"]), st.none()
    )
)
shares = st.tuples(
    st.sampled_from(["share", "share", "share", "unshare", "unshare", "restrict"]),
    path | folder | st.sampled_from(["/pair", "/"]),
    st.tuples(who, role, st.sampled_from(["", "", "", "there"])),
)
rounds = st.lists(
    st.tuples(
        st.lists(shares | shares | shares | edits, min_size=1, max_size=5),
        st.sampled_from(["all", "all", "all", "some"]),
    ),
    min_size=2,
    max_size=4,
)
kinds = st.sampled_from([(True, True), (True, True), (True, False), (False, True)])
"""Whether permissions of folders hold for what is in them, on both sides."""


def change(bench: Workbench, step: tuple[Any, ...]) -> None:
    what, one, rest = step
    if what not in {"share", "unshare", "restrict"}:
        act(bench, step)
        return
    name, may, side = rest
    service, domain = (bench.destination, "new.org") if side else (bench.source, "example.org")
    if side:
        one = one.replace("/pair", "", 1) or "/"
    kind = GranteeKind.GROUP if name == "group" else GranteeKind.PERSON
    identity = ("Staff" if side else "Sales") if name == "group" else name.format(domain)
    with contextlib.suppress(KeyError):
        match what:
            case "share":
                service.share(one, identity, may, kind=kind)
            case "unshare":
                service.unshare(one, identity, kind=kind)
            case _ if one != "/" and not side:
                service.restrict(one)


async def outcome(
    bench: Workbench, which: str, *, full: bool
) -> tuple[dict[str, ItemState], dict[str, bytes], dict[str, dict[Who, AccessRole]]]:
    """Run, and tell what became of everything, and who may do what by then."""
    result = await bench.run(source_root="/pair", full=full, sharing=MAPS[which])
    assert result.finished, result.message
    told[id(bench)] = len(bench.source.nodes.changed)
    there = bench.destination
    paths = ["/", *there.folders(), *(path for path, _ in there.files())]
    return (
        await bench.states(result.run),
        dict(sorted(there.files())),
        {path: there.shares(path) for path in sorted(paths)},
    )


async def live(kind: tuple[bool, bool], story: list[tuple[list[tuple[Any, ...]], str]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        services = [
            (
                MemoryService(
                    directory=Directory(inherited=kind[0], groups=frozenset({"Sales"})), sharing_feed=True
                ),
                MemoryService(
                    directory=Directory(
                        domain=THERE.domain,
                        owner=THERE.owner,
                        people=THERE.people,
                        groups=THERE.groups,
                        inherited=kind[1],
                    ),
                    sharing_feed=True,
                ),
            )
            for _ in range(2)
        ]
        async with (
            workbench(Path(one), *services[0]) as following,
            workbench(Path(other), *services[1]) as listing,
        ):
            for bench in (following, listing):
                for path in FOLDERS[:4]:
                    bench.source.add_file(f"{path}/x", path.encode())
                bench.source.share("/pair/a", "ann@example.org")
            for made, which in [([], "all"), *story]:
                for bench in (following, listing):
                    for step in made:
                        change(bench, step)
                assert await outcome(following, which, full=False) == await outcome(
                    listing, which, full=True
                ), (made, which)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(kinds, rounds)
def test_runs_that_follow_feeds_end_with_the_permissions_of_those_that_list_everything(
    kind: tuple[bool, bool], story: list[tuple[list[tuple[Any, ...]], str]]
) -> None:
    asyncio.run(live(kind, story))
