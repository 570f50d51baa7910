from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("tree")


def survey(mover, *arguments: str):
    return mover("scan", *arguments, "--json").json["survey"]


def test_a_scan_counts_by_extension_and_finds_what_is_largest(mover, tree):
    (tree / ".hidden").write_text("x" * 7)
    (tree / "double.tar.GZ").write_text("x" * 9)
    (tree / "ends with a dot.").write_text("x")
    (tree / "no.ext.in" / "plain").mkdir(parents=True)
    found = survey(mover, "./tree")
    assert {(line["extension"], line["count"], line["size"]) for line in found["extensions"]} == {
        ("jpg", 1, 256 * 40),
        ("txt", 2, 9),
        ("gz", 1, 9),
        ("", 3, 8),
    }
    assert found["extensions"][0]["extension"] == "jpg"
    assert found["largest"][0]["path"] == "/sub/photo.JPG"
    assert found["longest"][0]["path"] == "/ends with a dot."
    assert found["longest"][0]["length"] == len("/ends with a dot.")


def test_a_scan_without_a_destination_prints_what_is_there_and_changes_nothing(mover, tree):
    before = sorted(tree.iterdir())
    said = mover("scan", "./tree")
    assert said.code == 0
    assert "Largest files" in said.out
    assert "What a copy would do" not in said.out
    assert sorted(tree.iterdir()) == before


def test_a_scan_tells_what_a_copy_would_do(mover, tree):
    mover("copy", "./tree", "./there")
    (tree / "new").write_text("new")
    (tree / "a.txt").write_text("changed since")
    Path("there/sub/photo.JPG").unlink()
    result = mover("scan", "./tree", "./there", "--json").json
    assert result["survey"]["actions"] == {"copy": 2, "replace": 1}
    assert (result["skipped"], result["open"], result["seen"]) == (2, 3, 5)
    assert "would be replaced" in mover("scan", "./tree", "./there").out
    assert not Path("there/new").exists()


def test_what_cannot_be_moved_is_shown_with_an_example(mover, tree):
    (tree / "link").symlink_to("/etc/passwd")
    os.mkfifo(tree / "sub" / "pipe")
    found = survey(mover, "./tree")["unsupported"]
    assert {(line["kind"], line["count"], line["example"]) for line in found} == {
        ("shortcut", 1, "/link"),
        ("special", 1, "/sub/pipe"),
    }


def test_what_filters_keep_out_is_not_surveyed(mover):
    found = survey(mover, "./tree", "--exclude", "*.JPG")
    assert [line["extension"] for line in found["extensions"]] == ["txt", ""]


def test_an_empty_folder_can_be_scanned(mover):
    Path("nothing").mkdir()
    said = mover("scan", "./nothing")
    assert said.code == 0
    assert mover("scan", "./nothing", "--json").json["code"] == 101


@pytest.mark.parametrize("command", [["scan"], ["copy", "--dry-run"]])
def test_a_look_tells_what_the_move_will_cost_and_invents_nothing(mover, command):
    said = mover(*command, "./tree", "./there")
    assert "Nobody counts the calls to either side." in said.out
    assert "Not known: nothing that tells the pace" in " ".join(said.out.split())
    estimate = mover(*command, "./tree", "./there", "--json").json["estimate"]
    assert (estimate["files"], estimate["size"]) == (4, 265 + 256 * 40 - 256)
    assert (estimate["least"], estimate["most_s"]) == (None, None)
    assert estimate["source"] == {"service": "local", "by_sort": None}


def test_a_limit_of_the_rate_decides_how_long_it_takes(mover, tree):
    (tree / "large").write_bytes(bytes(3_600_000))
    said = mover("copy", "--dry-run", "./tree", "./there", "--bwlimit", "1000")
    assert "At least 1 hour: the bandwidth that was set." in " ".join(said.out.split())


def test_without_a_destination_nothing_is_told_of_a_move(mover):
    assert "estimate" not in mover("scan", "./tree", "--json").json
