"""FTP servers: ProFTPD and vsftpd over TLS, Pure-FTPd in the clear."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.jail import INSIDE, Account, jailed, prepare
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "alice"
PASSWORD = "s3cret pass: 'ä'"
_UID = 20001
_UNPACKED = Path(__file__).parents[2] / ".tools" / "servers"


@dataclass(frozen=True, kw_only=True)
class FtpServer:
    """A running FTP server.

    Attributes:
        port: Where TLS is asked for by AUTH, or where there is none.
        implicit_port: Where TLS begins at once; None if the server has no such port.
        demanding_port: As `port`, and a client certificate is demanded; None likewise.
        root: The user's folder, which is / to a client, on disk.
        owner: uid and gid that files in it should have.
        certificates: Those of the server and of a client that it accepts.
        log: What the server prints.
    """

    host: str
    port: int
    implicit_port: int | None = None
    demanding_port: int | None = None
    username: str
    password: str
    root: Path
    owner: int
    certificates: Certificates
    log: Path


@contextlib.contextmanager
def proftpd(folder: Path, *, settings: str = "") -> Iterator[FtpServer]:
    """Run ProFTPD with mod_tls, which demands TLS and that data connections resume its session; needs root.

    Args:
        folder: Throwaway folder for all that it needs.
        settings: More lines for proftpd.conf, for all its ports.
    """
    port, implicit_port, demanding_port = free_port(), free_port(), free_port()
    certificates = _prepared(folder, home=INSIDE / "files")
    (folder / "proftpd.conf").write_text(
        f"""
ModulePath /usr/lib/proftpd
LoadModule mod_tls.c
LoadModule mod_digest.c
LoadModule mod_site_misc.c
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
<Global>
  AuthOrder mod_auth_unix.c
  RequireValidShell off
  DefaultRoot ~
  AllowOverwrite on
  AllowStoreRestart on
  AllowRetrieveRestart on
  Umask 022
  TLSEngine on
  TLSRequired on
  TLSECCertificateFile {INSIDE}/tls/server.pem
  TLSECCertificateKeyFile {INSIDE}/tls/server-key.pem
  TLSCACertificateFile {INSIDE}/tls/ca.pem
  TLSLog {INSIDE}/log.tls
  {settings}
</Global>
TLSVerifyClient off
<VirtualHost {LOOPBACK}>
  Port {implicit_port}
  TLSVerifyClient off
  TLSOptions UseImplicitSSL
</VirtualHost>
<VirtualHost {LOOPBACK}>
  Port {demanding_port}
  TLSVerifyClient on
</VirtualHost>
"""
    )
    command = jailed(folder, [tool("proftpd"), "-n", "-c", INSIDE / "proftpd.conf"])
    with _running(folder, command, port):
        yield _described(
            folder, certificates, port, implicit_port=implicit_port, demanding_port=demanding_port
        )


@contextlib.contextmanager
def vsftpd(folder: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[FtpServer]:
    """Run vsftpd, which has neither MLSD nor MFMT and demands TLS and that data connections resume its session.

    It needs root. `settings` go into its configuration after the others.
    """
    port = free_port()
    certificates = _prepared(folder, home=INSIDE / "files")
    (folder / "empty").mkdir(exist_ok=True)
    values = {
        "listen": "YES",
        "listen_address": LOOPBACK,
        "listen_port": str(port),
        "background": "NO",
        "anonymous_enable": "NO",
        "local_enable": "YES",
        "write_enable": "YES",
        "check_shell": "NO",
        "pam_service_name": "other",
        "local_umask": "022",
        "chroot_local_user": "YES",
        "allow_writeable_chroot": "YES",
        "secure_chroot_dir": f"{INSIDE}/empty",
        "seccomp_sandbox": "NO",
        "use_localtime": "NO",
        "mdtm_write": "YES",
        "utf8_filesystem": "YES",
        "ssl_enable": "YES",
        "rsa_cert_file": f"{INSIDE}/tls/server.pem",
        "rsa_private_key_file": f"{INSIDE}/tls/server-key.pem",
        "ssl_ciphers": "HIGH",
        "force_local_logins_ssl": "YES",
        "force_local_data_ssl": "YES",
        "require_ssl_reuse": "YES",
        **(settings or {}),
    }
    (folder / "vsftpd.conf").write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    # vsftpd gives up when it is told of the end of a process that it does not know, as the first one of a jail is.
    start = ["sh", "-c", '"$@" & wait', "start", _unpacked("usr/sbin/vsftpd")]
    command = jailed(folder, [*start, INSIDE / "vsftpd.conf"])
    with _running(folder, command, port):
        yield _described(folder, certificates, port)


@contextlib.contextmanager
def pure_ftpd(folder: Path, *, options: tuple[str, ...] = ()) -> Iterator[FtpServer]:
    """Run Pure-FTPd, which has MFMT but no hashes, with or without TLS as the client asks; needs root.

    `options` are more of its own.
    """
    port = free_port()
    certificates = _prepared(folder, home=INSIDE / "files")
    tls = folder / "tls"
    (tls / "both.pem").write_bytes(certificates.certificate.read_bytes() + certificates.key.read_bytes())
    server = [_unpacked("usr/sbin/pure-ftpd"), "-S", f"{LOOPBACK},{port}", "-A", "-E", "-H", "-j", "-D"]
    server += ["-u", "1000", "-l", "unix", "-Y", "1", "-2", f"{INSIDE}/tls/both.pem"]
    with _running(folder, jailed(folder, [*server, "-g", "/run/pure-ftpd.pid", *options]), port):
        yield _described(folder, certificates, port)


def _unpacked(path: str) -> str:
    """Return the path of a program that lies unpacked beside the project: Debian's FTP servers exclude each other."""
    found = _UNPACKED / path
    if not found.exists():
        raise FileNotFoundError(f"{found.name} is not there; run tests/servers/install.sh")
    return str(found)


def _prepared(folder: Path, *, home: Path) -> Certificates:
    prepare(folder, [Account(USERNAME, PASSWORD, _UID, home)])
    files = folder / "files"
    files.mkdir(exist_ok=True)
    shutil.chown(files, _UID, _UID)
    return make_certificates(folder / "tls")


@contextlib.contextmanager
def _running(folder: Path, command: list[str], port: int) -> Iterator[None]:
    with running(
        command, log=folder / "log", ready=lambda: accepts_connections(port), end_with=signal.SIGKILL
    ):
        yield


def _described(
    folder: Path,
    certificates: Certificates,
    port: int,
    *,
    implicit_port: int | None = None,
    demanding_port: int | None = None,
) -> FtpServer:
    return FtpServer(
        host=LOOPBACK,
        port=port,
        implicit_port=implicit_port,
        demanding_port=demanding_port,
        username=USERNAME,
        password=PASSWORD,
        root=folder / "files",
        owner=_UID,
        certificates=certificates,
        log=folder / "log",
    )
