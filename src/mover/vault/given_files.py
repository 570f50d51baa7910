"""Whether a file that holds a secret is for this process alone, or was given to it by root."""

from __future__ import annotations

import os
import stat

_OTHERS, _GROUP, _GROUP_READS = 0o007, 0o070, 0o040


def readable_by_others(status: os.stat_result, *, own_uid: int | None = None) -> bool:
    """Tell whether others than this process's user can read a file, or write it.

    What root owns and lets a group read, without more, is as root wants it: systemd's credentials and secrets that
    Kubernetes mounts look so, and so does a file `root:mover` with mode 640.

    Args:
        status: Of the file.
        own_uid: Of this process's user.
    """
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        return True
    own_uid = os.geteuid() if own_uid is None else own_uid
    given_by_root = status.st_uid == 0 and own_uid != 0 and mode & _GROUP == _GROUP_READS
    return bool(mode & _GROUP) and not given_by_root
