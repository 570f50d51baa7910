"""What may stand in a log, and how: no values of variables, no messages of foreign errors, no secret.

A library may quote in an error what it was given, so of errors that are not Mover's own only the kind and the place in
the code are written; and of messages of libraries only the text that stands in their code, without its arguments.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

from mover.errors import MoverError

_FRAMES = 40
_OURS = "mover"
_CREDENTIALS = (
    (re.compile(r"(?i)\b(bearer|basic|digest|token)\s+[A-Za-z0-9+/=._~-]{8,}"), r"\1 …"),
    (re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]*@"), r"\1…@"),
    (re.compile(r"(?i)\b(password|passphrase|secret|api[_-]?key|token)(\s*[=:]\s*)[^\s,;&]+"), r"\1\2…"),
)

Event = MutableMapping[str, Any]


def message_of(record: logging.LogRecord) -> str:
    """What was logged: in full where Mover wrote it, else the first line, without what was filled in."""
    if record.name == _OURS or record.name.startswith(_OURS + "."):
        return redacted(record.getMessage())
    text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return redacted(text.splitlines()[0]) if text else ""


def redacted(text: str) -> str:
    """Text without what looks like a credential. The last net; what is known to be secret has a type of its own."""
    for pattern, instead in _CREDENTIALS:
        text = pattern.sub(instead, text)
    return text


def add_process(_logger: Any, _method: str, event: Event) -> Event:
    """Add the number of this process."""
    event["process"] = os.getpid()
    return event


def spell_out_error(_logger: Any, _method: str, event: Event) -> Event:
    """Put what is known of an error, and may be told, in the place of the error itself."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error"] = spelled_out(error)
    return event


def spelled_out(error: BaseException, *, depth: int = 5) -> dict[str, Any]:
    """What kind of error it is, where in the code it happened, and what lies behind it."""
    described: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    match error:
        case MoverError():
            described["message"] = str(error)
        case OSError():
            described["message"] = f"{error.strerror} (errno {error.errno})"
    described["frames"] = _frames(error.__traceback__)
    if depth:
        if isinstance(error, BaseExceptionGroup):
            described["errors"] = [spelled_out(inner, depth=depth - 1) for inner in error.exceptions[:10]]
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is not None:
            described["cause"] = spelled_out(cause, depth=depth - 1)
    return described


def type_name(value: object) -> str:
    """Stands for what cannot be written as JSON."""
    return type(value).__name__


def _frames(found: TracebackType | None) -> list[str]:
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(found)[-_FRAMES:]
    ]
