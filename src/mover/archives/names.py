"""Names in archives, safe to unpack anywhere, and names of archives."""

from __future__ import annotations

import re
import time

from mover.naming import NameRules

ARCHIVED = NameRules(
    marked=(
        "/\N{FULLWIDTH SOLIDUS}",
        "\\\N{FULLWIDTH REVERSE SOLIDUS}",  # Windows takes it for a slash
        *(chr(code) + chr(0x2400 + code) for code in range(0x20)),
        "\x7f\N{SYMBOL FOR DELETE}",
    ),
    longest_path=0xFFFF - 0x100,  # the field for it has 16 bits; a folder's name gets a slash besides
)
"""What the names of files may be in an archive. No name is empty, `.` or `..`, none holds a slash, a backslash or a control
character; what does is changed reversibly, as at any destination."""

_DRIVE = re.compile(r"/[A-Za-z]:")


def member_name(path: str, *, folder: bool) -> str:
    """The name in the archive for a path of accepted names that starts with a slash: relative, and no drive of Windows."""
    if _DRIVE.match(path):
        path = f"{path[:2]}\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}\N{FULLWIDTH COLON}{path[3:]}"
    return path[1:] + "/" if folder else path[1:]


def archive_name(stem: str, started_ns: int, *, number: int = 1, of_several: bool = False) -> str:
    """`documents-20261126T221005Z.zip`; of several archives of one run each has its number at the end."""
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(started_ns // 1_000_000_000))
    return f"{stem}-{when}{f'-{number}' if of_several else ''}.zip"
