"""What only Dropbox has: documents without bytes, letters' case, shares, revisions, teams."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.faults import Answer
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import (
    account,
    calls_of,
    content,
    listed,
    make_folder,
    put,
    put_many,
    read,
    target,
)

from mover.connectors.contract import PlaceKind
from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector
from mover.entries import ROOT, AccessRole, EntryKind, EntryRef, GranteeKind, Permission
from mover.errors import (
    Changed,
    Conflict,
    NameRejected,
    NotFound,
    PermissionDenied,
    ServiceFault,
    Throttled,
    Unsupported,
    UserNotFound,
)

pytestmark = pytest.mark.servers
BOB = EntryRef("/Users/bob@example.com")
CAROL = EntryRef("/Users/carol@example.com")


def _to(email: str, role: AccessRole = AccessRole.READ) -> Permission:
    return Permission(kind=GranteeKind.PERSON, identity=email, role=role)


@pytest.mark.parametrize(
    ("name", "forms", "shown"),
    [
        ("Plan.paper", ("html", "markdown", "docx"), "Plan.docx"),
        ("Plan.paper", ("html", "markdown"), "Plan.md"),
        ("Numbers.gsheet", ("xlsx",), "Numbers.xlsx"),
        ("Odd", ("odd_form",), "Odd.odd_form"),
    ],
)
async def test_documents_are_called_and_read_as_their_export(
    simulators: RunningFront,
    connector: DropboxConnector,
    dropbox: Dropbox,
    alice: Person,
    name: str,
    forms: tuple[str, ...],
    shown: str,
) -> None:
    node = dropbox.put(alice, f"/{name}", b"a plan")
    node.properties["export"] = forms
    [entry] = (await listed(connector, ROOT)).values()
    assert (entry.name, entry.kind, entry.size, entry.hashes) == (shown, EntryKind.NATIVE, None, {})
    assert entry.version == node.version.id
    file = ROOT.child(entry.name, entry.id)
    calls_of(simulators)
    assert (await read(connector, file)).endswith(b"of a plan")
    assert calls_of(simulators) == {"files/export": 1}
    assert await read(connector, file, offset=2, length=3) == (await read(connector, file))[2:5]
    assert await connector.refresh(file) == entry
    assert list(await connector.versions.of(file)) == []


async def test_a_document_that_is_not_ready_is_tried_again_and_one_that_changed_is_noticed(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    node = dropbox.put(alice, "/Plan.paper", b"a plan")
    node.properties["export"] = ("markdown",)
    [entry] = (await listed(connector, ROOT)).values()
    dropbox.faults.switch("export not ready", 1)
    with pytest.raises(ServiceFault):
        await read(connector, ROOT.child(entry.name, entry.id))
    node.version.id = "0fffffffff"
    async with aclosing(connector.read(ROOT.child(entry.name, entry.id), version=entry.version)) as pieces:
        with pytest.raises(Changed):
            await anext(pieces)


async def test_what_cannot_be_read_is_listed_and_says_so(
    connector: DropboxConnector, dropbox: Dropbox, alice: Person
) -> None:
    dropbox.put(alice, "/Sketch.web", b"x").properties["blocked"] = "unsupported_content_type"
    [entry] = (await listed(connector, ROOT)).values()
    assert (entry.kind, entry.name) == (EntryKind.NATIVE, "Sketch.web")
    with pytest.raises(Unsupported):
        await read(connector, ROOT.child(entry.name, entry.id))
    dropbox.put(alice, "/film", b"x").properties["blocked"] = "restricted_content"
    with pytest.raises(PermissionDenied, match="legal"):
        await read(connector, EntryRef("/film"))


async def test_only_the_case_of_a_name_changes(simulators: RunningFront, connector: DropboxConnector) -> None:
    folder = await make_folder(connector, ROOT, "folder")
    file = await put(connector, folder, "report.txt", b"x")
    calls_of(simulators)
    entry = await connector.renames.rename(file, folder, "Report.TXT")
    assert (entry.name, entry.id) == ("Report.TXT", file.id)
    assert calls_of(simulators) == {"files/move_v2": 3}
    assert list(await listed(connector, folder)) == ["Report.TXT"]
    assert await connector.renames.rename(file, folder, "Report.TXT") == entry
    assert (await connector.look_up("/FOLDER/report.txt")).id == file.id
    with pytest.raises(Conflict):
        await put(connector, folder, "REPORT.txt", b"other")


async def test_a_rename_that_broke_off_in_between_is_finished_by_the_next(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    file = await put(connector, ROOT, "report.txt", b"x")
    dropbox.faults.add(Answer(503), path="move_v2", skip=2)
    with pytest.raises(ServiceFault):
        await connector.renames.rename(file, ROOT, "Report.TXT")
    assert (await connector.renames.rename(file, ROOT, "Report.TXT")).name == "Report.TXT"
    assert list(await listed(connector, ROOT)) == ["Report.TXT"]


async def test_times_are_whole_seconds_and_those_that_dropbox_cannot_have_are_left_out(
    connector: DropboxConnector,
) -> None:
    for name, given, kept in (
        ("whole", 1_600_000_000_999_999_999, 1_600_000_000_000_000_000),
        ("before 1970", -1, -1_000_000_000),
    ):
        await connector.upload(target(ROOT, name, modified_ns=given), content(b"x"))
        assert (await connector.look_up(f"/{name}")).modified_ns == kept


async def test_names_that_dropbox_refuses_have_a_spelling_and_are_refused_as_they_are(
    connector: DropboxConnector,
) -> None:
    rules = connector.capabilities.names
    for name in (
        "desktop.ini",
        "Thumbs.DB",
        ".ds_store",
        "icon\r",
        ".dropbox",
        "a\\b",
        "end ",
        "end\t",
        "\x7f",
        "..",
    ):
        with pytest.raises(NameRejected):
            await put(connector, await make_folder(connector, ROOT, "folder"), name, b"x")
        spelled = rules.accepted(name)
        await put(connector, ROOT, spelled, b"x")
        assert rules.original(spelled) == name
    with pytest.raises(NameRejected):
        await connector.create_folder(ROOT, "a\\b")


async def test_a_folder_that_is_gone_is_not_taken_for_a_bad_name(connector: DropboxConnector) -> None:
    folder = await make_folder(connector, ROOT, "folder")
    gone = folder.child("inner", "id:AAAAAAAAAAAAAAAAAAAAAA")
    with pytest.raises(NotFound):
        await put(connector, gone, "file", b"x")
    for strange in ("e999", "id:", "x!id:a b", "id:../../etc"):
        with pytest.raises(NotFound):
            await put(connector, folder.child("inner", strange), "file", b"x")


async def test_revisions_are_told_oldest_first_and_read(connector: DropboxConnector) -> None:
    file = await put(connector, ROOT, "file", b"version 0")
    for number in range(1, 130):
        seen = await connector.refresh(file)
        await connector.upload(
            target(ROOT, "file", replaces=seen, modified_ns=number * 10**9), content(b"version %d" % number)
        )
    versions = await connector.versions.of(file)
    assert len(versions) == 130
    assert versions[-1].id == (await connector.refresh(file)).version
    assert [version.modified_ns for version in versions[1:]] == [n * 10**9 for n in range(1, 130)]
    for number in (0, 64, 129):
        async with aclosing(connector.versions.read(file, versions[number])) as pieces:
            assert b"".join([piece async for piece in pieces]) == b"version %d" % number
    async with aclosing(connector.versions.read(file, versions[3], offset=8)) as pieces:
        assert b"".join([piece async for piece in pieces]) == b"3"


async def test_a_folder_that_may_only_be_read_is_told_as_such(
    simulators: RunningFront, dropbox: Dropbox, alice: Person, connector: DropboxConnector
) -> None:
    bob = dropbox.add_person("bob@example.com")
    folder = await make_folder(connector, ROOT, "shared")
    file = await put(connector, folder, "file", b"x")
    await connector.permissions.grant(folder, _to(bob.email))
    [shared] = [each for each in dropbox.forest.namespaces.values() if each.kind == "shared"]
    home = dropbox.homes[bob.id]
    simulators.inside(lambda: dropbox.forest.mount(shared, home, home.drive.root, "shared"))
    async with account(simulators, bob) as theirs:
        assert await read(theirs, file) == b"x"
        mounted = ROOT.child("shared", folder.id)
        for attempt in (
            put(theirs, mounted, "new", b"x"),
            make_folder(theirs, mounted, "new"),
            theirs.renames.rename(file, mounted, "renamed"),
            theirs.permissions.grant(mounted, _to("carol@example.com")),
        ):
            with pytest.raises(PermissionDenied):
                await attempt
        [lines] = await theirs.permissions.of([mounted])
        assert {(line.identity, line.role) for line in lines} == {
            (alice.email, AccessRole.OWNER),
            (bob.email, AccessRole.READ),
        }


async def test_sharing_that_takes_a_while_is_finished_by_a_repetition(
    connector: DropboxConnector, dropbox: Dropbox
) -> None:
    bob = dropbox.add_person("bob@example.com")
    folder = await make_folder(connector, ROOT, "folder")
    dropbox.share_s = 10
    for _ in range(2):
        with pytest.raises(ServiceFault) as caught:
            await connector.permissions.grant(folder, _to(bob.email))
        assert caught.value.retry_after_s == 1
    dropbox.clock.advance(11)
    await connector.permissions.grant(folder, _to(bob.email))
    with pytest.raises(ServiceFault):
        await connector.permissions.revoke(folder, _to(bob.email))
    dropbox.clock.advance(11)
    await connector.permissions.revoke(folder, _to(bob.email))
    [lines] = await connector.permissions.of([folder])
    assert [line.role for line in lines] == [AccessRole.OWNER]
    assert dropbox.mails == []


async def test_outsiders_are_told_and_links_are_listed_only(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    folder = await make_folder(business, BOB, "folder")
    await business.permissions.grant(folder, _to("carol@example.com", AccessRole.WRITE))
    await business.permissions.grant(folder, _to("Eve@Elsewhere.example"))
    bob = dropbox.accounts.person_of("bob@example.com")
    assert bob is not None
    assert folder.id is not None
    dropbox.share_by_link(bob, folder.id)
    dropbox.share_by_link(bob, folder.id, visibility="team_only", access="editor")
    dropbox.share_by_link(bob, folder.id, visibility="no_one")
    [lines] = await business.permissions.of([folder])
    assert {(line.identity, line.role, line.external, line.link, line.kind) for line in lines} == {
        ("bob@example.com", AccessRole.OWNER, False, False, GranteeKind.PERSON),
        ("carol@example.com", AccessRole.WRITE, False, False, GranteeKind.PERSON),
        ("eve@elsewhere.example", AccessRole.READ, True, False, GranteeKind.PERSON),
        ("", AccessRole.READ, None, True, GranteeKind.ANYONE),
        ("", AccessRole.WRITE, None, True, GranteeKind.DOMAIN),
    }
    dropbox.bans_outsiders = True
    with pytest.raises(PermissionDenied, match="outside"):
        await business.permissions.grant(folder, _to("mallory@elsewhere.example"))
    with pytest.raises(UserNotFound):
        await business.permissions.grant(
            folder, Permission(kind=GranteeKind.GROUP, identity="Nobody's group", role=AccessRole.READ)
        )


async def test_a_hundred_files_are_asked_about_in_a_few_calls(
    simulators: RunningFront, connector: DropboxConnector
) -> None:
    folder = await make_folder(connector, ROOT, "folder")
    await put_many(connector, folder, {f"file {number}": b"x" for number in range(100)})
    await connector.permissions.grant(folder, _to("bob@example.com"))
    refs = [folder.child(name, entry.id) for name, entry in (await listed(connector, folder)).items()]
    calls_of(simulators)
    found = await connector.permissions.of(refs)
    assert calls_of(simulators) == {
        "sharing/list_file_members/batch": 1,
        "sharing/get_file_metadata/batch": 1,
        "sharing/list_folder_members": 1,
        "sharing/list_shared_links": 1,
    }
    assert all(
        {line.identity for line in lines} == {"alice@example.com", "bob@example.com"} for lines in found
    )
    assert all(line.inherited for lines in found for line in lines)


async def test_the_teams_tree_has_its_folders_and_its_people(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    dropbox.add_team_folder("Users")
    business.places._folders_until = 0
    assert set(await listed(business, ROOT)) == {"Projects", "Users", "Users (team folder)"}
    assert set(await listed(business, EntryRef("/Users"))) == {
        "admin@example.com",
        "bob@example.com",
        "carol@example.com",
    }
    file = await put(business, EntryRef("/Projects"), "file", b"ours")
    assert await read(business, file) == b"ours"
    await put(business, EntryRef("/Users (team folder)"), "file", b"x")
    await put(business, BOB, "mine", b"bob's")
    assert "mine" not in await listed(business, CAROL)
    made = await business.create_folder(ROOT, "New")
    assert made.name == "New"
    assert await listed(business, EntryRef("/New")) == {}
    assert (await business.create_folder(EntryRef("/Users"), "bob@example.com")).name == "bob@example.com"


async def test_places_are_all_people_and_all_team_folders(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    carol = dropbox.accounts.person_of("carol@example.com")
    assert carol is not None
    carol.is_active = False
    found = [place async for page in business.places.all() for place in page]
    assert {(place.path, place.kind, place.ready) for place in found} == {
        ("/Projects", PlaceKind.SITE, True),
        ("/Users/admin@example.com", PlaceKind.PERSON, True),
        ("/Users/bob@example.com", PlaceKind.PERSON, True),
        ("/Users/carol@example.com", PlaceKind.PERSON, False),
    }


@pytest.mark.parametrize(
    "name", ["nobody@example.com", "no address", "ö@example.com", "@", "a b@example.com"]
)
async def test_strangers_are_not_found(business: DropboxBusinessConnector, name: str) -> None:
    for attempt in (
        listed(business, EntryRef(f"/Users/{name}")),
        business.create_folder(EntryRef("/Users"), name),
        put(business, EntryRef(f"/Users/{name}/folder"), "file"),
    ):
        with pytest.raises(UserNotFound):
            await attempt


async def test_what_stands_above_people_and_team_folders_takes_no_files(
    business: DropboxBusinessConnector,
) -> None:
    for above in (ROOT, EntryRef("/Users")):
        with pytest.raises(Unsupported):
            await put(business, above, "file", b"x")
        with pytest.raises(NotFound):
            await read(business, above)
        with pytest.raises(Unsupported):
            await business.permissions.grant(above, _to("bob@example.com"))
    with pytest.raises(Unsupported):
        await business.renames.rename(BOB, ROOT, "Robert")
    file = await put(business, BOB, "file", b"x")
    with pytest.raises(Unsupported):
        await business.renames.rename(file, CAROL, "file")
    with pytest.raises(NotFound):
        await listed(business, EntryRef("/No such team folder"))


async def test_quota_is_the_persons_within_the_teams(
    business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    await put(business, BOB, "file", bytes(1000))
    assert await business.quota.free_bytes(BOB) == 2_000_000_000 - 1000
    assert await business.quota.free_bytes(EntryRef("/Projects")) == 10**13 - 1000
    assert await business.quota.free_bytes(ROOT) is None
    assert dropbox.tally.statuses[400] == 0


async def test_the_space_of_the_team_can_be_the_root_of_one_account(
    simulators: RunningFront, dropbox: Dropbox, admin: Person
) -> None:
    bob = dropbox.accounts.person_of("bob@example.com")
    assert bob is not None
    async with account(simulators, bob, team_space=True) as connector:
        assert set(await listed(connector, ROOT)) >= {"Projects", "Bob"}
        projects = EntryRef("/Projects")
        await put(connector, projects, "file", b"x")
        with pytest.raises(PermissionDenied):
            await put(connector, ROOT, "file", b"x")
        simulators.inside(dropbox.make_team_space)
        with pytest.raises(PermissionDenied, match="space"):
            await listed(connector, ROOT)
    async with account(simulators, bob) as connector:
        assert await listed(connector, ROOT) == {}
    assert admin.is_admin


async def test_each_person_of_a_team_is_paused_alone(
    simulators: RunningFront, business: DropboxBusinessConnector, dropbox: Dropbox
) -> None:
    for top in (BOB, CAROL):
        await put(business, top, "file", b"x")
    dropbox.faults.add(Answer(429, {"Retry-After": "60"}), path="list_folder")
    with pytest.raises(Throttled):
        await listed(business, BOB)
    calls_of(simulators)
    with pytest.raises(Throttled):
        await listed(business, BOB)
    assert list(await listed(business, CAROL)) == ["file"]
    assert calls_of(simulators) == {"files/list_folder": 1}
