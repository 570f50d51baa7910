"""Reports of runs: numbers that add up, every item, every problem, every changed name. Metadata only."""

from mover.reports.summary import Summary, summary
from mover.reports.writing import FORMATS, print_report, write_report

__all__ = ["FORMATS", "Summary", "print_report", "summary", "write_report"]
