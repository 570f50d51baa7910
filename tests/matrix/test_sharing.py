"""Sharing between every two cloud vendors: what is shared, changed and left at one is so at the other, and never wider."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.contents import GivenContent
from tests.database_url import fresh
from tests.matrix.offices import OUTSIDER, READ, WRITE, Office, offices
from tests.matrix.oracle import Audience, audience, expected, links, owners, said
from tests.transfer.uploading import upload_keys

from mover.connectors.contract import Connector, Permissions, Target
from mover.connectors.paced import Paced
from mover.database.database import Database
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission
from mover.ledger.grants import GrantAction, Grantee, GrantState, ReportGrant
from mover.ledger.ledger import Ledger
from mover.ledger.states import RunMode
from mover.staging import Staging
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.sharing_rules import SharingRules, Unmapped
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.transport.retries import RetryPolicy

pytestmark = [pytest.mark.servers, pytest.mark.promise("P13")]

PERSON, GROUP, DOMAIN = GranteeKind.PERSON, GranteeKind.GROUP, GranteeKind.DOMAIN
VENDORS = ("google", "microsoft", "dropbox-admin", "box", "egnyte")
IN_ADMIN_FORM = {"google": "google-admin", "microsoft": "microsoft-admin", "box": "box-admin"}
PAIRS = [
    *((one, IN_ADMIN_FORM.get(other, other)) for one, other in itertools.product(VENDORS, repeat=2)),
    # Dropbox without a team has no groups, and does not tell who is of another organisation.
    *(("dropbox", IN_ADMIN_FORM.get(other, other)) for other in VENDORS),
    *((one, "dropbox") for one in VENDORS),
]
FILES = ("Read/a", "Read/Inner/c", "Write/b", "Alone/s", "Outside/o", "Plain/p", "Everyone/e")


@pytest.fixture(scope="module")
def world(simulators_front: RunningFront) -> Iterator[dict[str, Office]]:
    """All organisations, for the whole module: every test has folders of its own in them."""
    simulators_front.fresh()
    yield offices(simulators_front)
    simulators_front.fresh()


@asynccontextmanager
async def connected(office: Office) -> AsyncIterator[Connector]:
    connector = office.connect()
    await connector.sign_in()
    policy = RetryPolicy(attempts=5, first_s=0.05, cap_s=1.0)
    paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=policy)
    try:
        yield paced
    finally:
        await paced.close()


def shares(connector: Connector) -> Permissions:
    assert connector.permissions is not None
    return connector.permissions


def to(identity: str, role: AccessRole = READ, kind: GranteeKind = PERSON) -> Permission:
    return Permission(kind=kind, identity=identity, role=role)


async def planted(office: Office, connector: Connector, name: str) -> EntryRef:
    """Make the tree at the source, and share it."""
    base = EntryRef(office.base, (await connector.look_up(office.base)).id)
    root = base.child(name, (await connector.create_folder(base, name)).id)
    refs = {"": root}
    for number, path in enumerate(FILES):
        above = ""
        *folders, last = path.split("/")
        for folder in folders:
            here = f"{above}/{folder}".strip("/")
            if here not in refs:
                made = await connector.create_folder(refs[above], folder)
                refs[here] = refs[above].child(folder, made.id)
            above = here
        target = Target(folder=refs[above], name=last, key=f"{name}-{number}".lower())
        made = await connector.upload(target, GivenContent(path.encode()))
        refs[path] = refs[above].child(last, made.id)
    given = [
        ("Read", to(office.person("ann"))),
        ("Read", to(office.person("cleo"))),
        ("Write", to(office.person("ben"), WRITE)),
    ]
    given += [("Write", to(group, kind=GROUP)) for group in sorted(office.groups)]
    given += [("Alone/s", to(office.person("ann")))] if office.on_files else []
    given += [("Outside", to(OUTSIDER, WRITE))] if office.has_outsiders else []
    given += [("Everyone", to(office.domain, kind=DOMAIN))] if office.whole_domain else []
    for path, permission in given:
        await shares(connector).grant(refs[path], permission)
    if office.share is not None:
        for person, role in zip(("dan", "eve", "zoe"), office.native, strict=False):
            office.share(refs["Write"].path, office.person(person), role)
    if office.link is not None:
        office.link(refs["Outside"].path)
    if office.shut is not None:
        office.shut(refs["Read/Inner"].path)
    return root


async def changed(office: Office, connector: Connector, root: EntryRef) -> None:
    """At the source, one share is taken back, one lowered, one given, and a shared folder gets another name."""
    permissions = shares(connector)

    async def at(path: str) -> EntryRef:
        found = await connector.look_up(f"{root.path}/{path}")
        return EntryRef(f"{root.path}/{path}", found.id)

    if office.on_files:
        await permissions.revoke(await at("Alone/s"), to(office.person("ann")))
    if office.sales is not None:
        await permissions.revoke(await at("Write"), to(office.sales, kind=GROUP))
    await permissions.revoke(await at("Write"), to(office.person("ben"), WRITE))
    await permissions.grant(await at("Write"), to(office.person("ben")))
    await permissions.grant(await at("Plain"), to(office.person("dan"), WRITE))
    assert connector.renames is not None
    await connector.renames.rename(await at("Read"), root, "Reading")


@dataclass
class Pair:
    """One pair, its engine, and what was asked for."""

    source: Office
    destination: Office
    root: str
    place: str
    ledger: Ledger
    staging: Staging
    database: Database

    @property
    def rows(self) -> dict[str, str]:
        """The map: a person to another one, a person to nobody, a whole domain, a group."""
        one, other = self.source, self.destination
        rows = {
            one.person("ann"): other.person("zoe"),
            one.person("cleo"): "",
            one.domain: other.domain,
        }
        if one.sales is not None and other.sales is not None:
            rows[one.sales.lower()] = other.sales
        return rows

    async def run(self, mode: RunMode = RunMode.COPY) -> RunResult:
        """Run it once, with connections of its own."""
        engine = Engine(ledger=self.ledger, staging=self.staging, staging_memory_bytes=16 << 20)
        rules = SharingRules(
            map=GranteeMap({source: (source, other) for source, other in self.rows.items()}),
            unmapped=Unmapped.DROP,
        )
        async with connected(self.source) as one, connected(self.destination) as other:
            return await run_pair(
                engine,
                Side(f"source:{self.root}", "source", one, self.root),
                Side(f"destination:{self.place}", "destination", other, self.place),
                mode,
                Options(sharing=rules),
                Progress(),
                shown_options={},
                upload_keys=upload_keys(self.database),
            )

    async def preview(self) -> RunResult:
        """A dry run, which changes nothing."""
        changes = self.destination.changes
        told = await self.run(RunMode.SCAN)
        assert self.destination.changes == changes
        return told

    async def lines(self, run: RunResult) -> list[ReportGrant]:
        """What the ledger says of a run's permissions."""
        return [line async for line in self.ledger.report_grants(run.run)]

    async def wanted(self) -> dict[str, Audience]:
        """Who is to see what at the destination, by what the source says now."""
        async with connected(self.source) as one, connected(self.destination) as other:
            root = EntryRef(self.root, (await one.look_up(self.root)).id)
            told, files = await said(one, root)
            return expected(self.source, self.destination, self.rows, told, files, shares(other).kinds)

    async def seen(self) -> dict[str, Audience]:
        """Who sees what at the destination, without its owner; nothing is shared by link there."""
        async with connected(self.destination) as other:
            told, _ = await said(other, await self.at(other, ""))
        assert not [line for lines in told.values() for line in links(lines)]
        ours = owners(told[""]) | {(PERSON, self.destination.person("olga"))}
        return {path: without(audience(lines), ours) for path, lines in told.items()}

    async def at(self, connector: Connector, path: str) -> EntryRef:
        """Address an entry at the destination."""
        path = self.place + path
        return EntryRef(path, (await connector.look_up(path)).id)


