from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select, update
from tests.database_url import on_sqlite

from mover.database.database import Database
from mover.errors import InvalidConfiguration, Locked, NotFound
from mover.vault.envelope import new_key
from mover.vault.providers import EnvironmentKeyProvider, FileKeyProvider, KeyProvider
from mover.vault.secret import Secret
from mover.vault.tables import person_keys, secrets
from mover.vault.vault import Vault

CANARY = "canary-7e1d-password"


def other_provider() -> KeyProvider:
    return EnvironmentKeyProvider(Secret(new_key().hex()))


async def test_what_is_stored_is_handed_out(vault: Vault) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))

    assert await vault.fetch("alice", "connection:1", "password") == Secret(CANARY)


async def test_storing_again_replaces(vault: Vault) -> None:
    await vault.store("alice", "connection:1", "password", Secret("old"))
    await vault.store("alice", "connection:1", "password", Secret("new"))

    assert await vault.fetch_all("alice", "connection:1") == {"password": Secret("new")}


text = st.text(alphabet=st.characters(exclude_characters="\0"), min_size=1, max_size=30)


@given(st.dictionaries(st.tuples(text, text, text), text, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_comes_back_from_its_own_place(
    vault: Vault, stored: Mapping[tuple[str, str, str], str]
) -> None:
    def clean(part: str) -> str:
        return part.encode("utf-8", "replace").decode()

    kept = {(clean(a), clean(b), clean(c)): value for (a, b, c), value in stored.items()}
    for (person, owner, field), value in kept.items():
        await vault.store(person, owner, field, Secret(value))

    for (person, owner, field), value in kept.items():
        assert (await vault.fetch(person, owner, field)).reveal() == value


@pytest.mark.parametrize(
    "place",
    [
        ("bob", "connection:1", "password"),
        ("alice", "connection:2", "password"),
        ("alice", "connection:1", "token"),
    ],
)
async def test_what_is_not_stored_is_not_found(vault: Vault, place: tuple[str, str, str]) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))

    with pytest.raises(NotFound):
        await vault.fetch(*place)


async def test_a_secret_that_many_make_at_once_is_one(database: Database, key_file: Path) -> None:
    vaults = [Vault(database, FileKeyProvider(key_file)) for _ in range(6)]
    await vaults[0].prepare("staff")
    numbers = iter(range(100))

    made = await asyncio.gather(
        *(
            vault.fetch_or_make("staff", "staff:seal", "key", lambda: Secret(f"key {next(numbers)}"))
            for vault in vaults
        )
    )

    assert len({one.reveal() for one in made}) == 1
    assert await vaults[0].fetch("staff", "staff:seal", "key") == made[0]


async def test_replacing_leaves_only_the_new_secrets_of_that_owner(vault: Vault) -> None:
    await vault.store("alice", "connection:1", "password", Secret("old"))
    await vault.store("alice", "connection:2", "password", Secret("untouched"))

    await vault.replace("alice", "connection:1", {"token": Secret("new")})

    assert await vault.fetch_all("alice", "connection:1") == {"token": Secret("new")}
    assert await vault.fetch_all("alice", "connection:2") == {"password": Secret("untouched")}


async def test_who_has_no_secret_has_a_key_all_the_same_for_those_that_may_not_make_one(
    vault: Vault, database: Database
) -> None:
    await vault.prepare("bob")
    await vault.prepare("bob")

    assert await database.read(lambda c: c.scalars(select(person_keys.c.person)).all()) == ["bob"]


