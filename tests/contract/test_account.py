"""Signing in and out, and what the account tells about itself."""

from __future__ import annotations

import pytest
from tests.contents import hashes_of
from tests.contract.acts import need, put, ref_of, some_bytes
from tests.contract.services import Connect, Service

from mover.connectors.contract import Connector
from mover.entries import EntryRef, HashName
from mover.errors import MoverError, NotFound, SignInFailed, Unreachable, UntrustedServer


async def test_signing_in_tells_who_and_whether_the_way_is_secure(service: Service) -> None:
    connector = service.connect()
    try:
        account = await connector.sign_in()
    finally:
        await connector.close()
    assert account.description
    assert isinstance(account.secure, bool)


async def test_wrong_credentials_are_refused(service: Service) -> None:
    await _fails(service.refused, SignInFailed)


async def test_nobody_at_the_address_is_unreachable(service: Service) -> None:
    await _fails(service.unreachable, Unreachable)


async def test_server_that_proves_to_be_another_one_is_not_trusted(service: Service) -> None:
    await _fails(service.untrusted, UntrustedServer)


async def test_closing_twice_is_no_error(service: Service) -> None:
    connector = service.connect()
    await connector.sign_in()
    await connector.look_up("/")
    await connector.close()
    await connector.close()


async def test_closing_without_signing_in_is_no_error(service: Service) -> None:
    await service.connect().close()


async def test_hashes_on_demand_are_true(connector: Connector, folder: EntryRef) -> None:
    need(connector.hashes is not None, "hashes on demand")
    assert connector.hashes is not None
    data = some_bytes(400_000)
    file = ref_of(folder, await put(connector, folder, 'file \' with "odd" name', data))
    computed = await connector.hashes.compute(file, frozenset(HashName))
    assert computed == hashes_of(data, set(computed))
    assert computed.keys() <= connector.hashes.names
    assert computed or not connector.hashes.names


async def test_hashes_on_demand_of_an_empty_file_are_true(connector: Connector, folder: EntryRef) -> None:
    need(connector.hashes is not None, "hashes on demand")
    assert connector.hashes is not None
    file = ref_of(folder, await put(connector, folder, "empty", b""))
    computed = await connector.hashes.compute(file, connector.hashes.names)
    assert computed == hashes_of(b"", set(computed))


async def test_hashes_of_a_missing_file_are_not_found(connector: Connector, folder: EntryRef) -> None:
    need(connector.hashes is not None, "hashes on demand")
    assert connector.hashes is not None
    with pytest.raises(NotFound):
        await connector.hashes.compute(folder.child("missing"), connector.hashes.names)


async def test_free_room_is_a_number_or_unknown(connector: Connector) -> None:
    need(connector.quota is not None, "free room")
    assert connector.quota is not None
    free = await connector.quota.free_bytes()
    assert free is None or free > 0


async def test_limits_of_concurrency_make_sense(connector: Connector) -> None:
    first, most = connector.capabilities.concurrency
    assert 1 <= first <= most


async def test_errors_say_where_they_happened(connector: Connector, folder: EntryRef) -> None:
    with pytest.raises(NotFound) as caught:
        await connector.look_up(f"{folder.path}/missing")
    error = caught.value
    assert (error.service, error.operation.replace(" ", "_")) == (connector.service, "look_up")
    assert error.path == f"{folder.path}/missing"


async def _fails(connect: Connect | None, with_error: type[MoverError]) -> None:
    need(connect is not None, "a way to fail like this")
    assert connect is not None
    connector = connect()
    with pytest.raises(with_error) as caught:
        await connector.sign_in()
    await connector.close()
    assert caught.value.service == connector.service
    assert "wrong" not in str(caught.value)
