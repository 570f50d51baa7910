"""Exit codes of the command."""

from __future__ import annotations

from mover.ledger.states import RunStatus

ALL_WELL = 0
SOME_FAILED = 1
COULD_NOT_RUN = 2
INTERRUPTED = 130
NOBODY_READS = 141  # as if SIGPIPE had ended it: what every command in a pipe does


def exit_code(status: RunStatus) -> int:
    """The exit code that tells how a run ended."""
    match status:
        case RunStatus.SUCCESS:
            return ALL_WELL
        case RunStatus.SOME_PROBLEMS:
            return SOME_FAILED
        case RunStatus.CANCELED:
            return INTERRUPTED
        case RunStatus.FAILED | RunStatus.RUNNING:
            return COULD_NOT_RUN
