"""What Egnyte can do, as data."""

from __future__ import annotations

from mover.connectors.contract import Capabilities, PartRules, Setting
from mover.connectors.egnyte.costs import COSTS
from mover.entries import HashName
from mover.naming.presets import EGNYTE

SECOND_NS = 1_000_000_000
_MB = 1_000_000
_GREATEST_CHUNK = 1_000 * _MB
_MOST_CHUNKS = 10_000  # no limit is documented; 10 TB in the greatest chunks

RULES = PartRules(
    smallest=10 * _MB,
    largest=_GREATEST_CHUNK,
    most=_MOST_CHUNKS,
    preferred=32 * _MB,
    parallel=False,
    worthwhile_from=100 * _MB,
    rationed=True,
)
"""Chunks ("Chunked Upload"): of equal size, 10 MB to 1 GB; recommended from 100 MB on. The first one's answer names the
upload, so the others wait for it."""

CAPABILITIES = Capabilities(
    names=EGNYTE,
    stable_ids=True,
    listed_hashes=frozenset({HashName.SHA512}),
    returned_hashes=frozenset({HashName.SHA512}),
    modified=Setting.AT_UPLOAD,
    modified_resolution_ns=SECOND_NS,
    versioned_reads=True,
    exclusive_create=False,
    described_changes=False,
    parts=RULES,
    concurrency=(2, 16),
    costs=COSTS,
)
