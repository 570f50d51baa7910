"""What to do after a run that ended as its code says; items that went wrong have advice of their own."""

from __future__ import annotations

from mover.errors import Reason, advice_for
from mover.migrations.states import RunCode, run_code
from mover.web.words import for_service

_REASONS = {
    RunCode.DESTINATION_QUOTA: Reason.QUOTA,
    RunCode.API_QUOTA: Reason.API_QUOTA,
    RunCode.SIGN_IN_FAILED: Reason.SIGN_IN_FAILED,
    RunCode.SOURCE_UNREACHABLE: Reason.UNREACHABLE,
    RunCode.USER_NOT_FOUND: Reason.USER_NOT_FOUND,
}
_RUNNER = "Start it again; it goes on where it was. If it stays so, ask the operator of this Mover to look at the runner."
_ADVICE = {
    RunCode.ROOT_INVALID: "Correct the folder in the pair's settings, or make it, then start again.",
    RunCode.CONNECTION_NOT_FOUND: "Choose another connection in the settings, then start again.",
    RunCode.NO_STATUS: _RUNNER,
    RunCode.RUNNER_STOPPED: _RUNNER,
    RunCode.RUNNER_STOPPED_TOO: _RUNNER,
    RunCode.RUNNER_LOST_THE_RUN: _RUNNER,
}


def code_advice(code: int) -> str:
    """What a person can do about a run that ended with this code; empty where its items say it, or nothing is wrong."""
    known = run_code(code)
    if reason := _REASONS.get(known):
        return for_service(advice_for(reason))
    return _ADVICE.get(known, "")
