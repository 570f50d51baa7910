"""Every kind of exchange between Mover and the simulator is as the official description has it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import (
    MIB,
    account,
    changes_since,
    content,
    listed,
    make_folder,
    put,
    put_in_parts,
    put_many,
    read,
    target,
    team,
)
from tests.servers.simulators import dropbox_of
from tests.simulators.dropbox.description import Description, description_file

from mover.connectors.contract import Connector
from mover.entries import ROOT, AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import MoverError

pytestmark = pytest.mark.servers
_FILE = description_file()
_GROUP = Permission(kind=GranteeKind.GROUP, identity="Staff", role=AccessRole.READ)


@pytest.fixture(scope="module")
def description() -> Description:
    """The official description."""
    if _FILE is None:
        pytest.skip("the official description is absent: set MOVER_SPECS to its folder")
    return Description(_FILE)


def _to(email: str, role: AccessRole) -> Permission:
    return Permission(kind=GranteeKind.PERSON, identity=email, role=role)


async def _work(connector: Connector, top: EntryRef, document: str) -> None:
    """Use all that a connector can do, in a folder that is empty but for a document, and provoke refusals."""
    assert connector.changes is not None
    assert connector.versions is not None
    assert connector.renames is not None
    assert connector.quota is not None
    cursor = await connector.changes.cursor(top)
    folder = await make_folder(connector, top, "Mappe ü")
    await make_folder(connector, top, "Mappe ü")
    await asyncio.gather(*(make_folder(connector, folder, name) for name in ("a", "b", "A")))
    file = await put(connector, folder, "ä \u2028.txt", b"one")
    seen = await connector.refresh(file)
    await connector.upload(target(folder, file.name, replaces=seen), content(b"two"))
    await put_many(connector, folder, {f"file {number}": b"x" * number for number in range(5)})
    await _read_together(connector, await make_folder(connector, folder, "small"))
    await put_in_parts(connector, target(folder, "large", modified_ns=10**18), bytes(5 * MIB))
    await put(connector, folder, "middle", bytes(MIB))
    await connector.renames.rename(file, folder, "Ä \u2028.txt")
    await read(connector, file)
    await read(connector, file, offset=1)
    native = (await listed(connector, top))[document]
    await read(connector, top.child(document, native.id))
    await connector.versions.of(file)
    await changes_since(connector, cursor)
    await connector.quota.free_bytes(folder)
    for refused in (
        put(connector, folder, "ä \u2028.txt", b"other"),
        connector.upload(target(folder, "file 1", replaces=seen), content(b"two")),
        put(connector, folder, "desktop.ini", b"x"),
        connector.look_up(f"{top.path.rstrip('/')}/missing"),
        listed(connector, file),
        read(connector, folder),
        make_folder(connector, folder, "ä \u2028.txt"),
        connector.renames.rename(folder, folder, "itself"),
    ):
        with pytest.raises(MoverError):
            await refused


async def _read_together(connector: Connector, folder: EntryRef) -> None:
    await put_many(connector, folder, {f"file {number}": b"y" * number for number in range(1, 6)})
    entries = await listed(connector, folder)
    reads = (
        read(connector, folder.child(entry.name, entry.id), version=entry.version)
        for entry in entries.values()
    )
    assert [len(each) for each in await asyncio.gather(*reads)] == [entry.size for entry in entries.values()]


async def _share(connector: Connector, top: EntryRef, person: str, *, groups: bool) -> None:
    permissions = connector.permissions
    assert permissions is not None
    folder = top.child("Mappe ü", (await listed(connector, top))["Mappe ü"].id)
    file = folder.child("middle", (await listed(connector, folder))["middle"].id)
    for entry in (folder, file):
        for role in (AccessRole.READ, AccessRole.WRITE):
            await permissions.grant(entry, _to(person, role))
        await permissions.grant(entry, _to("nobody@elsewhere.example", AccessRole.READ))
        if groups:
            await permissions.grant(entry, _GROUP)
    inner = await make_folder(connector, folder, "inner")
    await permissions.grant(inner, _to("dora@example.com", AccessRole.READ))
    assert all(await permissions.of([folder, file, inner]))
    for entry in (folder, file, inner):
        for _ in range(2):
            await permissions.revoke(entry, _to(person, AccessRole.WRITE))
    with contextlib.suppress(MoverError):
        await permissions.grant(entry, _to("not an address", AccessRole.READ))


def _document(dropbox: Dropbox, person: Person) -> None:
    node = dropbox.put(person, "/Plan.paper", b"a plan")
    node.properties["export"] = ("html", "markdown", "docx")


def _check(description: Description, dropbox: Dropbox) -> set[str]:
    """Compare all exchanges with the description, and return the routes that were called."""
    exchanges = [each for each in dropbox.tally.exchanges if each.path.startswith("/2/")]
    complaints = [each for exchange in exchanges for each in description.complaints(exchange)]
    assert complaints == []
    return {exchange.path.removeprefix("/2/") for exchange in exchanges}


async def test_exchanges_of_one_account(simulators: RunningFront, description: Description) -> None:
    dropbox = dropbox_of(simulators)
    dropbox.tally.records = True
    alice = dropbox.add_person("alice@example.com", name="Alice Adams")
    dropbox.add_person("bob@example.com")
    _document(dropbox, alice)
    dropbox.limits = replace(dropbox.limits, folders_at_once=2)
    async with account(simulators, alice) as connector:
        await _work(connector, ROOT, "Plan.docx")
        dropbox.share_by_link(alice, "id:" + "x" * 22)
        dropbox.share_by_link(
            alice, next(iter(dropbox.homes[alice.id].drive.children(dropbox.homes[alice.id].drive.root))).id
        )
        await _share(connector, ROOT, "bob@example.com", groups=False)
    called = _check(description, dropbox)
    assert "files/download_zip" in called
    assert len(called) >= 29


async def test_exchanges_of_a_team(simulators: RunningFront, description: Description) -> None:
    dropbox = dropbox_of(simulators)
    dropbox.tally.records = True
    admin = dropbox.add_member("admin@example.com", is_admin=True)
    bob, _ = (dropbox.add_member(f"{name}@example.com") for name in ("bob", "carol"))
    dropbox.make_team_space()
    dropbox.add_team_folder("Projects")
    dropbox.accounts.add_group("staff@example.com", "Staff", [bob], group_id="g:staff")
    _document(dropbox, bob)
    async with team(simulators, admin) as connector:
        await listed(connector, ROOT)
        await listed(connector, EntryRef("/Users"))
        async for _ in connector.places.all():
            pass
        await make_folder(connector, ROOT, "New team folder")
        await _work(connector, EntryRef("/Users/bob@example.com"), "Plan.docx")
        await _share(connector, EntryRef("/Users/bob@example.com"), "carol@example.com", groups=True)
        projects = EntryRef("/Projects")
        await put_many(connector, projects, {f"file {number}": b"x" for number in range(5)})
        assert len(await listed(connector, projects)) == 5
        assert connector.quota is not None
        assert await connector.quota.free_bytes(projects)
    assert len(_check(description, dropbox)) >= 34


def test_the_checker_finds_what_is_wrong(description: Description) -> None:
    kind = {"$ref": "#/types/files.Metadata"}
    folder = {".tag": "folder", "name": "a", "id": "id:a"}
    assert list(description.check(folder, kind, "x")) == []
    for wrong in (
        {**folder, ".tag": "thing"},
        {**folder, "id": 1},
        {**folder, "invented": 1},
        {".tag": "folder", "name": "a"},
        {**folder, ".tag": "file"},
    ):
        assert list(description.check(wrong, kind, "x")), wrong
    mode = {"$ref": "#/types/files.WriteMode"}
    assert list(description.check({".tag": "update", "update": "0123456789"}, mode, "x")) == []
    assert list(description.check({".tag": "update"}, mode, "x"))
    assert list(description.check({".tag": "add", "add": 1}, mode, "x"))
