"""A tree of hostile names through every service and back.

Each kind of name is in it, and ordinary names in strange spellings. With more of those than the suite has time for:
HOSTILE_FILES=20000 pytest tests/e2e/test_hostile_tree.py
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.comparing import Report, by_path, on_disk, ways
from tests.e2e.hostile_tree import make_hostile_tree
from tests.e2e.killing import is_empty
from tests.e2e.places import s3_values, sftp_values, webdav_values
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer

FILES = int(
    os.environ.get("HOSTILE_FILES", "650")
)  # two thirds of them one of each kind, the rest spellings at random
SECOND_NS = 1_000_000_000
MOST_LOST = (
    8  # of the entries that have a report of their own: names and paths that are too long for S3 or WebDAV
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_hostile_tree_comes_back_the_same_or_its_differences_are_reported(
    mover: Mover,
    tmp_path: Path,
    sshd_server: SftpServer,
    seaweedfs_server: S3Server,
    apache_server: WebdavServer,
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    made = make_hostile_tree(source, files=FILES, seed=1)
    mover.connect("sftp", "nas", sftp_values(sshd_server))
    mover.connect("s3", "cold", s3_values(seaweedfs_server, "hostile"))
    mover.connect("webdav", "cloud", webdav_values(apache_server))

    on_sftp = moved(mover, source, "nas:/hostile")
    on_s3 = moved(mover, "nas:/hostile", "cold:/hostile")
    on_webdav = moved(mover, "cold:/hostile", "cloud:/hostile")
    at_home = moved(mover, "cloud:/hostile", back)

    before, after = on_disk(source), on_disk(back)
    assert len(before) == made.files + made.folders
    expected = set[str]()
    for way in ways(list(before), [on_sftp, on_s3, on_webdav, at_home]):
        if way.end is None:
            assert way.reason in {"path_too_long", "name_rejected"}, way
        else:
            expected.add(way.end)
            assert after[way.end].digest == before[way.path].digest, way
            assert way.end == way.path or way.renamed_in_report, way
    assert after.keys() == expected
    problems = [
        item for report in (on_sftp, on_s3, on_webdav, at_home) for item in report.values() if item["reason"]
    ]
    assert len(problems) < MOST_LOST, problems
    assert all(item["verification"] for item in at_home.values())
    assert is_empty(mover)
    check_times(sshd_server.root / "hostile", source, on_sftp)
    shutil.rmtree(sshd_server.root / "hostile")
    shutil.rmtree(apache_server.root / "hostile")


def moved(mover: Mover, source: str | Path, destination: str | Path) -> Report:
    """Move a tree, and return its report, which must add up."""
    result = mover.copy(source, destination, code=None)
    assert result["status"] in {"Success", "Some problems"}, result
    *items, last = mover.report(result["run"])
    assert last["summary"]["adds_up"], last
    return by_path(items)


def check_times(sftp: Path, source: Path, report: Report) -> None:
    """SFTP keeps whole seconds, of files and of folders."""
    before, after = on_disk(source), on_disk(sftp)
    for path, item in report.items():
        kept = after[item["destination_path"]].modified_ns
        assert kept == before[path].modified_ns // SECOND_NS * SECOND_NS, item
