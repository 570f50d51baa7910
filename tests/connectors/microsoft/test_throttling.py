"""The service's own rules of throttling, and that a pause it asks for is kept."""

from __future__ import annotations

import pytest
from simulators.faults import Answer
from tests.contract.acts import listed, put, ref_of

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.paced import Paced
from mover.entries import ROOT
from mover.errors import ServiceFault, Throttled
from mover.transport.pacing import Pacer
from simulators.microsoft import Microsoft

pytestmark = pytest.mark.servers


async def test_a_pause_is_kept_by_all_that_comes_after_it(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", b"x"))
    vendor.throttle.window_s, vendor.throttle.limit = 1.0, 10
    paced = Paced(drive, Pacer(1, 1))
    for _ in range(25):
        await paced.refresh(file)
    assert vendor.tally.statuses[429] > 0
    assert vendor.tally.early == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_both_forms_of_throttling_tell_their_pause(
    vendor: Microsoft, drive: MicrosoftConnector, status: int
) -> None:
    vendor.throttle.status, vendor.throttle.limit = status, 0
    with pytest.raises(Throttled) as caught:
        await listed(drive, ROOT)
    assert caught.value.retry_after_s == 60


async def test_a_fault_without_a_pause_is_no_throttling(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    for status in (500, 502, 503):
        vendor.faults.add(Answer(status, {}, b"<html>"), path="children")
        with pytest.raises(ServiceFault) as caught:
            await listed(drive, ROOT)
        assert caught.value.retry_after_s is None
