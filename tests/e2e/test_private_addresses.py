"""`mover connect` does not go to private, loopback or reserved addresses unless the operator says so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.command import Mover
from tests.e2e.places import sftp_values
from tests.servers.ssh import SftpServer

from mover.errors import AddressRefused

REFUSED = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "::1", "localhost")

pytestmark = pytest.mark.slow


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who would notice a connection to this machine."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.setblocking(False)
        yield found


@pytest.fixture
def strict(tmp_path: Path) -> Mover:
    """A Mover whose operator permits nothing."""
    return Mover(tmp_path / "mover", MOVER_ALLOW_PRIVATE_ADDRESSES="false")


def words(service: str, host: str, port: int) -> list[str]:
    """What somebody would type to connect such a service there."""
    in_url = f"[{host}]" if ":" in host else host
    match service:
        case "sftp":
            return [f"host={host}", f"port={port}", "username=alice", "password=@env:SECRET"]
        case "webdav":
            return [f"url=https://{in_url}:{port}/", "username=alice", "password=@env:SECRET"]
        case _:
            return [f"endpoint=https://{in_url}:{port}", "bucket=b", "access_key=a", "secret_key=@env:SECRET"]


@pytest.mark.parametrize(
    ("service", "hosts"), [("sftp", REFUSED), ("webdav", REFUSED[::3]), ("s3", REFUSED[::3])]
)
def test_private_addresses_are_refused_with_advice_and_nothing_is_saved(
    service: str, hosts: tuple[str, ...], strict: Mover, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    for host in hosts:
        done = strict.run("connect", service, "place", *words(service, host, port), SECRET="x")

        assert done.code == 2, done
        assert AddressRefused.advice in done.err, done
        assert "Traceback" not in done.err
    assert strict.run("connections", "--json", code=0).out.count("place") == 0
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_other_networks_than_the_permitted_ones_stay_refused(strict: Mover) -> None:
    done = strict.run(
        "connect",
        "sftp",
        "nas",
        *words("sftp", "127.0.0.1", 22),
        SECRET="x",
        MOVER_ALLOW_PRIVATE_ADDRESSES="10.0.0.0/8, ::1",
    )

    assert done.code == 2
    assert AddressRefused.advice in done.err


@pytest.mark.parametrize("permitted", ["true", "127.0.0.0/8", "10.0.0.0/8,127.0.0.1/32"])
def test_what_the_operator_permits_is_connected(
    permitted: str, tmp_path: Path, sshd_server: SftpServer
) -> None:
    mover = Mover(tmp_path / "mover", MOVER_ALLOW_PRIVATE_ADDRESSES=permitted)

    mover.connect("sftp", "nas", sftp_values(sshd_server))

    mover.run("test", "nas", code=0)


def test_a_saved_connection_is_refused_again_when_the_operator_changes_his_mind(
    mover: Mover, sshd_server: SftpServer
) -> None:
    mover.connect("sftp", "nas", sftp_values(sshd_server))

    done = mover.run("ls", "nas:/", MOVER_ALLOW_PRIVATE_ADDRESSES="false")

    assert done.code == 2
    assert AddressRefused.advice in done.err
