"""P5: tokens of unfinished uploads, which may be rights to write a file, are worthless to who has the database alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection, select, update
from tests.database_url import on_both
from tests.transfer.uploading import upload_keys, vault_of

from mover.database.database import Database
from mover.database.failures import LockLost
from mover.errors import InvalidConfiguration
from mover.ledger.ledger import Ledger, RunLedger
from mover.ledger.records import PairKey, PartRecord
from mover.ledger.states import Code, RunMode
from mover.ledger.tables import uploads
from mover.ledger.tokens import TokenCipher, UploadKeys
from mover.vault.providers import EnvironmentKeyProvider
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.upload_keys import OWNER, VaultUploadKeys, destroy_old_upload_keys

RIGHT = "https://vendor.example/upload?session=AHmUCY-a-right-to-write-one-file"
DAY_S = 86_400
Along = Callable[[Connection], object]

pytestmark = [*on_both, pytest.mark.promise("P5")]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


async def run_of(database: Database, keys: UploadKeys | None = None) -> RunLedger:
    """Begin a run of the pair, or go on with it, as a new process would."""
    ledger = Ledger(database)
    return await ledger.start(
        await ledger.pair(PairKey("x", "/", "y", "/")),
        mode=RunMode.COPY,
        dry_run=False,
        source_label="x",
        destination_label="y",
        fingerprint="",
        options={},
        upload_keys=keys or upload_keys(database),
    )


async def begin(run: RunLedger, source_key: str = "/large", right: str = RIGHT) -> None:
    """Begin an upload of which one part has arrived."""
    upload = await run.uploads.add(source_key, token=Secret(right), part_size=1, evidence="v1")
    await run.uploads.keep_part(upload, PartRecord(1, 1, "receipt", {}))


async def test_a_token_goes_on_in_another_process_and_is_no_text_of_the_database(database: Database) -> None:
    await begin(await run_of(database))

    found = await (await run_of(database)).uploads.find("/large")
    (sealed,) = await database.read(lambda c: list(c.scalars(select(uploads.c.sealed_token))))

    assert found is not None
    assert found.token.reveal() == RIGHT
    assert [part.number for part in found.parts] == [1]
    assert RIGHT.encode() not in sealed
    assert RIGHT[8:20].encode() not in sealed
    assert RIGHT not in repr(found)


async def test_without_the_global_key_no_token_can_be_had(database: Database) -> None:
    await begin(await run_of(database))

    other = VaultUploadKeys(Vault(database, EnvironmentKeyProvider(Secret("22" * 32))), "local")

    with pytest.raises(InvalidConfiguration):
        await (await run_of(database, other)).uploads.find("/large")


async def test_a_token_of_another_entry_or_one_that_was_altered_is_none(database: Database) -> None:
    run = await run_of(database)
    await begin(run, "/one")
    await begin(run, "/other", RIGHT + "-other")
    moved = update(uploads).where(uploads.c.source_key == "/other").values(source_key="/moved")
    clear = update(uploads).where(uploads.c.source_key == "/one").values(sealed_token=RIGHT.encode())
    for change in (moved, clear):
        await database.write(lambda c, change=change: c.execute(change).close())  # type: ignore[misc]  # mypy does not infer lambdas with defaults

    again = await run_of(database)

    assert await again.uploads.find("/moved") is None
    assert (
        await again.uploads.find("/one") is None
    )  # nobody gives Mover an address by writing it into the database


async def test_the_vault_is_asked_once_a_run_and_not_at_all_where_nothing_goes_in_parts(
    database: Database,
) -> None:
    keys = Counting(upload_keys(database))
    run = await run_of(database, keys)
    assert await run.uploads.find("/large") is None
    await run.close(Code.SUCCESS, finished=True, active_ns=0, message="")
    assert (keys.asked, keys.destroyed) == (0, 0)

    run = await run_of(database, keys)
    for number in range(30):
        await begin(run, f"/{number}")
    for number in range(30):
        assert await run.uploads.find(f"/{number}") is not None

    assert keys.asked == 1


async def test_the_key_goes_with_the_last_upload_of_a_finished_run(database: Database) -> None:
    vault = vault_of(database)
    run = await run_of(database)
    await begin(run, "/one")
    await begin(run, "/other")
    await run.uploads.drop("/one")

    await run.close(Code.SOME_UPLOADS_FAILED, finished=True, active_ns=0, message="")
    assert [owner for _, owner in await vault.owners(OWNER)] == [f"{OWNER}{run.pair.id}"]

    run = await run_of(database)
    found = await run.uploads.find("/other")  # so that retrying the failed file sends what is missing only
    assert found is not None
    await run.uploads.drop("/other")
    await run.close(Code.CANCELED, finished=False, active_ns=0, message="")
    assert await vault.owners(OWNER)

    run = await run_of(database)
    await begin(run, "/other")
    await run.uploads.drop("/other")
    await run.close(Code.SUCCESS, finished=True, active_ns=0, message="")
    assert await vault.owners(OWNER) == []


async def test_with_the_persons_key_all_tokens_are_gone_and_files_are_sent_from_their_beginning(
    database: Database,
) -> None:
    await begin(await run_of(database))

    await vault_of(database).destroy_person("local")
    run = await run_of(database)

    assert await run.uploads.find("/large") is None
    await begin(run, right=RIGHT + "-anew")
    found = await run.uploads.find("/large")
    assert found is not None
    assert found.token.reveal() == RIGHT + "-anew"


async def test_a_new_key_of_the_person_leaves_uploads_as_they_are(database: Database) -> None:
    await begin(await run_of(database))
    vault = vault_of(database)

    await vault.rotate_person("local")

    assert await (await run_of(database)).uploads.find("/large") is not None


async def test_whoever_lost_the_pair_makes_no_key_and_destroys_none(database: Database) -> None:
    earlier = await run_of(database)
    await run_of(database)

    with pytest.raises(LockLost):
        await earlier.uploads.prepare()
    assert await vault_of(database).owners(OWNER) == []

    slow = await run_of(database)
    await slow.uploads.prepare()
    later = await run_of(database)
    await later.uploads.prepare()
    with pytest.raises(LockLost):
        await slow.close(Code.SUCCESS, finished=True, active_ns=0, message="")
    await begin(later)
    assert await (await run_of(database)).uploads.find("/large") is not None


async def test_keys_that_no_run_has_used_for_a_month_are_destroyed(database: Database) -> None:
    vault, now = vault_of(database), [1_000_000_000.0]
    keys = VaultUploadKeys(vault, "local", now=lambda: now[0])
    await begin(await run_of(database, keys))

    now[0] += 29 * DAY_S
    assert await destroy_old_upload_keys(vault, now=now[0]) == 0
    await (await run_of(database, keys)).uploads.find("/large")  # used again

    now[0] += 29 * DAY_S
    assert await destroy_old_upload_keys(vault, now=now[0]) == 0
    now[0] += 2 * DAY_S
    assert await destroy_old_upload_keys(vault, now=now[0]) == 1
    assert await (await run_of(database, keys)).uploads.find("/large") is None


class Counting:
    """Keys, and how often they were asked for."""

    def __init__(self, keys: VaultUploadKeys) -> None:
        self._keys = keys
        self.asked = 0
        self.destroyed = 0

    async def cipher(self, pair_id: int, *, along: Along) -> TokenCipher:
        self.asked += 1
        return await self._keys.cipher(pair_id, along=along)

    async def destroy(self, pair_id: int, *, along: Along) -> None:
        self.destroyed += 1
        await self._keys.destroy(pair_id, along=along)
