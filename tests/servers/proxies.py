"""Egress proxies: squid (HTTP CONNECT) and dante (SOCKS5)."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.jail import INSIDE, Account, jailed, prepare
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "egress"
PASSWORD = "proxy-pass"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A running proxy that lets clients connect to loopback only.

    Attributes:
        url: With scheme, and with user name and password where they are demanded.
        url_without_password: The same without them.
        requests: A file with a line for each tunnel that was asked for.
    """

    host: str
    port: int
    url: str
    url_without_password: str
    username: str
    password: str
    requests: Path


@contextlib.contextmanager
def squid(folder: Path, *, sign_in: bool = True, allowed: str = LOOPBACK) -> Iterator[Proxy]:
    """Run squid as an HTTP proxy that knows only CONNECT; needs root.

    Args:
        folder: Throwaway folder.
        sign_in: Demand user name and password (basic).
        allowed: Address or network to which it lets clients connect.
    """
    port = free_port()
    prepare(folder)
    crypted = subprocess.run(
        [tool("openssl"), "passwd", "-apr1", "-stdin"],
        input=PASSWORD.encode(),
        capture_output=True,
        check=True,
    )
    (folder / "users").write_text(f"{USERNAME}:{crypted.stdout.decode().strip()}\n")
    requests = folder / "requests"
    for written in (requests, folder / "cache.log"):
        written.touch()
        shutil.chown(written, "proxy", "proxy")
    demand = f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {INSIDE}/users\nacl known proxy_auth REQUIRED"
    (folder / "squid.conf").write_text(
        f"""
http_port {LOOPBACK}:{port}
visible_hostname egress
{demand if sign_in else ""}
acl allowed dst {allowed}
http_access allow CONNECT allowed {"known" if sign_in else ""}
http_access deny all
cache deny all
cache_mem 8 MB
memory_pools off
logformat tunnels %ts.%03tu %>a %un %Ss/%03>Hs %rm %ru
access_log stdio:{INSIDE}/requests tunnels
buffered_logs off
cache_log {INSIDE}/cache.log
pid_filename none
coredump_dir /run
pinger_enable off
netdb_filename none
max_filedescriptors 4096
via off
forwarded_for delete
"""
    )
    command = jailed(folder, [tool("squid"), "-N", "-f", INSIDE / "squid.conf"])
    with running(
        command, log=folder / "log", ready=lambda: accepts_connections(port), end_with=signal.SIGKILL
    ):
        yield _described("http", port, requests, sign_in=sign_in)


@contextlib.contextmanager
def dante(folder: Path, *, sign_in: bool = True, allowed: str = f"{LOOPBACK}/32") -> Iterator[Proxy]:
    """Run dante as a SOCKS5 proxy; needs root. Arguments as of `squid`."""
    port = free_port()
    prepare(folder, [Account(USERNAME, PASSWORD, 20002, Path("/nonexistent"))])
    requests = folder / "requests"
    requests.touch()
    requests.chmod(0o666)
    (folder / "danted.conf").write_text(
        f"""
logoutput: {INSIDE}/requests
internal: {LOOPBACK} port = {port}
external: lo
clientmethod: none
socksmethod: {"username" if sign_in else "none"}
user.privileged: root
user.unprivileged: nobody
client pass {{
  from: 127.0.0.0/8 to: 0.0.0.0/0
}}
socks pass {{
  from: 0.0.0.0/0 to: {allowed}
  command: connect
  log: connect disconnect error
}}
socks block {{
  from: 0.0.0.0/0 to: 0.0.0.0/0
  log: connect error
}}
"""
    )
    command = jailed(folder, [tool("danted"), "-f", INSIDE / "danted.conf", "-p", "/run/danted.pid"])
    with running(
        command, log=folder / "log", ready=lambda: accepts_connections(port), end_with=signal.SIGKILL
    ):
        yield _described("socks5h", port, requests, sign_in=sign_in)


def _described(scheme: str, port: int, requests: Path, *, sign_in: bool) -> Proxy:
    return Proxy(
        host=LOOPBACK,
        port=port,
        url=f"{scheme}://{USERNAME}:{PASSWORD}@{LOOPBACK}:{port}"
        if sign_in
        else f"{scheme}://{LOOPBACK}:{port}",
        url_without_password=f"{scheme}://{LOOPBACK}:{port}",
        username=USERNAME,
        password=PASSWORD,
        requests=requests,
    )
