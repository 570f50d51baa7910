"""The service's own rules of throttling, and that a pause it asks for is kept."""

from __future__ import annotations

import pytest
from simulators.faults import Answer
from tests.contents import GivenContent
from tests.contract.acts import listed, put, read, ref_of, target

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
    await paced.refresh(file)
    vendor.throttle.used = 10  # by others
    await paced.refresh(file)
    assert vendor.tally.statuses[429] == 1
    assert vendor.tally.early == 0


async def test_no_call_begins_for_which_nothing_is_left(vendor: Microsoft, drive: MicrosoftConnector) -> None:
    file = ref_of(ROOT, await put(drive, ROOT, "file", b"x"))
    vendor.throttle.window_s, vendor.throttle.limit = 1.0, 10
    for _ in range(15):
        await drive.refresh(file)
    assert vendor.tally.statuses[429] == 0


async def test_the_session_of_a_refused_content_is_used_by_the_next_attempt(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    place, content = target(ROOT, "file"), GivenContent(b"content")
    refusal = Answer(429, {"Retry-After": "0"}, b"")
    vendor.faults.add(refusal, method="PUT", path="uploadSession")
    vendor.tally.clear()
    with pytest.raises(Throttled) as caught:
        await drive.upload(place, content)
    assert caught.value.did_nothing
    file = ref_of(ROOT, await drive.upload(place, content))
    assert (vendor.tally.calls["POST createUploadSession"], vendor.tally.total) == (1, 3)
    assert await read(drive, file) == b"content"


async def test_a_refused_session_that_is_gone_or_of_another_file_is_not_used(
    vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    refusal = Answer(429, {"Retry-After": "0"}, b"")
    for name, second in (("gone", b"content"), ("other", b"longer content")):
        place = target(ROOT, name)
        vendor.faults.add(refusal, method="PUT", path="uploadSession")
        with pytest.raises(Throttled):
            await drive.upload(place, GivenContent(b"content"))
        if name == "gone":
            vendor.state.sessions.clear()
        file = ref_of(ROOT, await drive.upload(place, GivenContent(second)))
        assert await read(drive, file) == second


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
