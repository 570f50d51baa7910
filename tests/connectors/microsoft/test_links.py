"""Addresses that the service names are from outside."""

from __future__ import annotations

import pytest
from simulators.front import RunningFront
from tests.contract.acts import listed

from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.links import graph_link, https_link
from mover.entries import ROOT
from mover.errors import ProtocolViolation
from simulators.microsoft import Microsoft


@pytest.mark.parametrize(
    "url",
    [
        "https://graph.microsoft.com.evil.example/v1.0/x",
        "https://graph.microsoft.com@evil.example/v1.0/x",
        "https://evil.example/graph.microsoft.com",
        "http://graph.microsoft.com/v1.0/x",
        "//graph.microsoft.com/v1.0/x",
        "https://graph.microsoft.com/a b",
        "https://graph.microsoft.com/\r\nX: y",
        "https://graph.microsoft.com:8443/x",
        "https://graph.microsoft.com/#" + "x",
        "https://graph.microsoft.com/" + "x" * 20_000,
        "",
    ],
)
def test_only_graph_itself_is_shown_the_token(url: str) -> None:
    with pytest.raises(ProtocolViolation):
        graph_link(url)


@pytest.mark.parametrize(
    "url", ["https://graph.microsoft.com/v1.0/x?$skiptoken=a%20b", "https://graph.microsoft.com:443/x"]
)
def test_opaque_links_are_followed_as_they_are(url: str) -> None:
    assert graph_link(url) == url


def test_an_address_with_its_own_right_may_be_anywhere_but_never_plain() -> None:
    assert https_link("https://contoso.sharepoint.com/x?tempauth=y")
    with pytest.raises(ProtocolViolation):
        https_link("http://contoso.sharepoint.com/x?tempauth=y")


@pytest.mark.servers
async def test_a_next_page_elsewhere_is_not_followed(
    simulators: RunningFront, vendor: Microsoft, drive: MicrosoftConnector
) -> None:
    [library] = list(vendor.state.drive_of.values())
    for number in range(1001):
        library.drive.add(library.drive.root, f"{number}")
    vendor.faults.switch("foreign next link")
    vendor.tally.records = True
    with pytest.raises(ProtocolViolation, match="another host"):
        await listed(drive, ROOT)
    assert {exchange.host for exchange in vendor.tally.exchanges} == {"graph.microsoft.com"}
    assert simulators.world.vendor_of("graph.example.net") is None
