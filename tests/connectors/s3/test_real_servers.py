"""What the contract suite does not ask for, on servers that check signatures and checksums."""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.connectors.s3.scripted import Bytes
from tests.servers.s3 import S3Server

from mover.connectors.contract import Target
from mover.connectors.s3.addresses import Endpoint
from mover.connectors.s3.config import S3Config
from mover.connectors.s3.connector import S3Connector
from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import Conflict, IntegrityError, MoverError, NameRejected, PermissionDenied, SignInFailed
from mover.hashing import MultiHasher
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

HOSTILE = [
    "plain",
    "a b+c%d&e?f#g",
    "\x01\x1f\x7f",
    "line\nbreak",
    "tail ",
    " lead",
    ".hidden",
    "…",
    "e\N{COMBINING ACUTE ACCENT}",
    "é",
    "🙂",
    "\u202e\ufffe",
    "'\"<>*|:~!()[]{};=,@$",
    "%2F",
    "ünï-" + "x" * 200,
]


@pytest.fixture(params=["seaweedfs_server", pytest.param("swift_server")])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


@contextlib.asynccontextmanager
async def connected(server: S3Server, **values: object) -> AsyncIterator[S3Connector]:
    given = {
        "endpoint": server.url,
        "access_key": server.access_key,
        "secret_key": Secret(server.secret_key),
        "ca_file": server.ca_file,
        "plain": server.ca_file is None,
        **values,
    }
    made = S3Connector(S3Config.model_validate(given), Egress(allowed=PrivateAddresses(every=True)))
    try:
        yield made
    finally:
        await made.close()


@contextlib.contextmanager
def fresh_bucket(server: S3Server, name: str = "") -> Iterator[str]:
    """A bucket for one test; SeaweedFS runs out of volumes when many stay."""
    name = name or f"test-{uuid.uuid4().hex[:12]}"
    with contextlib.closing(server.client()) as client:
        client.create_bucket(Bucket=name)
        yield name
        for found in client.list_objects_v2(Bucket=name).get("Contents", []):
            client.delete_object(Bucket=name, Key=found["Key"])
        client.delete_bucket(Bucket=name)


@pytest.fixture
def bucket(server: S3Server) -> Iterator[str]:
    with fresh_bucket(server) as name:
        yield name


@pytest.fixture
async def made(server: S3Server, bucket: str) -> AsyncIterator[S3Connector]:
    async with connected(server, bucket=bucket) as found:
        await found.sign_in()
        yield found


def put(server: S3Server, bucket: str, *keys: str, data: bytes = b"x") -> None:
    with contextlib.closing(server.client()) as client:
        for key in keys:
            client.put_object(Bucket=bucket, Key=key, Body=data)


async def entries(made: S3Connector, path: str = "/") -> dict[str, Entry]:
    return {entry.name: entry async for page in made.list_folder(EntryRef(path)) for entry in page.entries}


async def read(made: S3Connector, path: str) -> bytes:
    return b"".join([piece async for piece in made.read(EntryRef(path))])


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_come_back_and_boto_sees_the_same_key(
    server: S3Server, bucket: str, made: S3Connector, name: str
) -> None:
    await made.upload(Target(folder=EntryRef("/d"), name=name, key="k"), Bytes(name.encode(), HashName.MD5))
    assert list(await entries(made, "/d")) == [name]
    assert await read(made, f"/d/{name}") == name.encode()
    assert (await made.look_up(f"/d/{name}")).size == len(name.encode())
    with contextlib.closing(server.client()) as client:
        assert client.get_object(Bucket=bucket, Key=f"d/{name}")["Body"].read() == name.encode()


async def test_keys_that_are_no_names_are_read_under_the_name_they_are_listed_by(
    swift_server: S3Server,
) -> None:
    keys = {"a//b", "/lead", "./x", "c/../y", "both", "both/inner", "c/.", "nested///deep"}
    with fresh_bucket(swift_server) as bucket:
        for key in keys:
            put(swift_server, bucket, key, data=key.encode())
        async with connected(swift_server, bucket=bucket) as made:
            await made.sign_in()
            seen = set()
            folders = ["/"]
            while folders:
                folder = folders.pop()
                for name, entry in (await entries(made, folder)).items():
                    path = f"{folder.rstrip('/')}/{name}"
                    if entry.kind is EntryKind.FOLDER:
                        folders.append(path)
                    else:
                        seen.add((await read(made, path)).decode())
                    assert (await made.look_up(path)).kind is entry.kind
    assert seen == keys


