from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, delete, insert, select, update
from tests.database_url import on_sqlite
from tests.vault.workers import Worker

import mover
from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, Unreachable
from mover.vault import envelope
from mover.vault.envelope import new_key
from mover.vault.person_keys import place_of_key
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider, GlobalKey
from mover.vault.queries import PersonKeyRow
from mover.vault.secret import Secret
from mover.vault.tables import person_keys, secrets
from mover.vault.vault import Vault

OLD, NEW = new_key().hex(), new_key().hex()


def given(key: str) -> EnvironmentKeyProvider:
    return EnvironmentKeyProvider(Secret(key))


OLD_ID, NEW_ID = GlobalKey(bytes.fromhex(OLD)).id, GlobalKey(bytes.fromhex(NEW)).id


COUNT = 300  # three batches


@pytest.fixture
async def filled(database: Database) -> Vault:
    """A vault with the old key that holds one secret of each of some hundred persons."""
    return await fill(database, COUNT)


async def fill(database: Database, count: int) -> Vault:
    vault = Vault(database, given(OLD))
    await vault.store("person:0000", "connection:1", "password", Secret("secret of 0"))
    key, old = new_key(), GlobalKey(bytes.fromhex(OLD))
    keys, rows = [], []
    for number in range(1, count):
        row = PersonKeyRow(
            person=f"person:{number:04}",
            key_id=f"{number:032}",
            global_key_id=old.id,
            format=1,
            wrapped=b"",
            created_ns=0,
        )
        keys.append({**row_values(row), "wrapped": old.wrap(key, place_of_key(row))})
        place = envelope.place("secret", "1", row.key_id, row.person, "connection:1", "password")
        rows.append(
            {
                "person": row.person,
                "owner": "connection:1",
                "field": "password",
                "key_id": row.key_id,
                "format": 1,
                "sealed": envelope.seal(key, f"secret of {number}".encode(), place),
            }
        )

    def put(connection: Connection) -> None:
        connection.execute(insert(person_keys), keys)
        connection.execute(insert(secrets), rows)

    await database.write(put)
    return vault


