"""Looking at folders on disk."""

from __future__ import annotations

from pathlib import Path


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir())
