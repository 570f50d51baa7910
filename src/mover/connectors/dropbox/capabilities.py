"""What Dropbox can do, as data."""

from __future__ import annotations

from mover.connectors.contract import Capabilities, PartRules, Setting
from mover.connectors.dropbox.costs import COSTS
from mover.entries import HashName
from mover.naming.presets import DROPBOX

_MIB = 1024 * 1024
_BLOCK = 4 * _MIB
LARGEST_CALL = 150 * _MIB
_LARGEST_PART = LARGEST_CALL // _BLOCK * _BLOCK
_LARGEST_FILE = 2**41 - 2**22  # of the route's description
_PREFERRED = 48 * _MIB  # as much as rclone sends at once, so that a large file costs no more calls
_WORTHWHILE = 3 * _PREFERRED  # below that one call takes all of a file, and one more ends it

CAPABILITIES = Capabilities(
    names=DROPBOX,
    stable_ids=True,
    listed_hashes=frozenset({HashName.DROPBOX}),
    returned_hashes=frozenset({HashName.DROPBOX}),
    modified=Setting.AT_UPLOAD,
    modified_resolution_ns=1_000_000_000,
    versioned_reads=True,
    exclusive_create=True,
    max_file_size=_LARGEST_FILE,
    parts=PartRules(
        smallest=_BLOCK,
        largest=_LARGEST_PART,
        most=_LARGEST_FILE // _BLOCK,
        multiple=_BLOCK,
        preferred=_PREFERRED,
        parallel=True,
        worthwhile_from=_WORTHWHILE,
        rationed=True,
    ),
    concurrency=(24, 96),  # of uploads that share calls
    costs=COSTS,
)
