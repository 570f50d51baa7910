"""Which file system of this machine a path is on: what can be done with files depends on it."""

from __future__ import annotations

import os
from pathlib import Path

from mover.naming import bytes_from_text


def raw_path(spelled: str) -> bytes:
    """The bytes of a path that is spelled as everywhere in Mover."""
    return b"/".join(bytes_from_text(name) if name else b"" for name in spelled.split("/"))


def mount_point(path: bytes) -> Path:
    """The root of the file system that an absolute path is on, or will be on once it is made."""
    folder = path
    while folder != b"/" and not os.path.ismount(folder):
        folder = folder.rpartition(b"/")[0] or b"/"
    return Path(os.fsdecode(folder))
