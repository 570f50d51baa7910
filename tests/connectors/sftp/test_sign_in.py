from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import Connect, Memory, Serve
from tests.servers.processes import free_port, running, tool
from tests.servers.ssh import SftpServer, sshd

from mover.connectors.registry import Surroundings
from mover.connectors.sftp import CONNECTOR_TYPE
from mover.connectors.sftp.config import SftpConfig
from mover.connectors.sftp.connector import SftpConnector
from mover.entries import ROOT
from mover.errors import (
    AddressRefused,
    InvalidConfiguration,
    NotFound,
    SignInFailed,
    Unreachable,
    UntrustedServer,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress


def _fingerprint(public_key: str) -> str:
    return asyncssh.import_public_key(public_key).get_fingerprint("sha256")


async def test_password_signs_in_and_the_server_is_described(server: SftpServer, connect: Connect) -> None:
    connector = await connect(server, signs_in=False)

    account = await connector.sign_in()

    assert account.secure
    assert account.description.startswith("alice at 127.0.0.1, ")


async def test_key_as_a_file_signs_in(server: SftpServer, connect: Connect) -> None:
    await connect(server, private_key=str(server.client_key))


async def test_key_as_text_signs_in(server: SftpServer, connect: Connect) -> None:
    await connect(server, private_key=server.client_key.read_text())


async def test_encrypted_key_signs_in_with_its_passphrase(server: SftpServer, connect: Connect) -> None:
    await connect(server, private_key=str(server.encrypted_client_key), passphrase=server.passphrase)


async def test_wrong_password_is_a_failed_sign_in_that_does_not_tell_it(
    server: SftpServer, connect: Connect
) -> None:
    with pytest.raises(SignInFailed) as caught:
        await connect(server, password="wrong horse")
    assert "wrong horse" not in str(caught.value)
    assert caught.value.service == "sftp"


async def test_unknown_key_is_a_failed_sign_in(server: SftpServer, connect: Connect) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()
    with pytest.raises(SignInFailed):
        await connect(server, private_key=stranger)


async def test_wrong_passphrase_is_a_failed_sign_in(sshd_server: SftpServer, connect: Connect) -> None:
    with pytest.raises(SignInFailed, match="passphrase"):
        await connect(sshd_server, private_key=str(sshd_server.encrypted_client_key), passphrase="wrong")


async def test_missing_passphrase_is_asked_for(sshd_server: SftpServer, connect: Connect) -> None:
    with pytest.raises(InvalidConfiguration, match="passphrase"):
        await connect(sshd_server, private_key=str(sshd_server.encrypted_client_key))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("/nowhere/at/all", "neither a private key nor the path"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nrubbish\n-----END OPENSSH PRIVATE KEY-----",
            "not a private key",
        ),
        ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU\0", "neither a private key nor the path"),
    ],
)
async def test_what_is_no_key_is_a_wrong_configuration_and_is_not_repeated(
    serve: Serve, connect: Connect, given: str, says: str
) -> None:
    with pytest.raises(InvalidConfiguration, match=says) as caught:
        await connect(await serve(), private_key=given)
    assert given not in str(caught.value)
    assert caught.value.__cause__ is None or given not in str(caught.value.__cause__)


