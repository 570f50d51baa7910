"""A company goes from Box and Google to Microsoft 365 as the demo has it: found, previewed, moved, and nothing twice.

All of them from Box in the browser, and some of them from Google as programs do it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from demo.clouds import OLD_DOMAIN, OUTSIDER, PEOPLE, SHARED_IN_BOX, SHARED_IN_GOOGLE, Clouds, fill
from demo.first_move import OFFICE, Added, plan_office
from demo.service import Access
from playwright.sync_api import Browser, Page, expect
from simulators.front import running
from simulators.nodes import Drive, Node
from simulators.world import World
from tests.web.browsing import PASSWORD, Sitting, sitting
from tests.web.office import CLIENT
from tests.web.served import Served, served

from mover.accounts.actor import Permission
from mover.accounts.records import Entrance
from mover.api.services import Services
from mover.cli.remote import answers
from mover.cli.remote.answers import Migration, Run, Started
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.server import Server, open_server
from mover.vault.secret import Secret
from simulators.box import Box
from simulators.google import Google
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(300)]

STAFF = PEOPLE[:5]
COPIED, NOTHING_TO_DO = 100, 101
RENAMED = {ord(one): ord(one) + 0xFEE0 for one in ":?<>"}
"""What Microsoft does not take in names arrives as its wide look-alike."""


@pytest.fixture
def world() -> World:
    return World(["box", "google", "microsoft"])


@pytest.mark.promise("audit")
def test_everybody_finds_files_and_colleagues_again(browser: Browser, world: World, tmp_path: Path) -> None:
    connections, new_domain = fill(world)
    (tmp_path / "front").mkdir()
    with running(tmp_path / "front", world) as front:
        offices = Clouds(front.proxy_url, front.ca_file, connections, new_domain)
        with served(tmp_path, proxy_url=front.proxy_url, ca_file=front.ca_file) as at:
            access = let_in(at, tmp_path / "ca.pem")
            beside(plan_office(access, offices))
            with sitting(browser, at, viewport={"width": 1280, "height": 900}) as person:
                person.sign_in("owner@example.org")
                move_all_in_the_browser(person, new_domain)
            beside(move_some_by_the_api(access, world, "Google"))
    check_drives(world, new_domain)


def beside(doing: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread of its own: in this one the browser has the loop."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, doing).result()


def move_all_in_the_browser(person: Sitting, new_domain: str) -> None:
    """Find the pairs, look at a scan and who would get what, move, and look at who got what."""
    page = person.page
    person.go("/migrations")
    page.get_by_role("link", name=OFFICE["Box"]).click()
    page.get_by_role("main").get_by_role("link", name="Add pairs").click()
    page.get_by_role("link", name="Look for pairs").click()
    expect(
        page.get_by_text("25 proposals: 25 fit and are chosen. Nothing moves until you start.")
    ).to_be_visible()
    expect(page.get_by_text("By the map of users")).to_have_count(len(PEOPLE))
    page.get_by_role("button", name="Add the chosen pairs").click()

    page.get_by_role("button", name="Scan all").click()
    expect(page.get_by_text("25 pairs are looked through.")).to_be_visible()
    all_have_ended(page, "Scanned")
    expect(page.get_by_text("Scan, nothing copied")).to_have_count(len(PEOPLE))
    expect(page.get_by_text("5 files found")).to_have_count(len(PEOPLE))
    page.get_by_role("link", name=f"/Users/ada@{OLD_DOMAIN}").click()
    expect(page.locator("#pair-figures")).to_contain_text("calls to Box and about")
    expect(page.locator("#pair-charts")).to_contain_text("Would be copied 5")
    expect(page.get_by_text("Permissions: 1 would change, 1 there already, 1 listed only.")).to_be_visible()
    page.get_by_role("link", name="See who would get what").click()
    check_lines(page, new_domain, "To be given")

    page.get_by_role("link", name=OFFICE["Box"]).click()
    page.get_by_role("button", name="Start all").click()
    expect(page.get_by_text("25 pairs start.")).to_be_visible()
    all_have_ended(page, "Success")
    expect(page.get_by_text("5 of 5 files")).to_have_count(len(PEOPLE))
    page.get_by_role("link", name=f"/Users/ada@{OLD_DOMAIN}").click()
    expect(page.get_by_text("Permissions: 1 given, 1 there already, 1 listed only.")).to_be_visible()
    page.get_by_role("link", name="See who got what").click()
    check_lines(page, new_domain, "Given")


def all_have_ended(page: Page, how: str) -> None:
    """Wait until the page shows so by itself."""
    expect(page.locator("#summary")).to_have_text(f"{how} {len(PEOPLE)}", timeout=120_000)
    expect(page.get_by_role("button", name="Pause all")).to_have_count(0)


def check_lines(page: Page, new_domain: str, outcome: str) -> None:
    """The page tells of the owner, of the colleague, and of who is outside and gets nothing."""
    expect(page.get_by_text("3 of 3 permissions shown")).to_be_visible()
    owner, colleague = (f"{name}@{OLD_DOMAIN}" for name in PEOPLE[:2])
    there = [f"{name}@{new_domain}" for name in PEOPLE[:2]]
    assert [" ".join(text.split()) for text in page.locator("tbody tr").all_inner_texts()] == [
        f"/ {owner} owner {there[0]} owner There already holds at the destination already",
        f"/{SHARED_IN_BOX} {colleague} write, there called Editor {there[1]} write {outcome}",
        f"/{SHARED_IN_BOX} {OUTSIDER} read, there called Viewer (pending) nobody Only listed external, listed only",
    ]


async def move_some_by_the_api(access: Access, world: World, source: str) -> None:
    """Find the pairs, look at the scan, copy, and copy again."""
    async with open_server(ServerChoice(access.url, access.key, access.ca_file)) as server:
        await move(server, OFFICE[source], world)


async def move(server: Server, title: str, world: World) -> None:
    """As a program does it."""
    migrations = await server.get("/migrations", answers.Page[Migration])
    [migration] = [one for one in migrations.items if one.name == title]
    base = f"/migrations/{migration.id}"
    microsoft = world.vendors["microsoft"]
    assert isinstance(microsoft, Microsoft)
    domain = microsoft.state.domain

    proposed = (await server.post(f"{base}/pair-proposals", answers.Page[dict[str, Any]])).items
    assert {one["name"].lower() for one in proposed} == set(PEOPLE)
    assert all(one["why"] == "mapped" and one["matched"] and one["ready"] for one in proposed)
    pairs = [
        {"source_path": one["source_path"], "destination_path": one["destination_path"]}
        for one in proposed
        if one["name"].lower() in STAFF
    ]
    added = await server.post(f"{base}/pairs", Added, {"pairs": pairs})
    assert {pair.destination_path for pair in added.items} == {f"/Users/{name}@{domain}" for name in STAFF}

    before = {name: files_of(drive_of(microsoft, name)) for name in STAFF}
    scans = await run(server, base, "scan")
    assert {scan.code for scan in scans} == {COPIED}, [(scan.code, scan.message) for scan in scans]
    promised = {
        (f"{name}@{OLD_DOMAIN}", f"/{SHARED_IN_GOOGLE}", f"{name}@{domain}", "read")
        for name in PEOPLE[1 : len(STAFF) + 1]
    }
    check_shares([line for one in scans for line in await shares_of(server, one)], promised, "planned")
    assert {name: files_of(drive_of(microsoft, name)) for name in STAFF} == before, "a scan changes nothing"

    copies = await run(server, base, "copy")
    assert {copy.code for copy in copies} == {COPIED}, [(copy.code, copy.message) for copy in copies]
    check_shares([line for one in copies for line in await shares_of(server, one)], promised, "given")

    kept = (await server.get("/audit-events", answers.Page[dict[str, Any]], {"limit": 200})).items
    given = {one["subject"]: one["details"] for one in kept if one["action"] == "permissions.given"}
    assert {f"run {copy.id}" for copy in copies} <= given.keys()
    assert all(given[f"run {copy.id}"]["given"] == "1" for copy in copies)

    again = await run(server, base, "copy")
    assert {one.code for one in again} == {NOTHING_TO_DO}, [(one.code, one.message) for one in again]
    assert sum(one.counts.files_copied for one in again) == 0


def let_in(at: Served, ca_file: Path) -> Access:
    """Found an organisation, and make a key for programs."""

    async def found(services: Services) -> Secret:
        founded = await services.organisations.found(
            "Bergmann", owner_email="owner@example.org", owner_name="Olga", password=Secret(PASSWORD)
        )
        entrance = await services.sign_in.with_password(founded.owner.email, Secret(PASSWORD), CLIENT)
        assert isinstance(entrance, Entrance)
        scopes = frozenset(
            {Permission.READ, Permission.RUN, Permission.PLAN, Permission.CONNECT, Permission.ADMINISTER}
        )
        made = await services.api_keys.make(
            entrance.signed_in.actor, "the test", scopes, calls_per_minute=60_000, burst=10_000
        )
        return made.text

    return Access(at.url, ca_file, "", "owner@example.org", Secret(PASSWORD), at.do(found))


async def run(server: Server, base: str, mode: str) -> list[Run]:
    """Start all pairs, and return their runs when they have ended."""
    started = await server.post(f"{base}/start", Started, {"pairs": {"all": True}, "mode": mode})
    assert started.started == len(STAFF)
    async with asyncio.timeout(120):
        while True:
            runs = (await server.get(f"{base}/runs", answers.Page[Run], {"limit": 100})).items
            mine = [one for one in runs if one.migration_run_id == started.migration_run_id]
            if len(mine) == len(STAFF) and all(one.state == "ended" for one in mine):
                return mine
            await asyncio.sleep(0.2)


async def shares_of(server: Server, one: Run) -> list[dict[str, Any]]:
    """Permissions of a run, but for the owners', which nobody is given."""
    page = await server.get(f"/runs/{one.id}/permissions", answers.Page[dict[str, Any]], {"limit": 200})
    assert page.next_cursor is None
    return [line for line in page.items if line["source_role"] != "owner"]


