"""What a cluster tells about itself at `/info`: versions, limits, and which extensions it has.

Source: Swift "Discoverability". Clusters may hide it; then nothing beyond the core of the API is counted on.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from mover.connectors.keys import LONGEST_KEY_BYTES
from mover.transport.unreadable import UNREADABLE

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
# Others that speak Swift's API (Ceph) number their versions otherwise, and nothing is known of those.
_SWIFT = 2
_CONDITIONS_SINCE = (_SWIFT, 19)  # If-None-Match: * on PUT; before, not of objects without bytes
_SLO_ETAGS_SINCE = (_SWIFT, 19)  # slo_etag in listings, of objects written since
_LARGEST_OBJECT = 5 * 1024**3 + 2

_Number = Annotated[int, msgspec.Meta(ge=1, le=1 << 60)]


class Core(msgspec.Struct, frozen=True):
    """The section `swift`."""

    version: str = ""
    max_file_size: _Number = _LARGEST_OBJECT
    max_object_name_length: _Number = LONGEST_KEY_BYTES
    max_container_name_length: _Number = 256
    container_listing_limit: _Number = 10_000
    account_listing_limit: _Number = 10_000


class StaticLargeObjects(msgspec.Struct, frozen=True):
    """The section `slo`."""

    max_manifest_segments: _Number = 1000
    max_manifest_size: _Number = 2 * 1024 * 1024
    min_segment_size: _Number = 1


class BulkDelete(msgspec.Struct, frozen=True):
    """The section `bulk_delete`."""

    max_deletes_per_request: _Number = 10_000


class Info(msgspec.Struct, frozen=True):
    """All of it that matters here; without sections it is that of an unknown cluster."""

    swift: Core = Core()
    slo: StaticLargeObjects | None = None
    bulk_delete: BulkDelete | None = None

    @property
    def honours_conditions(self) -> bool:
        """`If-None-Match: *` keeps a PUT from replacing anything."""
        return self._version >= _CONDITIONS_SINCE

    @property
    def lists_slo_etags(self) -> bool:
        """Listings tell a large object by its `slo_etag`; before, by nothing: its `hash` is that of the manifest."""
        return self._version >= _SLO_ETAGS_SINCE

    @property
    def fills_pages(self) -> bool:
        """All pages of a listing but the last have as many lines as were asked for.

        Others than Swift leave gaps: Ceph lists fewer names than it was asked for, and there are more.
        """
        return self._version[0] == _SWIFT

    def ends_with(self, got: int, *, asked: int) -> bool:
        """Tell whether a page of a listing is the last one. With gaps, only an empty page is an end."""
        return got == 0 or (got < asked and self.fills_pages)

    @property
    def product(self) -> str:
        """For people."""
        return f"Swift {self.swift.version}" if self._version[0] else "Swift's API"

    @property
    def _version(self) -> tuple[int, int]:
        found = _VERSION.match(self.swift.version)
        return (int(found[1]), int(found[2])) if found and int(found[1]) == _SWIFT else (0, 0)


def read_info(body: bytes) -> Info:
    """Read an answer of `/info`; what cannot be read is an unknown cluster."""
    try:
        return msgspec.json.decode(body, type=Info)
    except UNREADABLE:
        return Info()
