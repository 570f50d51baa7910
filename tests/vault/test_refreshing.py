from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar, cast

import pytest
from sqlalchemy import Connection, func, select
from tests.vault.token_service import TokenService, token_service
from tests.vault.worker import FIELDS, OWNER, PERSON
from tests.vault.workers import Worker

from mover.database.database import Database
from mover.errors import NotFound, SignInFailed, Unreachable
from mover.vault.providers import FileKeyProvider
from mover.vault.secret import Secret
from mover.vault.tables import refresh_leases
from mover.vault.vault import Vault

T = TypeVar("T")
Start = Callable[..., Worker]
Tokens = dict[str, Secret]


@pytest.fixture
def service() -> Iterator[TokenService]:
    with token_service() as running:
        yield running


@pytest.fixture
async def signed_in(vault: Vault) -> Vault:
    """A vault with the tokens that the service has handed out so far."""
    await vault.store(PERSON, OWNER, "access", Secret("access-0"))
    await vault.store(PERSON, OWNER, "refresh", Secret("refresh-0"))
    return vault


@pytest.fixture
def start(database_url: str, key_file: Path) -> Iterator[Start]:
    started: list[Worker] = []

    def run(*, ahead_s: float = 0.0) -> Worker:
        started.append(Worker(database_url, str(key_file), ahead_s=ahead_s))
        return started[-1]

    yield run
    for worker in started:
        worker.kill()


async def stored(vault: Vault) -> list[str]:
    found = await vault.fetch_all(PERSON, OWNER)
    return [found[name].reveal() for name in FIELDS]


async def leases(database: Database) -> int | None:
    return await database.read(lambda c: c.scalar(select(func.count()).select_from(refresh_leases)))


def never(_: Tokens) -> bool:
    return False


def changed_from(stale: str) -> Callable[[Tokens], bool]:
    return lambda now: now["access"].reveal() != stale


@pytest.mark.slow
async def test_of_many_processes_exactly_one_exchanges_each_token(
    signed_in: Vault, database: Database, service: TokenService, start: Start
) -> None:
    workers = [start() for _ in range(4)]

    for number in range(6):
        for worker in workers:
            worker.tell("refresh", service.port, f"access-{number}")
        said = {await asyncio.to_thread(worker.said) for worker in workers}
        assert said == {f"access-{number + 1}"}

    assert service.exchanges == [f"refresh-{number}" for number in range(6)]
    assert await stored(signed_in) == ["access-6", "refresh-6"]
    assert await leases(database) == 0


@pytest.mark.slow
async def test_a_process_that_is_killed_before_the_answer_is_relieved_when_its_lease_has_run_out(
    signed_in: Vault, service: TokenService, start: Start
) -> None:
    first, second = start(), start(ahead_s=120)
    service.loses = True
    service.hold.clear()
    first.tell("refresh", service.port, "access-0")
    assert await asyncio.to_thread(service.asked.wait, 60)
    first.kill()
    service.loses = False
    service.hold.set()

    second.tell("refresh", service.port, "access-0")

    assert await asyncio.to_thread(second.said) == "access-1"
    assert await stored(signed_in) == ["access-1", "refresh-1"]


@pytest.mark.slow
@pytest.mark.parametrize("forgiving", [True, False])
async def test_an_answer_that_died_with_its_process_is_asked_for_again(
    signed_in: Vault,
    service: TokenService,
    start: Start,
    forgiving: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    service.forgiving = forgiving
    first, second = start(), start(ahead_s=120)
    first.tell("refresh-and-die", service.port, "access-0")
    assert await asyncio.to_thread(first.said) == ""

    second.tell("refresh", service.port, "access-0")
    said = await asyncio.to_thread(second.said)

    assert service.exchanges == ["refresh-0", "refresh-0"]
    assert said == "access-1" if forgiving else said.startswith("SignInFailed")
    assert await stored(signed_in) == (["access-1", "refresh-1"] if forgiving else ["access-0", "refresh-0"])


async def test_good_secrets_are_handed_out_without_asking(signed_in: Vault) -> None:
    async def exchange(_: Tokens) -> Tokens:
        raise AssertionError

    found = await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, lambda _: True)

    assert found["access"] == Secret("access-0")


async def test_fields_that_the_answer_leaves_out_and_other_fields_stay(signed_in: Vault) -> None:
    await signed_in.store(PERSON, OWNER, "client_secret", Secret("s"))

    async def exchange(present: Tokens) -> Tokens:
        assert present == {"access": Secret("access-0"), "refresh": Secret("refresh-0")}
        return {"access": Secret("access-1")}

    found = await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert found == {"access": Secret("access-1"), "refresh": Secret("refresh-0")}
    assert (await signed_in.fetch_all(PERSON, OWNER)).keys() == {"access", "refresh", "client_secret"}


async def test_a_refused_successor_is_followed_by_its_predecessor(signed_in: Vault) -> None:
    presented: list[str] = []

    async def exchange(present: Tokens) -> Tokens:
        presented.append(present["refresh"].reveal())
        if present["refresh"] == Secret("refresh-1"):  # the service has lost what it handed out
            raise SignInFailed("unknown token")
        number = len(presented)
        return {"access": Secret(f"access-{number}"), "refresh": Secret(f"refresh-{number}")}

    await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)
    await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert presented == ["refresh-0", "refresh-1", "refresh-0"]
    assert await stored(signed_in) == ["access-3", "refresh-3"]


