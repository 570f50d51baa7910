"""Questions on a real (pseudo) terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.slow

PATIENCE_S = 60


class Terminal:
    """A command that sits at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from mover.cli.main import main; main()", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)),  # noqa: PLW1509 - makes it the controlling terminal
        )
        os.close(theirs)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        while text not in self.seen:
            self.seen += self._read()

    def wait_until_hidden(self) -> None:
        """What is typed between a hidden question and the switching off of the echo is thrown away."""
        deadline = time.monotonic() + PATIENCE_S
        while termios.tcgetattr(self._ours)[3] & termios.ECHO:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self, *, pressing: str = "") -> int:
        """Read to the end, and return the exit code.

        A key is pressed again while nothing happens: what comes between a question and the reading of the answer may be
        lost, as it may for a person.
        """
        deadline = time.monotonic() + PATIENCE_S
        try:
            while True:
                if pressing:
                    self.type(pressing)
                while select.select([self._ours], [], [], 0.5)[0]:
                    piece = self._read()
                    if not piece:
                        return self.process.wait(timeout=PATIENCE_S)
                    self.seen += piece
                assert time.monotonic() < deadline
        except OSError:  # what Linux says when the other end is closed
            pass
        return self.process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self) -> str:
        return os.read(self._ours, 65536).decode("utf-8", "replace")


@pytest.fixture
def terminal(home) -> Iterator[Callable[..., Terminal]]:  # noqa: ARG001 - sets the scene
    opened: list[Terminal] = []

    def open_one(*arguments: str) -> Terminal:
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.mark.timeout(PATIENCE_S)
def test_what_is_missing_is_asked_for_and_secrets_are_not_shown(terminal):
    command = terminal("connect", "s3", "cold", "endpoint=https://s3.example.org", "bucket=b", "--no-test")
    command.wait_for("access_key (")
    command.type("AKEY\n")
    command.wait_for("secret_key (")
    command.wait_until_hidden()
    command.type("hunter2\n")
    assert command.end() == 0
    assert "cold is saved" in command.seen
    assert "AKEY" in command.seen
    assert "hunter2" not in command.seen


@pytest.mark.timeout(PATIENCE_S)
def test_ctrl_c_at_a_question_ends_the_command(terminal):
    command = terminal("connect", "sftp", "nas")
    command.wait_for("host (")
    assert command.end(pressing="\x03") == 130
    assert "mover: interrupted" in command.seen
    assert "Traceback" not in command.seen


@pytest.mark.timeout(PATIENCE_S)
def test_the_end_of_input_at_a_question_ends_the_command(terminal):
    command = terminal("connect", "sftp", "nas")
    command.wait_for("host (")
    assert command.end(pressing="\x04") == 130
    assert "Traceback" not in command.seen


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S)
def test_a_copy_on_a_terminal_is_shown_live_and_leaves_only_its_summary(terminal, tree):
    (tree / "large").write_bytes(os.urandom(3_000_000))
    command = terminal("copy", str(tree), f"{tree}-copy", "--bwlimit", "2M")
    command.wait_for("large")
    command.wait_for(" %")
    assert command.end() == 0
    assert "Success" in command.seen
    assert "\x1b[?25h" in command.seen  # the cursor is back
