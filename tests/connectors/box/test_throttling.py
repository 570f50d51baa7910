"""Box's limits of calls a minute and user, obeyed to the second."""

from __future__ import annotations

import asyncio

import pytest
from simulators.front import RunningFront
from tests.contents import GivenContent
from tests.contract.acts import listed, target
from tests.servers.box import BEN, connected, enterprise

from mover.connectors.box import BoxConnector
from mover.connectors.paced import Paced
from mover.entries import ROOT, EntryRef
from mover.errors import Throttled
from mover.transport.pacing import Pacer
from simulators.box import Box

pytestmark = pytest.mark.servers


async def test_a_throttled_call_tells_when_to_come_back(
    simulators: RunningFront, box: Box, connector: BoxConnector
) -> None:
    box.limits.uploads = 3
    for number in range(3):
        await connector.upload(target(ROOT, f"file {number}"), GivenContent(b"x"))
    with pytest.raises(Throttled) as caught:
        await connector.upload(target(ROOT, "one too many"), GivenContent(b"x"))
    assert caught.value.retry_after_s is not None
    assert 58 <= caught.value.retry_after_s <= 60
    simulators.world.clock.advance(caught.value.retry_after_s)
    await connector.upload(target(ROOT, "one too many"), GivenContent(b"x"))
    assert box.tally.early == 0


async def test_a_run_over_the_limits_never_calls_before_it_may(simulators: RunningFront, box: Box) -> None:
    """Time is the simulator's: whoever waits lets it pass."""
    box.limits.general = 25
    clock = simulators.world.clock

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        await asyncio.sleep(0)

    async with connected(simulators, signs_in=False) as connector:
        pacer = Pacer(1, 1, clock=clock.now_s, sleep=sleep)
        paced = Paced(connector, pacer, sleep=sleep, clock=clock.now_s)
        await paced.sign_in()
        for number in range(60):
            await paced.create_folder(ROOT, f"folder {number}")
        assert len(await listed(paced, ROOT)) == 60
    assert box.tally.statuses[429] >= 2
    assert box.tally.early == 0


async def test_users_of_an_enterprise_have_limits_of_their_own(simulators: RunningFront, box: Box) -> None:
    async with enterprise(simulators) as connector:
        box.limits.uploads = 1
        for email in (BEN, "ann@example.org"):
            await connector.upload(target(EntryRef(f"/Users/{email}"), "file"), GivenContent(b"x"))
        with pytest.raises(Throttled):
            await connector.upload(target(EntryRef(f"/Users/{BEN}"), "file 2"), GivenContent(b"x"))