async def test_putty_key_is_told_how_to_be_converted(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "key.ppk"
    file.write_text("PuTTY-User-Key-File-3: ssh-ed25519\n")
    with pytest.raises(InvalidConfiguration, match="puttygen"):
        await connect(await serve(), private_key=str(file))


async def test_keyboard_interactive_is_answered_with_the_password(serve: Serve, connect: Connect) -> None:
    await connect(await serve(methods=frozenset({"keyboard-interactive"})))


async def test_wrong_password_for_keyboard_interactive_is_a_failed_sign_in(
    serve: Serve, connect: Connect
) -> None:
    with pytest.raises(SignInFailed):
        await connect(await serve(methods=frozenset({"keyboard-interactive"})), password="wrong")


@pytest.fixture
def agent_with_key(
    sshd_server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    address = tmp_path / "agent"
    command = [tool("ssh-agent"), "-D", "-a", str(address)]
    with running(command, log=tmp_path / "agent.log", ready=address.exists):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
        subprocess.run([tool("ssh-add"), "-q", sshd_server.client_key], check=True)
        yield


@pytest.mark.usefixtures("agent_with_key")
async def test_agent_signs_in_only_when_asked_for(sshd_server: SftpServer, connect: Connect) -> None:
    await connect(sshd_server, agent=True)
    with pytest.raises(SignInFailed):
        await connect(sshd_server, password="wrong")


async def test_missing_agent_is_a_failed_sign_in(sshd_server: SftpServer, connect: Connect) -> None:
    with pytest.raises(SignInFailed, match="agent"):
        await connect(sshd_server, agent=True)


async def test_host_key_is_pinned_at_first_use(server: SftpServer, connect: Connect, memory: Memory) -> None:
    await connect(server)

    assert memory.values["host_key"] in server.host_keys


async def test_pinned_host_key_is_accepted_whatever_other_keys_the_server_has(
    server: SftpServer, connect: Connect, memory: Memory
) -> None:
    for key in server.host_keys:
        await connect(server, host_key=key)

    assert memory.values == {}


async def test_changed_host_key_is_refused_naming_both(
    sshd_server: SftpServer, connect: Connect, memory: Memory
) -> None:
    old = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    before = sshd_server.log.read_bytes().count(b"Accepted")

    with pytest.raises(UntrustedServer) as caught:
        await connect(sshd_server, host_key=old)

    assert _fingerprint(old) in str(caught.value)
    assert any(_fingerprint(key) in str(caught.value) for key in sshd_server.host_keys)
    assert sshd_server.log.read_bytes().count(b"Accepted") == before
    assert memory.values == {}


async def _until_lost(connector: SftpConnector) -> None:
    while True:  # the last process of a server may outlive it for a moment
        await connector.look_up("/")


@pytest.mark.slow
async def test_server_set_up_anew_is_refused_when_the_connection_is_made_again(
    connect: Connect, tmp_path: Path
) -> None:
    port = free_port()
    with sshd(tmp_path / "old", port=port) as old:
        connector = await connect(old)
    with pytest.raises(Unreachable):
        await _until_lost(connector)
    with sshd(tmp_path / "new", port=port), pytest.raises(UntrustedServer, match="has changed"):
        await connector.look_up("/")


async def test_settings_of_the_machine_are_not_read(
    sshd_server: SftpServer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "config").write_text("Host *\n  User nobody\n  Ciphers none-at-all\n")
    (folder / "known_hosts").write_text("* ssh-ed25519 rubbish\n")
    (folder / "id_ed25519").write_text(sshd_server.client_key.read_text())
    monkeypatch.setenv("HOME", str(tmp_path))

    await connect(sshd_server)
    with pytest.raises(SignInFailed):
        await connect(sshd_server, password="wrong")


async def test_private_address_is_refused_unless_allowed(memory: Memory) -> None:
    config = SftpConfig(host="127.0.0.1", username="alice", password="x")
    connector = CONNECTOR_TYPE.make(
        config, Surroundings(egress=Egress(allowed=PrivateAddresses()), remember=memory)
    )
    with pytest.raises(AddressRefused):
        await connector.sign_in()


async def test_nobody_listening_is_unreachable(serve: Serve, connect: Connect) -> None:
    server = await serve()
    with pytest.raises(Unreachable):
        await connect(server, port=free_port())


async def test_start_folder_is_the_root_of_the_connection(sshd_server: SftpServer, connect: Connect) -> None:
    connector = await connect(sshd_server, path="/upload")
    (sshd_server.root / "below the start").mkdir(exist_ok=True)

    names = [entry.name async for page in connector.list_folder(ROOT) for entry in page.entries]

    assert "below the start" in names


async def test_start_folder_without_a_slash_is_below_the_home_folder(
    sshd_shell_server: SftpServer, connect: Connect
) -> None:
    (sshd_shell_server.root / "mine").mkdir(exist_ok=True)
    (sshd_shell_server.root / "mine" / "file").write_bytes(b"12345")
    for path in ("mine", "~/mine"):
        connector = await connect(sshd_shell_server, path=path)
        assert (await connector.look_up("/file")).size == 5


async def test_start_folder_that_is_not_there_is_told(sshd_server: SftpServer, connect: Connect) -> None:
    with pytest.raises(NotFound):
        await connect(sshd_server, path="/nowhere")


@pytest.mark.parametrize(
    "values",
    [
        {"host": ""},
        {"host": "a b"},
        {"port": 0},
        {"port": 70000},
        {"path": "a\0b"},
        {"username": ""},
        {"password": ""},
        {"host_key": None, "password": None},
        {"remote_checksums": "sometimes"},
        {"unknown": "x"},
    ],
)
def test_rubbish_in_the_configuration_is_refused(values: dict[str, object]) -> None:
    good: dict[str, object] = {"host": "h", "username": "u", "password": "p"}
    with pytest.raises(ValueError):
        CONNECTOR_TYPE.config.model_validate(good | values)


async def test_rubbish_as_host_key_is_a_wrong_configuration(memory: Memory) -> None:
    config = SftpConfig(host="h", username="u", password="p", host_key="ssh-rsa rubbish")
    with pytest.raises(InvalidConfiguration):
        CONNECTOR_TYPE.make(config, Surroundings(egress=Egress(), remember=memory))
