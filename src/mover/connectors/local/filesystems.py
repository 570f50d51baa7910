"""What the file system under a folder can do, as far as its type tells."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_MOUNTS = Path("/proc/self/mountinfo")
_SECOND_NS = 1_000_000_000


class Traits(msgspec.Struct, frozen=True):
    """How a file system differs from another.

    Attributes:
        grain_ns: The grain of its modified times.
        case_sensitive: `A` and `a` are two files.
    """

    grain_ns: int = 1
    case_sensitive: bool = True


_KNOWN = {
    "ext2": Traits(grain_ns=_SECOND_NS),
    "ext3": Traits(grain_ns=_SECOND_NS),
    "vfat": Traits(grain_ns=2 * _SECOND_NS, case_sensitive=False),
    "msdos": Traits(grain_ns=2 * _SECOND_NS, case_sensitive=False),
    "exfat": Traits(grain_ns=2 * _SECOND_NS, case_sensitive=False),
    "hfsplus": Traits(grain_ns=_SECOND_NS, case_sensitive=False),
    "cifs": Traits(grain_ns=100, case_sensitive=False),
    "smb3": Traits(grain_ns=100, case_sensitive=False),
    "ntfs": Traits(grain_ns=100),
    "ntfs3": Traits(grain_ns=100),
    "fuseblk": Traits(grain_ns=100),  # NTFS-3G as a rule
}


def traits_of(folder: int, mounts: Path = _MOUNTS) -> Traits:
    """Return the traits of the file system that holds an open folder; those of a usual one where it is unknown.

    `mounts` is the kernel's list (proc(5), mountinfo): the third field is the device, the type stands behind ` - `.
    """
    device = os.fstat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:  # no /proc: nothing is known
        return Traits()
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 2 and fields[2] == wanted:  # noqa: PLR2004 - the third field
            return _KNOWN.get(after.partition(" ")[0], Traits())
    return Traits()
