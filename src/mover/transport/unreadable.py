"""What a service's JSON can be that is no answer."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises that is not what was expected: of another shape, no UTF-8, nested without end."""