async def test_what_fails_along_with_a_replacement_undoes_it(vault: Vault) -> None:
    await vault.store("alice", "connection:1", "password", Secret("old"))

    def fail(_connection: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await vault.replace("alice", "connection:1", {"token": Secret("new")}, along=fail)

    assert await vault.fetch_all("alice", "connection:1") == {"password": Secret("old")}


async def test_destroying_removes_the_secrets_of_that_owner_alone_and_may_be_repeated(vault: Vault) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    await vault.store("alice", "connection:2", "password", Secret("b"))

    await vault.destroy("connection:1")
    await vault.destroy("connection:1")

    assert await vault.fetch_all("alice", "connection:1") == {}
    assert await vault.fetch("alice", "connection:2", "password") == Secret("b")


async def test_destroying_a_person_takes_all_of_theirs_and_nothing_of_others(
    vault: Vault, database: Database
) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    await vault.store("bob", "connection:2", "password", Secret("b"))

    await vault.destroy_person("alice")

    assert await vault.fetch_all("alice", "connection:1") == {}
    assert await vault.fetch("bob", "connection:2", "password") == Secret("b")
    assert await database.read(lambda c: c.scalars(select(person_keys.c.person)).all()) == ["bob"]


@pytest.mark.promise("P2", "P5")
async def test_a_secret_whose_persons_key_is_another_is_unreadable(vault: Vault, database: Database) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    sealed = await database.read(lambda c: c.execute(select(secrets)).mappings().one())
    await vault.destroy_person("alice")
    await vault.store("alice", "connection:2", "password", Secret("b"))
    await database.write(lambda c: c.execute(secrets.insert(), dict(sealed)).close())

    with pytest.raises(InvalidConfiguration, match="damaged"):
        await vault.fetch("alice", "connection:1", "password")


@on_sqlite
async def test_neither_the_database_nor_its_log_nor_the_key_file_holds_a_trace(
    vault: Vault, tmp_path: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))
    await vault.rotate_person("alice")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert {"mover.db", "mover.db-wal", "global.key"} <= {path.name for path in files}
    content = b"".join(path.read_bytes() for path in files)
    assert b"connection:1" in content
    for trace in (
        CANARY.encode(),
        CANARY.encode("utf-16-le"),
        CANARY.encode().hex().encode(),
        CANARY[4:16].encode(),
    ):
        assert trace not in content


@on_sqlite
@pytest.mark.promise("P2", "P5")
async def test_what_was_destroyed_is_overwritten_in_the_file(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))
    sealed = await database.read(lambda c: c.scalars(select(secrets.c.sealed)).one())
    await vault.destroy("connection:1")
    await database.close()

    assert sealed not in b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())


@pytest.mark.parametrize("column", ["person", "owner", "field"])
async def test_a_ciphertext_in_anothers_place_does_not_open(
    vault: Vault, database: Database, column: str
) -> None:
    here = {"person": "alice", "owner": "connection:1", "field": "password"}
    there = {**here, column: "other"}
    await vault.store(here["person"], here["owner"], here["field"], Secret("a"))
    await vault.store(there["person"], there["owner"], there["field"], Secret("b"))

    def swap(connection) -> None:
        at_here = secrets.c[column] == here[column]
        row = connection.execute(select(secrets).where(at_here)).mappings().one()
        moved = {"sealed": row["sealed"], "key_id": row["key_id"]}
        connection.execute(update(secrets).where(secrets.c[column] == "other").values(moved))

    await database.write(swap)

    with pytest.raises(InvalidConfiguration, match="does not belong there"):
        await vault.fetch(**there)
    assert await vault.fetch(**here) == Secret("a")


async def test_a_persons_key_in_anothers_place_does_not_open(vault: Vault, database: Database) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    await vault.store("bob", "connection:2", "password", Secret("b"))

    def copy(connection) -> None:
        wrapped = connection.scalars(
            select(person_keys.c.wrapped).where(person_keys.c.person == "alice")
        ).one()
        connection.execute(update(person_keys).where(person_keys.c.person == "bob").values(wrapped=wrapped))

    await database.write(copy)

    with pytest.raises(InvalidConfiguration, match="key of 'bob'"):
        await vault.fetch("bob", "connection:2", "password")


