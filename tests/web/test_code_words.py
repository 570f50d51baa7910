"""What a run that could not begin says to do."""

from __future__ import annotations

import pytest

from mover.migrations.states import RunCode, RunState, Status, status_of
from mover.web.code_words import code_advice

OF_ITEMS = {201, 202, 210, 211, 220, 222, 227, 401}
"""Items went wrong, and each has its advice."""
UNKNOWN_CAUSES = {400, 491, 500}
"""Only the run's own message can tell."""


@pytest.mark.parametrize("code", sorted(RunCode))
def test_whoever_reads_of_a_failure_reads_what_to_do(code: RunCode) -> None:
    bad = status_of(RunState.ENDED, code) in {Status.FAILED, Status.SOME_PROBLEMS}
    assert bool(code_advice(code)) == (
        bad and code < 600 and code not in OF_ITEMS | UNKNOWN_CAUSES | {250, 300, 302, 0}
    )
    assert "mover " not in code_advice(code), "no command line"


def test_a_number_that_is_no_code_has_none() -> None:
    assert code_advice(999) == ""
