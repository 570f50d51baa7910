"""Everything that clients and simulator say to each other is as Box describes it."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.contents import GivenContent, hashes_of
from tests.contract.acts import listed, read, target
from tests.servers.box import BEN, CHUNK, box_of, connected, enterprise, rclone_of
from tests.simulators.box.description import check
from tests.simulators.box.script import work

from mover.connectors.box import BoxConnector
from mover.entries import ROOT, AccessRole, EntryRef, GranteeKind, HashName, Permission
from simulators.box import Box

pytestmark = pytest.mark.servers


@pytest.fixture
def box(simulators: RunningFront) -> Box:
    vendor = box_of(simulators)
    vendor.tally.records = True
    return vendor


def _check_all(box: Box, least: int) -> None:
    problems = []
    checked = 0
    for exchange in box.tally.exchanges:
        try:
            checked += check(exchange)
        except Exception as error:  # noqa: BLE001 - the checker has many kinds, and all shall be shown
            causes = "; ".join(str(cause)[:300] for cause in (error, error.__cause__) if cause)
            detail = [str(found)[:300] for found in getattr(error.__cause__, "schema_errors", ())]
            problems.append(f"{exchange.method} {exchange.url} {exchange.status}: {causes} {detail}")
    assert not problems, "\n".join(problems)
    assert checked >= least


@pytest.mark.usefixtures("sdk_environment")
def test_of_boxs_own_sdk(box: Box) -> None:
    work(box)
    _check_all(box, 50)


def test_of_rclone(box: Box, simulators: RunningFront, tmp_path: Path) -> None:
    (tmp_path / "local/d").mkdir(parents=True)
    (tmp_path / "local/d/file").write_bytes(b"x")
    rclone = rclone_of(simulators, tmp_path)
    rclone("copy", tmp_path / "local", "B:top")
    rclone("moveto", "B:top/d/file", "B:top/moved")
    rclone("purge", "B:top")
    # rclone calls the content "contents", names no size, and spells its folders' listings by offset.
    box.tally.exchanges = [
        exchange
        for exchange in box.tally.exchanges
        if "multipart" not in dict(exchange.headers).get("content-type", "")
    ]
    _check_all(box, 8)


async def test_of_mover(box: Box, simulators: RunningFront) -> None:
    async with connected(simulators) as connector:
        await _use(connector)
    async with enterprise(simulators) as admin, aclosing(admin.directory.all()) as places:
        assert [place.email async for page in places for place in page]
    _check_all(box, 20)


async def _use(connector: BoxConnector) -> None:
    cursor = await connector.changes.cursor()
    made = await connector.create_folder(ROOT, "folder")
    folder = ROOT.child("folder", made.id)
    place = target(folder, "file", modified_ns=1_600_000_000_000_000_000)
    entry = await connector.upload(place, GivenContent(b"x", hashes=hashes_of(b"x", [HashName.SHA1])))
    file = folder.child("file", entry.id)
    assert await read(connector, file, version=entry.version) == b"x"
    data = bytes(3 * CHUNK + 1)
    large = target(folder, "large")
    parts = connector.part_uploads
    token = await parts.begin(large, len(data), 3 * CHUNK)
    sent = [
        await parts.send(token, number, start, GivenContent(data[start : start + 3 * CHUNK]))
        for number, start in ((1, 0), (2, 3 * CHUNK))
    ]
    assert len(await parts.received(token)) == 2
    await parts.finish(token, large, sent, hashes_of(data, [HashName.SHA1]))
    ben = Permission(kind=GranteeKind.PERSON, identity=BEN, role=AccessRole.READ)
    await connector.permissions.grant(folder, ben)
    await connector.permissions.grant(
        folder, Permission(kind=GranteeKind.PERSON, identity=BEN, role=AccessRole.WRITE)
    )
    assert len((await connector.permissions.of([folder]))[0]) == 2
    await connector.permissions.revoke(folder, ben)
    await connector.upload(target(folder, "file", replaces=entry), GivenContent(b"yy"))
    assert len(await connector.versions.of(file)) == 2
    await connector.rename(file, folder, "renamed")
    assert {found.name for found in await listed(connector, folder)} == {"renamed", "large"}
    assert (await connector.look_up("/folder/renamed")).id == entry.id
    assert await connector.quota.free_bytes() is None
    async with aclosing(connector.changes.since(cursor)) as pages:
        assert [change async for changes, _ in pages for change in changes]
    assert EntryRef("/folder", made.id) == folder