async def test_a_failure_gives_the_lease_back_and_changes_nothing(
    signed_in: Vault, database: Database
) -> None:
    async def exchange(_: Tokens) -> Tokens:
        raise Unreachable("no connection")

    with pytest.raises(Unreachable):
        await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert await leases(database) == 0
    assert await stored(signed_in) == ["access-0", "refresh-0"]


async def test_a_cancelled_call_still_stores_the_answer(signed_in: Vault) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def exchange(_: Tokens) -> Tokens:
        asked.set()
        await answered.wait()
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    call = asyncio.create_task(signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never))
    await asked.wait()
    call.cancel()
    await asyncio.sleep(0)
    call.cancel()
    answered.set()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert await stored(signed_in) == ["access-1", "refresh-1"]


async def test_no_transaction_is_open_while_the_service_is_asked(
    signed_in: Vault, database_url: str, key_file: Path
) -> None:
    async def exchange(_: Tokens) -> Tokens:
        other = await Database.open(database_url)
        async with asyncio.timeout(20):  # SQLite has one writer at a time, which waits for longer than that
            await Vault(other, FileKeyProvider(key_file)).store("other", OWNER, "x", Secret("y"))
        await other.close()
        return {"access": Secret("access-1")}

    await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)


async def test_what_a_person_fills_in_meanwhile_is_the_later_word(signed_in: Vault) -> None:
    async def exchange(_: Tokens) -> Tokens:
        await signed_in.replace(PERSON, OWNER, {"access": Secret("typed"), "refresh": Secret("typed")})
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    found = await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert found["access"] == Secret("typed")
    assert await stored(signed_in) == ["typed", "typed"]


async def test_what_a_person_fills_in_at_the_last_moment_is_the_later_word(
    signed_in: Vault, database: Database, key_file: Path
) -> None:
    class Interrupted:
        """The database; something is written just before the answer is."""

        answered = False

        read = staticmethod(database.read)

        async def write(self, work: Callable[[Connection], T]) -> T:
            if self.answered:
                self.answered = False
                await signed_in.store(PERSON, OWNER, "refresh", Secret("typed"))
            return await database.write(work)

    async def exchange(_: Tokens) -> Tokens:
        interrupted.answered = True
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    interrupted = Interrupted()
    vault = Vault(cast("Database", interrupted), FileKeyProvider(key_file))
    await vault.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert await stored(signed_in) == ["access-0", "typed"]


@pytest.mark.parametrize("whose", ["owner", "person"])
async def test_what_was_destroyed_meanwhile_is_not_brought_back(
    signed_in: Vault, database: Database, whose: str
) -> None:
    async def exchange(_: Tokens) -> Tokens:
        await (signed_in.destroy(OWNER) if whose == "owner" else signed_in.destroy_person(PERSON))
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    with pytest.raises(NotFound):
        await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)

    assert await signed_in.fetch_all(PERSON, OWNER) == {}
    assert await leases(database) == 0


async def test_a_slow_process_whose_lease_ran_out_and_its_successor_agree(
    signed_in: Vault, database: Database, key_file: Path
) -> None:
    """The slow one's token was used up first, so the other is refused, and finds what the slow one has stored."""
    later = Vault(database, FileKeyProvider(key_file), now=lambda: 4e9)
    first_asked, second_asked = asyncio.Event(), asyncio.Event()

    async def slow(_: Tokens) -> Tokens:
        first_asked.set()
        await second_asked.wait()
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    async def refused(_: Tokens) -> Tokens:
        second_asked.set()
        await first
        raise SignInFailed("used up")

    first = asyncio.create_task(signed_in.refresh(PERSON, OWNER, FIELDS, slow, changed_from("access-0")))
    await first_asked.wait()
    second = await later.refresh(PERSON, OWNER, FIELDS, refused, changed_from("access-0"))

    assert second == await first == {"access": Secret("access-1"), "refresh": Secret("refresh-1")}


async def test_keys_may_change_during_an_exchange(signed_in: Vault) -> None:
    async def exchange(_: Tokens) -> Tokens:
        await signed_in.rotate_person(PERSON)
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)
    await signed_in.rotate_person(PERSON)

    assert await stored(signed_in) == ["access-1", "refresh-1"]


async def test_replacing_and_destroying_take_the_predecessors_along(
    signed_in: Vault, database: Database
) -> None:
    from mover.vault.tables import secrets  # noqa: PLC0415 - of this test alone

    async def exchange(_: Tokens) -> Tokens:
        return {"access": Secret("access-1"), "refresh": Secret("refresh-1")}

    await signed_in.refresh(PERSON, OWNER, FIELDS, exchange, never)
    count = select(func.count()).select_from(secrets)
    assert await database.read(lambda c: c.scalar(count)) == 4

    await signed_in.replace(PERSON, OWNER, {"access": Secret("new")})
    assert await database.read(lambda c: c.scalar(count)) == 1
    await signed_in.destroy(OWNER)
    assert await database.read(lambda c: c.scalar(count)) == 0


async def test_without_stored_secrets_there_is_nothing_to_refresh(vault: Vault) -> None:
    async def exchange(_: Tokens) -> Tokens:
        raise AssertionError

    with pytest.raises(NotFound):
        await vault.refresh(PERSON, OWNER, FIELDS, exchange, never)
