from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.connections.fake_service import FakeService
from tests.database_url import on_sqlite

from mover.connections import queries
from mover.connections.connections import ConnectionGone, Connections
from mover.database.database import Database
from mover.errors import Changed, InvalidConfiguration, NotFound, SignInFailed
from mover.transport.egress import Egress
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.tables import secrets
from mover.vault.vault import Vault

NAS: dict[str, str | Secret] = {"host": "nas", "port": "2222", "password": Secret("hunter2-canary")}


async def secret_count(database: Database) -> int | None:
    return await database.read(lambda c: c.scalar(select(func.count()).select_from(secrets)))


async def test_what_was_added_is_listed_without_its_secrets(connections: Connections) -> None:
    added = await connections.add("nas", "fake", NAS)
    await connections.add("Cold", "other", {**NAS, "host": "cold"})

    listed = await connections.all()

    assert [connection.name for connection in listed] == ["Cold", "nas"]
    assert listed[1] == added
    assert added.config == {"host": "nas", "port": 2222}
    assert added.created_ns == 1_700_000_000 * 10**9
    assert "hunter2" not in repr(listed)


@on_sqlite
async def test_no_secret_is_on_disk(connections: Connections, tmp_path: Path) -> None:
    await connections.add("nas", "fake", NAS)
    await (await connections.open("nas")).close()

    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert b"2222" in content
    assert b"hunter2" not in content


async def test_an_opened_connection_is_signed_in_with_everything_that_was_filled_in(
    connections: Connections, service: FakeService
) -> None:
    await connections.add("nas", "fake", NAS)
    assert (await connections.get("nas")).last_used_ns is None

    await connections.open("nas")

    config = service.made[0].config
    assert (config.host, config.port, config.password) == ("nas", 2222, Secret("hunter2-canary"))
    assert service.made[0].closed == 0
    assert (await connections.get("nas")).last_used_ns == 1_700_000_000 * 10**9


async def test_a_failed_sign_in_names_the_connection_and_closes_the_connector(
    connections: Connections, service: FakeService
) -> None:
    await connections.add("nas", "fake", {**NAS, "password": "wrong"})

    with pytest.raises(SignInFailed, match="nas sign_in: wrong password"):
        await connections.open("nas")

    assert service.made[0].closed == 1
    assert (await connections.get("nas")).last_used_ns is None


async def test_a_cancelled_sign_in_closes_the_connector(
    connections: Connections, service: FakeService
) -> None:
    reached = asyncio.Event()

    async def stall(_field: str, _value: str) -> None:
        reached.set()
        await asyncio.Event().wait()

    made = service.types("fake").make
    service._make = lambda config, surroundings: made(config, replace(surroundings, remember=stall))  # type: ignore[method-assign]
    await connections.add("nas", "fake", NAS)
    opening = asyncio.create_task(connections.open("nas"))
    await reached.wait()

    opening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await opening
    assert service.made[0].closed == 1


async def test_what_a_connector_remembers_is_there_the_next_time(
    connections: Connections, service: FakeService
) -> None:
    await connections.add("nas", "fake", NAS)

    await connections.open("nas")
    await connections.open("nas")

    assert [connector.config.host_key for connector in service.made] == [None, "ssh-ed25519 AAAA"]
    assert (await connections.get("nas")).config["host_key"] == "ssh-ed25519 AAAA"


async def test_a_remembered_secret_goes_to_the_vault(
    connections: Connections, service: FakeService, vault: Vault
) -> None:
    await connections.add("nas", "fake", NAS)
    await connections.open("nas")

    await service.made[0].remember("token", "tok-canary")
    await service.made[0].remember("token", "tok-canary-2")

    connection = await connections.get("nas")
    assert await vault.fetch(connection.person, connection.owner, "token") == Secret("tok-canary-2")
    assert "tok-canary" not in repr(connection)


async def test_the_same_connector_may_change_what_it_remembered(
    connections: Connections, service: FakeService
) -> None:
    await connections.add("nas", "fake", NAS)
    await connections.open("nas")

    await service.made[0].remember("username", "alice")
    await service.made[0].remember("username", "alice2")

    assert (await connections.get("nas")).config["username"] == "alice2"


async def test_of_two_that_find_different_host_keys_the_second_is_refused(
    connections: Connections, service: FakeService
) -> None:
    await connections.add("nas", "fake", {**NAS, "host_key": "before"})
    await connections.open("nas")
    await connections.open("nas")
    await service.made[0].remember("host_key", "mine")

    with pytest.raises(Changed):
        await service.made[1].remember("host_key", "another")

    assert (await connections.get("nas")).config["host_key"] == "mine"


@pytest.mark.parametrize("found", [("host_key", "ssh-ed25519 AAAA"), ("token", "tok-1")])
async def test_nothing_is_remembered_for_a_connection_that_is_gone(
    connections: Connections, service: FakeService, database: Database, found: tuple[str, str]
) -> None:
    await connections.add("nas", "fake", NAS)
    await connections.open("nas")
    await connections.remove("nas")

    with pytest.raises(NotFound):
        await service.made[0].remember(*found)

    assert await secret_count(database) == 0


@pytest.mark.parametrize("found", [("port", "rubbish"), ("colour", "blue"), ("host_key", "x" * 70_000)])
async def test_what_could_not_be_used_again_is_not_remembered(
    connections: Connections, service: FakeService, found: tuple[str, str]
) -> None:
    await connections.add("nas", "fake", NAS)
    await connections.open("nas")
    before = await connections.get("nas")

    with pytest.raises(InvalidConfiguration):
        await service.made[0].remember(*found)

    assert await connections.get("nas") == before


