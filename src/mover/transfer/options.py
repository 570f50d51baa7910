"""What a person can choose for a run."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, field

from mover.transfer.filters import Filters
from mover.transfer.sharing_rules import SharingRules


class VerifyLevel(enum.StrEnum):
    """How arrivals are verified."""

    AUTO = "auto"  # by content hash where the destination has one in common, else read back
    HASH = "hash"  # by the destination's content hash only
    READBACK = "readback"  # read everything back
    SIZE = "size"  # compare sizes only


class ConflictRule(enum.StrEnum):
    """What to do when something else stands at the destination."""

    REPORT = "report"  # leave it and say so
    OVERWRITE = "overwrite"  # the source wins


MOST_VERSIONS = 500


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a run.

    Attributes:
        filters: Which entries are moved.
        verify: How arrivals are verified.
        conflict: What happens to files at the destination that are not ours.
        sharing: How permissions are re-created; None: they are not.
        dry_run: Look and tell, change nothing.
        full: List everything, even where change feeds tell what changed since the last run.
        versions: How many earlier versions of a file are moved with it, the newest of them; 0: none.
        form: How contents and names are sealed or opened, if they are: text that is equal for the same way.
        archive: All that is moved goes into one new archive, instead of beside each other.
        bytes_per_s: Greatest rate of reading the source; None without a limit.
        hours_a_day: How long work goes on a day, where a window is set; only tells how long a move will take.
        attempts: How often an item is tried when its errors are transient.
        files_at_once: Small files under way at once.
        large_at_once: Files sent in parts or streams under way at once.
        parts_at_once: Parts of one file under way at once.
    """

    filters: Filters = field(default_factory=Filters.build)
    verify: VerifyLevel = VerifyLevel.AUTO
    conflict: ConflictRule = ConflictRule.REPORT
    sharing: SharingRules | None = None
    dry_run: bool = False
    full: bool = False
    versions: int = 0
    form: str = ""
    archive: bool = False
    bytes_per_s: int | None = None
    hours_a_day: float = 24.0
    attempts: int = 4
    files_at_once: int = 48
    large_at_once: int = 2
    parts_at_once: int = 4

    @property
    def basis(self) -> str:
        """Equal for options that move the same things the same way: a run follows only one with such."""
        text = f"{self.filters.fingerprint}\n{self.verify}\n{self.conflict}"
        if self.sharing is not None:
            text += f"\n{self.sharing.fingerprint}"
        if self.versions:
            text += f"\nversions {self.versions}"
        if self.form:
            text += f"\nform {self.form}"
        if self.archive:
            text += "\narchive"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def fingerprint(self) -> str:
        """Equal for options with which an interrupted run is gone on with."""
        return f"{self.basis}-full" if self.full else self.basis
