"""Who may do what: links, groups of sites, outsiders, what is inherited, and batches in which some calls fail."""

from __future__ import annotations

import msgspec
import pytest
from simulators.microsoft.state import Library
from tests.contract.acts import listed, put, ref_of

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.grantees import lines_of
from mover.connectors.microsoft.model import Identity, IdentitySet, Link, PermissionLine
from mover.entries import ROOT, AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import Throttled, Unsupported
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


def library_of(vendor: Microsoft) -> Library:
    return next(iter(vendor.state.drive_of.values()))


async def test_a_hundred_entries_of_one_folder_cost_six_calls(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    inner = library_of(vendor).drive
    folder = inner.folder("/folder")
    refs = [EntryRef(f"/folder/{n}", inner.add(folder, f"{n}").id) for n in range(100)]
    vendor.tally.clear()
    found = await drive.permissions.of(refs)
    assert vendor.tally.calls == {"POST $batch": 6}
    assert all(
        [(line.identity, line.role, line.inherited) for line in lines]
        == [("anna@contoso.example", AccessRole.OWNER, True)]
        for lines in found
    )


async def test_a_call_in_a_batch_that_is_throttled_lets_the_whole_wait_as_long(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    refs = [ref_of(ROOT, await put(drive, ROOT, name, b"x")) for name in ("a", "b")]
    vendor.faults.switch("throttle in batch", 1)
    with pytest.raises(Throttled) as caught:
        await drive.permissions.of(refs)
    assert caught.value.retry_after_s == 3
    assert len(await drive.permissions.of(refs)) == 2


async def test_permissions_count_five_units_each_even_in_a_batch(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    refs = [ref_of(ROOT, await put(drive, ROOT, f"{n}", b"x")) for n in range(4)]
    vendor.throttle.limit = 19
    with pytest.raises(Throttled) as caught:
        await drive.permissions.of(refs)
    assert caught.value.retry_after_s == 60


async def test_outsiders_links_and_groups_of_a_site_are_told_as_what_they_are(
    vendor: Microsoft, sites: MicrosoftConnector
) -> None:
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    inner = site.libraries[0].drive
    node = inner.folder("/shared")
    vendor.share(node, "partner@elsewhere.example", "write")
    vendor.share_by_link(node, "anonymous")
    vendor.share_by_link(node, "organization", "write")
    [lines] = await sites.permissions.of([EntryRef("/Marketing/Documents/shared", f"{inner.id}/{node.id}")])
    told = {(line.kind, line.identity, line.role, line.external, line.link, line.inherited) for line in lines}
    person, group, read, write = GranteeKind.PERSON, GranteeKind.GROUP, AccessRole.READ, AccessRole.WRITE
    assert told == {
        (group, "Marketing Owners", AccessRole.OWNER, False, False, True),
        (group, "Marketing Members", write, False, False, True),
        (group, "Marketing Visitors", read, False, False, True),
        (person, "partner@elsewhere.example", write, True, False, False),
        (GranteeKind.ANYONE, "", read, True, True, False),
        (GranteeKind.DOMAIN, "", write, False, True, False),
    }
    with pytest.raises(Unsupported, match="managed at its site"):
        await sites.permissions.grant(
            EntryRef("/Marketing/Documents/shared"),
            Permission(kind=group, identity="Marketing Members", role=write),
        )


async def test_a_facet_on_all_that_inherits_is_told_as_the_service_tells_it(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    inner = library_of(vendor).drive
    folder = inner.folder("/shared")
    inner.folder("/shared/inner")
    vendor.share(folder, "ben@contoso.example")
    assert [entry.shared for entry in await listed(drive, ROOT)] == [True]
    ref = EntryRef("/shared", folder.id)
    assert [entry.shared for entry in await listed(drive, ref)] == [False]
    vendor.faults.switch("shared facet on what inherits")
    [entry] = await listed(drive, ref)
    assert entry.shared is True
    [lines] = await drive.permissions.of([ref_of(ref, entry)])
    assert all(line.inherited for line in lines)


async def test_nobody_gets_mail(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    ben = vendor.add_user("ben")
    folder = await drive.create_folder(ROOT, "folder")
    await drive.permissions.grant(
        ref_of(ROOT, folder), Permission(kind=GranteeKind.PERSON, identity=ben.email, role=AccessRole.READ)
    )
    node = library_of(vendor).drive.nodes[str(folder.id)]
    assert [grant.identity for grant in node.grants] == [ben.email]
    assert "mails" not in node.properties


def test_a_link_for_certain_people_is_a_line_for_each() -> None:
    line = PermissionLine(
        id="1",
        roles=["write"],
        link=Link(scope="users", type="edit"),
        granted_to_identities_v2=[
            IdentitySet(
                user=Identity(display_name="Ann"),
                site_user=Identity(login_name="i:0#.f|membership|Ann@Example.com"),
            ),
            IdentitySet(application=Identity(display_name="an app")),
        ],
    )
    [told] = lines_of(line)
    assert (told.kind, told.identity, told.link, told.external) == (
        GranteeKind.PERSON,
        "ann@example.com",
        True,
        False,
    )


def test_a_group_of_a_site_is_told_by_name_in_the_old_form_and_in_the_new() -> None:
    for identities in (
        b'{"siteGroup": {"id": "5", "displayName": "Sales Members", "loginName": "Sales Members"}}',
        b'{"sharePointGroup": {"principalId": "5", "title": "Sales Members"}}',
    ):
        line = msgspec.json.decode(
            b'{"id": "1", "roles": ["write"], "grantedToV2": %s}' % identities, type=PermissionLine
        )
        [told] = lines_of(line)
        assert (told.kind, told.identity, told.role) == (GranteeKind.GROUP, "Sales Members", AccessRole.WRITE)
        assert told.external is False


def test_a_line_without_anybody_or_any_role_is_none() -> None:
    assert lines_of(PermissionLine(id="1", roles=["read"])) == []
    assert (
        lines_of(PermissionLine(id="1", granted_to_v2=IdentitySet(user=Identity(email="a@b.example")))) == []
    )
