"""Collaborations: roles, groups, invitations, links; what is inherited, both ways in which Box may tell it."""

from __future__ import annotations

import pytest
from simulators.front import RunningFront
from simulators.nodes import Drive, Node
from tests.contract.acts import listed, ref_of
from tests.servers.box import ANN, BEN, connected, enterprise, person

from mover.connectors.box import BoxConnector
from mover.entries import ROOT, AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import NotFound, PermissionDenied, Unsupported, UserNotFound
from simulators.box import Box

pytestmark = pytest.mark.servers

OWNER = Permission(
    kind=GranteeKind.PERSON,
    identity=ANN,
    role=AccessRole.OWNER,
    service_role="Owner",
    name="Ann",
    external=False,
)


def ref(node: Node) -> EntryRef:
    return EntryRef(node.path, f"{node.kind}-{node.id}")


async def of(connector: BoxConnector, node: Node) -> list[Permission]:
    [found] = await connector.permissions.of([ref(node)])
    return list(found)


@pytest.mark.parametrize(
    ("role", "means", "spelled"),
    [
        ("co-owner", AccessRole.OWNER, "Co-owner"),
        ("editor", AccessRole.WRITE, "Editor"),
        ("viewer uploader", AccessRole.WRITE, "Viewer Uploader"),
        ("previewer uploader", AccessRole.WRITE, "Previewer Uploader"),
        ("uploader", AccessRole.WRITE, "Uploader"),
        ("viewer", AccessRole.READ, "Viewer"),
        ("previewer", AccessRole.READ, "Previewer"),
    ],
)
async def test_roles_are_what_the_map_says(
    box: Box, drive: Drive, connector: BoxConnector, role: str, means: AccessRole, spelled: str
) -> None:
    folder = drive.folder("/shared")
    box.organisation.collaborate(folder, person(box, BEN), role)
    owner, ben = await of(connector, folder)
    assert owner == OWNER
    assert (ben.identity, ben.role, ben.service_role, ben.inherited) == (BEN, means, spelled, False)


async def test_groups_invitations_and_strangers(box: Box, drive: Drive, connector: BoxConnector) -> None:
    folder = drive.folder("/shared")
    box.organisation.collaborate(folder, box.organisation.add_group("Sales"), "editor")
    box.organisation.collaborate(folder, "Eve@Elsewhere.example", "viewer")
    _, group, stranger = await of(connector, folder)
    assert (group.kind, group.identity, group.external) == (GranteeKind.GROUP, "Sales", False)
    assert (stranger.identity, stranger.external, stranger.service_role) == (
        "eve@elsewhere.example",
        True,
        "Viewer (pending)",
    )


