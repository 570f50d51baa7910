"""Why a connection failed, in the system's words for people."""

from __future__ import annotations

import os


def cause(error: BaseException) -> str:
    """Return `Connection refused` and the like; event loops put their own texts over the system's.

    Errors that are not the system's are not shown: libraries put whole addresses into theirs, with what is secret.
    """
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) and number > 0 else "it was closed"
