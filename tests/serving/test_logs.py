from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
from typing import Any

import pytest
import structlog

from mover.errors import Unreachable
from mover.serving.log_events import redacted
from mover.serving.log_file import LogFile
from mover.serving.logs import JsonLines


class Lines:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def msg(self, line):
        self.lines.append(json.loads(line))

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def log(lines):
    handler = JsonLines("api", lines)
    loggers = [logging.getLogger("mover.somewhere"), logging.getLogger("library")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    yield loggers[0]
    for logger in loggers:
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def test_a_line_tells_what_was_being_done(log, lines):
    with structlog.contextvars.bound_contextvars(run=7, request_id="abc"):
        log.warning("%s took long", "the listing", extra={"item": 12})
    (line,) = lines.lines
    assert line["event"] == "the listing took long"
    assert (line["service"], line["logger"], line["level"]) == ("api", "mover.somewhere", "warning")
    assert (line["run"], line["item"], line["request_id"]) == (7, 12, "abc")
    assert line["process"] > 0
    assert line["timestamp"].endswith("Z")


def test_of_a_foreign_error_only_its_kind_and_place_are_told(log, lines):
    try:
        int("canary")
    except ValueError:
        log.exception("it failed")
    assert lines.lines[0]["error"]["type"] == "builtins.ValueError"
    assert "test_logs.py" in lines.lines[0]["error"]["frames"][-1]
    assert "canary" not in json.dumps(lines.lines)


def test_an_error_of_our_own_is_told_in_full(log, lines):
    log.error("it failed", exc_info=Unreachable("no connection to nas:22"))
    assert lines.lines[0]["error"]["message"] == "no connection to nas:22"


@pytest.mark.usefixtures("log")
def test_what_a_library_fills_in_is_left_out(lines):
    logging.getLogger("library").warning("connecting to %s", "canary")
    assert lines.lines[0]["event"] == "connecting to %s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer canary-canary-1", "Authorization: Bearer …"),
        ("http://alice:canary@proxy:3128 is used", "http://…@proxy:3128 is used"),
        ("password=canary, user=alice", "password=…, user=alice"),
        ("api_key: canary", "api_key: …"),
        ("nothing to hide at nas:/docs", "nothing to hide at nas:/docs"),
    ],
)
def test_what_looks_like_a_credential_is_left_out(text, expected):
    assert redacted(text) == expected


def test_a_log_file_is_its_owners_and_does_not_grow_for_ever(tmp_path):
    path = tmp_path / "logs" / "api.jsonl"
    file = LogFile(path)
    file.msg("one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as grown:
        grown.truncate(17 << 20)
    file.msg("two")
    assert path.read_text() == "two\n"
    assert path.with_suffix(".old.jsonl").stat().st_size == 17 << 20


def test_a_service_logs_json_to_standard_error_and_nothing_else():
    code = (
        "import logging, threading; from mover.settings import Settings; from mover.serving.logs import log_service;"
        "log_service('api', Settings()); logging.getLogger('mover.x').info('hello');"
        "logging.getLogger('uvicorn.error').info('quiet');"
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    first, second = (json.loads(line) for line in done.stderr.splitlines())
    assert (first["event"], first["level"]) == ("hello", "info")
    assert second["error"]["type"] == "builtins.ZeroDivisionError"
    assert done.stdout == ""


def test_an_unexpected_error_of_a_service_stands_in_its_own_log():
    code = (
        "from mover.settings import Settings; from mover.serving.logs import log_service;"
        "from mover.cli.faults import handled; log_service('api', Settings());"
        "raise SystemExit(handled(['api'], lambda: int('canary')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    first, *said = done.stderr.splitlines()
    assert (done.returncode, json.loads(first)["error"]["type"]) == (2, "builtins.ValueError")
    assert said == ["mover: unexpected ValueError", "       The log has more: where this process logs"]
    assert "canary" not in done.stderr
