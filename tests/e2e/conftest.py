from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.command import Mover


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    """A Mover that nobody used yet."""
    return Mover(tmp_path / "mover")
