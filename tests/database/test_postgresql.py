"""What is PostgreSQL's alone: conflicts, lost connections and commits, refusals, upgrades."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from tests import database_url as databases
from tests.database.losing import Loses, losing_line
from tests.database.notes import add, add_all, make_notes, notes, texts
from tests.database_url import Kind, using
from tests.servers.certificates import make_certificates
from tests.servers.postgresql import GUARDED, PASSWORD
from tests.servers.restarting import RestartingServer, restarting

from mover.database import patience, postgresql
from mover.database.database import Database
from mover.database.failures import DatabaseBusy, DatabaseFull, DatabaseUnreachable, DatabaseUnusable
from mover.database.locations import parsed
from mover.database.schema import revisions
from mover.database.upgrading import condition, upgrade

pytestmark = pytest.mark.servers


@pytest.fixture
def database_kind() -> Iterator[Kind]:
    yield from using(Kind.POSTGRESQL)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    await opened.write(make_notes)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def restarting_server() -> Iterator[RestartingServer]:
    with restarting() as server:
        yield server


async def ready(server: RestartingServer) -> str:
    """Make a database with Mover's schema and the notes; returns its URL."""
    url = server.server.url(server.server.create())
    await upgrade(url)
    opened = await Database.open(url)
    await opened.write(make_notes)
    await opened.close()
    return url


def end_own_session(connection: Connection) -> None:
    """Have the server end the session that is asking, as its administrator would."""
    connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


# Transactions that get into each other's way.


async def test_what_two_read_and_then_decide_is_as_if_one_had_come_first(database: Database) -> None:
    """Both look that the other's note is not there, and write their own: at most one may be right."""
    together = threading.Barrier(2)
    attempts = []

    def write_if_alone(connection: Connection) -> bool:
        attempts.append(1)
        alone = connection.scalar(select(func.count()).select_from(notes)) == 0
        if len(attempts) <= 2:
            together.wait(120)  # neither goes on before the other has looked
        if alone:
            add(connection, "mine")
        return alone

    first, second = await asyncio.gather(database.write(write_if_alone), database.write(write_if_alone))

    assert sorted([first, second]) == [False, True]
    assert await database.read(texts) == ["mine"]
    assert len(attempts) == 3


async def test_a_conflict_without_end_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "CONFLICTS_S", 0.0)
    raising = "DO $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END$$"

    with pytest.raises(DatabaseBusy):
        await database.write(lambda c: c.exec_driver_sql(raising).close())


async def test_going_on_after_an_error_is_refused_rather_than_lost(database: Database) -> None:
    await database.write(lambda c: add(c, "x"))

    def swallow(connection: Connection) -> None:
        try:
            add(connection, "x")
        except IntegrityError:
            return

    with pytest.raises(RuntimeError, match="savepoint"):
        await database.write(swallow)


# Connections that break.


async def test_a_session_that_was_ended_is_replaced_and_the_work_done_once(database: Database) -> None:
    attempts = []

    def work(connection: Connection) -> int:
        attempts.append(1)
        add(connection, "x")
        if len(attempts) == 1:
            end_own_session(connection)
        return len(attempts)

    assert await database.write(work) == 2
    assert await database.read(texts) == ["x"]


async def test_a_read_that_was_broken_off_is_done_again(database: Database) -> None:
    attempts = []

    def work(connection: Connection) -> list[str]:
        attempts.append(1)
        if len(attempts) == 1:
            end_own_session(connection)
        return texts(connection)

    assert await database.read(work) == []
    assert len(attempts) == 2


@pytest.mark.parametrize("what", list(Loses))
@pytest.mark.promise("P12", "availability")
async def test_a_commit_without_an_answer_happens_exactly_once(
    database: Database, database_url: str, what: Loses
) -> None:
    attempts = []

    def work(connection: Connection) -> str:
        attempts.append(1)
        add(connection, str(len(attempts)))
        return str(len(attempts))

    port = databases.server().port
    async with losing_line(port) as line:
        opened = await Database.open(database_url.replace(f":{port}/", f":{line.port}/"))
        line.armed = what
        told = await opened.write(work)
        losses = line.losses
        await opened.close()

    assert losses == 1
    kept = await database.read(texts)
    assert kept == [told]
    assert len(attempts) == (1 if what is Loses.ANSWER else 2)


