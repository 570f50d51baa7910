"""No spelling, no name and no tunnel leads to an address that the operator did not allow."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.errors import AddressRefused, Unreachable
from mover.settings import PrivateAddresses
from mover.transport.addresses import AddressRules
from mover.transport.egress import Egress

NOBODY = AddressRules(PrivateAddresses())
EVERYBODY = AddressRules(PrivateAddresses(every=True))

REFUSED = [
    "0.0.0.0",  # noqa: S104 - nothing binds to it
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "64:ff9b:1:fffe::127.0.0.1",
    "100::1",
    "2001::1",  # Teredo of 0.0.0.0
    "2001:0:7f00:1::8080:8080",  # Teredo server 127.0.0.1
    "2001:0:808:808::80ff:fffe",  # Teredo client 127.0.0.1
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2600:1:2:3:0:5efe:10.0.0.1",  # ISATAP
    "2600:1:2:3:200:5efe:127.0.0.1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
    "2001:0:808:808::f7f7:f7f7",
]


@pytest.mark.parametrize("text", REFUSED)
def test_special_addresses_are_refused(text: str) -> None:
    with pytest.raises(AddressRefused) as raised:
        NOBODY.check(ipaddress.ip_address(text))
    assert text.partition("%")[0] in str(raised.value) or ":" in text


@pytest.mark.parametrize("text", ALLOWED)
def test_public_addresses_are_allowed(text: str) -> None:
    NOBODY.check(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", REFUSED + ALLOWED)
def test_an_operator_may_allow_everything(text: str) -> None:
    EVERYBODY.check(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("networks", "allowed", "refused"),
    [
        ("10.1.0.0/16", ["10.1.2.3", "::ffff:10.1.2.3"], ["10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1"]),
        ("127.0.0.0/8, ::1", ["127.0.0.1", "::1", "64:ff9b::127.0.0.1"], ["10.0.0.1", "::2", "::"]),
        ("fd00::/8", ["fd00:ec2::254"], ["fc00::1", "fe80::1"]),
        ("169.254.169.254", ["169.254.169.254"], ["169.254.169.253"]),
        ("2002:7f00:1::/48", ["2002:7f00:1::1"], ["127.0.0.1"]),
    ],
)
def test_an_operator_may_allow_networks_and_only_those(
    networks: str, allowed: list[str], refused: list[str]
) -> None:
    rules = AddressRules(PrivateAddresses.parse(networks))
    for text in allowed:
        rules.check(ipaddress.ip_address(text))
    for text in refused:
        with pytest.raises(AddressRefused):
            rules.check(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4).filter(lambda address: not address.is_global))
def test_what_python_calls_not_global_is_refused(address: ipaddress.IPv4Address) -> None:
    with pytest.raises(AddressRefused):
        NOBODY.check(address)


@given(st.ip_addresses(v=4).filter(lambda address: not address.is_global), st.integers(0, 2**16 - 1))
def test_an_ipv6_address_is_no_cloak(address: ipaddress.IPv4Address, tail: int) -> None:
    number = int(address)
    for cloaked in (
        0xFFFF << 32 | number,
        number,
        0xFFFF << 48 | number,
        0x0064FF9B << 96 | number,
        0x2002 << 112 | number << 80 | tail,
        0x20010000 << 96 | 0x08080808 << 64 | tail << 32 | (number ^ 0xFFFFFFFF),
        0x2600 << 112 | 0x5EFE << 32 | number,
    ):
        with pytest.raises(AddressRefused):
            NOBODY.check(ipaddress.IPv6Address(cloaked))


SPELLINGS_OF_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.0x1",
    "2130706433",
    "017700000001",
    "0177.0.0.01",
    "127.0.0.001",
    "0",
    "0.0",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "[::ffff:127.0.0.1]",
    "::ffff:7f00:1",
]


@pytest.mark.parametrize("host", [*SPELLINGS_OF_LOOPBACK, "localhost", "169.254.169.254", "10.0.0.1"])
async def test_no_spelling_gets_past_the_rules(host: str) -> None:
    with pytest.raises(AddressRefused):
        await NOBODY.resolve(host, 443)
    with pytest.raises(AddressRefused):
        await Egress().connect(host, 443)


@pytest.mark.parametrize(
    "host",
    [
        *SPELLINGS_OF_LOOPBACK,
        "localhost",
        "LocalHost.",
        "a.b.localhost",
        "ip6-localhost",
        "localhost.localdomain",
        "metadata.google.internal",
        "Metadata.goog.",
        "instance-data.ec2.internal",
        "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
        "loc\N{FULLWIDTH LATIN SMALL LETTER A}lhost",
        "127\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}1",
        "10.0.0.1",
        "fe80::1%eth0",
    ],
)
def test_no_spelling_gets_past_the_rules_through_a_proxy(host: str) -> None:
    with pytest.raises(AddressRefused):
        NOBODY.for_proxy(host)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("Example.org", "example.org"),
        ("example.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("8.8.2056", "8.8.8.8"),
        ("[2606:4700::1111]", "2606:4700::1111"),
        ("notlocalhost", "notlocalhost"),
        ("localhost.example.org", "localhost.example.org"),
    ],
)
def test_a_proxy_is_told_names_and_canonical_addresses(host: str, named: str) -> None:
    assert NOBODY.for_proxy(host) == named


def test_a_name_for_a_proxy_is_not_looked_up_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def leak(*_: object, **__: object) -> None:
        raise AssertionError("the name was given to the local resolver")

    monkeypatch.setattr(socket, "getaddrinfo", leak)
    monkeypatch.setattr(socket, "gethostbyname", leak)
    assert NOBODY.for_proxy("intern.example.org") == "intern.example.org"


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "a" * 64 + ".example", "host name", "a\r\nb", "a/b", "a@b", "\0"]
)
async def test_what_is_no_host_is_unknown(host: str) -> None:
    with pytest.raises(Unreachable):
        NOBODY.for_proxy(host)
    with pytest.raises(Unreachable):
        await NOBODY.resolve(host, 443)


def answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name resolve to these addresses, for the running loop; returns the names that were asked for."""
    asked: list[str] = []

    async def getaddrinfo(_: object, host: str, port: int, **__: object) -> list[Any]:
        if host[0].isdigit():  # uvloop has addresses parsed by it before it connects
            found: tuple[str, ...] = (host,)
        else:
            found = addresses
            asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in text else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (text, port, 0, 0) if ":" in text else (text, port),
            )
            for text in found
        ]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
async def test_a_name_that_resolves_to_a_refused_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    answering(monkeypatch, address)
    with pytest.raises(AddressRefused, match=r"innocent\.example"):
        await Egress().connect("innocent.example", 443)


async def test_one_refused_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "1.1.1.1", "2606:4700::1111", "127.0.0.1")
    with pytest.raises(AddressRefused):
        await NOBODY.resolve("mixed.example", 443)


async def test_what_is_connected_to_is_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connected = await Egress(allowed=PrivateAddresses.parse("127.0.0.1")).connect("a.example", port)
        with connected:
            assert connected.getpeername() == ("127.0.0.1", port)
            assert not connected.getblocking()
    assert asked == ["a.example"]


async def test_a_second_address_is_tried_when_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, "127.0.0.2", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with await Egress(allowed=PrivateAddresses(every=True)).connect("a.example", port) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