async def test_a_wrong_global_key_is_said_clearly_and_changes_nothing(
    vault: Vault, database: Database
) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    wrong = Vault(database, other_provider())

    with pytest.raises(InvalidConfiguration, match="not the one that the stored secrets need"):
        await wrong.fetch("alice", "connection:1", "password")
    with pytest.raises(InvalidConfiguration, match="not the one that the stored secrets need"):
        await wrong.store("alice", "connection:1", "password", Secret("b"))
    with pytest.raises(InvalidConfiguration, match="not the one that the stored secrets need"):
        await wrong.store("bob", "connection:2", "password", Secret("b"))
    assert await vault.fetch("alice", "connection:1", "password") == Secret("a")


async def test_a_lost_key_file_is_said_and_no_other_is_made(
    vault: Vault, database: Database, key_file: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    key_file.unlink()
    restarted = Vault(database, FileKeyProvider(key_file))

    with pytest.raises(InvalidConfiguration, match="missing"):
        await restarted.store("bob", "connection:2", "password", Secret("b"))
    with pytest.raises(InvalidConfiguration, match="missing"):
        await restarted.fetch("alice", "connection:1", "password")
    assert not key_file.exists()


async def test_rotating_the_global_key_makes_the_old_one_unneeded(
    vault: Vault, database: Database, key_file: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret("a"))
    await vault.store("bob", "connection:2", "password", Secret("b"))
    new = other_provider()

    await vault.rotate_global(new)
    key_file.unlink()

    assert await vault.fetch("alice", "connection:1", "password") == Secret("a")
    assert await Vault(database, new).fetch("bob", "connection:2", "password") == Secret("b")
    ids = await database.read(lambda c: c.scalars(select(person_keys.c.global_key_id).distinct()).all())
    assert ids == [await new.key_id()]


async def test_rotating_a_persons_key_seals_all_their_secrets_anew(vault: Vault, database: Database) -> None:
    for number in range(5):
        await vault.store("alice", f"connection:{number}", "password", Secret(str(number)))
    await vault.store("bob", "connection:b", "password", Secret("b"))
    everything = select(secrets.c.person, secrets.c.owner, secrets.c.key_id, secrets.c.sealed)
    before = {row.owner: row for row in await database.read(lambda c: c.execute(everything).all())}

    await vault.rotate_person("alice")

    after = {row.owner: row for row in await database.read(lambda c: c.execute(everything).all())}
    for number in range(5):
        assert await vault.fetch("alice", f"connection:{number}", "password") == Secret(str(number))
        assert after[f"connection:{number}"].key_id != before[f"connection:{number}"].key_id
        assert after[f"connection:{number}"].sealed != before[f"connection:{number}"].sealed
    assert after["connection:b"] == before["connection:b"]


async def test_a_person_without_secrets_has_no_key_to_rotate(vault: Vault) -> None:
    with pytest.raises(NotFound):
        await vault.rotate_person("nobody")


async def test_storing_and_rotating_at_the_same_time_lose_nothing(database: Database, key_file: Path) -> None:
    vaults = [Vault(database, FileKeyProvider(key_file)) for _ in range(3)]

    async def store(number: int) -> None:
        await vaults[number % 3].store("alice", f"connection:{number}", "password", Secret(str(number)))

    async def rotate() -> None:
        await store(100)
        for _ in range(3):
            await vaults[0].rotate_person("alice")

    await asyncio.gather(rotate(), *(store(number) for number in range(8)), return_exceptions=False)

    assert await database.read(lambda c: c.scalar(select(func.count()).select_from(person_keys))) == 1
    for number in range(8):
        assert await vaults[1].fetch("alice", f"connection:{number}", "password") == Secret(str(number))


async def test_a_key_that_never_stands_still_ends_in_locked(
    vault: Vault, database: Database, key_file: Path
) -> None:
    class Disturbing(FileKeyProvider):
        async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
            key = await super().unwrap(wrapped, where)
            await vault.rotate_person("alice")
            return key

    await vault.store("alice", "connection:1", "password", Secret("a"))

    with pytest.raises(Locked):
        await Vault(database, Disturbing(key_file)).store("alice", "connection:1", "password", Secret("b"))


async def test_who_has_ended_gets_no_new_key(database: Database, key_file: Path) -> None:
    class Ended(Exception):
        pass

    def expect_there(connection: Connection, person: str) -> None:
        assert connection.in_transaction()
        if person == "organisation:gone":
            raise Ended

    vault = Vault(database, FileKeyProvider(key_file), expect_there=expect_there)
    await vault.store("organisation:here", "connection:1", "password", Secret("x"))

    with pytest.raises(Ended):
        await vault.store("organisation:gone", "connection:2", "password", Secret("y"))
    with pytest.raises(Ended):
        await vault.replace("organisation:gone", "connection:2", {"password": Secret("y")})
    with pytest.raises(Ended):
        await vault.prepare("organisation:gone")

    keys = await database.read(lambda c: list(c.scalars(select(person_keys.c.person))))
    assert keys == ["organisation:here"]
    await vault.replace("organisation:gone", "connection:2", {})  # nothing that would need a key


async def test_what_is_refused_along_leaves_no_key_behind(vault: Vault, database: Database) -> None:
    def refuse(_: Connection) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await vault.store("organisation:1", "connection:1", "password", Secret("x"), along=refuse)

    assert await database.read(lambda c: c.scalar(select(func.count()).select_from(person_keys))) == 0


async def _ciphertext(database: Database) -> bytes:
    return await database.read(lambda c: bytes(c.execute(select(secrets.c.sealed)).scalar_one()))


def _in_files(database_url: str, sought: bytes) -> set[str]:
    """Names of the database's files that hold some bytes."""
    path = Path(database_url.removeprefix("sqlite:///"))
    return {file.name for file in path.parent.glob(path.name + "*") if sought in file.read_bytes()}


@on_sqlite
@pytest.mark.parametrize("how", ["destroy", "destroy_person", "replace", "rotate_person", "rotate_persons"])
async def test_ciphertexts_that_are_over_are_not_in_the_files_any_more(
    vault: Vault, database: Database, database_url: str, how: str
) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))
    sealed = await _ciphertext(database)
    assert _in_files(database_url, sealed)

    match how:
        case "destroy":
            await vault.destroy("connection:1")
        case "destroy_person":
            await vault.destroy_person("alice")
        case "replace":
            await vault.replace("alice", "connection:1", {"password": Secret("another")})
        case "rotate_person":
            await vault.rotate_person("alice")
        case _:
            await vault.rotate_persons()

    assert _in_files(database_url, sealed) == set()


