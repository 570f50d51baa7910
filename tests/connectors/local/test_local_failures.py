"""What the operating system refuses gets the right name, and file systems that can do less still never overwrite."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contents import GivenContent
from tests.contract.acts import put, read, target
from tests.folders import names_in

from mover.connectors.local import placing
from mover.connectors.local.config import LocalConfig
from mover.connectors.local.connector import LocalConnector
from mover.connectors.local.failures import error_from_os
from mover.connectors.local.filesystems import traits_of
from mover.entries import ROOT, EntryRef
from mover.errors import (
    Conflict,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    QuotaExceeded,
    ServiceFault,
    TooLarge,
    Unsupported,
)

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, NotFound),
        (errno.EACCES, PermissionDenied),
        (errno.EROFS, PermissionDenied),
        (errno.ENOSPC, QuotaExceeded),
        (errno.EDQUOT, QuotaExceeded),
        (errno.ENAMETOOLONG, PathTooLong),
        (errno.EINVAL, NameRejected),
        (errno.EFBIG, TooLarge),
        (errno.EBUSY, Locked),
        (errno.EIO, ServiceFault),
        (errno.ESTALE, ServiceFault),
        (errno.EREMOTEIO, ServiceFault),
    ],
)
def test_errno_means(number: int, kind: type[MoverError]) -> None:
    error = error_from_os(OSError(number, "whatever"))
    assert type(error) is kind
    assert error.said == os.strerror(number)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_full_disk_is_a_quota_and_leaves_nothing(small_disk: Path) -> None:
    connector = LocalConnector(LocalConfig(path=small_disk))
    await connector.sign_in()
    try:
        with pytest.raises(QuotaExceeded) as caught:
            await connector.upload(target(ROOT, "file"), GivenContent(bytes(3 * MIB)))
        assert caught.value.path == "/file"
        assert names_in(small_disk) == []
        await put(connector, ROOT, "small", bytes(1000))
        assert await read(connector, EntryRef("/small")) == bytes(1000)
        assert connector.part_uploads is not None
        with pytest.raises(QuotaExceeded):
            await connector.part_uploads.begin(target(ROOT, "large"), 3 * MIB, MIB)
        assert names_in(small_disk) == ["small"]
    finally:
        await connector.close()


def _no_exclusive_rename(_from: int, _old: bytes, _to: int, _new: bytes, _flags: int) -> int:
    ctypes.set_errno(errno.EINVAL)
    return -1


@pytest.fixture(params=[_no_exclusive_rename, None], ids=["file system without it", "C library without it"])
def without_exclusive_rename(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on NFS, and as with an old C library."""
    stand_in: Callable[..., int] | None = request.param
    monkeypatch.setattr(placing, "_RENAMEAT2", stand_in)


@pytest.mark.usefixtures("without_exclusive_rename")
async def test_without_exclusive_rename_nothing_is_overwritten_either(
    connector: LocalConnector, folder: Path
) -> None:
    await put(connector, ROOT, "file", b"first")
    assert names_in(folder) == ["file"]
    assert (folder / "file").stat().st_nlink == 1
    assert connector.renames is not None
    await put(connector, ROOT, "other", b"second")
    with pytest.raises(Conflict):
        await connector.renames.rename(EntryRef("/other"), ROOT, "file")
    assert (folder / "file").read_bytes() == b"first"
    assert (folder / "other").read_bytes() == b"second"
    await connector.renames.rename(EntryRef("/other"), ROOT, "third")
    assert names_in(folder) == ["file", "third"]


@pytest.mark.usefixtures("without_exclusive_rename")
async def test_without_exclusive_rename_folders_stay_where_they_are(
    connector: LocalConnector, folder: Path
) -> None:
    (folder / "inner").mkdir()
    assert connector.renames is not None
    with pytest.raises(Unsupported):
        await connector.renames.rename(EntryRef("/inner"), ROOT, "elsewhere")
    assert names_in(folder) == ["inner"]


async def test_folder_is_not_moved_into_itself(connector: LocalConnector, folder: Path) -> None:
    (folder / "inner").mkdir()
    assert connector.renames is not None
    with pytest.raises(Unsupported):
        await connector.renames.rename(EntryRef("/inner"), EntryRef("/inner"), "deeper")


async def test_time_beyond_any_clock_is_reported_as_not_kept(connector: LocalConnector, folder: Path) -> None:
    (folder / "file").touch()
    assert connector.times is not None
    assert not await connector.times.set_modified(EntryRef("/file"), 10**40)
    entry = await connector.upload(target(ROOT, "other", modified_ns=10**40), GivenContent(b"x"))
    assert entry.modified_ns != 10**40


@pytest.mark.parametrize(
    ("kind", "grain_ns", "case_sensitive"),
    [("ext4", 1, True), ("vfat", 2_000_000_000, False), ("cifs", 100, False), ("unheard-of", 1, True)],
)
def test_file_system_is_known_by_its_type(
    tmp_path: Path,
    kind: str,
    grain_ns: int,
    case_sensitive: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    mounts = tmp_path / "mountinfo"
    device = tmp_path.stat().st_dev
    mounts.write_text(
        "21 1 0:5 / /proc rw - proc proc rw\n"
        f"22 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 - {kind} /dev/x rw\n"
    )
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        traits = traits_of(descriptor, mounts)
        assert traits_of(descriptor, tmp_path / "missing").grain_ns == 1
    finally:
        os.close(descriptor)
    assert (traits.grain_ns, traits.case_sensitive) == (grain_ns, case_sensitive)
