from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from tests.database_url import on_sqlite

from mover import __version__

pytestmark = pytest.mark.usefixtures("tree")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder"
        for path in folder.rglob("*")
    }


def test_version(mover):
    said = mover("--version")
    assert (said.code, said.out) == (0, f"mover {__version__}\n")


def test_copy_moves_everything_and_says_so(mover, tree):
    said = mover("copy", "./tree", "./there")
    assert said.code == 0
    assert files(Path("there")) == files(tree)
    assert "Success" in said.out
    assert "mover report 1" in said.out
    assert said.err == ""


def test_json_is_one_object_and_nothing_else(mover):
    said = mover("copy", "./tree", "./there", "--json")
    assert said.err == ""
    (line,) = said.out.splitlines()
    result = json.loads(line)
    assert result | {"seconds": 0} == result | {"seconds": 0, "run": 1, "status": "Success", "code": 100}
    assert (result["copied"], result["skipped"], result["failed"]) == (4, 0, 0)
    assert result["bytes"] == 5 + 4 + 256 * 40
    assert (result["folders"], result["folders_created"]) == (3, 3)


def test_the_same_command_again_has_nothing_to_do(mover, tree):
    mover("copy", "./tree", "./there")
    again = mover("copy", str(tree), "file:./there", "--json").json
    assert (again["code"], again["copied"], again["skipped"]) == (101, 0, 4)
    assert again["verified_by"] == {"earlier": 4}


def test_an_archive_holds_everything_and_a_dry_run_tells_of_it(mover, tree):
    dry = mover("copy", "./tree", "./there", "--archive", "--dry-run")
    assert "would be archived into tree-" in dry.out
    assert not Path("there").exists()

    result = mover("copy", "./tree", "./there", "--archive", "--json").json
    assert (result["code"], result["copied"], result["failed"]) == (100, 4, 0)
    (made,) = Path("there").iterdir()
    assert made.name in result["message"]
    with zipfile.ZipFile(made) as archive:
        assert archive.testzip() is None
        archive.extractall("restored")
    assert files(Path("restored")) == files(tree)

    refused = mover("copy", "./tree", "./there", "--archive", "--versions", "2")
    assert refused.code != 0
    assert "use a plain copy" in refused.err


def test_a_dry_run_changes_nothing(mover):
    said = mover("copy", "./tree", "./there", "--dry-run")
    assert said.code == 0
    assert "would be moved" in said.out
    assert not Path("there").exists()


def test_a_single_file_goes_into_the_folder_and_nothing_else_does(mover):
    result = mover("copy", "./tree/a.txt", "./there", "--json").json
    assert (result["seen"], result["copied"]) == (1, 1)
    assert files(Path("there")) == {"a.txt": b"alpha"}


def test_a_single_file_and_its_folder_do_not_go_on_with_each_others_runs(mover):
    mover("copy", "./tree/a.txt", "./there")
    result = mover("copy", "./tree", "./there", "--json").json
    assert (result["copied"], result["skipped"]) == (3, 1)


def test_filters_and_limits_reach_the_engine(mover, tree):
    os.utime(tree / "a.txt", (0, 0))
    result = mover(
        "copy", "./tree", "./there", "--json", "--include", "*.txt", "--exclude", "/sub/deep/", "--min-size", "1",
        "--max-size", "1M", "--older-than", "2000-01-01", "--bwlimit", "100M", "--verify", "readback",
    ).json  # fmt: skip
    assert (result["copied"], result["verified_by"]) == (1, {"read_back": 1})
    assert files(Path("there")) == {"a.txt": b"alpha", "sub": b"folder", "empty folder": b"folder"}


def test_an_exact_list_is_moved(mover):
    Path("list").write_text("sub/photo.JPG\n")
    result = mover("copy", "./tree", "./there", "--files-from", "list", "--json").json
    assert result["copied"] == 1


def test_a_conflict_is_reported_with_advice_and_ends_with_1(mover):
    Path("there").mkdir()
    Path("there/a.txt").write_text("another")
    said = mover("copy", "./tree", "./there")
    assert said.code == 1
    assert "Some problems" in said.out
    assert "/a.txt" in said.out
    assert "--conflict overwrite" in said.out
    assert Path("there/a.txt").read_text() == "another"


def test_the_source_wins_if_that_is_asked_for(mover):
    Path("there").mkdir()
    Path("there/a.txt").write_text("another")
    assert mover("copy", "./tree", "./there", "--conflict", "overwrite").code == 0
    assert Path("there/a.txt").read_text() == "alpha"