def without(those: Audience, gone: set[tuple[GranteeKind, str]]) -> Audience:
    return {who: role for who, role in those.items() if who not in gone}


def foretold(lines: list[ReportGrant]) -> set[tuple[object, ...]]:
    """Lines with the same words before and after."""
    after = {GrantState.GIVEN: GrantState.PLANNED, GrantState.TAKEN_BACK: GrantState.PLANNED}
    return {
        (
            line.path,
            line.action,
            line.identity,
            line.target,
            line.target_role,
            after.get(line.state, line.state),
        )
        for line in lines
    }


@pytest.fixture
async def pair(
    request: pytest.FixtureRequest, world: dict[str, Office], tmp_path: Path
) -> AsyncIterator[Pair]:
    """A tree of the source's, with shares, and where it is to go."""
    one, other = request.param
    name = f"pair-{uuid.uuid4().hex[:8]}"
    database = await Database.open(fresh(tmp_path / "ledger"))
    staging = Staging(tmp_path / "staging", memory_bytes=16 << 20, disk_bytes=1 << 30)
    await staging.open()
    source, destination = world[one], world[other]
    async with connected(source) as connector:
        root = await planted(source, connector, name)
    place = f"{destination.base.rstrip('/')}/{name}-moved"
    if not destination.tells_maker:
        async with connected(destination) as connector:
            base = EntryRef(destination.base, (await connector.look_up(destination.base)).id)
            await connector.create_folder(base, f"{name}-moved")
    yield Pair(source, destination, root.path, place, Ledger(database), staging, database)
    await staging.close()
    await database.close()


