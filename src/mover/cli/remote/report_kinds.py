"""What reports there are, and in which form: the words that are typed."""

from __future__ import annotations

import enum


class ReportKind(enum.StrEnum):
    """Which report: all but the first are of runs, the first two of migrations."""

    PAIRS = "pairs"
    ERRORS = "errors"
    LOG = "log"
    PERMISSIONS = "permissions"
    RECONCILIATION = "reconciliation"


class ReportFormat(enum.StrEnum):
    """In which form."""

    CSV = "csv"
    JSONL = "jsonl"
