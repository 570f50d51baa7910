"""Keeps what a process has in memory, keys above all, out of swap.

Python moves objects and copies bytes as it likes, so no page can be told to hold no key: the whole process is locked
(mlockall(2)). Pages are locked as they come into use, so it takes no more memory than without. The lock is not
inherited, each process asks for its own. Core dumps are switched off elsewhere, for every command (`cli/process.py`).
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Literal

from mover.errors import InvalidConfiguration

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # asm-generic/mman.h
_CAP_IPC_LOCK = 14  # linux/capability.h
_CGROUPS = Path("/sys/fs/cgroup")

Wish = Literal["automatic", "required", "off"]

_log = logging.getLogger(__name__)


class Swappable(StrEnum):
    """Where memory of this process may go."""

    LOCKED = "the memory of this process is locked, and cannot be swapped"
    NO_SWAP = "there is no swap that this process could get to"
    MAYBE = "memory of this process may be swapped to disk, keys included"
    ALLOWED = "nothing was done against swapping, as MOVER_LOCK_MEMORY says"


def keep_out_of_swap(
    wish: Wish,
    *,
    lock: Callable[[], bool] | None = None,
    has_swap: Callable[[], bool] | None = None,
) -> Swappable:
    """Do what `MOVER_LOCK_MEMORY` says, and return what came of it, which is logged.

    Args:
        wish: The operator's.
        lock: Locks all memory and tells whether that could be done; the system's, if not given.
        has_swap: Tells whether memory could get to a swap; the system's, if not given.

    Raises InvalidConfiguration: `required`, and it cannot be had.
    """
    if wish == "off":
        found = Swappable.ALLOWED
    elif (lock or lock_all)():
        found = Swappable.LOCKED
    else:
        found = Swappable.MAYBE if (has_swap or swap_is_there)() else Swappable.NO_SWAP
    if found is Swappable.MAYBE and wish == "required":
        raise InvalidConfiguration(
            "MOVER_LOCK_MEMORY is 'required', and memory of this process could be swapped to disk; "
            "raise the limit of locked memory (systemd: LimitMEMLOCK=infinity) or take swap away (MemorySwapMax=0)"
        )
    _log.log(logging.WARNING if found is Swappable.MAYBE else logging.INFO, "%s", found)
    return found


def lock_all() -> bool:
    """Lock all memory that this process has and will have; tell whether that could be done.

    Only where it may lock as much as it likes: with a limit, a later allocation would fail in the middle of something.
    """
    if sys.platform != "linux" or not _may_lock_everything():
        return False
    try:
        locked: int = ctypes.CDLL(None, use_errno=True).mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    except AttributeError:  # a libc without it
        return False
    return locked == 0


def swap_is_there(proc: Path = Path("/proc"), cgroups: Path = _CGROUPS) -> bool:
    """Tell whether memory of this process could be swapped; also where that cannot be found out."""
    try:
        if len((proc / "swaps").read_text().splitlines()) <= 1:  # the first line names the columns
            return False
    except OSError:
        pass  # hidden from this process, as ProcSubset=pid does
    return not _forbidden_by_cgroup(proc, cgroups)


def _forbidden_by_cgroup(proc: Path, cgroups: Path) -> bool:
    """Tell whether the process's group, or one around it, may have no swap (`memory.swap.max`, cgroup v2)."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return False
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None or ".." in path:
        return False
    group = cgroups / path.strip("/")
    while group.is_relative_to(cgroups):
        try:
            if (group / "memory.swap.max").read_text().strip() == "0":
                return True
        except OSError:
            pass  # the root has none
        group = group.parent
    return False


def _may_lock_everything() -> bool:
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    try:
        lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    except OSError:
        return False
    effective = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return bool(effective & 1 << _CAP_IPC_LOCK)
