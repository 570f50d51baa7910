"""Closed sets of the ledger: what state an item or a run is in, and the status codes that users know.

Life of an item (one entry in one run):

                       ┌─► unchanged, already_there, excluded, left_alone     skipped: nothing to do
                       ├─► unsupported, conflict, failed                      problems: a person should look
     seen at the ──► planned ──► sending ──┬─► copied, replaced, created      moved: arrival verified
     source            ▲  ▲         │      ├─► renamed
                       │  └─────────┘      ├─► already_there, conflict
                     held   crash, or      └─► failed
                            canceled

`held` waits for the end of the scan, to know whether the entry is one that was renamed. `sending` is written before
anything is sent; an item found in that state after a crash is looked at before it is sent again. All states on the
right are final for the run.
"""

from __future__ import annotations

import enum


class ItemState(enum.StrEnum):
    """Where an item stands; see the drawing above."""

    HELD = "held"
    PLANNED = "planned"
    SENDING = "sending"
    COPIED = "copied"
    REPLACED = "replaced"
    CREATED = "created"
    RENAMED = "renamed"
    UNCHANGED = "unchanged"
    ALREADY_THERE = "already_there"
    EXCLUDED = "excluded"
    LEFT_ALONE = "left_alone"
    UNSUPPORTED = "unsupported"
    CONFLICT = "conflict"
    FAILED = "failed"


OPEN = frozenset({ItemState.HELD, ItemState.PLANNED, ItemState.SENDING})
MOVED = frozenset({ItemState.COPIED, ItemState.REPLACED, ItemState.CREATED, ItemState.RENAMED})
SKIPPED = frozenset({ItemState.UNCHANGED, ItemState.ALREADY_THERE, ItemState.EXCLUDED, ItemState.LEFT_ALONE})
PROBLEMS = frozenset({ItemState.UNSUPPORTED, ItemState.CONFLICT, ItemState.FAILED})


class Action(enum.StrEnum):
    """What is to be done to a planned item."""

    COPY = "copy"  # nothing stands at the destination
    REPLACE = "replace"  # an earlier copy of ours stands there, or the user said that the source wins
    COMPARE = "compare"  # something of the same size stands there, and only its content can tell whether it is the same
    RENAME = "rename"  # our earlier copy stands there under another name
    CREATE = "create"  # a folder
    NONE = "none"  # its final state was clear when it was seen


class Verification(enum.StrEnum):
    """How an arrival was verified, strongest first."""

    HASH = "hash"  # the destination's own content hash equals that of what was sent
    READ_BACK = "read_back"  # the destination's content was read again and has the same hash
    ALTERED = (
        "altered"  # the destination changed the file when it had taken it, as it does with files of that kind
    )
    SIZE = "size"  # only the size was compared, because the user asked for no more
    SIZE_AND_TIME = "size_and_time"  # it was there before, with the same size and modified time
    EARLIER = "earlier"  # verified by an earlier run, and unchanged on both sides since
    EXISTS = "exists"  # a folder


class RunMode(enum.StrEnum):
    """What a run was asked to do."""

    COPY = "copy"
    SCAN = "scan"
    VERIFY = "verify"


class RunStatus(enum.StrEnum):
    """The words that people see."""

    RUNNING = "Running"
    SUCCESS = "Success"
    SOME_PROBLEMS = "Some problems"
    FAILED = "Failed"
    CANCELED = "Canceled"


class Code(enum.IntEnum):
    """Status codes of runs, as PRODUCT lists them; only those that a run of the engine can end with."""

    SUCCESS = 100
    NOTHING_TO_COPY = 101
    UNSUPPORTED_BY_DESTINATION = 102
    UNSUPPORTED_NOT_MOVED = 122
    SOME_UPLOADS_FAILED = 201
    ALL_UPLOADS_FAILED = 202
    SOME_DOWNLOADS_FAILED = 210
    DOWNLOADS_AND_UPLOADS_FAILED = 211
    ALL_DOWNLOADS_FAILED = 220
    ALL_BOTH_FAILED = 222
    CANCELED = 230
    ALREADY_RUNNING = 250
    DESTINATION_QUOTA = 260
    API_QUOTA = 261
    RUNNING = 300
    GENERAL_FAILURE = 400
    SIGN_IN_FAILED = 402
    RUNNER_STOPPED = 404
    SOURCE_UNREACHABLE = 410
    ROOT_INVALID = 411
    USER_NOT_FOUND = 422
    CONNECTION_NOT_FOUND = 423


def status_of(code: Code) -> RunStatus:
    """Return the word for a code."""
    match code // 100:
        case 1:
            return RunStatus.SUCCESS
        case 2 if code is Code.CANCELED:
            return RunStatus.CANCELED
        case 2:
            return RunStatus.SOME_PROBLEMS
        case 3:
            return RunStatus.RUNNING
        case _:
            return RunStatus.FAILED


def code_of(
    *,
    moved: int,
    download_failures: int,
    upload_failures: int,
    unsupported: int,
    quota: bool,
    refused: int = 0,
) -> Code:
    """Choose the code of a finished run from what became of its files and folders.

    Conflicts count as upload failures: the file is not at the destination. `refused` are those of the unsupported ones
    that the destination does not take.
    """
    if quota:
        return Code.DESTINATION_QUOTA
    if download_failures and upload_failures:
        return Code.DOWNLOADS_AND_UPLOADS_FAILED if moved else Code.ALL_BOTH_FAILED
    if download_failures:
        return Code.SOME_DOWNLOADS_FAILED if moved else Code.ALL_DOWNLOADS_FAILED
    if upload_failures:
        return Code.SOME_UPLOADS_FAILED if moved else Code.ALL_UPLOADS_FAILED
    if unsupported and refused == unsupported and not moved:
        return Code.UNSUPPORTED_BY_DESTINATION
    if unsupported:
        return Code.UNSUPPORTED_NOT_MOVED
    return Code.SUCCESS if moved else Code.NOTHING_TO_COPY