@pytest.mark.promise("availability")
async def test_a_restart_costs_nothing_but_time(restarting_server: RestartingServer) -> None:
    database = await Database.open(await ready(restarting_server))
    await asyncio.gather(*(database.read(texts) for _ in range(8)))  # several connections that will be stale
    begun = asyncio.Event()

    async def write(number: int) -> None:
        await database.write(lambda c: add(c, str(number)))
        begun.set()

    async with asyncio.TaskGroup() as group:
        for number in range(200):
            group.create_task(write(number))
        await begun.wait()
        await restarting_server.restart()

    assert sorted(await database.read(texts), key=int) == [str(number) for number in range(200)]
    await database.close()


async def test_a_server_that_stays_away_is_given_up_and_others_lose_no_time(
    restarting_server: RestartingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "_FIRST_WAIT_S", 0.001)
    location = parsed(await ready(restarting_server))
    clock = iter([0.0, 60.0, 121.0, 122.0])
    store = postgresql.PostgresqlStore(
        location, connections=2, outage=patience.Outage(clock=lambda: next(clock))
    )
    database = Database(store)
    await restarting_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnreachable, match="cannot be reached"):
                await database.read(texts)
    finally:
        await restarting_server.start()

    assert next(clock, None) is None  # the second reader did not wait
    assert await database.read(texts) == []
    await database.close()


async def test_who_is_cancelled_does_not_wait_for_the_server(restarting_server: RestartingServer) -> None:
    database = await Database.open(await ready(restarting_server))
    await restarting_server.stop()
    try:
        writing = asyncio.create_task(database.write(lambda c: add(c, "x")))
        reading = asyncio.create_task(database.read(texts))
        await asyncio.wait({writing, reading}, timeout=0.3)
        assert not writing.done()
        writing.cancel()
        reading.cancel()
        await asyncio.wait({writing, reading}, timeout=120)
        assert writing.cancelled()
        assert reading.cancelled()
    finally:
        await restarting_server.start()
    assert await database.read(texts) == []
    await database.close()


# What people are told.


async def told(url: str) -> str:
    with pytest.raises((DatabaseUnusable, DatabaseUnreachable)) as caught:
        await Database.open(url)
    return f"{caught.value!s} {caught.value!r} {caught.value.__cause__!r}"


@pytest.fixture
def guarded(database: Database, database_url: str) -> str:  # noqa: ARG001 - the database has to be there
    """The URL of the database for a role that has to know its password."""
    server = databases.server()
    if not server.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{GUARDED}'"):
        quoted = PASSWORD.replace("'", "''")
        server.execute(f"CREATE ROLE {GUARDED} LOGIN SUPERUSER PASSWORD '{quoted}'")
    return server.url(database_url.rpartition("/")[2], user=GUARDED, password=PASSWORD)


async def test_a_password_opens_and_a_wrong_one_is_said_and_not_shown(
    guarded: str, caplog: pytest.LogCaptureFixture
) -> None:
    await (await Database.open(guarded)).close()

    said = await told(guarded.replace(":pg%20canary", ":false-canary"))

    assert "does not accept the user name or password" in said
    assert "canary" not in said + caplog.text


async def test_nobody_listening_is_said(database_url: str) -> None:
    assert "cannot be reached" in await told("postgresql://u:canary@127.0.0.1:1/d")
    assert "no such database" in await told(database_url.rpartition("/")[0] + "/nothing")


async def test_an_option_that_libpq_does_not_know_is_said(database_url: str) -> None:
    assert "cannot be understood" in await told(database_url + "?password_of=canary")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("53100", DatabaseFull, "no room left"),
        ("25006", DatabaseUnusable, "can only be read"),
        ("42501", DatabaseUnusable, "may not do"),
        ("55P03", DatabaseBusy, "too busy"),
        ("XX001", DatabaseUnusable, "damaged"),
    ],
)
async def test_what_the_server_cannot_do_is_said(
    database: Database, code: str, kind: type[Exception], words: str
) -> None:
    raising = f"DO $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END$$"

    with pytest.raises(kind, match=words):
        await database.write(lambda c: c.exec_driver_sql(raising).close())
    await database.write(lambda c: add(c, "goes on"))


async def test_a_crowded_server_is_said(database: Database, guarded: str) -> None:
    server = databases.server()
    server.execute(f"ALTER ROLE {GUARDED} NOSUPERUSER CONNECTION LIMIT 0")
    try:
        assert "takes no more connections" in await told(guarded)
    finally:
        server.execute(f"ALTER ROLE {GUARDED} SUPERUSER CONNECTION LIMIT -1")
    await database.read(texts)


