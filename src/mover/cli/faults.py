"""What people see when something goes wrong: one line, one line of advice, and never a traceback."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Sequence

from typer import Abort
from typer.exceptions import TyperException

from mover.cli.codes import COULD_NOT_RUN, INTERRUPTED, NOBODY_READS
from mover.cli.interruption import Interrupted, PipeBroken
from mover.cli.remote.routing import is_for_a_server
from mover.cli.screen import err, print_json, words
from mover.database.failures import DatabaseTrouble
from mover.errors import (
    ApiQuotaExceeded,
    Canceled,
    MoverError,
    NotFound,
    QuotaExceeded,
    Reason,
    SignInFailed,
    Throttled,
    TimedOut,
    Unreachable,
    UserNotFound,
    one_line,
)
from mover.ledger.states import Code, RunStatus
from mover.transfer.locking import AlreadyRunning

_GO_ON = {"copy", "scan", "verify"}
_NOT_THERE = "Check the address; upper and lower case may count."
_LONGEST = 1_200  # characters of a message
_NOTHING_DONE = {"run": None, "copied": 0, "skipped": 0, "failed": 0, "bytes": 0, "seconds": 0.0}


def handled(arguments: Sequence[str], command: Callable[[], int]) -> int:
    """Run a command and return its exit code; say what went wrong, in a line or two."""
    machine = "--json" in arguments
    try:
        return command()
    except (Interrupted, KeyboardInterrupt, Abort) as ended:
        goes_on = bool(arguments) and arguments[0] in _GO_ON
        say(
            "interrupted" + ("; the same command goes on where it was" if goes_on else ""),
            style="bold yellow",
        )
        if machine and goes_on and not (isinstance(ended, Interrupted) and ended.told):
            _print_failure(
                "interrupted",
                Canceled.advice,
                code=Code.CANCELED,
                reason=Canceled.reason,
                status=RunStatus.CANCELED,
            )
        return INTERRUPTED
    except TyperException as error:
        message = one_line(error.format_message().replace("Value error, ", ""))
        if not message:  # the help was shown instead
            return COULD_NOT_RUN
        advice = _see_help(arguments)
        say(message, advice)
        if machine:
            _print_failure(message, advice, code=Code.GENERAL_FAILURE, reason=Reason.CONFIGURATION)
    except MoverError as error:
        is_address = isinstance(error, NotFound) and not isinstance(error, UserNotFound)
        advice = _NOT_THERE if is_address else error.advice
        say(str(error), advice)
        if machine:
            _print_failure(str(error), advice, code=_code_of(error), reason=error.reason)
    except PipeBroken as broken:
        if _nobody_reads():
            return NOBODY_READS
        _unexpected(broken.__cause__ or broken, machine=machine)
    except SystemExit:  # what Typer makes of a broken pipe
        return NOBODY_READS
    except Exception as error:  # noqa: BLE001 - the last line of defence: people see a line, the log has the rest
        _unexpected(error, machine=machine)
    return COULD_NOT_RUN


def say(message: str, advice: str = "", *, style: str = "bold red") -> None:
    """Print a message to standard error."""
    line = words("mover: ", style)
    line.append_text(words(one_line(message, limit=_LONGEST)))
    err().print(line)
    if advice:
        err().print(words(f"       {advice}", "dim"))


def _nobody_reads() -> bool:
    """Tell whether standard output is a pipe whose reader has gone; if so, let the rest of it go nowhere."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return False
    looked = select.poll()
    looked.register(descriptor, 0)
    gone = any(event & select.POLLERR for _, event in looked.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)  # the interpreter flushes once more at its end
    return gone


def _unexpected(error: BaseException, *, machine: bool) -> None:
    from mover.cli.logs import log_unexpected  # noqa: PLC0415 - rarely needed

    where = log_unexpected(error)
    advice = f"The log has more: {where}" if where else "It could not be logged; please report it."
    message = f"unexpected {type(error).__name__}"
    say(message, advice)
    if machine:
        _print_failure(message, advice, code=Code.GENERAL_FAILURE, reason=Reason.UNKNOWN)


def _see_help(arguments: Sequence[str]) -> str:
    command = arguments[0] if arguments and arguments[0].isalpha() else ""
    if is_for_a_server(arguments):
        command = "remote"
    return " ".join(part for part in ("See mover", command, "--help") if part)


def _print_failure(
    message: str, advice: str, *, code: Code, reason: str, status: RunStatus = RunStatus.FAILED
) -> None:
    """Print the object that machines wait for, where nothing could be run."""
    error = {"reason": reason, "message": message, "advice": advice}
    print_json({**_NOTHING_DONE, "status": status, "code": int(code), "error": error})


def _code_of(error: MoverError) -> Code:  # noqa: PLR0911 - one for each code
    """The status code for an error before the start of a run."""
    match error:
        case AlreadyRunning():
            return Code.ALREADY_RUNNING
        case DatabaseTrouble():
            return Code.GENERAL_FAILURE
        case SignInFailed():
            return Code.SIGN_IN_FAILED
        case UserNotFound():
            return Code.USER_NOT_FOUND
        case NotFound():
            return Code.ROOT_INVALID
        case QuotaExceeded():
            return Code.DESTINATION_QUOTA
        case Throttled() | ApiQuotaExceeded():
            return Code.API_QUOTA
        case Unreachable() | TimedOut():
            return Code.SOURCE_UNREACHABLE
        case _:
            return Code.GENERAL_FAILURE
