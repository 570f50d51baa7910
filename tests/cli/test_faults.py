from __future__ import annotations

import json
import stat

import pytest
from tests.database_url import fresh, lock_held

from mover import reports
from mover.cli import moving, runs
from mover.cli.interruption import Interrupted
from mover.errors import (
    AccountSuspended,
    ApiQuotaExceeded,
    InvalidConfiguration,
    MoverError,
    NotFound,
    QuotaExceeded,
    SignInFailed,
    UserNotFound,
)
from mover.runner.codes import code_of


@pytest.fixture
def failing(monkeypatch):
    """Lets `mover runs` fail in a way of the test's choosing."""

    def fail_with(error: BaseException) -> None:
        async def fail(_limit: int, *, machine: bool) -> int:
            content_of_a_file = "canary" + str(machine)
            raise error from ValueError(content_of_a_file)

        monkeypatch.setattr(runs, "list_runs", fail)

    return fail_with


def test_an_error_of_movers_own_is_one_line_and_its_advice(mover, failing):
    failing(SignInFailed("wrong password", service="nas"))
    said = mover("runs")
    assert said.code == 2
    assert said.err.splitlines() == ["mover: nas: wrong password", f"       {SignInFailed.advice}"]
    assert mover("runs", "--json").json["code"] == 402


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserNotFound("nobody of that name"), 422),
        (AccountSuspended("the account is suspended"), 402),
        (QuotaExceeded("full"), 260),
        (ApiQuotaExceeded("enough for today"), 261),
        (NotFound("no such folder"), 411),
    ],
    ids=lambda value: type(value).__name__,
)
def test_codes_are_those_that_a_server_tells_for_the_same(mover, failing, error, code):
    assert code_of(error) == code
    failing(error)
    told = mover("runs", "--json").json
    assert told["code"] == code
    assert (told["error"]["advice"] == error.advice) is (code != 411)


def test_an_error_that_nobody_foresaw_is_logged_without_values(mover, failing, home):
    failing(KeyError("canary in a message"))
    said = mover("runs")
    assert said.code == 2
    assert said.err.splitlines()[0] == "mover: unexpected KeyError"
    log = home / "logs" / "mover.jsonl"
    assert str(log) in said.err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text()
    assert "canary" not in text
    found = json.loads(text)
    assert found["error"]["type"] == "builtins.KeyError"
    assert found["error"]["cause"]["type"] == "builtins.ValueError"
    assert any("test_faults.py" in frame for frame in found["error"]["frames"])


def test_without_a_place_for_a_log_the_line_stands_alone(mover, failing, monkeypatch):
    monkeypatch.setenv("MOVER_HOME", "/dev/null")
    failing(KeyError())
    said = mover("runs")
    assert said.code == 2
    assert "unexpected KeyError" in said.err
    assert "could not be logged" in said.err


def test_a_broken_pipe_that_is_not_standard_output_is_told(mover, failing):
    failing(BrokenPipeError(32, "Broken pipe"))
    said = mover("runs")
    assert said.code == 2
    assert "unexpected BrokenPipeError" in said.err


def test_control_characters_in_a_message_are_not_sent_to_the_terminal(mover, failing):
    failing(MoverError("no", path="a\x1b]0;evil\x07b"))
    assert "\x1b" not in mover("runs").err


def test_nothing_is_logged_and_no_log_is_made_when_all_is_well(mover, home):
    mover("runs")
    assert not (home / "logs").exists()


def test_machines_are_told_of_an_interruption_before_the_run(mover, monkeypatch):
    async def hang(*_: object, **__: object) -> int:
        raise Interrupted

    monkeypatch.setattr(moving, "run", hang)
    said = mover("copy", "./tree", "./there", "--json")
    assert said.code == 130
    (line,) = said.out.splitlines()
    found = json.loads(line)
    assert (found["run"], found["status"], found["code"]) == (None, "Canceled", 230)
    assert found["error"]["reason"] == "canceled"


def test_reports_that_cannot_be_written_do_not_hide_what_was_moved(mover, tree, monkeypatch):
    async def full(*_: object) -> None:
        raise InvalidConfiguration("the report cannot be written to ./report: No space left on device")

    monkeypatch.setattr(reports, "write_report", full)
    said = mover("copy", tree, "./there", "--report", "./report", "--json")
    assert said.code == 2
    (line,) = said.out.splitlines()
    found = json.loads(line)
    assert (found["run"], found["status"], found["copied"]) == (1, "Success", 4)
    assert "No space left" in found["error"]["message"]
    assert "No space left" in said.err


def test_a_report_folder_that_cannot_be_is_told_before_anything_moves(mover, tree):
    (tree.parent / "file").touch()
    said = mover("copy", tree, "./there", "--report", "./file/report")
    assert said.code == 2
    assert "--report" in said.err
    assert not (tree.parent / "there").exists()


def test_a_pair_that_is_being_run_has_a_code_of_its_own(mover, tree, home):
    assert mover("copy", tree, "./there").code == 0
    with lock_held(fresh(home), "pair:1"):
        said = mover("copy", tree, "./there", "--json")
    assert said.code == 2
    assert (said.json["code"], said.json["error"]["reason"]) == (250, "locked")
