"""What went wrong, in the words of `mover.errors`: the errno values of Linux."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from mover.errors import (
    Conflict,
    Locked,
    MoverError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    QuotaExceeded,
    ServiceFault,
    TimedOut,
    TooLarge,
    Unsupported,
)

SERVICE = "local"

_MEANING: dict[int, tuple[type[MoverError], str]] = {
    errno.ENOENT: (NotFound, "it is not there"),
    errno.ENOTDIR: (NotFound, "it is not a folder, or below something that is none"),
    errno.ELOOP: (NotFound, "it is a symbolic link, and those are not followed"),
    errno.EEXIST: (Conflict, "something of that name is there already"),
    errno.ENOTEMPTY: (Conflict, "a folder of that name is there already"),
    errno.EISDIR: (Conflict, "it is a folder"),
    errno.EACCES: (PermissionDenied, "this user may not do that"),
    errno.EPERM: (PermissionDenied, "this user may not do that"),
    errno.EROFS: (PermissionDenied, "the file system is read-only"),
    errno.ENOSPC: (QuotaExceeded, "the disk is full"),
    errno.EDQUOT: (QuotaExceeded, "the user's disk quota is used up"),
    errno.ENAMETOOLONG: (PathTooLong, "the name or path is too long"),
    errno.EINVAL: (NameRejected, "the file system does not accept this"),
    errno.EILSEQ: (NameRejected, "the file system does not accept the characters of the name"),
    errno.EFBIG: (TooLarge, "the file system does not take files of this size"),
    errno.EBUSY: (Locked, "somebody else holds it"),
    errno.ETXTBSY: (Locked, "it is a program that is running"),
    errno.EAGAIN: (Locked, "somebody else holds it"),
    errno.ETIMEDOUT: (TimedOut, "the file server does not answer"),
    errno.EOPNOTSUPP: (Unsupported, "the file system cannot do that"),
    errno.ENOSYS: (Unsupported, "the file system cannot do that"),
    errno.EXDEV: (Unsupported, "the two places are on different file systems"),
    errno.ENXIO: (Unsupported, "it is a device, a socket or a pipe"),
    errno.EIO: (ServiceFault, "the disk or the file server failed"),
    errno.ESTALE: (ServiceFault, "the file server has lost track of it"),
}


def error_from_os(error: OSError) -> MoverError:
    """Return what an error of the operating system means."""
    kind, message = _MEANING.get(error.errno or 0, (ServiceFault, "the operating system reported an error"))
    return kind(message, said=os.strerror(error.errno) if error.errno else "")


@contextlib.contextmanager
def reported(operation: str, path: str) -> Iterator[None]:
    """Make errors that leave the block name service, operation and path, unless they name others already."""
    try:
        yield
    except MoverError as error:
        error.at(service=SERVICE, operation=operation, path=path)
        raise
