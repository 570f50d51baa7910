"""The change feed of a drive that tells of permissions, too: who gets it, and what it tells."""

from __future__ import annotations

import base64
from contextlib import aclosing

import pytest
from simulators.microsoft.state import APP_ROLES, Library
from tests.connectors.microsoft.conftest import Connects

from mover.connectors.contract import Change, Changes
from mover.connectors.microsoft import OFFICE365_TYPE
from mover.connectors.microsoft.changes import MicrosoftChanges
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.roles import FULL_CONTROL, roles_of
from mover.entries import EntryRef
from mover.errors import Unsupported
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft

ANNA = "/Users/anna@contoso.example"


@pytest.fixture
def library(vendor: Microsoft) -> Library:
    """The OneDrive of Anna, with a file in a folder in a folder."""
    library = vendor.drive_of(vendor.add_user("anna"))
    library.drive.add(library.drive.folder("/a/b"), "file")
    return library


@pytest.fixture
async def full(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    """The tenant of an app that may read all permissions."""
    vendor.state.app_roles["test-app"] = APP_ROLES | {FULL_CONTROL}
    return await tenant_of(vendor, connects)


async def tenant_of(vendor: Microsoft, connects: Connects) -> MicrosoftConnector:
    return await connects(
        OFFICE365_TYPE,
        tenant=vendor.state.tenant_id,
        client_id="test-app",
        client_secret=Secret("test-secret"),
    )


async def told(changes: Changes, cursor: str) -> dict[str, Change]:
    found: dict[str, Change] = {}
    async with aclosing(changes.since(cursor)) as pages:
        async for lines, _ in pages:
            found |= {line.entry.name: line for line in lines if line.entry is not None}
    return found


async def start(connector: MicrosoftConnector, changes: Changes) -> str:
    root = await connector.look_up(ANNA)
    return await changes.cursor(EntryRef(ANNA, root.id))


@pytest.mark.servers
async def test_what_is_shared_or_no_longer_is_is_told_of_itself_alone(
    vendor: Microsoft, library: Library, full: MicrosoftConnector
) -> None:
    assert full.sharing_changes is not None
    folder, file = library.drive.at("/a"), library.drive.at("/a/b/file")
    assert folder is not None
    assert file is not None
    cursor = await start(full, full.sharing_changes)
    assert await told(full.sharing_changes, cursor) == {}
    vendor.share(folder, "ben@contoso.example")
    vendor.share(file, "ben@contoso.example")
    found = await told(full.sharing_changes, cursor)
    assert {name: line.entry and line.entry.shared for name, line in found.items()} == {
        "a": True,
        "file": True,
    }
    cursor = await start(full, full.sharing_changes)
    vendor.unshare(file, "ben@contoso.example")
    assert set(await told(full.sharing_changes, cursor)) == {"file"}


@pytest.mark.servers
async def test_contents_are_told_without_the_folders_above_and_the_other_feed_tells_contents_alone(
    vendor: Microsoft, library: Library, full: MicrosoftConnector
) -> None:
    assert full.sharing_changes is not None
    cursor = await start(full, full.sharing_changes)
    file = library.drive.at("/a/b/file")
    assert file is not None
    file.name = "renamed"
    library.drive.touch(file)
    assert set(await told(full.sharing_changes, cursor)) == {"renamed"}
    library.drive.touch(file)
    vendor.share(file, "ben@contoso.example")
    plain = await start(full, full.changes)
    vendor.share(file, "cleo@contoso.example")
    assert await told(full.changes, plain) == {}


@pytest.mark.servers
async def test_an_app_without_full_control_is_not_told_all_and_says_so(
    vendor: Microsoft, library: Library, connects: Connects
) -> None:
    tenant = await tenant_of(vendor, connects)
    assert tenant.sharing_changes is None
    asking = MicrosoftChanges(tenant._api, tenant._territory, tenant._lister, sharing=True)
    cursor = await start(tenant, asking)
    file = library.drive.at("/a/b/file")
    assert file is not None
    vendor.share(file, "ben@contoso.example")
    assert await told(asking, cursor) == {}


@pytest.mark.servers
async def test_there_is_one_feed_for_each_drive_and_none_above(full: MicrosoftConnector) -> None:
    assert full.sharing_changes is not None
    with pytest.raises(Unsupported):
        await full.sharing_changes.cursor(EntryRef("/Users", (await full.look_up("/Users")).id))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"roles": "all"}', b'{"roles": [1]}', b"\xff", b"[" * 100_000, b"null"]
)
def test_a_token_that_cannot_be_read_tells_no_roles(body: bytes) -> None:
    spelled = base64.urlsafe_b64encode(body).decode().rstrip("=")
    assert roles_of(Secret(f"e30.{spelled}.x")) == frozenset()


@pytest.mark.parametrize("token", ["opaque", "a.b", "..", "a.!.b", "a.ä.b", "a.b.c.d"])
def test_nor_does_one_that_is_no_jwt(token: str) -> None:
    assert roles_of(Secret(token)) == frozenset()
