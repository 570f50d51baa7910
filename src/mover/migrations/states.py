"""Closed sets of the migrations: where a run stands, what is wished of it, its code, and the words that people see.

Life of one execution of a pair (`pair_runs`):

                 start                    take                 progress
        (no row) ─────► QUEUED ─────────────────► CHECKING ─────────────► SCANNING ◄──► RUNNING
                        600│ ▲  ▲                  620 │                     │ 300        │ 300
                           │ │  └──── runner silent ───┴─────────────────────┤            │
                           │ │        or gives way                           │            │
                           │ └─ resume, or the window opens ── PAUSED ◄── pause, window closes
                           │                                     │           │            │
                           │ cancel                              │ cancel    │ end        │ end, cancel
                           ▼                                     ▼           ▼            ▼
                         ENDED 230, 490                        ENDED       ENDED with the code that came of it
                                                                             │
                                   601 QUEUED, a new row, after a pause ◄────┘ codes in `AUTOMATIC`, three times

A run in QUEUED or PAUSED has no runner, one in CHECKING, SCANNING or RUNNING has. Only `Work` moves runs that have a
runner; people write `wish`, which the runner reads with each progress. PAUSED with the wish to run waits for its window
of the day; PAUSED with code 630 for a key that no runner has (any more), which people give for each run. ENDED is final. A pair has at most one row that has not ended (a partial unique index sees to it).
"""

from __future__ import annotations

import enum

from mover.ledger.states import Code


class RunState(enum.StrEnum):
    """Where a run stands; see the drawing above."""

    QUEUED = "queued"
    CHECKING = "checking"
    SCANNING = "scanning"
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


ACTIVE = (RunState.CHECKING, RunState.SCANNING, RunState.RUNNING)
"""A runner has it."""


class Wish(enum.StrEnum):
    """What people want of a run; also the answer to a runner's progress."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class Trigger(enum.StrEnum):
    """What started a run."""

    BY_HAND = "by_hand"
    SCHEDULE = "schedule"
    AUTOMATIC = "automatic"  # after a code in `AUTOMATIC`
    API = "api"


class Status(enum.StrEnum):
    """What people see of a pair or a run. `word` is how it is written."""

    NEW = "new"
    QUEUED = "queued"
    SCANNING = "scanning"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCESS = "success"
    SOME_PROBLEMS = "some_problems"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def word(self) -> str:
        """For people: `Some problems`."""
        return self.value.replace("_", " ").capitalize()


class RunCode(enum.IntEnum):
    """All status codes, as users of Mover know them. The ledger's `Code` are those that the engine itself ends with."""

    NEVER_RUN = 0
    SUCCESS = 100
    NOTHING_TO_COPY = 101
    UNSUPPORTED_BY_DESTINATION = 102
    UNSUPPORTED_BY_SOURCE = 120
    UNSUPPORTED_NOT_MOVED = 122
    SOME_UPLOADS_FAILED = 201
    ALL_UPLOADS_FAILED = 202
    SOME_DOWNLOADS_FAILED = 210
    DOWNLOADS_AND_UPLOADS_FAILED = 211
    ALL_DOWNLOADS_FAILED = 220
    ALL_BOTH_FAILED = 222
    SOME_UNSUPPORTED = 227
    CANCELED = 230
    ALREADY_RUNNING = 250
    DESTINATION_QUOTA = 260
    API_QUOTA = 261
    RUNNING = 300
    WAITING_FOR_DESTINATION = 302
    GENERAL_FAILURE = 400
    NOTHING_UPLOADED = 401
    SIGN_IN_FAILED = 402
    NO_STATUS = 403
    RUNNER_STOPPED = 404
    RUNNER_STOPPED_TOO = 405
    RUNNER_LOST_THE_RUN = 406
    SOURCE_UNREACHABLE = 410
    ROOT_INVALID = 411
    USER_NOT_FOUND = 422
    CONNECTION_NOT_FOUND = 423
    ENDED_BY_ADMINISTRATOR = 490
    REPORT_FAILED = 491
    UNKNOWN = 500
    QUEUED = 600
    QUEUED_AGAIN = 601
    CHECKING = 620
    KEY_NEEDED = 630


