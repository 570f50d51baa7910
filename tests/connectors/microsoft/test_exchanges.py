"""All that the connectors ask, and all that the simulator answers them, is as Microsoft's own description has it."""

from __future__ import annotations

import pytest
from tests.contents import GivenContent
from tests.contract.acts import listed, put, read, ref_of, target
from tests.simulators.microsoft.description import check

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.entries import ROOT, AccessRole, EntryRef, GranteeKind, Permission
from mover.errors import Conflict, MoverError, NotFound
from simulators.microsoft import Microsoft

pytestmark = [pytest.mark.servers, pytest.mark.slow]


async def test_a_drive(vendor: Microsoft, either: MicrosoftConnector) -> None:
    ben = vendor.add_user("ben")
    vendor.tally.records = True
    cursor = await either.changes.cursor()
    folder = ref_of(ROOT, await either.create_folder(ROOT, "a #1"))
    entry = await either.upload(target(folder, "file", modified_ns=10**18), GivenContent(b"content"))
    with pytest.raises(Conflict):
        await put(either, folder, "file", b"other")
    seen = await either.refresh(ref_of(folder, entry))
    await either.upload(target(folder, "file", replaces=seen), GivenContent(b"second"))
    file = ref_of(folder, entry)
    assert await read(either, file) == b"second"
    assert len(await listed(either, folder)) == 1
    assert await either.times.set_modified(folder, 10**18)
    await either.renames.rename(file, ROOT, "renamed")
    await either.permissions.grant(
        folder, Permission(kind=GranteeKind.PERSON, identity=ben.email, role=AccessRole.READ)
    )
    await either.permissions.revoke(
        folder, Permission(kind=GranteeKind.PERSON, identity=ben.email, role=AccessRole.READ)
    )
    at_work = bool(either.capabilities.alters)  # where a rename that keeps the time makes a version
    assert len(await either.versions.of(file)) == (3 if at_work else 2)
    assert [changes async for changes, _ in either.changes.since(cursor)]
    with pytest.raises(NotFound):
        await either.refresh(EntryRef("/never", "01NEVER"))
    assert check(vendor.tally.exchanges) >= 15


async def test_sites_and_a_tenant(vendor: Microsoft, tenant: MicrosoftConnector) -> None:
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    vendor.add_site("EU", above=site)
    vendor.tally.records = True
    assert tenant.places is not None
    assert [place async for page in tenant.places.all() for place in page]
    for path in (
        "/Users/anna@contoso.example",
        "/Sites/Marketing/Documents",
        "/Sites/Marketing/EU/Documents",
    ):
        found = await tenant.look_up(path)
        assert await listed(tenant, EntryRef(path, found.id)) == []
        assert await tenant.quota.free_bytes(EntryRef(path, found.id))
    with pytest.raises(MoverError):
        await tenant.look_up("/Users/nobody@contoso.example")
    assert check(vendor.tally.exchanges) >= 10
