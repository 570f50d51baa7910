"""The log of a process of the service: JSON lines on standard error, or in a file of the operator's.

Everything that is logged with the standard library goes here, Mover's and libraries' alike. A line has the time, the
level, the logger, the message, the service (`api`, `runner`), the process, and whatever is known of what was being done:
`request_id`, `organisation`, `migration`, `pair`, `run`, `item`. These come from `extra={...}` of the call or, for all that
is logged while something is worked on, from `structlog.contextvars.bind_contextvars(run=...)`.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, Protocol

import structlog

from mover.serving.log_events import add_process, message_of, redacted, spell_out_error, type_name
from mover.serving.log_file import LogFile
from mover.settings import Settings

ABOUT = ("request_id", "organisation", "migration", "pair", "run", "item", "worker", "queue")
"""What a line may tell about what was being done, besides what is bound to the context."""

_QUIET = ("uvicorn", "temporalio", "asyncssh", "opentelemetry", "sqlalchemy", "alembic")

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes lines."""

    def msg(self, line: str) -> None:
        """Take one."""


class StandardError:
    """Lines for whoever reads this process's standard error: a supervisor, a container's log."""

    def msg(self, line: str) -> None:
        """Write a line at once, so that lines of several processes do not mix."""
        stream = sys.stderr
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):  # nobody reads any more; the service goes on
            return

    debug = info = warning = warn = error = critical = fatal = exception = log = msg


class JsonLines(logging.Handler):
    """Writes records as JSON.

    Args:
        service: Which of the service's processes this is.
        sink: Takes the lines.
    """

    def __init__(self, service: str, sink: Sink) -> None:
        super().__init__()
        self._service = service
        self._logger: Any = structlog.wrap_logger(
            sink,
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                add_process,
                spell_out_error,
                _redact,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=type_name),
            ],
            wrapper_class=structlog.BoundLogger,
            cache_logger_on_first_use=True,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write one. A record that cannot be written is a defect of ours, and must not end what was being done."""
        try:
            about: dict[str, Any] = {"service": self._service, "logger": record.name}
            about |= {
                name: value for name in ABOUT if (value := getattr(record, name, None)) not in (None, "")
            }
            if record.exc_info and record.exc_info[1] is not None:
                about["exc_info"] = record.exc_info[1]
            write = getattr(self._logger, logging.getLevelName(record.levelno).lower(), self._logger.info)
            write(message_of(record), **about)
        except Exception:  # noqa: BLE001 - logging's own way: report on standard error, never raise
            self.handleError(record)


def log_service(service: str, settings: Settings, *, sink: Sink | None = None) -> None:
    """Send all that this process logs to where the operator wants it.

    Args:
        service: `serve`, `api` or `runner`.
        settings: `log_level` and `log_file`.
        sink: Takes the lines instead.
    """
    sink = sink or (LogFile(settings.log_file) if settings.log_file else StandardError())
    level = settings.log_level.upper()
    root = logging.getLogger()
    root.handlers[:] = [JsonLines(service, sink)]
    root.setLevel(level)
    for name in _QUIET:  # what they tell at `info` is about themselves
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def is_in_use() -> bool:
    """Tell whether this process is one of the service's, and logs as such."""
    return any(isinstance(handler, JsonLines) for handler in logging.getLogger().handlers)


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    return {name: redacted(value) if isinstance(value, str) else value for name, value in event.items()}


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error while tidying up", exc_info=found.exc_value)


def _in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        _log.error("error in a thread", exc_info=found.exc_value)