def test_reports_are_written_beside_a_copy(mover):
    said = mover("copy", "./tree", "./there", "--report", "./report")
    assert {path.name for path in Path("report").iterdir()} >= {"items.csv", "errors.csv", "report.html"}
    assert "report" in said.out


def test_verify_tells_what_is_missing_and_changes_nothing(mover):
    mover("copy", "./tree", "./there")
    assert mover("verify", "./tree", "./there").code == 0
    Path("there/a.txt").unlink()
    said = mover("verify", "./tree", "./there")
    assert said.code == 1
    assert "/a.txt" in said.out
    assert not Path("there/a.txt").exists()


def test_ls_lists_names_sizes_and_kinds(mover, tree):
    (tree / "link").symlink_to("a.txt")
    lines = [json.loads(line) for line in mover("ls", "./tree", "--json").out.splitlines()]
    assert {
        (line["name"], line["kind"], line["size"] if line["kind"] == "file" else None) for line in lines
    } == {
        ("a.txt", "file", 5),
        ("no content", "file", 0),
        ("sub", "folder", None),
        ("empty folder", "folder", None),
        ("link", "shortcut", None),
    }
    said = mover("ls", "./tree")
    assert "sub/" in said.out
    assert "5 B" in said.out


def test_ls_shows_control_characters_instead_of_sending_them(mover, tree):
    (tree / "evil\x1b[31m\nname").touch()
    said = mover("ls", "./tree")
    assert "\x1b" not in said.out
    assert "evil\\x1b[31m\\nname" in said.out


def test_names_that_look_like_markup_are_shown_as_they_are(mover, tree):
    (tree / "[red]x").touch()
    assert "[red]x" in mover("ls", "./tree").out


def test_runs_are_listed_newest_first(mover):
    assert "Nothing was run yet" in mover("runs").out
    mover("copy", "./tree", "./there")
    mover("scan", "./tree")
    found = mover("runs", "--json").json
    assert [(run["run"], run["mode"], run["source"]) for run in found] == [
        (2, "scan", "./tree"),
        (1, "copy", "./tree"),
    ]
    assert [run["run"] for run in mover("runs", "--limit", "1", "--json").json] == [2]
    assert "Success" in mover("runs").out


def test_report_says_whether_it_adds_up(mover):
    mover("copy", "./tree", "./there")
    said = mover("report", "1")
    assert said.code == 0
    assert "everything adds up" in said.out
    assert mover("report", "1", "--json").json["adds_up"] is True


@pytest.mark.parametrize(
    ("name", "beginning"), [("csv", "status,"), ("json", '{"id"'), ("html", "<!doctype html>")]
)
def test_report_prints_each_format(mover, name, beginning):
    mover("copy", "./tree", "./there")
    assert mover("report", "1", "--format", name).out.startswith(beginning)


def test_report_writes_a_file_or_a_folder(mover):
    mover("copy", "./tree", "./there")
    assert mover("report", "1", "--format", "csv", "--output", "items.csv").code == 0
    assert Path("items.csv").read_text().count("\n") > 4
    assert Path("items.csv").stat().st_mode & 0o777 == 0o600  # names and paths
    assert len(mover("report", "1", "--output", "all", "--json").json["written"]) == 6


def test_movers_own_state_is_not_moved_along(mover, home):
    result = mover("copy", ".", "/" + str(home.parent.parent / "elsewhere"), "--json").json
    assert result["status"] == "Success"
    moved = files(home.parent.parent / "elsewhere")
    assert "tree/a.txt" in moved
    assert not [name for name in moved if name.startswith("home")]


@on_sqlite
def test_movers_own_state_alone_is_refused(mover):
    mover("runs")
    said = mover("copy", "./home", "./there")
    assert said.code == 2
    assert "own state" in said.err


def test_a_name_that_is_not_utf8_arrives_with_its_bytes(mover, tree):
    raw = os.fsencode(tree) + b"/caf\xe9"
    Path(os.fsdecode(raw)).write_text("x")
    assert mover("copy", "./tree", "./there").code == 0
    assert b"caf\xe9" in {os.fsencode(path.name) for path in Path("there").iterdir()}


def test_without_arguments_the_help_is_shown(mover):
    said = mover()
    assert said.code == 2
    assert "copy" in said.out
    assert "mover:" not in said.err


@pytest.mark.parametrize(
    "command", ["connect", "copy", "scan", "verify", "ls", "runs", "report", "test", "keys"]
)
def test_every_command_explains_itself(mover, command):
    said = mover(command, "--help")
    assert said.code == 0
    assert "Usage" in said.out
