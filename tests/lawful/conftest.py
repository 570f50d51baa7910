from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.accounts.house import open_house
from tests.lawful.court import Court
from tests.staff.office import open_office


@pytest.fixture
async def court(tmp_path: Path) -> AsyncIterator[Court]:
    """An organisation with runs under way, three people of the staff, and recipients; a clock that stands still."""
    async with open_house(tmp_path) as house:
        yield Court(await open_office(house), tmp_path)
