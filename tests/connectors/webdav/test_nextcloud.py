"""The connector against a stand-in for Nextcloud and ownCloud."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from tests.connectors.webdav.nextcloud import PASSWORD, USER, Nextcloud, running
from tests.contents import GivenContent, hashes_of

from mover.connectors.contract import Connector, PartUploads, SentPart, Setting, Target
from mover.connectors.webdav import WebDavConfig, WebDavConnector
from mover.connectors.webdav.config import Dialect
from mover.connectors.webdav.connector import _names
from mover.connectors.webdav.recognition import Traits
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    Locked,
    MalwareFlagged,
    NameRejected,
    NotFound,
    QuotaExceeded,
    SignInFailed,
    Unreachable,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

FILES = "/remote.php/dav/files/alice/"
MIB = 1 << 20
WHEN_NS = 1_234_567_890 * 10**9


def connector_to(server: Nextcloud, path: str = FILES, **values: object) -> WebDavConnector:
    given = {
        "url": server.url + path,
        "username": USER,
        "password": Secret(PASSWORD),
        "plain": True,
        **values,
    }
    return WebDavConnector(
        WebDavConfig.model_validate(given), Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"))
    )


@contextlib.asynccontextmanager
async def signed_in(server: Nextcloud, path: str = FILES, **values: object) -> AsyncIterator[WebDavConnector]:
    connector = connector_to(server, path, **values)
    try:
        await connector.sign_in()
        yield connector
    finally:
        await connector.close()


@pytest.fixture
async def server() -> AsyncIterator[Nextcloud]:
    async with running(Nextcloud()) as started:
        yield started


@pytest.fixture
async def connector(server: Nextcloud) -> AsyncIterator[WebDavConnector]:
    async with signed_in(server) as made:
        yield made


def target(name: str, *, replaces: Entry | None = None, key: str = "item-1") -> Target:
    return Target(folder=ROOT, name=name, key=key, replaces=replaces, modified_ns=WHEN_NS)


def content(data: bytes, *names: HashName) -> GivenContent:
    return GivenContent(data, hashes=hashes_of(data, names))


def parts_of(connector: Connector) -> PartUploads:
    assert connector.part_uploads is not None
    return connector.part_uploads


async def received(parts: PartUploads, token: str) -> list[SentPart]:
    return list(await parts.received(token) or ())


async def listed(connector: Connector, folder: EntryRef = ROOT) -> dict[str, Entry]:
    return {entry.name: entry async for page in connector.list_folder(folder) for entry in page.entries}


async def test_server_is_recognised_by_itself(server: Nextcloud) -> None:
    connector = connector_to(server)
    account = await connector.sign_in()
    await connector.close()
    assert "Nextcloud 31.0.4" in account.description
    assert not account.secure
    capabilities = connector.capabilities
    assert capabilities.stable_ids
    assert capabilities.modified is Setting.AT_UPLOAD
    assert capabilities.returned_hashes == {HashName.SHA256}
    assert capabilities.listed_hashes == frozenset()  # nobody computed what Nextcloud lists
    assert capabilities.parts is not None


async def test_signing_in_writes_nothing(server: Nextcloud) -> None:
    async with signed_in(server):
        methods = {request.split()[0] for request in server.requests}
    assert methods <= {"PROPFIND", "OPTIONS", "GET"}


async def test_wrong_password_is_told(server: Nextcloud) -> None:
    connector = connector_to(server, password=Secret("wrong"))
    with pytest.raises(SignInFailed) as caught:
        await connector.sign_in()
    await connector.close()
    assert "wrong" not in str(caught.value)


async def test_small_upload_is_one_call_and_comes_back_with_all_that_the_server_told(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    before = connector.calls
    entry = await connector.upload(target("a.txt"), content(b"hello", HashName.SHA1, HashName.SHA256))
    assert connector.calls - before == 1
    stored = server.file("/a.txt")
    assert (stored.data, stored.mtime) == (b"hello", 1_234_567_890)
    assert entry.hashes == hashes_of(b"hello", [HashName.SHA256])
    assert (entry.id, entry.version, entry.modified_ns) == (stored.id, stored.etag, WHEN_NS)
    assert stored.checksum == "SHA1:" + hashes_of(b"hello", [HashName.SHA1])[HashName.SHA1]


async def test_listing_has_ids_versions_times_and_checksums(connector: WebDavConnector) -> None:
    uploaded = await connector.upload(target("a.txt"), content(b"hello", HashName.SHA1))
    await connector.create_folder(ROOT, "folder")
    entries = await listed(connector)
    assert entries["a.txt"] == Entry(
        name="a.txt",
        kind=EntryKind.FILE,
        id=uploaded.id,
        size=5,
        modified_ns=WHEN_NS,
        version=uploaded.version,
        hashes=hashes_of(b"hello", [HashName.SHA1]),
    )
    assert entries["folder"].kind is EntryKind.FOLDER


async def test_id_of_a_created_folder_is_the_one_that_is_listed(connector: WebDavConnector) -> None:
    created = await connector.create_folder(ROOT, "folder")
    assert created.id is not None
    assert (await listed(connector))["folder"].id == created.id


async def test_id_stays_over_a_rename(connector: WebDavConnector) -> None:
    before = await connector.upload(target("a.txt"), content(b"hello"))
    after = await connector.rename(EntryRef("/a.txt", before.id), ROOT, "b.txt")
    assert after.id == before.id


async def test_refreshing_an_id_whose_place_another_file_took_is_not_found(
    connector: WebDavConnector,
) -> None:
    old = await connector.upload(target("a.txt"), content(b"hello"))
    await connector.rename(EntryRef("/a.txt"), ROOT, "b.txt")
    await connector.upload(target("a.txt"), content(b"other"))
    with pytest.raises(NotFound):
        await connector.refresh(EntryRef("/a.txt", old.id))


async def test_damage_on_the_way_is_noticed_and_removed(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    server.damage_bodies = True
    with pytest.raises(IntegrityError):
        await connector.upload(target("a.txt"), content(b"hello", HashName.SHA256))
    assert await listed(connector) == {}


async def test_owncloud_refuses_damaged_content_itself() -> None:
    async with (
        running(Nextcloud(product="ownCloud", damage_bodies=True)) as server,
        signed_in(server) as connector,
    ):
        with pytest.raises(IntegrityError):
            await connector.upload(target("a.txt"), content(b"hello", HashName.SHA1))
        assert await listed(connector) == {}


async def test_nextcloud_under_another_name_proves_nothing_that_it_has_not_computed() -> None:
    server = Nextcloud(name="Acme Drive", damage_bodies=True)
    async with running(server), signed_in(server) as connector:
        entry = await connector.upload(target("a.txt"), content(b"hello", HashName.SHA1))
        assert entry.hashes == {}
        with pytest.raises(IntegrityError):
            await connector.upload(target("b.txt"), content(b"hello", HashName.SHA256))


async def test_owncloud_proves_and_lists_hashes() -> None:
    async with running(Nextcloud(product="ownCloud")) as server, signed_in(server) as connector:
        entry = await connector.upload(target("a.txt"), content(b"hello", HashName.SHA1))
        assert entry.hashes == hashes_of(b"hello", [HashName.SHA1])
        assert connector.capabilities.listed_hashes == {HashName.SHA1, HashName.MD5}
        expected = hashes_of(b"hello", [HashName.SHA1, HashName.MD5])
        assert (await listed(connector))["a.txt"].hashes == expected


async def test_no_hash_is_claimed_that_was_not_asked_for(connector: WebDavConnector) -> None:
    entry = await connector.upload(target("a.txt"), content(b"hello"))
    assert entry.hashes == {}


async def test_existing_file_is_never_replaced_by_a_new_one(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    server.put_file("/a.txt", b"mine")
    with pytest.raises(Conflict):
        await connector.upload(target("a.txt"), content(b"hello"))
    assert server.file("/a.txt").data == b"mine"


async def test_folder_in_the_place_of_a_new_file_is_a_conflict(connector: WebDavConnector) -> None:
    await connector.create_folder(ROOT, "a.txt")
    with pytest.raises(Conflict):
        await connector.upload(target("a.txt"), content(b"hello"))


async def test_missing_folder_is_not_found(connector: WebDavConnector) -> None:
    with pytest.raises(NotFound):
        await connector.upload(Target(folder=EntryRef("/none"), name="a", key="k"), content(b"hello"))


async def test_replacing_keeps_the_id_and_notices_a_change(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    old = await connector.upload(target("a.txt"), content(b"hello"))
    new = await connector.upload(target("a.txt", replaces=old), content(b"world"))
    assert (new.id, server.file("/a.txt").data) == (old.id, b"world")
    with pytest.raises(Changed):
        await connector.upload(target("a.txt", replaces=old), content(b"again"))
    assert server.file("/a.txt").data == b"world"


async def test_upload_whose_answer_was_lost_is_recognised(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    server.lose_answers_to = {"PUT"}
    entry = await connector.upload(target("a.txt"), content(b"hello"))
    assert (entry.name, entry.size) == ("a.txt", 5)


async def test_file_of_somebody_else_is_not_taken_for_the_lost_upload(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    server.put_file("/a.txt", b"mine!")
    server.lose_answers_to = {"PUT"}
    with pytest.raises(Unreachable):
        await connector.upload(target("a.txt"), content(b"hello"))
    assert server.file("/a.txt").data == b"mine!"


async def test_upload_is_not_sent_twice_behind_its_back(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    await connector.upload(target("warm.txt"), content(b"the connection is open now"))
    server.lose_answers_to = {"PUT"}
    await connector.upload(target("a.txt"), content(b"hello"))
    assert [request for request in server.requests if request.endswith("a.txt")].count(
        f"PUT {FILES}a.txt"
    ) == 1


@pytest.mark.parametrize("name", [".htaccess", "a\\b"])
def test_names_that_nextcloud_refuses_are_translated(name: str) -> None:
    rules = _names(Traits(dialect=Dialect.NEXTCLOUD, product=""))
    assert rules.accepted(name) != name
    assert rules.original(rules.accepted(name)) == name


async def test_refused_name_is_told_as_such(connector: WebDavConnector) -> None:
    with pytest.raises(NameRejected, match="not a valid name"):
        await connector.upload(target("a.part"), content(b"hello"))


async def test_full_account_is_told(server: Nextcloud, connector: WebDavConnector) -> None:
    server.free = 3
    with pytest.raises(QuotaExceeded):
        await connector.upload(target("a.txt"), content(b"hello"))


async def test_virus_is_told(server: Nextcloud, connector: WebDavConnector) -> None:
    server.said_virus = {"eicar.com"}
    with pytest.raises(MalwareFlagged):
        await connector.upload(target("eicar.com"), content(b"hello"))


async def test_locked_file_can_be_tried_again(server: Nextcloud, connector: WebDavConnector) -> None:
    server.locked = {FILES + "a.txt"}
    with pytest.raises(Locked):
        await connector.upload(target("a.txt"), content(b"hello"))


async def test_free_room_is_told_and_unlimited_is_unknown(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    assert connector.quota is not None
    assert await connector.quota.free_bytes() is None
    server.free = 12345
    assert await connector.quota.free_bytes() == 12345


async def test_times_of_folders_are_set_and_read_back_once(connector: WebDavConnector) -> None:
    for name in ("a", "b"):
        await connector.create_folder(ROOT, name)
    assert connector.times is not None
    before = connector.calls
    assert await connector.times.set_modified(EntryRef("/a"), WHEN_NS)
    assert await connector.times.set_modified(EntryRef("/b"), WHEN_NS)
    assert connector.calls - before == 3
    assert {entry.modified_ns for entry in (await listed(connector)).values()} == {WHEN_NS}


DATA = bytes(range(256)) * (12 * MIB // 256) + b"end"


async def send_all(connector: Connector, token: str, *numbers: int) -> list[SentPart]:
    sent = []
    for number in numbers:
        piece = DATA[(number - 1) * 5 * MIB : number * 5 * MIB]
        sent.append(
            await parts_of(connector).send(
                token, number, (number - 1) * 5 * MIB, content(piece, HashName.SHA256)
            )
        )
    return sent


@pytest.mark.parametrize("path", [FILES, "/remote.php/webdav/"])
async def test_large_file_goes_in_chunks(server: Nextcloud, path: str) -> None:
    async with signed_in(server, path) as connector:
        parts = parts_of(connector)
        where = target("large.bin")
        token = await parts.begin(where, len(DATA), 5 * MIB)
        sent = await send_all(connector, token, 3, 1, 2)
        entry = await parts.finish(token, where, sorted(sent, key=lambda part: part.number), {})
        stored = server.file("/large.bin")
        assert (stored.data, stored.mtime) == (DATA, 1_234_567_890)
        assert (entry.id, entry.version, entry.modified_ns) == (stored.id, stored.etag, WHEN_NS)
        assert server.chunks() == []


async def test_chunks_survive_a_restart(server: Nextcloud) -> None:
    where = target("large.bin")
    async with signed_in(server) as first:
        token = await parts_of(first).begin(where, len(DATA), 5 * MIB)
        await send_all(first, token, 1, 3)
    async with signed_in(server) as second:
        parts = parts_of(second)
        there = await received(parts, token)
        assert [(part.number, part.size) for part in there] == [(1, 5 * MIB), (3, len(DATA) - 10 * MIB)]
        there += await send_all(second, token, 2)
        await parts.finish(token, where, sorted(there, key=lambda part: part.number), {})
    assert server.file("/large.bin").data == DATA


async def test_chunk_of_the_wrong_size_does_not_count(connector: WebDavConnector) -> None:
    token = await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)
    await parts_of(connector).send(token, 1, 0, content(b"half"))
    assert await received(parts_of(connector), token) == []


async def test_beginning_again_empties_the_upload(connector: WebDavConnector) -> None:
    token = await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)
    await send_all(connector, token, 1)
    again = await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)
    assert await received(parts_of(connector), again) == []


async def test_damaged_chunk_is_noticed(server: Nextcloud, connector: WebDavConnector) -> None:
    token = await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)
    server.damage_bodies = True
    with pytest.raises(IntegrityError):
        await send_all(connector, token, 1)


async def test_parts_that_do_not_make_the_file_are_not_put_together(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    where = target("large.bin")
    token = await parts_of(connector).begin(where, len(DATA), 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    with pytest.raises(IntegrityError):
        await parts_of(connector).finish(token, where, sent[:2], {})
    server.nodes[server.chunks()[-1]].data = b"shorter"
    with pytest.raises(IntegrityError, match="do not sum up"):
        await parts_of(connector).finish(token, where, sent, {})
    assert await listed(connector) == {}


async def test_finish_whose_answer_was_lost_finds_the_file(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    where = target("large.bin")
    token = await parts_of(connector).begin(where, len(DATA), 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    server.lose_answers_to = {"MOVE"}
    with pytest.raises(Unreachable):
        await parts_of(connector).finish(token, where, sent, {})
    entry = await parts_of(connector).finish(token, where, sent, {})
    assert entry.size == len(DATA)


async def test_file_of_another_that_happens_to_have_the_size_is_not_taken_for_the_finished_one(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    where = target("large.bin")
    token = await parts_of(connector).begin(where, len(DATA), 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    await parts_of(connector).abort(token)  # as the server itself does after a day
    server.put_file("/large.bin", bytes(len(DATA)))
    with pytest.raises(NotFound):
        await parts_of(connector).finish(token, where, sent, {})


async def test_finish_never_replaces_what_came_in_between(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    where = target("large.bin")
    token = await parts_of(connector).begin(where, len(DATA), 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    server.put_file("/large.bin", b"mine")
    with pytest.raises(Conflict):
        await parts_of(connector).finish(token, where, sent, {})
    assert server.file("/large.bin").data == b"mine"


async def test_finish_replaces_exactly_the_file_that_was_seen(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    old = await connector.upload(target("large.bin"), content(b"old"))
    where = target("large.bin", replaces=old)
    token = await parts_of(connector).begin(where, len(DATA), 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    server.put_file("/large.bin", b"mine")
    with pytest.raises(Changed):
        await parts_of(connector).finish(token, where, sent, {})
    assert server.file("/large.bin").data == b"mine"
    now = await connector.look_up("/large.bin")
    entry = await parts_of(connector).finish(token, target("large.bin", replaces=now), sent, {})
    assert (server.file("/large.bin").data, entry.id) == (DATA, old.id)


async def test_new_file_conflicts_before_its_chunks_are_sent(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    server.put_file("/large.bin", b"mine")
    with pytest.raises(Conflict):
        await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)


async def test_full_account_is_told_at_the_first_chunk(server: Nextcloud, connector: WebDavConnector) -> None:
    server.free = 10 * MIB
    token = await parts_of(connector).begin(target("large.bin"), len(DATA), 5 * MIB)
    with pytest.raises(QuotaExceeded):
        await send_all(connector, token, 1)


async def test_aborted_upload_is_gone_and_aborting_again_is_no_error(
    server: Nextcloud, connector: WebDavConnector
) -> None:
    parts = parts_of(connector)
    token = await parts.begin(target("large.bin"), len(DATA), 5 * MIB)
    await send_all(connector, token, 1)
    await parts.abort(token)
    await parts.abort(token)
    assert server.chunks() == []
    with pytest.raises(NotFound):
        await parts.received(token)
    with pytest.raises(NotFound):
        await send_all(connector, token, 1)


async def test_file_of_unknown_size_goes_in_chunks(server: Nextcloud, connector: WebDavConnector) -> None:
    where = target("large.bin")
    token = await parts_of(connector).begin(where, None, 5 * MIB)
    sent = await send_all(connector, token, 1, 2, 3)
    await parts_of(connector).finish(token, where, sent, {})
    assert server.file("/large.bin").data == DATA


@pytest.mark.parametrize("token", ["", "{}", "no token", '{"folder": 1}', "x" * 20_000])
async def test_rubbish_as_a_token_is_an_upload_that_is_gone(connector: WebDavConnector, token: str) -> None:
    with pytest.raises(NotFound):
        await parts_of(connector).received(token)


async def test_generic_dialect_uses_none_of_it(server: Nextcloud) -> None:
    async with signed_in(server, dialect="generic") as connector:
        assert connector.part_uploads is None
        assert not connector.capabilities.stable_ids
        assert not any("status.php" in request for request in server.requests)