async def test_a_service_that_turns_backslashes_into_slashes_gets_none(seaweedfs_server: S3Server) -> None:
    async with connected(seaweedfs_server) as made:
        await made.sign_in()
        assert "\\" not in made.capabilities.names.accepted("a\\b")


async def test_a_folder_of_several_pages_can_be_gone_on_with_by_another_connector(
    server: S3Server, bucket: str, made: S3Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mover.connectors.s3.listing._KEYS_A_PAGE", 3)
    names = [f"{number:02}" for number in range(8)]
    put(server, bucket, *(f"d/{name}" for name in names), *(f"d/{name}/inner" for name in names[::2]))
    first = await anext(made.list_folder(EntryRef("/d")))
    assert first.cursor is not None
    found = [(entry.name, entry.kind) for entry in first.entries]
    async with connected(server, bucket=bucket) as other:
        async for page in other.list_folder(EntryRef("/d"), first.cursor):
            found += [(entry.name, entry.kind) for entry in page.entries]
    assert sorted(name for name, kind in found if kind is EntryKind.FILE) == names
    assert len({name for name, _ in found}) == len(found) == 12


async def test_rclone_and_mover_read_each_other_s_times(
    server: S3Server, bucket: str, made: S3Connector
) -> None:
    modified_ns = 1_600_000_000_123_456_789
    target = Target(folder=ROOT, name="file", key="k", modified_ns=modified_ns)
    await made.upload(target, Bytes(b"x", HashName.MD5))
    with contextlib.closing(server.client()) as client:
        assert client.head_object(Bucket=bucket, Key="file")["Metadata"]["mtime"] == "1600000000.123456789"
    assert (await made.look_up("/file")).modified_ns == modified_ns


async def test_reading_tells_the_time_without_a_call_for_it(made: S3Connector) -> None:
    target = Target(folder=ROOT, name="file", key="k", modified_ns=1_500_000_000)
    await made.upload(target, Bytes(b"content"))
    before = made.calls
    told: list[Entry] = []
    async for _ in made.read(EntryRef("/file"), found=told.append):
        pass
    async for _ in made.read(EntryRef("/file"), offset=1, length=2, found=told.append):
        pass
    assert [(entry.modified_ns, entry.size) for entry in told] == [(1_500_000_000, 7), (1_500_000_000, None)]
    assert made.calls - before == 2


async def test_a_small_file_costs_one_call_to_read_and_one_to_write(made: S3Connector) -> None:
    await made.create_folder(ROOT, "folder")  # proves that the service honours conditions
    before = made.calls
    await made.upload(Target(folder=ROOT, name="file", key="k"), Bytes(b"x", HashName.MD5))
    assert made.calls - before == 1
    await read(made, "/file")
    assert made.calls - before == 2


async def test_damage_on_the_way_is_refused_by_the_service(made: S3Connector) -> None:
    damaged = Bytes(b"damaged", HashName.MD5)
    damaged.hashes = Bytes(b"original", HashName.MD5).hashes
    with pytest.raises(IntegrityError):
        await made.upload(Target(folder=ROOT, name="file", key="k"), damaged)
    assert await entries(made) == {}


async def test_a_body_that_is_not_the_signed_one_is_refused(swift_server: S3Server) -> None:
    damaged = Bytes(b"damaged")
    damaged.hashes = Bytes(b"original", HashName.SHA256).hashes
    with fresh_bucket(swift_server) as bucket:  # SeaweedFS does not compare
        async with connected(swift_server, bucket=bucket) as made:
            with pytest.raises(IntegrityError):
                await made.upload(Target(folder=ROOT, name="file", key="k"), damaged)


async def test_the_etag_of_parts_is_the_one_that_is_computed_here(made: S3Connector) -> None:
    parts = [b"a" * (5 * 1024 * 1024), b"b" * 100]
    target = Target(folder=ROOT, name="file", key="k")
    token = await made.part_uploads.begin(target, sum(map(len, parts)), len(parts[0]))
    sent = [
        await made.part_uploads.send(token, number, 0, Bytes(part, HashName.MD5))
        for number, part in enumerate(parts, start=1)
    ]
    entry = await made.part_uploads.finish(token, target, sent, {})
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    expected = hashlib.md5(digests, usedforsecurity=False).hexdigest() + "-2"
    assert entry.hashes == {HashName.S3_ETAG: expected}
    assert (await entries(made))["file"].hashes == entry.hashes
    assert json.loads(token)[1] == "file"


async def test_where_the_service_promises_a_checksum_of_the_whole_it_is_the_true_one(
    seaweedfs_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Endpoint, "amazon", property(lambda _: True))  # whose way SeaweedFS knows too
    parts = [b"a" * (5 * 1024 * 1024), b"b" * 100]
    whole = MultiHasher([HashName.CRC64NVME])
    whole.update(b"".join(parts))
    target = Target(folder=ROOT, name="file", key="k")
    with fresh_bucket(seaweedfs_server) as bucket:
        async with connected(seaweedfs_server, bucket=bucket, path_style=True) as made:
            token = await made.part_uploads.begin(target, sum(map(len, parts)), len(parts[0]))
            sent = [
                await made.part_uploads.send(token, number, 0, Bytes(part))
                for number, part in enumerate(parts, start=1)
            ]
            assert len(await made.part_uploads.received(token)) == len(sent)
            entry = await made.part_uploads.finish(token, target, sent, whole.hexdigests())
            assert entry.hashes.items() >= whole.hexdigests().items()
            wrong = {HashName.CRC64NVME: "0" * 16}
            other = Target(folder=ROOT, name="other", key="k")
            token = await made.part_uploads.begin(other, len(parts[1]), len(parts[0]))
            sent = [await made.part_uploads.send(token, 1, 0, Bytes(parts[1]))]
            with pytest.raises(MoverError):
                await made.part_uploads.finish(token, other, sent, wrong)
            await made.part_uploads.abort(token)


async def test_without_a_bucket_the_top_folders_are_the_buckets(server: S3Server, bucket: str) -> None:
    put(server, bucket, "d/file")
    created = f"made-{uuid.uuid4().hex[:12]}"
    with contextlib.closing(server.client()) as client:
        async with connected(server) as made:
            await made.sign_in()
            assert (await entries(made))[bucket].kind is EntryKind.FOLDER
            assert list(await entries(made, f"/{bucket}/d")) == ["file"]
            await made.create_folder(ROOT, created)
            await made.create_folder(ROOT, created)
            assert (await made.look_up(f"/{created}")).kind is EntryKind.FOLDER
            await made.upload(Target(folder=EntryRef(f"/{created}"), name="file", key="k"), Bytes(b"x"))
            assert await read(made, f"/{created}/file") == b"x"
            with pytest.raises(NameRejected):
                await made.upload(Target(folder=ROOT, name="file", key="k"), Bytes(b"x"))
        client.delete_object(Bucket=created, Key="file")
        client.delete_bucket(Bucket=created)


async def test_a_folder_is_not_made_where_a_file_stands(made: S3Connector) -> None:
    await made.upload(Target(folder=ROOT, name="file", key="k"), Bytes(b"x"))
    with pytest.raises(Conflict):
        await made.create_folder(ROOT, "file")


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "AKIAUNKNOWN"}])
async def test_a_wrong_key_is_refused(server: S3Server, bucket: str, wrong: dict[str, str]) -> None:
    async with connected(server, bucket=bucket, **wrong) as made:
        with pytest.raises(SignInFailed):
            await made.sign_in()


