"""The log: JSON lines in a file of the operator's, for those who have to find out what went wrong.

It holds what happened to which entry, and where in the code; no secret, no content, no values of variables. Messages of
errors that are not Mover's own are left out, since a library may quote in them what it was given.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

from mover.errors import MoverError
from mover.settings import Settings

_LARGEST = 16 << 20  # bytes; then the file is put aside, and the one before it goes
_FRAMES = 40

_log = logging.getLogger(__name__)


class LogFile:
    """A file that is made when there is something to write, which is rare. Several processes may write to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def msg(self, line: str) -> None:
        """Append a line. What cannot be logged is lost: a full disk must not end a move."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._put_aside()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
            finally:
                os.close(descriptor)

    debug = info = warning = warn = error = critical = fatal = exception = log = msg

    def _put_aside(self) -> None:
        """Begin a new file where the old one has grown too large."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > _LARGEST:
                self.path.replace(self.path.with_suffix(".old.jsonl"))


def log_to(path: Path) -> None:
    """Send everything that is logged, by Mover and by libraries, to a file, and nothing to the terminal."""
    root = logging.getLogger()
    root.handlers[:] = [_ToFile(LogFile(path))]
    root.setLevel(logging.WARNING)
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def log_unexpected(error: BaseException) -> Path | None:
    """Log an error that nobody foresaw, and say where; None if there is no place for a log."""
    try:
        path = log_path(Settings())
    except MoverError:
        return None
    log_to(path)
    _log.error("unexpected error", exc_info=error)
    return path if path.is_file() else None


def log_path(settings: Settings) -> Path:
    """Where the log lies."""
    return settings.home / "logs" / "mover.jsonl"


class _ToFile(logging.Handler):
    """Writes what is logged: where it came from and what kind of error, without the values in the message."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file

    @functools.cached_property
    def _logger(self) -> Any:
        # Imported here since it takes a tenth of a command's start, and most commands have nothing to log.
        import structlog  # noqa: PLC0415

        return structlog.wrap_logger(
            self._file,
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _add_process,
                _spell_out_error,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=_type_name),
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        error = record.exc_info[1] if record.exc_info else None
        message = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        about: dict[str, Any] = {"logger": record.name, "exc_info": error}
        if (item := getattr(record, "item", None)) is not None:
            about["item"] = item
        write = self._logger.error if record.levelno >= logging.ERROR else self._logger.warning
        write(message.splitlines()[0] if message else "", **about)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error while tidying up", exc_info=found.exc_value)


def _in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error in a thread", exc_info=found.exc_value)


def _add_process(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["process"] = os.getpid()
    return event


def _spell_out_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error"] = _spelled_out(error)
    return event


def _spelled_out(error: BaseException, *, depth: int = 5) -> dict[str, Any]:
    described: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    match error:
        case MoverError():
            described["message"] = str(error)
        case OSError():
            described["message"] = f"{error.strerror} (errno {error.errno})"
    described["frames"] = _frames(error.__traceback__)
    if depth:
        if isinstance(error, BaseExceptionGroup):
            described["errors"] = [_spelled_out(inner, depth=depth - 1) for inner in error.exceptions[:10]]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            described["cause"] = _spelled_out(cause, depth=depth - 1)
    return described


def _frames(found: TracebackType | None) -> list[str]:
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(found)[-_FRAMES:]
    ]


def _type_name(value: object) -> str:
    return type(value).__name__
