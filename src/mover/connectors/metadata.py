"""What object stores keep with an object in headers, spelled as rclone and other clients spell it."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

_MTIME = re.compile(r"(-?)([0-9]{1,11})(?:\.([0-9]{1,9})[0-9]{0,9})?")
_MEDIA_TYPE = re.compile(r"[!-~][ -~]{0,253}")
_SECOND = 1_000_000_000


def spell_mtime(modified_ns: int) -> str:
    """Spell a time as rclone does: seconds since 1970 with as many decimals as needed."""
    sign = "-" if modified_ns < 0 else ""
    seconds, rest = divmod(abs(modified_ns), _SECOND)
    decimals = f"{rest:09}".rstrip("0")
    return f"{sign}{seconds}.{decimals}" if decimals else f"{sign}{seconds}"


def read_mtime(text: str) -> int | None:
    """Read what rclone, s3fs and Mover store as the object's own modified time; None for anything else."""
    found = _MTIME.fullmatch(text)
    if found is None:
        return None
    modified_ns = int(found[2]) * _SECOND + int((found[3] or "").ljust(9, "0"))
    return -modified_ns if found[1] else modified_ns


def media_type_header(media_type: str | None) -> dict[str, str]:
    """Say what the content is, if it is fit for a header."""
    return {"content-type": media_type} if media_type and _MEDIA_TYPE.fullmatch(media_type) else {}


def http_date_ns(text: str | None) -> int | None:
    """Read the date of a header, as nanoseconds since 1970; None for what is none."""
    if text is None or len(text) > 64:  # noqa: PLR2004 - no date is longer
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp()) * _SECOND
    except (ValueError, OverflowError):
        return None
