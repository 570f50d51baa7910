"""SFTP servers: OpenSSH sshd and ProFTPD's mod_sftp."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.jail import INSIDE, Account, jailed, prepare
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "alice"
PASSWORD = "s3cret pass: 'ä'"
PASSPHRASE = "key passphrase"
_UID = 20001


@dataclass(frozen=True, kw_only=True)
class SftpServer:
    """A running SFTP server.

    Attributes:
        path: The user's folder as a client names it.
        root: The same folder on disk.
        owner: uid and gid that files in it should have.
        host_keys: Public keys of the server, OpenSSH's one-line form.
        client_key: A private key that the server accepts, OpenSSH format, without passphrase.
        encrypted_client_key: Another one, encrypted with `passphrase`.
        log: What the server prints.
    """

    host: str
    port: int
    username: str
    password: str
    path: str
    root: Path
    owner: int
    host_keys: tuple[str, ...]
    client_key: Path
    encrypted_client_key: Path
    passphrase: str
    log: Path


@contextlib.contextmanager
def sshd(
    folder: Path, *, runs_commands: bool = False, port: int | None = None, settings: str = ""
) -> Iterator[SftpServer]:
    """Run OpenSSH's sshd; needs root. Started again on the same folder it has the same keys and files.

    Args:
        folder: Throwaway folder for all that it needs.
        runs_commands: The user may run commands (md5sum, say); else only SFTP, in a chroot.
        port: To listen on; by default any free one.
        settings: More lines for sshd_config.
    """
    port = port or free_port()
    home = Path("/srv/files") if runs_commands else Path("/")
    prepare(folder, [Account(USERNAME, PASSWORD, _UID, home)])
    _make_keys(folder / "keys")
    root = _user_folder(folder / "files" if runs_commands else folder / "chroot" / "upload")
    confined = (
        "" if runs_commands else f"ChrootDirectory {INSIDE}/chroot\n  ForceCommand internal-sftp -d /upload"
    )
    (folder / "sshd_config").write_text(
        f"""
Port {port}
ListenAddress {LOOPBACK}
HostKey {INSIDE}/keys/host_ed25519
HostKey {INSIDE}/keys/host_ecdsa
PidFile none
UsePAM no
KbdInteractiveAuthentication no
StrictModes no
PermitRootLogin no
AuthorizedKeysFile {INSIDE}/keys/authorized_keys
AllowUsers {USERNAME}
UseDNS no
MaxStartups 200
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
{settings}
Match User {USERNAME}
  AllowTcpForwarding no
  {confined}
"""
    )
    # sshd insists on the folder of its unprivileged child, which lies on the jail's own, empty /run.
    start = ["sh", "-c", 'mkdir -p /run/sshd && exec "$@"', "start", tool("sshd"), "-D", "-e"]
    command = jailed(folder, [*start, "-f", INSIDE / "sshd_config"])
    log = folder / "log"
    with running(command, log=log, ready=lambda: accepts_connections(port), end_with=signal.SIGKILL):
        yield _described(folder, port, root, "/srv/files" if runs_commands else "/upload")


@contextlib.contextmanager
def proftpd_sftp(folder: Path, *, port: int | None = None) -> Iterator[SftpServer]:
    """Run ProFTPD with mod_sftp: no shell, but the check-file extension; needs root."""
    port = port or free_port()
    prepare(folder, [Account(USERNAME, PASSWORD, _UID, INSIDE / "files")])
    keys = _make_keys(folder / "keys")
    root = _user_folder(folder / "files")
    exported = [_export(keys / name) for name in ("client.pub", "encrypted.pub")]
    (keys / "rfc4716").write_text("".join(exported))
    (folder / "proftpd.conf").write_text(
        f"""
ModulePath /usr/lib/proftpd
LoadModule mod_digest.c
LoadModule mod_sftp.c
ServerType standalone
ServerName throwaway
UseReverseDNS off
UseIPv6 off
DefaultAddress {LOOPBACK}
SocketBindTight on
Port {port}
MaxInstances 100
User nobody
Group nogroup
PidFile /run/proftpd.pid
ScoreboardFile /run/proftpd.scoreboard
WtmpLog off
TransferLog none
SystemLog {INSIDE}/log.system
<IfModule mod_delay.c>
  DelayEngine off
</IfModule>
<IfModule mod_ctrls.c>
  ControlsEngine off
</IfModule>
AuthOrder mod_auth_unix.c
RequireValidShell off
DefaultRoot ~
AllowOverwrite on
AllowStoreRestart on
Umask 022
SFTPEngine on
SFTPLog {INSIDE}/log.sftp
SFTPHostKey {INSIDE}/keys/host_ed25519
SFTPHostKey {INSIDE}/keys/host_ecdsa
SFTPExtensions +checkFile
SFTPAuthMethods publickey password
SFTPAuthorizedUserKeys file:{INSIDE}/keys/rfc4716
"""
    )
    command = jailed(folder, [tool("proftpd"), "-n", "-c", INSIDE / "proftpd.conf"])
    log = folder / "log"
    with running(command, log=log, ready=lambda: accepts_connections(port), end_with=signal.SIGKILL):
        yield _described(folder, port, root, "/")


def _described(folder: Path, port: int, root: Path, path: str) -> SftpServer:
    keys = folder / "keys"
    return SftpServer(
        host=LOOPBACK,
        port=port,
        username=USERNAME,
        password=PASSWORD,
        path=path,
        root=root,
        owner=_UID,
        host_keys=tuple(" ".join(file.read_text().split()[:2]) for file in sorted(keys.glob("host_*.pub"))),
        client_key=keys / "client",
        encrypted_client_key=keys / "encrypted",
        passphrase=PASSPHRASE,
        log=folder / "log",
    )


def _user_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, _UID, _UID)
    return folder


def _make_keys(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, kind, passphrase in (
        ("host_ed25519", "ed25519", ""),
        ("host_ecdsa", "ecdsa", ""),
        ("client", "ed25519", ""),
        ("encrypted", "ed25519", PASSPHRASE),
    ):
        if not (folder / name).exists():
            generate = [
                tool("ssh-keygen"),
                "-q",
                "-t",
                kind,
                "-N",
                passphrase,
                "-C",
                name,
                "-f",
                str(folder / name),
            ]
            subprocess.run(generate, check=True)
    accepted = folder / "authorized_keys"
    accepted.write_text((folder / "client.pub").read_text() + (folder / "encrypted.pub").read_text())
    accepted.chmod(0o644)
    return folder


def _export(public_key: Path) -> str:
    """Return a key in the form of RFC 4716, which mod_sftp wants."""
    done = subprocess.run(
        [tool("ssh-keygen"), "-e", "-f", str(public_key)], capture_output=True, check=True, text=True
    )
    return done.stdout
