"""What the connectors claim."""

from __future__ import annotations

from dataclasses import replace

from mover.connectors.contract import Capabilities, Setting
from mover.connectors.microsoft.costs import PERSONAL as PERSONAL_COSTS
from mover.connectors.microsoft.costs import WORK as WORK_COSTS
from mover.connectors.microsoft.parts import RULES
from mover.connectors.microsoft.sessions import Grain
from mover.entries import HashName
from mover.naming.presets import ONEDRIVE_PERSONAL, SHAREPOINT

WORK = Grain(resolution_ns=1_000_000_000, personal=False)
PERSONAL = Grain(resolution_ns=1_000_000, personal=True)

_ALTERED = frozenset(
    {".docx", ".docm", ".dotx", ".dotm", ".xlsx", ".xlsm", ".xltx", ".xltm", ".xlsb", ".pptx", ".pptm"}
    | {".potx", ".potm", ".ppsx", ".ppsm", ".vsdx"}
)
_LARGEST_FILE = 250 * 1024**3
_LONGEST_PATH = 400


def describe(grain: Grain, *, root_path: str = "") -> Capabilities:
    """What a drive can do; `root_path` is that of its root at its host, which counts in the length of paths."""
    names = ONEDRIVE_PERSONAL if grain.personal else SHAREPOINT
    if root_path:
        taken = names.length(root_path.strip("/")) + 1
        names = replace(names, longest_path=max(1, _LONGEST_PATH - taken))
    return Capabilities(
        names=names,
        stable_ids=True,
        listed_hashes=frozenset({HashName.QUICKXOR}),
        returned_hashes=frozenset({HashName.QUICKXOR}),
        modified=Setting.AT_UPLOAD,
        modified_resolution_ns=grain.resolution_ns,
        folder_modified=Setting.AFTERWARDS,
        created=Setting.AT_UPLOAD,
        alters=frozenset() if grain.personal else _ALTERED,
        bounded_reads=False,  # each costs two calls, so a large file is better read in one than in ranges
        versioned_reads=True,
        exclusive_create=True,
        unknown_sizes=False,
        max_file_size=_LARGEST_FILE,
        parts=RULES,
        concurrency=(16, 48),
        costs=PERSONAL_COSTS if grain.personal else WORK_COSTS,
    )