async def test_removing_destroys_the_secrets(connections: Connections, database: Database) -> None:
    await connections.add("nas", "fake", NAS)
    assert await secret_count(database) == 1

    await connections.remove("nas")

    assert await connections.all() == []
    assert await secret_count(database) == 0


async def test_a_taken_name_is_refused_and_nothing_changes(
    connections: Connections, service: FakeService
) -> None:
    added = await connections.add("nas", "fake", NAS)

    with pytest.raises(InvalidConfiguration, match="already"):
        await connections.add("nas", "fake", {"host": "other", "password": "other"})

    assert await connections.all() == [added]
    await connections.open("nas")
    assert service.made[0].config.password == NAS["password"]


async def test_of_many_that_add_the_same_name_at_once_one_wins(
    connections: Connections, database: Database
) -> None:
    results = await asyncio.gather(
        *(connections.add("nas", "fake", NAS) for _ in range(6)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, InvalidConfiguration | Changed)]
    assert len(refused) == 5
    assert len(await connections.all()) == 1
    assert await secret_count(database) == 1


async def test_authorising_anew_keeps_the_id_and_drops_what_is_not_given(
    connections: Connections, service: FakeService, vault: Vault
) -> None:
    added = await connections.add("nas", "fake", {**NAS, "username": "alice"})
    await connections.open("nas")

    again = await connections.add(
        "nas", "fake", {"host": "nas", "port": "2222", "token": "tok-1"}, replace=True
    )

    assert (again.id, again.created_ns) == (added.id, added.created_ns)
    assert again.config == {"host": "nas", "port": 2222, "host_key": service.host_key}
    assert await vault.fetch_all(again.person, again.owner) == {"token": Secret("tok-1")}
    assert await connections.all() == [again]


@pytest.mark.parametrize(
    "values",
    [{**NAS, "host": "other"}, {**NAS, "port": "22"}, {**NAS, "host_key": ""}],
    ids=["host", "port", "let go"],
)
async def test_a_pinned_key_does_not_outlive_the_address_it_was_for(
    connections: Connections, values: dict
) -> None:
    await connections.add("nas", "fake", NAS)
    await connections.open("nas")

    again = await connections.add("nas", "fake", values, replace=True)

    assert "host_key" not in again.config


async def test_another_service_cannot_take_a_connections_place(connections: Connections) -> None:
    await connections.add("nas", "fake", NAS)

    with pytest.raises(InvalidConfiguration, match="connection to fake"):
        await connections.add("nas", "other", NAS, replace=True)


async def test_rubbish_is_refused_and_leaves_nothing_behind(
    connections: Connections, database: Database
) -> None:
    rubbish: list[tuple[str, str, dict]] = [
        ("file", "fake", NAS),
        ("na/s", "fake", NAS),
        ("nas", "ftpx", NAS),
        ("nas", "fake", {}),
        ("nas", "fake", {"x": "y"}),
    ]
    for name, kind, values in rubbish:
        with pytest.raises(InvalidConfiguration):
            await connections.add(name, kind, values)

        assert await connections.all() == []
        assert await secret_count(database) == 0


async def test_an_unknown_name_lists_the_known_ones(connections: Connections) -> None:
    with pytest.raises(InvalidConfiguration, match="there are none yet"):
        await connections.open("nas")
    await connections.add("cold", "fake", NAS)

    for ask in (connections.get, connections.open, connections.remove):
        with pytest.raises(InvalidConfiguration, match="no connection 'nas'; known are: cold"):
            await ask("nas")


async def test_a_saved_configuration_that_no_longer_works_is_said_without_secrets(
    connections: Connections, vault: Vault
) -> None:
    connection = await connections.add("nas", "fake", NAS)
    await vault.store(connection.person, connection.owner, "token", Secret("canary"))

    with pytest.raises(InvalidConfiguration, match="connect it again") as caught:
        await connections.open("nas")

    assert "canary" not in str(caught.value)


async def test_a_new_password_never_goes_to_the_old_host(
    connections: Connections, database: Database, vault: Vault, service: FakeService, tmp_path: Path
) -> None:
    class Overtaken(Vault):
        async def fetch_all(self, person: str, owner: str) -> dict[str, Secret]:
            await connections.add("nas", "fake", {"host": "new", "password": "new"}, replace=True)
            return await vault.fetch_all(person, owner)

    await connections.add("nas", "fake", NAS)
    same_key = FileKeyProvider(tmp_path / "keys" / "global.key")
    overtaken = Connections(database, Overtaken(database, same_key), Egress(), types=service.types)

    with pytest.raises(Changed):
        await overtaken.open("nas")

    assert service.made == []


async def test_persons_do_not_see_each_others_connections(
    connections: Connections, database: Database, vault: Vault, service: FakeService
) -> None:
    others = Connections(database, vault, Egress(), person="bob", types=service.types)
    mine = await connections.add("nas", "fake", NAS)
    theirs = await others.add("nas", "fake", NAS)

    await others.remove("nas")

    assert mine.id != theirs.id
    assert await connections.all() == [mine]
    assert await connections.with_id(mine.id) == mine
    with pytest.raises(ConnectionGone):
        await others.with_id(mine.id)
    await connections.open("nas")


async def test_some_are_found_without_loading_the_others(
    connections: Connections,
    database: Database,
    vault: Vault,
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = Connections(database, vault, Egress(), person="bob", types=service.types)
    first, _, third = [await connections.add(name, "fake", NAS) for name in ("a", "b", "c")]
    theirs = await others.add("a", "fake", NAS)
    monkeypatch.setattr(queries, "of_person", None)

    found = await connections.with_ids([third.id, theirs.id, first.id, "nonsense"])

    assert sorted(found, key=lambda one: one.name) == [first, third]
