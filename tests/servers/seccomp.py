"""System call filters as systemd makes them of a unit's settings, by libseccomp. For the process that is about to run it."""

from __future__ import annotations

import ctypes
import errno
import socket
from collections.abc import Iterable

_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL, _NOT_LESS, _MASKED = 4, 5, 7
_LAST_FAMILY = 46
_PROT_WRITE, _PROT_EXEC, _SHM_EXEC = 2, 4, 0o100000
_SET_ID_BITS = (0o4000, 0o2000)
_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def load_library() -> ctypes.CDLL:
    """Load libseccomp; once it is loaded it is found also where its file cannot be seen any more."""
    return ctypes.CDLL("libseccomp.so.2", use_errno=True)


class _Filter:
    """One filter: what happens by default, and rules that say otherwise."""

    def __init__(self, default: int) -> None:
        self._library = load_library()
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))
        assert self._context.value

    def add(self, action: int, call: str, *comparisons: tuple[int, int, int, int]) -> None:
        """Add a rule; a call that this machine does not have is left out."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (_Comparison * len(comparisons))(*(_Comparison(*each) for each in comparisons))
        done = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(comparisons), array
        )
        assert done == 0, (call, done)

    def load(self) -> None:
        done = self._library.seccomp_load(self._context)
        assert done == 0, done
        self._library.seccomp_release(self._context)


def no_other_families(names: Iterable[str]) -> None:
    """`RestrictAddressFamilies`: sockets of these families only."""
    allowed = {int(getattr(socket, name)) for name in names}
    filter_ = _Filter(_ALLOW)
    refusal = _ERRNO | errno.EAFNOSUPPORT
    for family in set(range(_LAST_FAMILY)) - allowed:
        filter_.add(refusal, "socket", (0, _EQUAL, family, 0))
    filter_.add(refusal, "socket", (0, _NOT_LESS, _LAST_FAMILY, 0))
    filter_.load()


def nothing_writable_is_executed() -> None:
    """`MemoryDenyWriteExecute`."""
    filter_ = _Filter(_ALLOW)
    both = _PROT_WRITE | _PROT_EXEC
    filter_.add(_ERRNO | errno.EPERM, "mmap", (2, _MASKED, both, both))
    for call in ("mprotect", "pkey_mprotect"):
        filter_.add(_ERRNO | errno.EPERM, call, (2, _MASKED, _PROT_EXEC, _PROT_EXEC))
    filter_.add(_ERRNO | errno.EPERM, "shmat", (2, _MASKED, _SHM_EXEC, _SHM_EXEC))
    filter_.load()


def no_namespaces() -> None:
    """`RestrictNamespaces`."""
    filter_ = _Filter(_ALLOW)
    for flag in _NAMESPACES:
        for call in ("clone", "unshare"):
            filter_.add(_ERRNO | errno.EPERM, call, (0, _MASKED, flag, flag))
    filter_.add(_ERRNO | errno.EPERM, "setns")
    filter_.add(_ERRNO | errno.ENOSYS, "clone3")  # its flags lie in memory, where no filter can see them
    filter_.load()


def no_set_id_files() -> None:
    """`RestrictSUIDSGID`."""
    filter_ = _Filter(_ALLOW)
    for bit in _SET_ID_BITS:
        for call, place in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2)):
            filter_.add(_ERRNO | errno.EPERM, call, (place, _MASKED, bit, bit))
    filter_.load()


def only(calls: Iterable[str]) -> None:
    """`SystemCallFilter`: these calls; the others fail with EPERM. Load it last."""
    filter_ = _Filter(_ERRNO | errno.EPERM)
    for call in calls:
        filter_.add(_ALLOW, call)
    filter_.load()
