"""Two-stage SSH as deploy/ssh sets it up, with its files as they are: three machines, and somebody who should not come in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.servers.jail import Account, can_jail
from tests.servers.network import Machine, Network, network
from tests.servers.processes import running, tool

DEPLOY = Path(__file__).parents[2] / "deploy" / "ssh"
OPERATOR = Account("operator", "operators-password", 30_002, Path("/tmp"))
ADMINISTRATOR, STRANGER, BASTION, SERVER = "192.0.2.1", "192.0.2.66", "192.0.2.20", "192.0.2.30"
KEY = "mover_operator"

pytestmark = [
    pytest.mark.servers,
    pytest.mark.promise("administration"),
    pytest.mark.skipif(not can_jail(), reason="only root can make networks"),
]


@dataclass(frozen=True)
class Site:
    """Who administers, somebody who has stolen the key, and the two machines that are administered."""

    administrator: Machine
    stranger: Machine
    bastion: Machine
    server: Machine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("administration")
    key = folder / KEY
    made_key(key)
    with ExitStack() as stack:
        joined = stack.enter_context(network(folder / "network"))
        bastion, server = (
            stack.enter_context(serving(joined, name, address, key))
            for name, address in (("bastion", BASTION), ("server", SERVER))
        )
        administrator, stranger = (
            person(joined, name, address, key, [bastion, server])
            for name, address in (("administrator", ADMINISTRATOR), ("stranger", STRANGER))
        )
        yield Site(administrator, stranger, bastion, server)


def person(joined: Network, name: str, address: str, key: Path, servers: list[Machine]) -> Machine:
    """The machine of somebody who has configuration, key and host keys in a home of root's."""
    machine = joined.machine(name, address)
    home = machine.folder / "home" / ".ssh"
    home.mkdir(parents=True, mode=0o700)
    passwd = machine.etc / "passwd"
    passwd.write_text(passwd.read_text().replace(":/root:", f":{home.parent}:", 1))
    shutil.copy(DEPLOY / "client.config", home / "config")
    shutil.copy(key, home / KEY)
    known = [f"{each.address} {(each.etc / 'ssh/ssh_host_ed25519_key.pub').read_text()}" for each in servers]
    (home / "mover_known_hosts").write_text("".join(known))
    return machine


@contextmanager
def serving(joined: Network, name: str, address: str, key: Path) -> Iterator[Machine]:
    """A machine with sshd and firewall, whose operator has a password too."""
    machine = joined.machine(name, address, [OPERATOR])
    ssh = machine.etc / "ssh"
    shutil.rmtree(ssh)
    (ssh / "authorized_keys").mkdir(parents=True)
    shutil.copy(DEPLOY / f"{name}.sshd_config", ssh / "sshd_config")
    shutil.copy(key.with_suffix(".pub"), ssh / "authorized_keys" / OPERATOR.name)
    made_key(ssh / "ssh_host_ed25519_key")
    machine.load(DEPLOY / f"{name}.nft")
    command = machine.command("/usr/sbin/sshd", "-D", "-e")
    with running(command, log=machine.log / "sshd", ready=lambda: bool(machine.listening())):
        yield machine


def made_key(path: Path) -> None:
    subprocess.run([tool("ssh-keygen"), "-qt", "ed25519", "-N", "", "-f", str(path)], check=True)