async def test_a_wrong_clock_is_corrected_once(server: S3Server, bucket: str) -> None:
    config = {
        "endpoint": server.url,
        "access_key": server.access_key,
        "secret_key": Secret(server.secret_key),
        "ca_file": server.ca_file,
        "bucket": bucket,
    }
    made = S3Connector(
        S3Config.model_validate(config),
        Egress(allowed=PrivateAddresses(every=True)),
        now=lambda: 1_500_000_000.0,
    )
    await made.sign_in()
    calls = made.calls
    await made.look_up("/")
    await made.upload(Target(folder=ROOT, name="file", key="k"), Bytes(b"x", HashName.MD5))
    assert calls <= 5
    await made.close()


async def test_an_account_that_may_only_read_cannot_write(seaweedfs_server: S3Server) -> None:
    with fresh_bucket(seaweedfs_server) as bucket:
        put(seaweedfs_server, bucket, "file")
        key = seaweedfs_server.read_only_access_key
        async with connected(seaweedfs_server, bucket=bucket, access_key=key) as made:
            await made.sign_in()
            assert await read(made, "/file") == b"x"
            with pytest.raises(PermissionDenied):
                await made.upload(Target(folder=ROOT, name="other", key="k"), Bytes(b"x"))


async def test_over_plain_http_large_bodies_are_signed_too(seaweedfs_plain_server: S3Server) -> None:
    data = b"z" * 1_000_000
    with fresh_bucket(seaweedfs_plain_server) as bucket:
        async with connected(seaweedfs_plain_server, bucket=bucket) as made:
            assert not (await made.sign_in()).secure
            await made.upload(Target(folder=ROOT, name="file", key="k"), Bytes(data))
            assert await read(made, "/file") == data
