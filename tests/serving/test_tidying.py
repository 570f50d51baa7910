"""What is over in the accounts is removed by the API's process, now and then."""

from __future__ import annotations

import asyncio
import logging

import pytest

from mover.errors import Locked
from mover.serving.tidying import tidying


class Rows:
    """Rows that are over: some come each time, until they are gone."""

    def __init__(self, *left: int | Exception) -> None:
        self.left = list(left)
        self.gone = asyncio.Event()

    async def remove(self) -> int:
        found = self.left.pop(0) if self.left else 0
        if isinstance(found, Exception):
            raise found
        if not self.left:
            self.gone.set()
        return found


async def test_all_of_it_goes_and_trouble_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    expired, deleted = Rows(3, Locked("busy"), 2, 0), Rows(7, ValueError("a defect"), 4, 0)

    async with tidying([expired.remove, deleted.remove], first_s=0, every_s=0):
        await asyncio.wait_for(asyncio.gather(expired.gone.wait(), deleted.gone.wait()), 60)

    assert {record.levelno for record in caplog.records if record.name == "mover.serving.again"} >= {
        logging.WARNING,
        logging.ERROR,
    }


async def test_nothing_is_done_before_its_time() -> None:
    expired = Rows(1)

    async with tidying([expired.remove], first_s=3600):
        await asyncio.sleep(0)

    assert expired.left == [1]


async def test_a_step_that_always_fails_keeps_no_other_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, deleted = Rows(*[Locked("away")] * 1_000), Rows(4, 0)

    async with tidying([broken.remove, deleted.remove], first_s=0, every_s=60):
        await asyncio.wait_for(deleted.gone.wait(), 60)

    assert "away" in caplog.text
