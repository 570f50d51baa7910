"""What a cluster can do, as data."""

from __future__ import annotations

from dataclasses import replace

from mover.connectors.contract import Capabilities, PartRules, Setting
from mover.connectors.swift.costs import COSTS
from mover.connectors.swift.info import Info
from mover.entries import HashName
from mover.naming.presets import SWIFT

_MIB = 1024 * 1024
_SMALLEST = _MIB  # what older clusters ask of every segment but the last
_PREFERRED = 16 * _MIB
_WORTHWHILE = 32 * _MIB
_MANIFEST_LINE = 1400  # bytes, for a segment whose container and name are as long as Swift takes them


def describe(info: Info) -> Capabilities:
    """Describe a cluster."""
    parts = part_rules(info)
    largest = info.swift.max_file_size
    return Capabilities(
        names=replace(SWIFT, longest_path=info.swift.max_object_name_length),
        listed_hashes=frozenset({HashName.MD5}),
        returned_hashes=frozenset({HashName.MD5, HashName.S3_ETAG} if parts else {HashName.MD5}),
        modified=Setting.AT_UPLOAD,
        modified_resolution_ns=None,
        versioned_reads=True,
        exclusive_create=info.honours_conditions,
        max_file_size=parts.most * parts.largest if parts else largest,
        implicit_folders=True,
        parts=parts,
        concurrency=(16, 64),
        costs=COSTS,
    )


def part_rules(info: Info) -> PartRules | None:
    """The rules of static large objects; None where the cluster has none, or keeps them to itself."""
    if info.slo is None:
        return None
    largest = info.swift.max_file_size
    smallest = min(max(info.slo.min_segment_size, _SMALLEST), largest)
    return PartRules(
        smallest=smallest,
        largest=largest,
        most=min(info.slo.max_manifest_segments, max(info.slo.max_manifest_size // _MANIFEST_LINE, 1)),
        preferred=min(max(_PREFERRED, smallest), largest),
        parallel=True,
        worthwhile_from=min(_WORTHWHILE, largest),
    )
