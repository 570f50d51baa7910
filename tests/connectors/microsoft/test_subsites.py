"""Sites below sites: how they are addressed, and that each is seen once."""

from __future__ import annotations

import pytest
from simulators.faults import Answer
from simulators.microsoft.state import Site
from tests.connectors.microsoft.conftest import Connects
from tests.contract.acts import listed, put, read

from mover.connectors.microsoft import SHAREPOINT_TYPE
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, EntryRef
from mover.errors import NotFound, Unsupported
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


@pytest.fixture
def marketing(vendor: Microsoft) -> Site:
    return vendor.add_site("Marketing", ("Documents", "Archive"))


@pytest.fixture
async def person(vendor: Microsoft, connects: Connects, marketing: Site) -> MicrosoftConnector:
    assert marketing.libraries
    return await connects(SHAREPOINT_TYPE, access_token=Secret(vendor.token(vendor.add_user("anna"))))


async def _names(connector: MicrosoftConnector, path: str) -> list[str]:
    return [entry.name for entry in await listed(connector, EntryRef(path))]


async def test_a_subsite_stands_below_its_site_with_its_libraries(
    vendor: Microsoft, marketing: Site, person: MicrosoftConnector
) -> None:
    eu = vendor.add_site("EU", above=marketing)
    vendor.add_site("Paris", ("Plans",), above=eu)
    assert await _names(person, "/") == ["Marketing"]  # though a search finds all three
    assert await _names(person, "/Marketing") == ["Documents", "Archive", "EU"]
    assert await _names(person, "/Marketing/EU") == ["Documents", "Paris"]
    plans = await person.look_up("/marketing/eu/PARIS/plans")
    await put(person, EntryRef("/Marketing/EU/Paris/Plans", plans.id), "file", b"content")
    assert await read(person, EntryRef("/Marketing/EU/Paris/Plans/file")) == b"content"
    assert (await person.look_up("/Marketing/EU")).id == f":site/{eu.id}"
    with pytest.raises(NotFound):
        await person.look_up("/Marketing/EU/Nothing/file")
    with pytest.raises(Unsupported):
        await person.create_folder(EntryRef("/Marketing/EU"), "new")
    assert person.remarks == []


async def test_libraries_are_found_without_a_question_for_subsites(
    vendor: Microsoft, marketing: Site, person: MicrosoftConnector
) -> None:
    vendor.add_site("EU", above=marketing)
    vendor.tally.clear()
    await person.look_up("/Marketing/Archive")
    assert vendor.tally.calls == {"GET sites": 1, "GET drives": 1, "GET item": 1}


async def test_a_library_keeps_its_name_and_a_subsite_of_that_name_is_told(
    vendor: Microsoft, marketing: Site, person: MicrosoftConnector
) -> None:
    vendor.add_site("archive", ("Old",), above=marketing)
    vendor.add_site("Twin", above=marketing, address="sites/Marketing/one")
    vendor.add_site("twin", above=marketing, address="sites/Marketing/two")
    names = await _names(person, "/Marketing")
    assert names == ["Documents", "Archive", "archive (archive)", "Twin (one)", "twin (two)"]
    [remark] = person.remarks
    assert "'archive (archive)'" in remark
    assert "https://contoso.sharepoint.com/sites/Marketing/archive" in remark
    assert (await person.look_up("/Marketing/Archive")).id == f"{marketing.libraries[1].id}/root"
    assert await _names(person, "/Marketing/archive (archive)") == ["Old"]


async def test_sites_of_one_title_and_one_last_part_all_have_a_name(
    vendor: Microsoft, person: MicrosoftConnector
) -> None:
    for folder in ("sites", "teams"):
        vendor.add_site("Team", address=f"{folder}/x")
    assert set(await _names(person, "/")) == {
        "Marketing",
        "Team (sites／x)",  # noqa: RUF001 - as slashes in names are shown
        "Team (teams／x)",  # noqa: RUF001 - likewise
    }


async def test_a_subsite_whose_site_is_hidden_stands_at_the_top(
    vendor: Microsoft, marketing: Site, person: MicrosoftConnector
) -> None:
    marketing.members = []
    anna = vendor.state.accounts.person_of("anna@contoso.example")
    assert anna is not None
    vendor.add_site("EU", above=marketing, members=[anna])
    assert await _names(person, "/") == ["EU"]
    assert await _names(person, "/EU") == ["Documents"]


async def test_who_may_not_list_subsites_sees_libraries_and_is_told(
    vendor: Microsoft, marketing: Site, person: MicrosoftConnector
) -> None:
    vendor.add_site("EU", above=marketing)
    body = b'{"error": {"code": "accessDenied", "message": "Access denied"}}'
    vendor.faults.add(Answer(403, {}, body), path=f"{marketing.id}/sites")
    assert await _names(person, "/Marketing") == ["Documents", "Archive"]
    [remark] = person.remarks
    assert "subsites of /Marketing" in remark


async def test_discovery_tells_subsites_with_the_site_that_holds_them(
    vendor: Microsoft, tenant: MicrosoftConnector
) -> None:
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    vendor.add_site("Paris", above=vendor.add_site("Documents", above=site))
    assert tenant.places is not None
    vendor.tally.clear()
    found = [place async for page in tenant.places.all() for place in page]
    assert [(place.path, place.name, place.within) for place in found[1:]] == [
        ("/Sites/Marketing", "Marketing", None),
        ("/Sites/Marketing/Documents (Documents)", "Documents (Documents)", "/Sites/Marketing"),
        (
            "/Sites/Marketing/Documents (Documents)/Paris",
            "Paris",
            "/Sites/Marketing/Documents (Documents)",
        ),
    ]
    for place in found[1:]:
        assert (await tenant.look_up(place.path)).id
    assert [entry.name for entry in await listed(tenant, ROOT)] == ["Users", "Sites"]
