"""Becomes another program that ends with its parent, however the parent ends.

Run as a file of its own, `python -I -S tether.py PARENT PROGRAM ARGUMENT...`, so that nothing is loaded for it. The kernel kills the
program when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG); without that, on other systems, it outlives a
parent that is killed.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Take the arguments of the command line; does not return."""
    parent, program, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it ended before the kernel was told
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    os.execv(program, [program, *arguments])  # noqa: S606 - the point of it; the program is named by Mover


if __name__ == "__main__":
    main()
