from __future__ import annotations

import pytest

from mover.cli.remote.watching import _exit_code


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ({"success": 3}, 0),
        ({}, 0),
        ({"success": 3, "failed": 0}, 0),
        ({"success": 2, "some_problems": 1}, 1),
        ({"success": 2, "failed": 1}, 1),
        ({"failed": 3}, 2),
        ({"canceled": 1, "success": 1}, 130),
        ({"canceled": 1, "failed": 1}, 1),
    ],
)
def test_the_exit_code_is_that_of_the_local_commands(statuses, code):
    assert _exit_code(statuses) == code