AUTOMATIC = frozenset({201, 202, 210, 211, 220, 401, 403, 404, 405, 406, 491})
"""After these a run is queued again by itself, up to `AUTOMATIC_RUNS` times."""

AUTOMATIC_RUNS = 3
AUTOMATIC_PAUSES_S = (60, 600, 3600)
"""Before the first, second and third automatic run."""

MEANINGS = {
    RunCode.NEVER_RUN: "Not run yet",
    RunCode.SUCCESS: "Everything arrived",
    RunCode.NOTHING_TO_COPY: "Nothing to copy",
    RunCode.UNSUPPORTED_BY_DESTINATION: "Not supported by the destination",
    RunCode.UNSUPPORTED_BY_SOURCE: "Not supported by the source",
    RunCode.UNSUPPORTED_NOT_MOVED: "Unsupported items were not moved",
    RunCode.SOME_UPLOADS_FAILED: "Some uploads failed",
    RunCode.ALL_UPLOADS_FAILED: "Nothing copied, uploads failed",
    RunCode.SOME_DOWNLOADS_FAILED: "Some downloads failed",
    RunCode.DOWNLOADS_AND_UPLOADS_FAILED: "Some downloads and uploads failed",
    RunCode.ALL_DOWNLOADS_FAILED: "Nothing copied, downloads failed",
    RunCode.ALL_BOTH_FAILED: "Nothing copied, downloads and uploads failed",
    RunCode.SOME_UNSUPPORTED: "Some files are unsupported",
    RunCode.CANCELED: "Canceled",
    RunCode.ALREADY_RUNNING: "Was running already",
    RunCode.DESTINATION_QUOTA: "The destination is full",
    RunCode.API_QUOTA: "The service's quota of calls is used up",
    RunCode.RUNNING: "Running",
    RunCode.WAITING_FOR_DESTINATION: "Waiting for the destination's own batch processing",
    RunCode.GENERAL_FAILURE: "Failed",
    RunCode.NOTHING_UPLOADED: "Nothing could be uploaded",
    RunCode.SIGN_IN_FAILED: "Signing in to a connection failed",
    RunCode.NO_STATUS: "The runner gave no status",
    RunCode.RUNNER_STOPPED: "The runner stopped unexpectedly",
    RunCode.RUNNER_STOPPED_TOO: "The runner stopped unexpectedly",
    RunCode.RUNNER_LOST_THE_RUN: "The runner lost the run",
    RunCode.SOURCE_UNREACHABLE: "The source cannot be reached",
    RunCode.ROOT_INVALID: "The root path is invalid",
    RunCode.USER_NOT_FOUND: "The user was not found",
    RunCode.CONNECTION_NOT_FOUND: "The connection was not found",
    RunCode.ENDED_BY_ADMINISTRATOR: "Ended by an administrator",
    RunCode.REPORT_FAILED: "The report failed",
    RunCode.UNKNOWN: "Unknown",
    RunCode.QUEUED: "Queued",
    RunCode.QUEUED_AGAIN: "Queued again by itself",
    RunCode.CHECKING: "Checks before the start",
    RunCode.KEY_NEEDED: "Waits for its key to be given",
}
"""What a code means, for people."""


def run_code(code: int) -> RunCode:
    """Return the code, or UNKNOWN for a number that is none."""
    try:
        return RunCode(code)
    except ValueError:
        return RunCode.UNKNOWN


def status_of(state: RunState, code: int) -> Status:
    """Return the status of a run; `code` counts only when it has ended."""
    match state:
        case RunState.QUEUED | RunState.CHECKING:
            return Status.QUEUED
        case RunState.SCANNING:
            return Status.SCANNING
        case RunState.RUNNING:
            return Status.RUNNING
        case RunState.PAUSED:
            return Status.PAUSED
        case RunState.ENDED:
            return _ended(code)


def _ended(code: int) -> Status:
    match code // 100:
        case 1:
            return Status.SUCCESS
        case 2 if code == Code.CANCELED:
            return Status.CANCELED
        case 2:
            return Status.SOME_PROBLEMS
        case _ if code == RunCode.ENDED_BY_ADMINISTRATOR:
            return Status.CANCELED
        case _:
            return Status.FAILED