@pytest.mark.parametrize("pair", PAIRS, ids=["-to-".join(pair) for pair in PAIRS], indirect=True)
async def test_who_sees_what_is_the_same_at_both_and_follows(pair: Pair) -> None:
    source, destination = pair.source, pair.destination
    mails = (source.mails(), destination.mails())
    olga = {(PERSON, destination.person("olga"))}

    preview = await pair.preview()
    first = await pair.run()
    lines = await pair.lines(first)
    assert foretold(await pair.lines(preview)) == foretold(lines)
    wanted = {path: without(each, olga) for path, each in (await pair.wanted()).items()}
    assert await pair.seen() == wanted, lines
    assert wanted["/Read/a"] == {(PERSON, destination.person("zoe")): READ}
    assert wanted["/Write"][PERSON, destination.person("ben")] is WRITE
    assert not wanted["/Outside/o"]
    assert not wanted["/Plain/p"]
    told = {(line.path, line.identity): line.state for line in lines}
    assert told["/Read", source.person("cleo")] is GrantState.DROPPED
    if source.has_outsiders:
        assert told["/Outside", OUTSIDER] is GrantState.LISTED
    if source.link is not None:
        assert told["/Outside", ""] is GrantState.LISTED

    async with connected(source) as one:
        await changed(source, one, EntryRef(pair.root, (await one.look_up(pair.root)).id))
    eve = (PERSON, destination.person("eve"))
    async with connected(destination) as other:
        await shares(other).grant(await pair.at(other, "/Alone"), to(eve[1]))
    left: dict[str, Audience] = {path: {} for path in ("/Read", "/Read/Inner") if path in wanted}
    preview = await pair.preview()
    second = await pair.run()
    lines = await pair.lines(second)
    assert foretold(await pair.lines(preview)) == foretold(lines)
    wanted = {path: without(each, olga) for path, each in (await pair.wanted()).items()}
    for path in ("/Alone", "/Alone/s"):
        assert eve not in wanted[path]
        wanted[path][eve] = READ
    wanted |= left  # nothing is deleted at a destination, and nobody else sees what is left there
    assert await pair.seen() == wanted, lines
    assert "/Reading/a" in wanted
    assert wanted["/Write"][PERSON, destination.person("ben")] is READ
    assert wanted["/Plain/p"] == {(PERSON, destination.person("dan")): WRITE}
    wider = [line for line in lines if line.action is GrantAction.TELL and line.state is GrantState.WIDER]
    found = {(line.path, line.target.identity) for line in wider if line.target is not None}
    shut = {("/Reading/Inner", destination.person("zoe"))} if source.shut is not None else set()
    assert found - {("/Alone/s", eve[1])} == {("/Alone", eve[1])} | shut

    changes = destination.changes
    assert changes > 0
    third = await pair.run()
    assert third.totals.files_moved == 0
    assert destination.changes == changes, await pair.lines(third)
    assert await pair.seen() == wanted
    assert (source.mails(), destination.mails()) == mails


OPEN = ("google-admin", "microsoft-admin", "dropbox-admin", "dropbox", "box-admin")


@pytest.mark.parametrize("pair", [("box", other) for other in OPEN], ids=OPEN, indirect=True)
async def test_nothing_is_put_below_a_folder_that_whoever_has_its_link_sees(pair: Pair) -> None:
    destination = pair.destination
    assert destination.link is not None
    async with connected(destination) as other:
        base = EntryRef(destination.base, (await other.look_up(destination.base)).id)
        name = f"open-{uuid.uuid4().hex[:8]}"
        top = base.child(name, (await other.create_folder(base, name)).id)
        await other.create_folder(top, "inner")
    destination.link(top.path)
    pair.place = f"{top.path}/inner/not yet"
    preview = await pair.preview()
    run = await pair.run()
    for one in (preview, run):
        wider = [line for line in await pair.lines(one) if line.state is GrantState.WIDER]
        assert "/" in {line.path for line in wider}
        assert {line.target for line in wider} == {Grantee(GranteeKind.ANYONE, "")}
        assert one.totals.files_moved == 0
    async with connected(destination) as other:
        told, _ = await said(other, await pair.at(other, ""))
    assert told.keys() == {"", "/Outside"}, "the root, and what whoever has a link sees at the source"
