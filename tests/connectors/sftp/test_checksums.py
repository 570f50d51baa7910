from __future__ import annotations

import os

import pytest
from tests.connectors.sftp.surroundings import Connect, new_place
from tests.contents import hashes_of
from tests.servers.ssh import SftpServer

from mover.entries import HashName
from mover.errors import NotFound

_ALL = frozenset({HashName.MD5, HashName.SHA1, HashName.SHA256, HashName.SHA512})
_HOSTILE = [
    "plain",
    "-rf",
    "a b",
    "new\nline",
    "$(touch INJECTED)",
    "`touch INJECTED`",
    "; touch INJECTED #",
    "' ; touch INJECTED '",
    '" & touch INJECTED "',
    "back\\slash",
    "\N{PILE OF POO}",
    "!history",
]


async def test_check_file_gives_every_hash(proftpd_server: SftpServer, connect: Connect) -> None:
    place = new_place(proftpd_server)
    content = os.urandom(1_000_000)
    place.write("file", content)
    connector = await connect(proftpd_server)

    assert connector.hashes is not None
    assert await connector.hashes.compute(place.ref.child("file"), _ALL) == hashes_of(content, _ALL)
    assert await connector.hashes.compute(place.ref.child("file"), frozenset({HashName.QUICKXOR})) == {}
    with pytest.raises(NotFound):
        await connector.hashes.compute(place.ref.child("missing"), _ALL)


async def test_empty_file_is_hashed(proftpd_server: SftpServer, connect: Connect) -> None:
    place = new_place(proftpd_server)
    place.write("file", b"")
    connector = await connect(proftpd_server)

    assert connector.hashes is not None
    computed = await connector.hashes.compute(place.ref.child("file"), _ALL)
    assert computed.items() <= dict(hashes_of(b"", _ALL)).items()


async def test_without_check_file_there_are_no_hashes_by_default(
    sshd_shell_server: SftpServer, connect: Connect
) -> None:
    assert (await connect(sshd_shell_server)).hashes is None


async def test_no_hashes_when_switched_off(proftpd_server: SftpServer, connect: Connect) -> None:
    assert (await connect(proftpd_server, remote_checksums="off")).hashes is None


async def test_commands_hash_files_of_any_name_and_run_nothing_else(
    sshd_shell_server: SftpServer, connect: Connect
) -> None:
    place = new_place(sshd_shell_server)
    connector = await connect(sshd_shell_server, remote_checksums="commands")
    assert connector.hashes is not None
    assert connector.hashes.names == _ALL

    for name in _HOSTILE:
        place.write(name, name.encode())
        computed = await connector.hashes.compute(place.ref.child(name), _ALL)
        assert computed == hashes_of(name.encode(), _ALL)
    assert place.names() == set(_HOSTILE)
    assert not (sshd_shell_server.root / "INJECTED").exists()


async def test_commands_tell_that_a_file_is_missing(sshd_shell_server: SftpServer, connect: Connect) -> None:
    connector = await connect(sshd_shell_server, remote_checksums="commands")
    assert connector.hashes is not None
    with pytest.raises(NotFound):
        await connector.hashes.compute(new_place(sshd_shell_server).ref.child("missing"), _ALL)


async def test_server_that_runs_no_commands_has_no_hashes(sshd_server: SftpServer, connect: Connect) -> None:
    assert (await connect(sshd_server, remote_checksums="commands")).hashes is None
