from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

PATIENCE_S = 60


@pytest.fixture
def slow_copy(start, tmp_path):
    """A copy that would take minutes, under way: its first file has arrived, a second after it the next."""
    folder = tmp_path / "tree"
    folder.mkdir()
    for number in range(40):
        (folder / f"file-{number:02}").write_bytes(os.urandom(100_000))

    def run(*arguments: str):
        process = start("copy", "./tree", "./there", "--bwlimit", "100K", *arguments)
        deadline = time.monotonic() + PATIENCE_S
        while len(list((tmp_path / "there").glob("file-*"))) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process

    return run


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupted_copy_cleans_up_says_how_to_go_on_and_goes_on(
    slow_copy, mover, home, tmp_path, number
):
    process = slow_copy()
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert err == "mover: interrupted; the same command goes on where it was\n"
    assert out == ""
    assert [path for path in (home / "staging").rglob("*") if path.is_file()] == []

    arrived = len(list((tmp_path / "there").glob("file-*")))
    again = mover("copy", "./tree", "./there", "--json").json
    assert (again["run"], again["resumed"], again["status"]) == (1, True, "Success")
    assert again["copied"] + again["skipped"] == 40
    assert again["bytes_sent"] <= 100_000 * 40
    assert 0 < arrived < 40
    names = {path.name for path in (tmp_path / "there").iterdir()}
    assert names == {f"file-{number:02}" for number in range(40)}


@pytest.mark.slow
def test_machines_are_told_what_an_interrupted_copy_came_to(slow_copy):
    process = slow_copy("--json")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    found = json.loads(out)
    assert (found["run"], found["status"], found["code"]) == (1, "Canceled", 230)
    assert found["open"] > 0
    assert found["copied"] + found["open"] == found["seen"]  # a file that is there may not be verified yet


@pytest.mark.slow
def test_ctrl_c_again_and_again_never_shows_a_traceback(slow_copy):
    process = slow_copy()
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_an_interruption_before_the_command_has_begun_is_one_too(start):
    process = start("runs")
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.01)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode in {130, -signal.SIGTERM}  # the latter before any code of ours ran
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_ends_the_listing_quietly(start, tmp_path):
    for number in range(3_000):
        (tmp_path / f"{number:0100}").touch()
    process = start("ls", ".")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=PATIENCE_S) == 141


@pytest.mark.slow
def test_a_closed_standard_output_is_no_error(start, tmp_path):
    Path(tmp_path / "x").mkdir()
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    process = start("runs")
    assert process.wait(timeout=PATIENCE_S) == 0
