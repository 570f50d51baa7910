"""Documents of Google's own: exported under a name and a version that stay the same, and made by conversion."""

from __future__ import annotations

import asyncio

import pytest
from simulators.front import RunningFront
from simulators.nodes import Node
from tests.contents import GivenContent
from tests.contract import google as people
from tests.contract.acts import listed, put, ref_of, target

from mover.connectors.contract import Connector
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, Unsupported
from simulators.google import Google

pytestmark = pytest.mark.servers

MINE = EntryRef("/My Drive", "root")


def _add(front: RunningFront, google: Google, name: str, kind: str, **values: object) -> Node:
    drive = google.drive_of(people.ALICE)
    return front.inside(lambda: google.state.add_native(drive, drive.root, name, kind, **values))  # type: ignore[arg-type]


async def _read(connector: Connector, entry: Entry) -> bytes:
    return b"".join([piece async for piece in connector.read(ref_of(MINE, entry), version=entry.version)])


@pytest.mark.parametrize(
    ("kind", "ending", "begins"),
    [
        ("document", ".docx", b"PK"),
        ("spreadsheet", ".xlsx", b"PK"),
        ("presentation", ".pptx", b"PK"),
        ("drawing", ".svg", b"<svg"),
    ],
)
async def test_document_is_exported_with_one_call(
    simulators: RunningFront, google: Google, drive: Connector, kind: str, ending: str, begins: bytes
) -> None:
    _add(simulators, google, "Plan", kind)
    [entry] = await listed(drive, MINE)
    assert (entry.name, entry.kind, entry.size, entry.hashes) == (f"Plan{ending}", EntryKind.NATIVE, None, {})
    google.tally.clear()
    assert (await _read(drive, entry)).startswith(begins)
    assert google.tally.calls == {"files.export": 1}
    assert (await drive.look_up(f"/My Drive/Plan{ending}")).id == entry.id


@pytest.mark.parametrize("kind", ["form", "site", "map"])
async def test_what_has_no_export_is_listed_and_cannot_be_read(
    simulators: RunningFront, google: Google, drive: Connector, kind: str
) -> None:
    _add(simulators, google, "Poll", kind)
    [entry] = await listed(drive, MINE)
    assert (entry.name, entry.kind, entry.internal) == ("Poll", EntryKind.NATIVE, None)
    with pytest.raises(Unsupported, match=kind):
        await _read(drive, entry)


async def test_version_changes_with_the_document_alone(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    node = _add(simulators, google, "Plan", "document", text="one")
    tree = google.drive_of(people.ALICE)
    [first] = await listed(drive, MINE)
    exports = [await _read(drive, first) for _ in range(2)]
    assert exports[0] != exports[1]

    def look_at_it() -> None:
        google.state.grant(node, people.BOB, "reader")
        tree.touch(node)
        tree.move(node, tree.root, "Plan B")

    simulators.inside(look_at_it)
    [second] = await listed(drive, MINE)
    assert second.version == first.version
    await asyncio.sleep(0.002)  # modified times have milliseconds
    simulators.inside(lambda: google.state.edit(tree, node, "two"))
    [third] = await listed(drive, MINE)
    assert third.version != first.version


async def test_export_past_ten_megabytes_goes_by_its_link(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    size = 11 * 1024 * 1024
    _add(simulators, google, "Long", "presentation", export_size=size)
    [entry] = await listed(drive, MINE)
    google.tally.clear()
    assert len(await _read(drive, entry)) == size
    assert google.tally.calls == {"files.export": 1, "files.get": 1, "docs.export": 1, "docs.exported": 1}


async def test_document_is_read_though_nothing_says_that_it_is_one(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    node = _add(simulators, google, "Plan", "document")
    pieces = [piece async for piece in drive.read(EntryRef("/My Drive/Plan", node.id))]
    assert b"".join(pieces).startswith(b"PK")
    with pytest.raises(Unsupported):
        _ = [piece async for piece in drive.read(EntryRef("/My Drive/Plan", node.id), offset=1)]


async def test_name_of_an_export_is_taken(simulators: RunningFront, google: Google, drive: Connector) -> None:
    _add(simulators, google, "Plan", "document")
    with pytest.raises(Conflict):
        await put(drive, MINE, "Plan.docx", b"PK")


async def test_office_files_become_documents_on_demand(simulators: RunningFront, google: Google) -> None:
    converting = people.connects(simulators, "google", people.single(simulators, convert=True))()
    await converting.sign_in()
    assert ".docx" in converting.capabilities.alters
    made = await converting.upload(
        target(MINE, "Plan.docx", modified_ns=1_600_000_000_123_000_000), GivenContent(b"PK one")
    )
    assert (made.name, made.kind, made.modified_ns) == (
        "Plan.docx",
        EntryKind.NATIVE,
        1_600_000_000_123_000_000,
    )
    plain = await put(converting, MINE, "data.bin", b"PK")
    assert plain.kind is EntryKind.FILE
    found = {entry.name: entry for entry in await listed(converting, MINE)}
    assert found["Plan.docx"].id == made.id
    node = google.drive_of(people.ALICE).nodes[made.id or ""]
    assert (node.name, node.properties["mimeType"]) == ("Plan", "application/vnd.google-apps.document")
    assert await _read(converting, found["Plan.docx"])
    await converting.close()


async def test_document_keeps_its_ending_out_of_its_own_name(
    simulators: RunningFront, google: Google, drive: Connector
) -> None:
    node = _add(simulators, google, "Plan", "document")
    assert drive.renames is not None
    entry = await drive.renames.rename(EntryRef("/My Drive/Plan.docx", node.id), MINE, "Later.docx")
    assert (entry.name, node.name) == ("Later.docx", "Later")
