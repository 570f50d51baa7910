"""Putting a finished file or a folder under its name, without ever hitting another entry."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from typing import Final

_RENAME_NOREPLACE: Final = 1  # renameat2(2), linux/fs.h
_NOT_HERE: Final = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_C: Final = ctypes.CDLL(None, use_errno=True)
_RENAMEAT2: Final[Callable[[int, bytes, int, bytes, int], int] | None] = getattr(_C, "renameat2", None)


def move_exclusively(from_folder: int, from_name: bytes, to_folder: int, to_name: bytes) -> None:
    """Move an entry; FileExistsError if anything has the new name already, whenever it came there.

    Where the kernel or the file system has no exclusive rename (NFS), files are linked under the new name first, which
    is exclusive by nature; folders, which cannot be linked, fail with EOPNOTSUPP.
    """
    try:
        _rename_exclusively(from_folder, from_name, to_folder, to_name)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        if stat.S_ISDIR(os.stat(from_name, dir_fd=from_folder, follow_symlinks=False).st_mode):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from error
        os.link(from_name, to_name, src_dir_fd=from_folder, dst_dir_fd=to_folder, follow_symlinks=False)
        os.unlink(from_name, dir_fd=from_folder)


def _rename_exclusively(from_folder: int, from_name: bytes, to_folder: int, to_name: bytes) -> None:
    if _RENAMEAT2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if _RENAMEAT2(from_folder, from_name, to_folder, to_name, _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
