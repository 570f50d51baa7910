"""Sites, libraries and users: by name in paths, and all of them for the table of a migration."""

from __future__ import annotations

import pytest
from tests.connectors.microsoft.conftest import Connects
from tests.contract.acts import listed, put, read, ref_of

from mover.connectors.contract import PlaceKind
from mover.connectors.microsoft import SHAREPOINT_TYPE
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import NotFound, PermissionDenied, Unsupported, UserNotFound
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


async def test_all_users_and_sites_are_told_with_what_is_ready(
    vendor: Microsoft, tenant: MicrosoftConnector
) -> None:
    vendor.add_user("new", provisioned=False)
    vendor.add_user("left").is_active = False
    vendor.state.accounts.add_person("guest@elsewhere.example")
    assert tenant.places is not None
    found = [place async for page in tenant.places.all() for place in page]
    assert [(place.path, place.kind, place.email, place.ready) for place in found] == [
        ("/Users/anna@contoso.example", PlaceKind.PERSON, "anna@contoso.example", True),
        ("/Users/new@contoso.example", PlaceKind.PERSON, "new@contoso.example", False),
        ("/Users/left@contoso.example", PlaceKind.PERSON, "left@contoso.example", False),
        ("/Sites/Marketing", PlaceKind.SITE, None, None),
    ]


async def test_a_thousand_users_cost_a_page_and_a_batch_for_twenty(
    vendor: Microsoft, tenant: MicrosoftConnector
) -> None:
    for number in range(199):
        vendor.add_user(f"user{number}")
    vendor.tally.clear()
    assert tenant.places is not None
    found = [place async for page in tenant.places.all() for place in page]
    assert len(found) == 201
    assert vendor.tally.calls["GET users"] == 1
    assert vendor.tally.calls["POST $batch"] == 10 + 1  # the last one: which sites have subsites


async def test_users_and_sites_are_folders(vendor: Microsoft, tenant: MicrosoftConnector) -> None:
    assert [entry.name for entry in await listed(tenant, ROOT)] == ["Users", "Sites"]
    [user] = await listed(tenant, EntryRef("/Users"))
    by_listing = ref_of(EntryRef("/Users"), user)
    entry = await put(tenant, by_listing, "file", b"content")
    assert entry.owner == "anna@contoso.example"
    by_path = await tenant.look_up("/Users/anna@contoso.example/file")
    assert by_path.id == entry.id
    assert await read(tenant, EntryRef("/Users/anna@contoso.example/file")) == b"content"
    assert await tenant.quota.free_bytes(by_listing) == 1024**4 - 7
    assert await tenant.quota.free_bytes(ROOT) is None
    assert [entry.name for entry in await listed(tenant, EntryRef("/Sites/Marketing"))] == [
        "Documents",
        "Archive",
    ]
    library = await tenant.look_up("/Sites/marketing/DOCUMENTS")
    made = await put(tenant, EntryRef("/Sites/Marketing/Documents", library.id), "file", b"x")
    assert made.owner is None  # what is in a library is the site's, whoever made it
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    assert site.libraries[0].drive.at("/file") is not None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/Users/nobody@contoso.example", UserNotFound),
        ("/Users/new@contoso.example/x", UserNotFound),
        ("/Sites/Nowhere/Documents", NotFound),
        ("/Sites/Marketing/Nothing", NotFound),
        ("/Elsewhere", NotFound),
    ],
)
async def test_what_is_not_there_is_told(
    vendor: Microsoft, tenant: MicrosoftConnector, path: str, kind: type[NotFound]
) -> None:
    vendor.add_user("new", provisioned=False)
    with pytest.raises(kind) as caught:
        await tenant.look_up(path)
    assert (caught.value.service, caught.value.path) == ("office365", path)


async def test_nothing_is_changed_above_drives(tenant: MicrosoftConnector) -> None:
    for path in ("/", "/Users", "/Sites", "/Sites/Marketing"):
        assert (await tenant.look_up(path)).kind is EntryKind.FOLDER
        with pytest.raises(Unsupported):
            await tenant.create_folder(EntryRef(path), "new")
        with pytest.raises(Unsupported):
            await put(tenant, EntryRef(path), "file", b"x")


async def test_sites_of_one_name_are_told_apart_and_those_behind_onedrives_left_out(
    vendor: Microsoft, sites: MicrosoftConnector
) -> None:
    vendor.add_site("Team / A", address="sites/team-a")
    vendor.add_site("team / a", address="teams/other")
    named = {entry.name for entry in await listed(sites, ROOT)}
    assert named == {"Marketing", "Team ／ A (team-a)", "team ／ a (other)"}  # noqa: RUF001 - as slashes in names are shown
    for name in named:
        assert [entry.name for entry in await listed(sites, EntryRef(f"/{name}"))][:1] == (["Documents"])


async def test_a_site_that_was_made_meanwhile_is_found(vendor: Microsoft, sites: MicrosoftConnector) -> None:
    assert (await sites.look_up("/Marketing/Documents")).kind is EntryKind.FOLDER
    vendor.add_site("New")
    assert (await sites.look_up("/New/Documents")).kind is EntryKind.FOLDER


async def test_only_sites_that_are_shared_with_a_person_are_seen(
    vendor: Microsoft, connects: Connects
) -> None:
    anna, ben = vendor.add_user("anna"), vendor.add_user("ben")
    secret = vendor.add_site("Secret", members=[ben])
    vendor.add_site("Open")
    connector = await connects(SHAREPOINT_TYPE, access_token=Secret(vendor.token(anna)))
    assert [entry.name for entry in await listed(connector, ROOT)] == ["Open"]
    with pytest.raises(NotFound):
        await connector.look_up("/Secret/Documents")
    with pytest.raises(PermissionDenied):
        await listed(connector, EntryRef("/x", f"{secret.libraries[0].id}/root"))
