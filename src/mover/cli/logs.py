"""The log: JSON lines in a file of the operator's, for those who have to find out what went wrong.

It holds what happened to which entry, and where in the code; no secret, no content, no values of variables. Messages of
errors that are not Mover's own are left out, since a library may quote in them what it was given.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from pathlib import Path
from typing import Any

from mover.errors import MoverError
from mover.serving.log_events import add_process, redacted, spell_out_error, type_name
from mover.serving.log_file import LogFile
from mover.settings import Settings

_log = logging.getLogger(__name__)


def log_to(path: Path) -> None:
    """Send everything that is logged, by Mover and by libraries, to a file, and nothing to the terminal."""
    root = logging.getLogger()
    root.handlers[:] = [_ToFile(LogFile(path))]
    root.setLevel(logging.WARNING)
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def log_unexpected(error: BaseException) -> str | None:
    """Log an error that nobody foresaw, and say where; None if there is no place for a log."""
    if (service := sys.modules.get("mover.serving.logs")) is not None and service.is_in_use():
        _log.error("unexpected error", exc_info=error)
        return "where this process logs"
    try:
        path = log_path(Settings())
    except MoverError:
        return None
    log_to(path)
    _log.error("unexpected error", exc_info=error)
    return str(path) if path.is_file() else None


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
                add_process,
                spell_out_error,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=type_name),
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
        write(redacted(message.splitlines()[0]) if message else "", **about)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error while tidying up", exc_info=found.exc_value)


def _in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error in a thread", exc_info=found.exc_value)
