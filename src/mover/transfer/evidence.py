"""Whether two descriptions are of the same content, by the best evidence that both have."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from mover.connectors.contract import Capabilities
from mover.entries import Entry, HashName
from mover.ledger.records import Arrival
from mover.ledger.states import Verification

STRENGTH = (
    HashName.SHA256,
    HashName.SHA512,
    HashName.SHA1,
    HashName.DROPBOX,
    HashName.MD5,
    HashName.QUICKXOR,
    HashName.CRC64NVME,
    HashName.CRC32C,
    HashName.CRC32,
)


class Sameness(enum.Enum):
    """What the evidence says."""

    HASH = "hash"  # the same, by a content hash
    VERSION = "version"  # the same, by the service's own version
    SIZE_AND_TIME = "size_and_time"  # the same, by size and modified time
    UNKNOWN = "unknown"  # the same size; nothing else can be compared
    DIFFERENT = "different"

    @property
    def is_same(self) -> bool:
        """The evidence suffices to call it the same."""
        return self is not Sameness.UNKNOWN and self is not Sameness.DIFFERENT


def strongest(names: frozenset[HashName]) -> HashName | None:
    """The strongest of some hashes that stand for whole files; None if there is none."""
    return next((name for name in STRENGTH if name in names), None)


def compare_hashes(one: Mapping[HashName, str], other: Mapping[HashName, str]) -> bool | None:
    """Compare by the strongest hash in common; None without one.

    Equal S3 multipart ETags mean equal content; different ones may only be cut differently.
    """
    if not one or not other:
        return None
    for name in STRENGTH:
        if name in one and name in other:
            return one[name] == other[name]
    etag = one.get(HashName.S3_ETAG)
    return True if etag is not None and etag == other.get(HashName.S3_ETAG) else None


def same_time(one_ns: int | None, other_ns: int | None, grain_ns: int) -> bool:
    """Whether two times are the same as far as the coarser of the two clocks tells."""
    return one_ns is not None and other_ns is not None and abs(one_ns - other_ns) < max(grain_ns, 1)


def compare_across(
    source: Entry, destination: Entry, *, source_grain_ns: int | None, destination_grain_ns: int | None
) -> Sameness:
    """Compare a file at the source with one at the destination, without any memory of earlier runs."""
    if (by_hash := compare_hashes(source.hashes, destination.hashes)) is not None:
        return Sameness.HASH if by_hash else Sameness.DIFFERENT
    if source.size is None or destination.size is None:
        return Sameness.UNKNOWN
    if source.size != destination.size:
        return Sameness.DIFFERENT
    if source_grain_ns is None or destination_grain_ns is None:
        return Sameness.UNKNOWN
    if source.modified_ns is None or destination.modified_ns is None:
        return Sameness.UNKNOWN
    grain = max(source_grain_ns, destination_grain_ns)
    same = same_time(source.modified_ns, destination.modified_ns, grain)
    return Sameness.SIZE_AND_TIME if same else Sameness.DIFFERENT


def source_since(source: Entry, arrival: Arrival) -> Sameness:
    """Compare a file at the source with what it was when it arrived at the destination."""
    if (by_hash := compare_hashes(source.hashes, arrival.hashes)) is not None:
        return Sameness.HASH if by_hash else Sameness.DIFFERENT
    if source.version is not None and arrival.version is not None:
        return Sameness.VERSION if source.version == arrival.version else Sameness.DIFFERENT
    if source.size != arrival.size:
        return Sameness.DIFFERENT
    if source.modified_ns is None or arrival.modified_ns is None:
        return Sameness.UNKNOWN
    return Sameness.SIZE_AND_TIME if source.modified_ns == arrival.modified_ns else Sameness.DIFFERENT


def still_ours(destination: Entry, arrival: Arrival, can: Capabilities) -> bool:
    """Whether nobody but the service itself changed what was left at the destination; `can` are its capabilities."""
    return destination_untouched(destination, arrival, can.modified_resolution_ns) or altered_by_service(
        destination, arrival, can
    )


def altered_by_service(destination: Entry, arrival: Arrival, can: Capabilities) -> bool:
    """Whether the file is another one than arrived only because the service changes files of its kind by itself.

    It keeps their modified time, which an edit by a person never does.
    """
    left_ns = arrival.destination_modified_ns
    if left_ns is None:
        left_ns = arrival.modified_ns
    grain_ns = can.modified_resolution_ns
    return (
        grain_ns is not None
        and altered_kind(destination.name, can.alters)
        and same_time(destination.modified_ns, left_ns, grain_ns)
        and not destination_untouched(destination, arrival, grain_ns)
    )


def altered_arrival(destination: Entry, arrival: Arrival) -> Arrival:
    """The arrival of a file that the service has changed since: by this the next run judges."""
    return msgspec.structs.replace(
        arrival,
        destination_id=destination.id,
        destination_size=destination.size,
        destination_modified_ns=destination.modified_ns,
        destination_version=destination.version,
        destination_hashes=destination.hashes,
        verification=Verification.ALTERED,
    )


def altered_kind(name: str, suffixes: frozenset[str]) -> bool:
    """Whether a file of that name is one that a service with these `Capabilities.alters` may change."""
    return any(name.lower().endswith(suffix) for suffix in suffixes)


def tells_nothing(entry: Entry) -> bool:
    """Whether only reading a file could tell that it is still what it was: a table of a database, say."""
    known = (entry.size, entry.modified_ns, entry.version)
    return not entry.hashes and all(value is None for value in known)


def destination_untouched(destination: Entry, arrival: Arrival, grain_ns: int | None) -> bool:
    """Whether the file at the destination is still the one that was left there; `tells_nothing` must be asked first."""
    if (by_hash := compare_hashes(destination.hashes, arrival.destination_hashes)) is not None:
        return by_hash
    if destination.version is not None and arrival.destination_version is not None:
        return destination.version == arrival.destination_version
    if destination.size is not None and destination.size != arrival.destination_size:
        return False
    if grain_ns is None or destination.modified_ns is None or arrival.destination_modified_ns is None:
        return True
    return same_time(destination.modified_ns, arrival.destination_modified_ns, grain_ns)
