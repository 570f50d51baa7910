from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.accounts.house import House, open_house
from tests.database_url import Kind
from tests.staff.office import StaffOffice, open_office


@pytest.fixture
async def house(tmp_path: Path, database_kind: Kind) -> AsyncIterator[House]:  # noqa: ARG001 - chosen before
    """Accounts on a database of their own, with a founder in it and a clock that stands still."""
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def office(house: House) -> StaffOffice:
    """Three people of the staff beside them."""
    return await open_office(house)
