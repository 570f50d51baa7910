"""Permissions are told whole, given once, never lowered, and taken back alone."""

from __future__ import annotations

import pytest
from tests.contract.acts import listed, need, put, read, ref_of
from tests.contract.services import Grantees, Service

from mover.connectors.contract import Connector, Permissions
from mover.entries import AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import NotFound, Unsupported, UserNotFound

pytestmark = pytest.mark.promise("P13")

READ, WRITE, OWNER = AccessRole.READ, AccessRole.WRITE, AccessRole.OWNER
_RANK = {READ: 1, WRITE: 2, OWNER: 3}


@pytest.fixture
def permissions(
    connector: Connector, request: pytest.FixtureRequest, lacking: dict[tuple[str, str], str]
) -> Permissions:
    """The connector's permissions."""
    if connector.permissions is None:
        lacking[request.node.callspec.params["service"], "permissions"] = "permissions"
    need(connector.permissions is not None, "permissions")
    assert connector.permissions is not None
    return connector.permissions


@pytest.fixture
def grantees(service: Service, permissions: Permissions) -> Grantees:
    """Whom the service knows."""
    assert permissions.kinds
    assert service.grantees is not None, "a service with permissions says whom it knows, in services.py"
    return service.grantees


@pytest.fixture
async def shared(connector: Connector, folder: EntryRef, permissions: Permissions) -> EntryRef:
    """A folder that can be shared: one in the test's own, so that nothing else is said of it."""
    assert permissions is not None
    return ref_of(folder, await connector.create_folder(folder, "shared"))


def to(identity: str, role: AccessRole = READ, kind: GranteeKind = GranteeKind.PERSON) -> Permission:
    """Return a permission as the engine asks for it."""
    return Permission(kind=kind, identity=identity, role=role)


async def told(permissions: Permissions, entry: EntryRef) -> list[Permission]:
    """Return what the service says of one entry."""
    [found] = await permissions.of([entry])
    return list(found)


async def of(
    permissions: Permissions, entry: EntryRef, identity: str, *, inherited: bool | None = None
) -> AccessRole | None:
    """Return the highest role that somebody has on an entry, of those (not) inherited if that is said."""
    roles = [
        line.role
        for line in await told(permissions, entry)
        if line.identity == identity and not line.link and inherited in {None, line.inherited}
    ]
    return max(roles, key=_RANK.__getitem__, default=None)


async def test_what_nobody_shared_has_nobody_but_its_owner(
    folder: EntryRef, permissions: Permissions, grantees: Grantees, connector: Connector
) -> None:
    file = ref_of(folder, await put(connector, folder, "file"))
    for entry in (folder, file):
        found = {line.identity for line in await told(permissions, entry)}
        assert not found & {*grantees.people, grantees.group}
        assert not any(line.link for line in await told(permissions, entry))


async def test_root_of_the_account_can_be_asked_and_is_nobody_else_s(
    connector: Connector, permissions: Permissions, grantees: Grantees
) -> None:
    root = await connector.look_up("/")
    try:
        [found] = await permissions.of([EntryRef("/", root.id)])
    except Unsupported:  # the folder above the storage of all users: nothing can be permitted there
        return
    assert not {line.identity for line in found} & set(grantees.people)