def check_shares(lines: list[dict[str, Any]], promised: set[tuple[str, str, str, str]], state: str) -> None:
    """Everybody's one share is told of, with the right colleague in the right role."""
    assert {line["state"] for line in lines} == {state}
    assert len(lines) == len(STAFF)
    told = {(line["source"], line["path"], line["destination"], line["destination_role"]) for line in lines}
    assert told == promised


def drive_of(microsoft: Microsoft, name: str) -> Drive:
    person = microsoft.state.accounts.person_of(f"{name}@{microsoft.state.domain}")
    assert person is not None
    return microsoft.drive_of(person).drive


def files_of(drive: Drive) -> dict[str, bytes]:
    """All that stands in a drive, by path."""
    return {node.path: b"".join(node.version.blob.pieces()) for node in live(drive) if not node.is_folder}


def live(drive: Drive) -> list[Node]:
    return [node for node in drive.below(drive.root) if not node.is_trashed]


def check_drives(world: World, domain: str) -> None:
    """Everybody has every byte that was moved; the folders that were shared are, with the same colleague, no wider."""
    box, google, microsoft = (world.vendors[name] for name in ("box", "google", "microsoft"))
    assert isinstance(box, Box)
    assert isinstance(google, Google)
    assert isinstance(microsoft, Microsoft)
    for name, colleague in zip(PEOPLE, [*PEOPLE[1:], PEOPLE[0]], strict=True):
        address = f"{name}@{OLD_DOMAIN}"
        there = files_of(box.organisation.drive(address))
        shared = {(f"/{SHARED_IN_BOX}", "grant", f"{colleague}@{domain}", "write")}
        if name in STAFF:
            there |= files_of(google.drive_of(address))
            shared |= {(f"/{SHARED_IN_GOOGLE}", "grant", f"{colleague}@{domain}", "read")}
        assert len(there) == (9 if name in STAFF else 5)
        drive = drive_of(microsoft, name)
        assert files_of(drive) == {path.translate(RENAMED): content for path, content in there.items()}
        grants = {
            (node.path, grant.kind, grant.identity, grant.role)
            for node in live(drive)
            for grant in node.grants
        }
        assert grants == shared
        assert drive.root.grants == []
        assert not any(node.properties.get("mails") for node in [drive.root, *live(drive)])
