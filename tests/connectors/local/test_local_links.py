"""Symbolic links are told of and never followed, whenever somebody puts one there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.contents import GivenContent
from tests.contract.acts import listed, read
from tests.folders import names_in

from mover.connectors.contract import PartUploads, Renames, ServiceHashes, Target, Times, temporary_name
from mover.connectors.local.connector import LocalConnector
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import Conflict, MoverError, NotFound


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What nobody must reach."""
    made = tmp_path / "outside"
    made.mkdir()
    (made / "secret").write_text("secret")
    return made


async def test_link_is_listed_as_a_shortcut_with_its_target(connector: LocalConnector, folder: Path) -> None:
    (folder / "link").symlink_to("../outside/secret")
    (folder / "dangling").symlink_to("nowhere")
    found = {entry.name: (entry.kind, entry.size, entry.target) for entry in await listed(connector, ROOT)}
    assert found == {
        "link": (EntryKind.SHORTCUT, None, "../outside/secret"),
        "dangling": (EntryKind.SHORTCUT, None, "nowhere"),
    }
    assert (await connector.look_up("/link")).kind is EntryKind.SHORTCUT


Act = Callable[[LocalConnector], Coroutine[Any, Any, object]]
ACTS: dict[str, Act] = {
    "look up": lambda c: c.look_up("/link/secret"),
    "refresh": lambda c: c.refresh(EntryRef("/link/secret")),
    "list": lambda c: listed(c, EntryRef("/link")),
    "read": lambda c: read(c, EntryRef("/link/secret")),
    "upload": lambda c: c.upload(Target(folder=EntryRef("/link"), name="new", key="k"), GivenContent(b"x")),
    "create folder": lambda c: c.create_folder(EntryRef("/link"), "new"),
    "begin": lambda c: _parts(c).begin(Target(folder=EntryRef("/link"), name="new", key="k"), 10, 5),
    "set time": lambda c: _times(c).set_modified(EntryRef("/link/secret"), 10**18),
    "hash": lambda c: _hashes(c).compute(EntryRef("/link/secret"), _hashes(c).names),
    "rename out": lambda c: _renames(c).rename(EntryRef("/file"), EntryRef("/link"), "file"),
    "rename in": lambda c: _renames(c).rename(EntryRef("/link/secret"), ROOT, "stolen"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
async def test_link_in_the_way_leads_nowhere(
    connector: LocalConnector, folder: Path, outside: Path, act: Act
) -> None:
    (folder / "file").write_text("file")
    (folder / "link").symlink_to(outside)
    before = outside.stat().st_mtime_ns, (outside / "secret").stat().st_mtime_ns
    with pytest.raises(NotFound):
        await act(connector)
    assert names_in(outside) == ["secret"]
    assert (outside.stat().st_mtime_ns, (outside / "secret").stat().st_mtime_ns) == before


async def test_link_to_a_file_is_not_read_and_not_overwritten(
    connector: LocalConnector, folder: Path, outside: Path
) -> None:
    (folder / "link").symlink_to(outside / "secret")
    with pytest.raises(NotFound):
        await read(connector, EntryRef("/link"))
    with pytest.raises(Conflict):
        await connector.upload(Target(folder=ROOT, name="link", key="k"), GivenContent(b"x"))
    assert (outside / "secret").read_text() == "secret"


async def test_folder_swapped_for_a_link_during_an_upload_leads_nowhere(
    connector: LocalConnector, folder: Path, outside: Path
) -> None:
    (folder / "inner").mkdir()
    data = bytes(3 * 1024 * 1024)

    class Swapping(GivenContent):
        async def chunks(self) -> AsyncGenerator[bytes, None]:
            async for chunk in super().chunks():
                if not (folder / "inner").is_symlink() and _has_draft(folder / "inner"):
                    (folder / "inner").rename(folder / "elsewhere")
                    (folder / "inner").symlink_to(outside)
                yield chunk

    with pytest.raises(MoverError):
        await connector.upload(Target(folder=EntryRef("/inner"), name="new", key="k"), Swapping(data))
    assert (folder / "inner").is_symlink()
    assert names_in(outside) == ["secret"]


async def test_link_in_the_place_of_the_temporary_file_is_removed_not_followed(
    connector: LocalConnector, folder: Path, outside: Path
) -> None:
    (folder / temporary_name("k")).symlink_to(outside / "secret")
    await connector.upload(Target(folder=ROOT, name="new", key="k"), GivenContent(b"content"))
    assert (folder / "new").read_bytes() == b"content"
    assert (outside / "secret").read_text() == "secret"
    assert names_in(folder) == ["new"]


async def test_second_name_of_another_file_in_the_place_of_the_temporary_file_is_not_written(
    connector: LocalConnector, folder: Path, outside: Path
) -> None:
    parts = _parts(connector)
    token = await parts.begin(Target(folder=ROOT, name="new", key="k"), 6, 6)
    (folder / temporary_name("k")).unlink()
    (folder / temporary_name("k")).hardlink_to(outside / "secret")
    with pytest.raises(NotFound):
        await parts.send(token, 1, 0, GivenContent(b"attack"))
    assert (outside / "secret").read_text() == "secret"


def _has_draft(folder: Path) -> bool:
    return (folder / temporary_name("k")).exists()


def _parts(connector: LocalConnector) -> PartUploads:
    assert connector.part_uploads is not None
    return connector.part_uploads


def _times(connector: LocalConnector) -> Times:
    assert connector.times is not None
    return connector.times


def _hashes(connector: LocalConnector) -> ServiceHashes:
    assert connector.hashes is not None
    return connector.hashes


def _renames(connector: LocalConnector) -> Renames:
    assert connector.renames is not None
    return connector.renames