def row_values(row: PersonKeyRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


async def wrapping(database: Database) -> dict[str, int]:
    ids = await database.read(lambda c: list(c.scalars(select(person_keys.c.global_key_id))))
    return {key_id: ids.count(key_id) for key_id in set(ids)}


async def check_all(vault: Vault, numbers: range = range(0, COUNT, 10)) -> None:
    for number in numbers:
        found = await vault.fetch(f"person:{number:04}", "connection:1", "password")
        assert found == Secret(f"secret of {number}")


@pytest.mark.slow
async def test_others_read_write_and_renew_while_thousands_of_keys_are_wrapped_anew(
    database: Database,
) -> None:
    await fill(database, 3000)
    other = Vault(database, given(OLD), previous=[given(NEW)])
    met: set[frozenset[str]] = set()
    work: list[asyncio.Task[None]] = []

    async def use(number: int) -> None:
        person = f"person:{number % 3000:04}"
        met.add(frozenset(await wrapping(database)))
        await other.fetch(person, "connection:1", "password")
        await other.rotate_person(person)
        await other.store(f"newcomer:{number}", "connection:1", "password", Secret("x"))

    rotation = Vault(database, given(NEW), previous=[given(OLD)])
    changed = await rotation.rotate_global(
        given(NEW), progress=lambda count: work.append(asyncio.create_task(use(count * 7 + len(work))))
    )
    await asyncio.gather(*work)

    assert 2900 <= changed <= 3000
    assert len(work) >= 30
    assert frozenset({OLD_ID, NEW_ID}) in met  # they did meet both
    assert await wrapping(database) == {NEW_ID: 3000 + len(work)}
    await check_all(Vault(database, given(NEW)), range(0, 3000, 50))


@pytest.mark.usefixtures("filled")
@pytest.mark.slow
async def test_a_process_killed_in_the_middle_leaves_all_readable_and_the_next_goes_on(
    database: Database, workers: Callable[[str], Worker]
) -> None:
    killed = workers(f"{NEW},{OLD}")
    killed.tell("rotate-and-die", NEW, 100)
    assert await asyncio.to_thread(killed.said) == ""
    halfway = await wrapping(database)
    assert halfway == {OLD_ID: COUNT - 100, NEW_ID: 100}

    both = Vault(database, given(OLD), previous=[given(NEW)])
    await check_all(both)
    await both.store("newcomer", "connection:1", "password", Secret("x"))
    assert (await wrapping(database))[NEW_ID] == halfway[NEW_ID] + 1  # no new key under the old one

    assert await both.rotate_global(given(NEW)) == halfway[OLD_ID]
    await check_all(Vault(database, given(NEW)))


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
async def test_processes_go_on_with_both_keys_while_another_rotates(
    database: Database, workers: Callable[[str], Worker]
) -> None:
    users = [workers(f"{OLD},{NEW}"), workers(f"{NEW},{OLD}")]
    rotating = workers(f"{NEW},{OLD}")
    for number, user in enumerate(users):
        user.tell("churn", f"user{number}", 60)
    rotating.tell("rotate", NEW)

    assert (await asyncio.to_thread(rotating.said)).startswith("rotated ")
    for user in users:
        assert await asyncio.to_thread(user.said) == "churned"
    assert (await wrapping(database)).keys() == {NEW_ID}


async def test_a_process_without_the_new_key_is_told_which_one_it_needs(
    filled: Vault, database: Database
) -> None:
    await Vault(database, given(NEW), previous=[given(OLD)]).rotate_global(given(NEW))

    with pytest.raises(InvalidConfiguration, match=NEW_ID[:8]):
        await filled.fetch("person:0000", "connection:1", "password")
    with pytest.raises(InvalidConfiguration, match=NEW_ID[:8]):
        await filled.store("newcomer", "connection:1", "password", Secret("x"))
    assert await wrapping(database) == {NEW_ID: COUNT}


async def test_a_process_that_prefers_the_next_key_changes_nothing_before_the_rotation(
    filled: Vault, database: Database
) -> None:
    next_one = Vault(database, given(NEW), previous=[given(OLD)])

    await next_one.store("newcomer", "connection:1", "password", Secret("x"))
    await next_one.rotate_person("newcomer")

    assert await wrapping(database) == {OLD_ID: COUNT + 1}
    assert await filled.fetch("newcomer", "connection:1", "password") == Secret("x")


async def test_keys_in_files_are_followed_through_a_rotation_by_who_has_the_old_one_in_memory(
    database: Database, key_file: Path
) -> None:
    other = Vault(database, FileKeyProvider(key_file))
    idle = Vault(database, FileKeyProvider(key_file))  # has not read its file yet
    await other.store("alice", "connection:1", "password", Secret("a"))
    beside = key_file.with_name("global.key.new")
    new = FileKeyProvider(beside)

    await Vault(database, FileKeyProvider(key_file)).rotate_global(new)
    assert await other.fetch("alice", "connection:1", "password") == Secret("a")
    beside.replace(key_file)

    await other.store("bob", "connection:1", "password", Secret("b"))
    assert await idle.fetch("bob", "connection:1", "password") == Secret("b")
    assert await wrapping(database) == {await new.key_id(): 2}


async def test_a_key_that_was_wrapped_before_the_switch_is_not_stored_after_it(
    filled: Vault, database: Database
) -> None:
    class Slow(EnvironmentKeyProvider):
        rotated = False

        async def wrap(self, key: bytes, where: bytes) -> bytes:
            wrapped = await super().wrap(key, where)
            if not self.rotated:
                self.rotated = True
                await Vault(database, given(NEW), previous=[given(OLD)]).rotate_global(given(NEW))
            return wrapped

    slow = Vault(database, Slow(Secret(OLD)), previous=[given(NEW)])
    await slow.store("newcomer", "connection:1", "password", Secret("x"))

    assert await wrapping(database) == {NEW_ID: COUNT + 1}
    with pytest.raises(InvalidConfiguration):
        await filled.fetch("newcomer", "connection:1", "password")


async def test_a_key_that_was_read_before_the_old_file_went_is_read_again(
    database: Database, key_file: Path
) -> None:
    class Late(FileKeyProvider):
        rotated = False

        async def key_id(self) -> str:
            if not self.rotated:
                self.rotated = True
                beside = key_file.with_name("global.key.new")
                await Vault(database, FileKeyProvider(key_file)).rotate_global(FileKeyProvider(beside))
                beside.replace(key_file)
            return await super().key_id()

    await Vault(database, FileKeyProvider(key_file)).store("alice", "connection:1", "password", Secret("a"))

    found = await Vault(database, Late(key_file)).fetch("alice", "connection:1", "password")

    assert found == Secret("a")


async def test_files_beside_the_key_that_hold_none_are_passed_over(
    database: Database, key_file: Path
) -> None:
    vault = Vault(database, FileKeyProvider(key_file))
    await vault.store("alice", "connection:1", "password", Secret("a"))
    key_file.with_name("global.key.txt").write_text("notes")
    key_file.with_name("global.key.old").mkdir()
    await vault.rotate_global(FileKeyProvider(key_file.with_name("global.key.new")))

    found = await Vault(database, FileKeyProvider(key_file)).fetch("alice", "connection:1", "password")

    assert found == Secret("a")


@pytest.mark.usefixtures("filled")
async def test_a_service_that_goes_away_in_the_middle_leaves_what_is_done_and_can_be_gone_on_with(
    database: Database,
) -> None:
    class GoingAway(EnvironmentKeyProvider):
        left = 150

        async def wrap(self, key: bytes, where: bytes) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise Unreachable("the key service went away")
            return await super().wrap(key, where)

    both = Vault(database, given(OLD), previous=[given(NEW)])
    with pytest.raises(Unreachable):
        await both.rotate_global(GoingAway(Secret(NEW)))

    assert 100 <= (await wrapping(database))[NEW_ID] <= 150
    both = Vault(database, given(OLD), previous=[given(NEW)])
    await check_all(both)
    await both.rotate_global(given(NEW))
    assert await wrapping(database) == {NEW_ID: COUNT}


@pytest.mark.usefixtures("filled")
async def test_a_damaged_key_is_named_and_does_not_hold_up_the_others(database: Database) -> None:
    damaged = update(person_keys).where(person_keys.c.person == "person:0007").values(wrapped=b"x" * 60)
    await database.write(lambda c: c.execute(damaged).close())

    with pytest.raises(InvalidConfiguration, match="person:0007"):
        await Vault(database, given(NEW), previous=[given(OLD)]).rotate_global(given(NEW))

    assert await wrapping(database) == {NEW_ID: COUNT - 1, OLD_ID: 1}


async def test_a_rotation_without_the_key_that_is_needed_changes_nothing(
    filled: Vault, database: Database
) -> None:
    with pytest.raises(InvalidConfiguration, match=OLD_ID[:8]):
        await Vault(database, given(NEW)).rotate_global(given(NEW))

    await filled.store("newcomer", "connection:1", "password", Secret("x"))
    assert await wrapping(database) == {OLD_ID: COUNT + 1}


async def test_a_key_that_does_not_open_what_it_closed_is_not_made_the_current_one(
    filled: Vault, database: Database
) -> None:
    class Forgetful(EnvironmentKeyProvider):
        async def unwrap(self, _wrapped: bytes, _where: bytes) -> bytes:
            raise envelope.UnsealError

    with pytest.raises(InvalidConfiguration, match="does not open what it has closed"):
        await filled.rotate_global(Forgetful(Secret(NEW)))

    await filled.store("newcomer", "connection:1", "password", Secret("x"))
    assert await wrapping(database) == {OLD_ID: COUNT + 1}


@pytest.mark.usefixtures("filled")
async def test_a_rotation_that_another_overtakes_says_so_and_loses_nothing(database: Database) -> None:
    third = new_key().hex()

    async def overtake() -> None:
        await Vault(database, given(OLD), previous=[given(NEW)]).rotate_global(given(third))

    with pytest.raises(Locked, match="another"):
        await Vault(database, given(OLD)).rotate_global(Meanwhile(NEW, overtake))

    assert await wrapping(database) == {GlobalKey(bytes.fromhex(third)).id: COUNT}
    await check_all(Vault(database, given(third)))


async def test_a_key_that_is_renewed_while_it_is_wrapped_anew_stays_the_renewed_one(
    filled: Vault, database: Database
) -> None:
    other = Vault(database, given(OLD), previous=[given(NEW)])
    persons = [f"person:{number:04}" for number in range(20)]

    async def renew() -> None:
        for person in persons:
            await other.rotate_person(person)
        await other.destroy_person("person:0021")

    await filled.rotate_global(Meanwhile(NEW, renew))

    assert await wrapping(database) == {NEW_ID: COUNT - 1}
    await check_all(Vault(database, given(NEW)))


class Meanwhile(EnvironmentKeyProvider):
    """Lets something happen while the first of the stored keys is wrapped, after this key was tried out."""

    def __init__(self, key: str, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(Secret(key))
        self._happens = happens
        self._calls = 0

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        self._calls += 1
        if self._calls == 2:
            await self._happens()
        return await super().wrap(key, where)


class Named(EnvironmentKeyProvider):
    """A key in a service, whose id is its name whatever it is made of."""

    title = "the key 'mover'"

    async def key_id(self) -> str:
        return "service-mover"


async def test_a_lost_key_that_was_made_again_under_its_name_closes_nothing(database: Database) -> None:
    await Vault(database, Named(Secret(OLD))).store("alice", "connection:1", "password", Secret("a"))
    again = Vault(database, Named(Secret(NEW)))

    with pytest.raises(InvalidConfiguration, match="the name of the vault's global key but is another one"):
        await again.store("bob", "connection:1", "password", Secret("b"))

    assert await wrapping(database) == {"service-mover": 1}
    assert [use.trouble[:15] for use in await again.global_keys()] == ["the key 'mover'"]


@pytest.mark.usefixtures("filled")
async def test_what_each_key_is_needed_for_is_told(database: Database) -> None:
    both = Vault(database, given(NEW), previous=[given(OLD)])
    before = await both.global_keys()
    assert [(use.key_id, use.current, use.persons) for use in before] == [
        (NEW_ID, False, 0),
        (OLD_ID, True, COUNT),
    ]

    await both.rotate_global(given(NEW))

    after = await Vault(database, given(OLD)).global_keys()
    assert [(use.key_id, use.current, use.persons, bool(use.title), bool(use.trouble)) for use in after] == [
        (OLD_ID, False, 0, True, False),
        (NEW_ID, True, COUNT, False, True),
    ]


async def test_all_persons_get_new_keys(filled: Vault, database: Database) -> None:

    def leave_few(connection: Connection) -> None:
        connection.execute(delete(secrets).where(secrets.c.person > "person:0150"))
        connection.execute(delete(person_keys).where(person_keys.c.person > "person:0150"))

    await database.write(leave_few)
    ids = select(person_keys.c.key_id)
    before = await database.read(lambda c: set(c.scalars(ids)))

    assert await filled.rotate_persons() == 151

    assert before.isdisjoint(await database.read(lambda c: set(c.scalars(ids))))
    await check_all(filled, range(0, 151, 10))


@on_sqlite
async def test_the_key_of_an_older_database_is_the_current_one(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    (row,) = await database.read(
        lambda c: [dict(found) for found in c.execute(select(person_keys)).mappings()]
    )
    older = tmp_path / "older" / "mover.db"
    older.parent.mkdir(mode=0o700)
    made = create_engine(f"sqlite:///{older}")
    with made.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(mover.__path__[0], "database", "revisions")))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        connection.execute(insert(person_keys), row)
    made.dispose()

    opened = await Database.open(f"sqlite:///{older}")
    try:
        uses = await Vault(opened, FileKeyProvider(tmp_path / "keys" / "global.key")).global_keys()
        assert [(use.current, use.persons) for use in uses] == [(True, 1)]
        with pytest.raises(InvalidConfiguration, match="not the one"):
            await Vault(opened, given(NEW)).store("bob", "connection:1", "password", Secret("b"))
    finally:
        await opened.close()


async def test_when_nothing_is_stored_any_more_any_key_may_come_next(database: Database) -> None:
    old = Vault(database, given(OLD))
    await old.store("alice", "connection:1", "password", Secret("a"))
    await old.destroy_person("alice")

    await Vault(database, given(NEW)).store("bob", "connection:1", "password", Secret("b"))

    assert await wrapping(database) == {NEW_ID: 1}


@pytest.fixture
def workers(database_url: str) -> Iterator[Callable[[str], Worker]]:
    started: list[Worker] = []

    def start(keys: str) -> Worker:
        started.append(Worker(database_url, keys))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