async def test_person_gets_a_role_on_a_folder(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person, other = grantees.people
    await permissions.grant(shared, to(person))
    [line] = [line for line in await told(permissions, shared) if line.identity == person]
    assert (line.kind, line.role, line.inherited, line.link) == (GranteeKind.PERSON, READ, False, False)
    assert line.external is not True
    assert line.service_role
    assert await of(permissions, shared, other) is None


async def test_person_gets_a_role_on_a_file(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    assert permissions.on_files is grantees.on_files
    need(grantees.on_files, "sharing of files")
    file, other = [ref_of(shared, await put(connector, shared, name, b"x")) for name in ("file", "other")]
    await permissions.grant(file, to(grantees.people[0]))
    assert await of(permissions, file, grantees.people[0]) is READ
    assert await of(permissions, other, grantees.people[0]) is None


async def test_sharing_of_a_file_is_refused_where_only_folders_can_be_shared(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    need(not grantees.on_files, "no sharing of files")
    file = ref_of(shared, await put(connector, shared, "file", b"x"))
    with pytest.raises(Unsupported):
        await permissions.grant(file, to(grantees.people[0]))
    assert await of(permissions, file, grantees.people[0]) is None


async def test_giving_again_changes_nothing(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    await permissions.grant(shared, to(grantees.people[0]))
    once = await told(permissions, shared)
    await permissions.grant(shared, to(grantees.people[0]))
    assert await told(permissions, shared) == once


async def test_higher_role_is_given_and_a_lower_one_never_lowers(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person = grantees.people[0]
    for role in (READ, WRITE):
        await permissions.grant(shared, to(person, role))
        assert await of(permissions, shared, person) is role
    await permissions.grant(shared, to(person, READ))
    assert await of(permissions, shared, person) is WRITE


async def test_taking_back_takes_that_one_alone(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person, other = grantees.people
    await permissions.grant(shared, to(person, WRITE))
    await permissions.grant(shared, to(other))
    for _ in range(2):
        await permissions.revoke(shared, to(person, WRITE))
        assert await of(permissions, shared, person) is None
        assert await of(permissions, shared, other) is READ


async def test_taking_back_what_was_raised_since_takes_it_back_whole(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    await permissions.grant(shared, to(grantees.people[0], WRITE))
    await permissions.revoke(shared, to(grantees.people[0], READ))
    assert await of(permissions, shared, grantees.people[0]) is None


async def test_taking_back_what_was_never_given_is_no_error(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    before = await told(permissions, shared)
    await permissions.revoke(shared, to(grantees.people[0]))
    assert await told(permissions, shared) == before


async def test_what_was_taken_back_can_be_given_again(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person = grantees.people[0]
    await permissions.grant(shared, to(person, WRITE))
    await permissions.revoke(shared, to(person, WRITE))
    await permissions.grant(shared, to(person, READ))
    assert await of(permissions, shared, person) is READ


async def test_a_hundred_entries_are_told_in_their_order(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person, other = grantees.people
    folders = [ref_of(shared, await connector.create_folder(shared, f"folder {n}")) for n in range(5)]
    await permissions.grant(folders[1], to(person))
    await permissions.grant(folders[3], to(other, WRITE))
    missing = shared.child("missing", "e999999" if connector.capabilities.stable_ids else None)
    asked = [*folders * 19, *folders[:4], missing]
    found = await permissions.of(asked)
    assert len(found) == len(asked) == 100
    roles = [
        {line.identity: line.role for line in lines if line.identity in grantees.people} for lines in found
    ]
    each: list[dict[str, AccessRole]] = [{}, {person: READ}, {}, {other: WRITE}, {}]
    assert roles == [*each * 19, *each[:4], {}]
    assert not found[-1]
    assert list(await permissions.of([])) == []


async def test_unknown_person_is_told_as_such_and_nothing_is_given(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    need(grantees.nobody is not None, "refusing unknown people")
    assert grantees.nobody is not None
    before = await told(permissions, shared)
    with pytest.raises(UserNotFound):
        await permissions.grant(shared, to(grantees.nobody))
    assert await told(permissions, shared) == before


@pytest.mark.parametrize("kind", [GranteeKind.GROUP, GranteeKind.DOMAIN])
async def test_groups_and_domains_are_given_a_role_or_refused(
    permissions: Permissions, grantees: Grantees, shared: EntryRef, kind: GranteeKind
) -> None:
    identity = grantees.group if kind is GranteeKind.GROUP else grantees.domain
    if kind not in permissions.kinds:
        with pytest.raises(Unsupported):
            await permissions.grant(shared, to(identity or "whoever", kind=kind))
        return
    assert identity is not None, "the service says that it can permit something to them"
    for _ in range(2):
        await permissions.grant(shared, to(identity, kind=kind))
        [line] = [line for line in await told(permissions, shared) if line.identity == identity]
        assert (line.kind, line.role, line.link) == (kind, READ, False)
    await permissions.revoke(shared, to(identity, kind=kind))
    assert await of(permissions, shared, identity) is None


async def test_share_by_link_is_told_as_one_and_left_alone(
    permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    need(grantees.share_by_link is not None, "shares by link")
    assert grantees.share_by_link is not None
    grantees.share_by_link(shared.path)
    await permissions.grant(shared, to(grantees.people[0]))
    await permissions.revoke(shared, to(grantees.people[0]))
    [line] = [line for line in await told(permissions, shared) if line.link]
    assert line.kind in {GranteeKind.ANYONE, GranteeKind.DOMAIN}
    assert not line.inherited


async def test_share_by_link_is_made_where_anyone_is_a_kind_and_refused_elsewhere(
    permissions: Permissions, shared: EntryRef
) -> None:
    anyone = to("", kind=GranteeKind.ANYONE)
    if GranteeKind.ANYONE not in permissions.kinds:
        with pytest.raises(Unsupported):
            await permissions.grant(shared, anyone)
        return
    for _ in range(2):
        await permissions.grant(shared, anyone)
        [line] = [line for line in await told(permissions, shared) if line.link]
        assert (line.kind, line.role) == (GranteeKind.ANYONE, READ)
    for _ in range(2):
        await permissions.revoke(shared, anyone)
        assert not any(line.link for line in await told(permissions, shared))


async def test_what_is_in_a_shared_folder_inherits(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    person, other = grantees.people
    inner = ref_of(shared, await connector.create_folder(shared, "inner"))
    file = ref_of(inner, await put(connector, inner, "file", b"x"))
    await permissions.grant(shared, to(person, WRITE))
    for entry in (inner, file):
        assert await of(permissions, entry, person, inherited=False) is None
        assert await of(permissions, entry, person) is (WRITE if permissions.inherited else None)
    await permissions.grant(inner, to(other))
    await permissions.revoke(inner, to(person, WRITE))
    assert await of(permissions, inner, person) is (WRITE if permissions.inherited else None)
    assert await of(permissions, inner, other, inherited=False) is READ
    assert await of(permissions, shared, other) is None
    await permissions.revoke(shared, to(person, WRITE))
    assert await of(permissions, file, person) is None


async def test_lower_role_further_down_takes_nothing_from_what_is_inherited(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    need(permissions.inherited, "inheritance")
    person = grantees.people[0]
    inner = ref_of(shared, await connector.create_folder(shared, "inner"))
    await permissions.grant(shared, to(person, WRITE))
    await permissions.grant(inner, to(person, READ))
    assert await of(permissions, inner, person) is WRITE


async def test_listing_tells_what_is_shared_or_nothing(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    one, _ = [ref_of(shared, await connector.create_folder(shared, name)) for name in ("one", "two")]
    await permissions.grant(one, to(grantees.people[0]))
    flags = {entry.name: entry.shared for entry in await listed(connector, shared)}
    assert flags in ({"one": True, "two": False}, {"one": None, "two": None})


async def test_listing_does_not_tell_what_only_inherits_as_shared(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    await connector.create_folder(shared, "inner")
    await put(connector, shared, "file", b"x")
    await permissions.grant(shared, to(grantees.people[0]))
    assert {entry.shared for entry in await listed(connector, shared)} <= {False, None}


async def test_content_and_its_evidence_stay_the_same(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    file = ref_of(shared, await put(connector, shared, "file", b"content"))
    before = await connector.refresh(file)
    on = file if grantees.on_files else shared
    await permissions.grant(on, to(grantees.people[0], WRITE))
    await permissions.revoke(on, to(grantees.people[0], WRITE))
    after = await connector.refresh(file)
    assert (after.size, after.version, after.hashes) == (before.size, before.version, before.hashes)
    if connector.capabilities.modified_resolution_ns is not None:
        assert after.modified_ns == before.modified_ns
    assert await read(connector, file) == b"content"


async def test_owner_is_told_and_keeps_everything(
    connector: Connector, permissions: Permissions, grantees: Grantees, shared: EntryRef
) -> None:
    owners = {line.identity for line in await told(permissions, shared) if line.role is OWNER}
    assert owners
    assert not owners & set(grantees.people)
    try:
        await permissions.grant(shared, to(grantees.people[0], OWNER))
    except Unsupported:
        assert OWNER not in permissions.roles
        assert await of(permissions, shared, grantees.people[0]) is None
    else:
        assert OWNER in permissions.roles
        assert await of(permissions, shared, grantees.people[0]) is OWNER
    assert owners <= {line.identity for line in await told(permissions, shared) if line.role is OWNER}
    await put(connector, shared, "file", b"x")


async def test_giving_to_a_missing_entry_is_not_found_and_taking_back_no_error(
    connector: Connector, permissions: Permissions, grantees: Grantees, folder: EntryRef
) -> None:
    missing = folder.child("missing", "e999999" if connector.capabilities.stable_ids else None)
    with pytest.raises(NotFound) as caught:
        await permissions.grant(missing, to(grantees.people[0]))
    assert not isinstance(caught.value, UserNotFound)
    await permissions.revoke(missing, to(grantees.people[0]))
