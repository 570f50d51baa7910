"""No test reaches anything but this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import pytest
from tests.outside import OutsideRefusedError

TEST_NETWORK = "192.0.2.1"


def test_connecting_to_a_foreign_address_is_refused() -> None:
    with socket.socket() as connection, pytest.raises(OutsideRefusedError):
        connection.connect((TEST_NETWORK, 443))


def test_sending_a_datagram_to_a_foreign_address_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(OutsideRefusedError):
        sender.sendto(b"x", (TEST_NETWORK, 53))


def test_resolving_a_foreign_name_is_refused_in_any_thread() -> None:
    raised: list[type[BaseException] | None] = []

    def resolve() -> None:
        try:
            socket.getaddrinfo("example.org", 443)
        except OutsideRefusedError as error:
            raised.append(type(error))

    thread = threading.Thread(target=resolve)
    thread.start()
    thread.join()
    assert raised == [OutsideRefusedError]


async def test_asyncio_is_refused_too() -> None:
    with pytest.raises(OutsideRefusedError):
        await asyncio.open_connection(TEST_NETWORK, 443)


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass
    assert socket.getaddrinfo("localhost", 80)


def test_address_as_text_needs_no_asking() -> None:
    assert socket.getaddrinfo(TEST_NETWORK, 443)


def test_environment_names_no_proxy_and_no_account() -> None:
    assert [name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("AWS_")] == []