@on_sqlite
async def test_wrappings_of_an_old_global_key_are_not_in_the_files_any_more(
    vault: Vault, database: Database, database_url: str, key_file: Path
) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))
    wrapped = await database.read(lambda c: bytes(c.execute(select(person_keys.c.wrapped)).scalar_one()))
    assert _in_files(database_url, wrapped)

    await vault.rotate_global(FileKeyProvider(key_file.with_name("new.key")))

    assert _in_files(database_url, wrapped) == set()


@on_sqlite
async def test_a_reader_holds_nobody_up_and_the_ciphertexts_go_after_it(
    vault: Vault, database: Database, database_url: str
) -> None:
    await vault.store("alice", "connection:1", "password", Secret(CANARY))
    sealed = await _ciphertext(database)
    reading, done = threading.Event(), threading.Event()

    def read_slowly(connection: Connection) -> None:
        connection.execute(select(secrets)).all()
        reading.set()
        assert done.wait(120)

    reader = asyncio.create_task(database.read(read_slowly))
    await asyncio.to_thread(reading.wait, 120)
    await vault.destroy("connection:1")
    assert _in_files(database_url, sealed)  # the reader may want to see it still
    done.set()
    await reader

    await vault.store("bob", "connection:2", "password", Secret("x"))

    assert _in_files(database_url, sealed) == set()
