"""The version of a file that is sealed or opened: what its service tells of the content, in one text with its size.

Hashes are of other bytes than those that are read, so they can only serve as a version.
"""

from __future__ import annotations

from mover.connectors.contract import Capabilities
from mover.entries import Entry, EntryKind, HashName

_FINE_NS = 2_000_000_000  # FAT's times: coarser ones do not tell that a file changed
_STRONGEST = (
    HashName.SHA256,
    HashName.SHA512,
    HashName.SHA1,
    HashName.DROPBOX,
    HashName.QUICKXOR,
    HashName.MD5,
)
_VERSION = "v"
_LOOSE = "x"


def evidence_of(entry: Entry, can: Capabilities) -> str | None:
    """Text that changes with the content; None where the service tells too little for that."""
    if entry.kind is not EntryKind.FILE or entry.size is None:
        return f"{_LOOSE}:0:{entry.version}" if entry.version is not None else None
    if can.versioned_reads and entry.version is None:
        return None  # reading would be believed to notice that it is another version
    if entry.version is not None:
        return f"{_VERSION}:{entry.size}:{entry.version}"
    for name in _STRONGEST:
        if name in can.listed_hashes and name in entry.hashes:
            return f"h:{entry.size}:{name}:{entry.hashes[name]}"
    grain_ns = can.modified_resolution_ns
    if entry.modified_ns is not None and grain_ns is not None and grain_ns <= _FINE_NS:
        return f"t:{entry.size}:{entry.modified_ns}"
    return None


def size_in(evidence: str) -> int:
    """The size of the file at its service, in bytes."""
    return int(evidence.split(":", 2)[1])


def is_repeatable(evidence: str | None) -> bool:
    """Whether reading this version again gives the same bytes: exports of documents differ each time."""
    return evidence is not None and not evidence.startswith(f"{_LOOSE}:")


def version_in(evidence: str | None) -> str | None:
    """The version as the service calls it, if that is what the evidence is."""
    if evidence is None:
        return None
    kind, _, rest = evidence.split(":", 2)
    return rest if kind in {_VERSION, _LOOSE} else None