def ssh(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    """`ssh` of a person, by the configuration that deploy/ has for people."""
    return machine.tried(tool("ssh"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=1", *words)


@contextmanager
def without_firewall(machine: Machine, rules: Path) -> Iterator[None]:
    """Leave it to sshd alone."""
    machine.run(tool("nft"), "flush", "ruleset")
    try:
        yield
    finally:
        machine.load(rules)


def test_the_way_through_the_bastion_leads_to_a_shell_on_the_server(site: Site) -> None:
    done = ssh(site.administrator, "mover-server", "id -un; echo $SSH_CONNECTION")
    assert done.returncode == 0, done.stderr
    user, connection = done.stdout.split("\n")[:2]
    assert user == "operator"
    assert connection.split()[0] == BASTION


def test_the_bastion_gives_no_shell_and_runs_nothing(site: Site) -> None:
    for words in (["mover-bastion", "id"], ["-tt", "mover-bastion"], ["-s", "mover-bastion", "sftp"]):
        done = ssh(site.administrator, *words)
        assert done.returncode != 0
        assert not done.stdout.strip()


@pytest.mark.parametrize("place", [f"{SERVER}:80", f"{STRANGER}:22", "127.0.0.1:22"])
def test_the_bastion_leads_nowhere_but_to_the_servers_ssh(site: Site, place: str) -> None:
    done = ssh(site.administrator, "-W", place, "mover-bastion")
    assert done.returncode != 0
    assert "administratively prohibited" in done.stderr


def test_the_bastion_takes_no_listening_port_and_no_agent(site: Site) -> None:
    done = ssh(
        site.administrator, "-N", "-o", "ExitOnForwardFailure=yes", "-R", "2222:127.0.0.1:22", "mover-bastion"
    )
    assert "remote port forwarding failed" in done.stderr
    config = site.bastion.run("/usr/sbin/sshd", "-T", "-C", f"user=operator,addr={ADMINISTRATOR}")
    assert {"allowagentforwarding no", "permittunnel no", "permittty no", "maxsessions 0"} <= set(
        config.splitlines()
    )


@pytest.mark.parametrize("where", ["bastion", "server"])
def test_the_right_password_is_refused(site: Site, where: str) -> None:
    askpass = site.administrator.folder / "askpass"
    askpass.write_text(f"#!/bin/sh\necho {OPERATOR.password}\n")
    askpass.chmod(0o700)
    methods = "password,keyboard-interactive"
    options = ["-o", f"PreferredAuthentications={methods}", "-o", "PubkeyAuthentication=no"]
    options += ["-o", "PasswordAuthentication=yes", "-o", "ConnectTimeout=2"]
    # The bastion itself stands where a person would who asks the server for a password.
    machine = site.administrator if where == "bastion" else site.bastion
    asking = ["env", "SSH_ASKPASS_REQUIRE=force", f"SSH_ASKPASS={askpass}", tool("ssh"), *options]
    known = site.administrator.folder / "home" / ".ssh" / "mover_known_hosts"
    asking += [
        "-o",
        f"UserKnownHostsFile={known}",
        f"operator@{BASTION if where == 'bastion' else SERVER}",
        "id",
    ]
    done = machine.tried(*asking)
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_the_right_key_from_a_wrong_address_is_refused_by_the_firewall_and_counted(site: Site) -> None:
    before = site.bastion.counted()["refused_in"]
    done = ssh(site.stranger, "mover-server", "id")
    assert done.returncode == 255
    assert "timed out" in done.stderr
    assert site.bastion.counted()["refused_in"] > before


def test_the_right_key_from_a_wrong_address_is_refused_by_sshd_too(site: Site) -> None:
    with without_firewall(site.bastion, DEPLOY / "bastion.nft"):
        done = ssh(site.stranger, "mover-server", "id")
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr
    assert "not allowed because not listed in AllowUsers" in (site.bastion.log / "sshd").read_text()


def test_nobody_reaches_a_server_directly_and_it_is_counted(site: Site) -> None:
    before = site.server.counted()["refused_in"]
    done = ssh(site.administrator, "-J", "none", "mover-server", "id")
    assert done.returncode == 255
    assert "timed out" in done.stderr
    assert site.server.counted()["refused_in"] > before


def test_a_server_s_sshd_refuses_who_comes_directly_with_the_right_key(site: Site) -> None:
    with without_firewall(site.server, DEPLOY / "server.nft"):
        done = ssh(site.administrator, "-J", "none", "mover-server", "id")
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_another_key_is_refused(site: Site) -> None:
    other = site.administrator.folder / "other"
    made_key(other)
    done = ssh(
        site.administrator,
        "-o",
        f"IdentityFile={other}",
        "-F",
        "none",
        "-o",
        "StrictHostKeyChecking=no",
        f"operator@{BASTION}",
    )
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_root_is_refused_with_the_right_key(site: Site) -> None:
    root_keys = site.bastion.etc / "ssh" / "authorized_keys" / "root"
    shutil.copy(root_keys.with_name("operator"), root_keys)
    done = ssh(site.administrator, "-l", "root", "mover-bastion", "id")
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_a_host_key_that_nobody_knows_ends_the_attempt(site: Site) -> None:
    done = ssh(site.administrator, "-o", "UserKnownHostsFile=/dev/null", "mover-bastion", "id")
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr


def test_the_bastion_itself_reaches_nothing_but_the_servers_ssh(site: Site) -> None:
    before = site.bastion.counted()["refused_out"]
    assert site.bastion.reaches(SERVER, 22) == "yes"
    assert site.bastion.reaches(STRANGER, 22) != "yes"
    assert site.bastion.reaches(SERVER, 443) != "yes"
    assert site.bastion.counted()["refused_out"] > before