async def test_an_invitation_to_a_folder_is_inherited_by_what_is_in_it(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    """An invitation that waits does not say which entry it is of, and the listing of a file tells of it, too."""
    folder = drive.folder("/shared")
    file = drive.add(folder, "plan.txt")
    box.organisation.collaborate(folder, "eve@elsewhere.example", "viewer")
    box.organisation.collaborate(file, "fay@elsewhere.example", "viewer")
    box.organisation.collaborate(folder, person(box, BEN), "editor")
    for _ in range(2):  # before and after it has seen how this Box lists
        told = {one.identity: one.inherited for one in await of(connector, file)}
        assert told == {ANN: False, BEN: True, "eve@elsewhere.example": True, "fay@elsewhere.example": False}


@pytest.mark.parametrize(
    ("access", "kind", "identity"),
    [("open", GranteeKind.ANYONE, ""), ("company", GranteeKind.DOMAIN, "example.org")],
)
async def test_links_are_listed(
    drive: Drive, connector: BoxConnector, access: str, kind: GranteeKind, identity: str
) -> None:
    folder = drive.folder("/shared")
    folder.properties["shared_link"] = {"access": access, "effective_access": access}
    _, link = await of(connector, folder)
    assert (link.kind, link.identity, link.role, link.link) == (kind, identity, AccessRole.READ, True)
    [entry] = await listed(connector, ROOT)
    assert entry.shared is True


async def test_a_link_for_collaborators_alone_opens_nothing(drive: Drive, connector: BoxConnector) -> None:
    folder = drive.folder("/shared")
    folder.properties["shared_link"] = {"access": "collaborators", "effective_access": "collaborators"}
    assert await of(connector, folder) == [OWNER]
    [entry] = await listed(connector, ROOT)
    assert entry.shared is False


@pytest.mark.parametrize("inherits", [True, False])
async def test_what_is_inherited_is_told_whether_boxs_listings_tell_it_or_not(
    box: Box, drive: Drive, connector: BoxConnector, *, inherits: bool
) -> None:
    box.organisation.inherits = inherits
    outer, inner = drive.folder("/outer"), drive.folder("/outer/middle/inner")
    cat = box.organisation.add_person("cat@example.org")
    box.organisation.collaborate(outer, person(box, BEN), "editor")
    box.organisation.collaborate(inner, cat, "viewer")
    lines = {line.identity: line for line in await of(connector, inner)}
    assert (lines[BEN].inherited, lines[BEN].role) == (True, AccessRole.WRITE)
    assert (lines["cat@example.org"].inherited, lines["cat@example.org"].role) == (False, AccessRole.READ)


async def test_of_a_hundred_files_in_one_folder_the_folders_above_are_asked_once(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    box.organisation.inherits = False
    folder = drive.folder("/a/b")
    files = [drive.add(folder, f"file {number}") for number in range(20)]
    box.organisation.collaborate(drive.folder("/a"), person(box, BEN), "editor")
    box.tally.clear()
    found = await connector.permissions.of([ref(file) for file in files])
    assert all([line.identity for line in lines] == [ANN, BEN] for lines in found)
    assert box.tally.calls == {"GET /2.0/files/{id}": 20, "GET /2.0/folders/{id}/collaborations": 2}


async def test_nobody_gets_mail_and_a_new_grantee_costs_one_call(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    folder = drive.folder("/shared")
    ben = Permission(kind=GranteeKind.PERSON, identity=BEN, role=AccessRole.WRITE)
    await connector.permissions.grant(ref(folder), ben)
    assert box.tally.calls == {"POST /2.0/collaborations": 1}
    assert box.sharing.notified == []
    [made] = box.organisation.collaborations.values()
    assert (made.role, made.node) == ("editor", folder)


async def test_what_cannot_be_permitted(box: Box, drive: Drive, connector: BoxConnector) -> None:
    folder = drive.folder("/shared")
    ben = Permission(kind=GranteeKind.PERSON, identity=BEN, role=AccessRole.READ)
    with pytest.raises(Unsupported):
        await connector.permissions.grant(ROOT, ben)
    link = drive.add(drive.root, "link", kind="web_link")
    with pytest.raises(Unsupported):
        await connector.permissions.grant(ref(link), ben)
    group = Permission(kind=GranteeKind.GROUP, identity="Nobody", role=AccessRole.READ)
    with pytest.raises(UserNotFound):
        await connector.permissions.grant(ref(folder), group)
    theirs = box.organisation.drive(BEN).folder("/theirs")
    with pytest.raises(NotFound):
        await connector.permissions.grant(ref(theirs), ben)
    box.organisation.collaborate(theirs, person(box), "viewer")
    with pytest.raises(PermissionDenied):
        await connector.permissions.grant(
            ref(theirs),
            group.__class__(kind=GranteeKind.PERSON, identity="x@example.org", role=AccessRole.READ),
        )


async def test_listings_know_what_is_shared_below_folders_that_nobody_shares(
    box: Box, drive: Drive, connector: BoxConnector
) -> None:
    folder = drive.folder("/plain")
    shared, _ = drive.folder("/plain/shared"), drive.folder("/plain/shared/inherits")
    drive.folder("/plain/own")
    box.organisation.collaborate(shared, person(box, BEN), "viewer")
    [plain] = await listed(connector, ROOT)
    assert plain.shared is False
    flags = {entry.name: entry.shared for entry in await listed(connector, ref_of(ROOT, plain))}
    assert flags == {"shared": True, "own": False}
    assert [entry.shared for entry in await listed(connector, ref(shared))] == [None]
    assert folder.id


@pytest.mark.parametrize("others", [False, True])
async def test_what_others_share_is_left_to_its_owners_move_unless_it_is_asked_for(
    simulators: RunningFront, box: Box, drive: Drive, *, others: bool
) -> None:
    drive.folder("/own")
    theirs = box.organisation.drive(BEN).folder("/theirs")
    box.organisation.collaborate(theirs, person(box), "editor")
    async with connected(simulators, others=others) as connector:
        found = {entry.name: entry.internal for entry in await listed(connector, ROOT)}
    assert found == {
        "own": None,
        "theirs": None if others else f"shared by {BEN}, with whose files it is moved",
    }


async def test_an_administrator_moves_what_is_shared_once(simulators: RunningFront, box: Box) -> None:
    theirs = box.organisation.drive(BEN).folder("/theirs")
    box.organisation.collaborate(theirs, person(box), "editor")
    async with enterprise(simulators) as connector:
        [at_ann] = await listed(connector, EntryRef(f"/Users/{ANN}"))
        [at_ben] = await listed(connector, EntryRef(f"/Users/{BEN}"))
    assert (at_ann.internal is None, at_ben.internal is None) == (False, True)