async def test_a_database_that_can_only_be_read_is_said(database: Database, database_url: str) -> None:
    await database.close()
    name = database_url.rpartition("/")[2]
    databases.server().execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    opened = await Database.open(database_url)

    with pytest.raises(DatabaseUnusable, match="can only be read"):
        await opened.write(lambda c: add(c, "x"))
    assert await opened.read(texts) == []
    await opened.close()


async def test_a_commit_is_on_disk_whatever_the_server_is_set_to(database: Database) -> None:
    def ask(connection: Connection) -> str:
        return str(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())

    assert await database.write(ask) == "on"


async def test_the_server_has_to_prove_who_it_is(restarting_server: RestartingServer, tmp_path: Path) -> None:
    url = await ready(restarting_server)
    stranger = make_certificates(tmp_path / "tls").ca_file

    def encrypted(connection: Connection) -> bool:
        query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        return bool(connection.execute(text(query)).scalar_one())

    opened = await Database.open(f"{url}?sslmode=verify-full&sslrootcert={restarting_server.server.ca_file}")
    assert await opened.read(encrypted)
    async with opened.lock("x"):
        pass
    await opened.close()
    assert "cannot be trusted" in await told(f"{url}?sslmode=verify-full&sslrootcert={stranger}")


# The schema.


async def test_an_empty_database_is_refused_until_it_is_upgraded() -> None:
    url = databases.empty()

    assert "run: mover db upgrade" in await told(url)
    assert (await condition(url)).revision is None
    before, after = await upgrade(url)
    assert (before.revision, after.revision, after.up_to_date) == (None, revisions()[-1], True)
    await (await Database.open(url)).close()


async def test_a_database_of_an_older_mover_is_refused_with_the_remedy(
    database: Database, database_url: str
) -> None:
    older = f"UPDATE alembic_version SET version_num = '{revisions()[0]}'"
    await database.write(lambda c: c.exec_driver_sql(older).close())

    assert "older Mover" in (said := await told(database_url))
    assert "run: mover db upgrade" in said
    assert not (await condition(database_url)).up_to_date


async def test_an_upgrade_that_fails_leaves_nothing_behind(database: Database, database_url: str) -> None:
    older = f"UPDATE alembic_version SET version_num = '{revisions()[0]}'"
    await database.write(lambda c: c.exec_driver_sql(older).close())
    await database.write(lambda c: c.exec_driver_sql("DROP TABLE upload_parts").close())

    with pytest.raises(Exception, match="already exists"):  # what the second revision makes
        await upgrade(database_url)

    assert (await condition(database_url)).revision == revisions()[0]
    gone = "SELECT to_regclass('upload_parts') IS NULL"
    assert await database.read(lambda c: c.exec_driver_sql(gone).scalar_one())


async def test_a_database_of_another_program_is_refused_and_left_alone() -> None:
    url = databases.empty()
    databases.server().execute("CREATE TABLE theirs (x int)", url.rpartition("/")[2])

    assert "another program" in await told(url)
    with pytest.raises(DatabaseUnusable, match="another program"):
        await upgrade(url)


async def test_upgrades_at_the_same_time_are_one() -> None:
    url = databases.empty()

    done = await asyncio.gather(*(upgrade(url) for _ in range(4)))

    assert {after.revision for _, after in done} == {revisions()[-1]}
    await (await Database.open(url)).close()


async def test_a_database_that_does_not_hold_every_name_is_refused() -> None:
    server = databases.server()
    name = "latin"
    server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(DatabaseUnusable, match="UTF-8"):
            await upgrade(server.url(name))
    finally:
        server.drop(name)


async def test_all_text_is_compared_by_its_bytes_whatever_the_database_does(database: Database) -> None:
    others = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    )
    assert await database.read(lambda c: c.exec_driver_sql(others).all()) == []
    by_people = "SELECT 'a' < 'B'"
    assert await database.read(lambda c: c.exec_driver_sql(by_people).scalar_one())


def found(connection: Connection, query: Select[Any]) -> list[str]:
    return list(connection.scalars(query))


async def test_no_text_is_lost_and_none_becomes_another(database: Database) -> None:
    """Also what is no Unicode, and what looks like the way in which such things are kept."""
    several = ["\0", "\x1a", "\x1a0000", "\x1a001a", "\udc80", "\x1adc80", "a\0b", "a", "", "ü\ud83d", "0000"]
    await database.write(lambda c: add_all(c, several))

    assert await database.read(texts) == several
    for each in several:
        query = select(notes.c.text).where(notes.c.text == each)
        assert await database.read(partial(found, query=query)) == [each]
    with pytest.raises(IntegrityError):
        await database.write(lambda c: c.execute(insert(notes).values(text="\0")).close())
