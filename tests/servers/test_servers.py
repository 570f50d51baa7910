"""The servers are what they claim to be, shown with clients that are not ours."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import asyncssh
import pytest
from tests.servers.mariadb import MariaDbServer
from tests.servers.openstack import SwiftServer
from tests.servers.processes import LOOPBACK, accepts_connections
from tests.servers.proxies import Proxy
from tests.servers.s3 import S3Server
from tests.servers.ssh import SftpServer
from tests.servers.webdav import WebdavServer


async def _sign_in(server: SftpServer, **credentials: object) -> asyncssh.SSHClientConnection:
    keys = asyncssh.import_known_hosts(
        "\n".join(f"[{server.host}]:{server.port} {key}" for key in server.host_keys)
    )
    return await asyncssh.connect(
        server.host,
        server.port,
        username=server.username,
        known_hosts=keys,
        agent_path=None,
        config=None,
        **credentials,
    )


@pytest.mark.parametrize("name", ["sshd_server", "sshd_shell_server", "proftpd_server"])
async def test_sftp_server_takes_password_and_key_and_keeps_files_in_root(
    name: str, request: pytest.FixtureRequest
) -> None:
    server: SftpServer = request.getfixturevalue(name)
    file = f"{server.path.rstrip('/')}/hello-{name}"
    async with await _sign_in(server, password=server.password, client_keys=None) as connection:
        sftp = await connection.start_sftp_client()
        async with sftp.open(file, "wb") as handle:
            await handle.write(b"hello")
    assert (server.root / file.rpartition("/")[2]).read_bytes() == b"hello"
    async with await _sign_in(server, client_keys=[str(server.client_key)]) as connection:
        sftp = await connection.start_sftp_client()
        await sftp.remove(file)
    assert not (server.root / file.rpartition("/")[2]).exists()


async def test_only_the_sshd_with_a_shell_runs_commands(
    sshd_server: SftpServer, sshd_shell_server: SftpServer
) -> None:
    async with await _sign_in(sshd_shell_server, password=sshd_shell_server.password) as connection:
        done = await connection.run("sha256sum /dev/null")
        assert str(done.stdout).startswith("e3b0c44298fc1c149afbf4c8996fb924")
    async with await _sign_in(sshd_server, password=sshd_server.password) as connection:
        done = await connection.run("sha256sum /dev/null")
        assert "e3b0c4" not in str(done.stdout)


async def test_sftp_server_refuses_a_wrong_password(sshd_server: SftpServer) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await _sign_in(sshd_server, password="wrong", client_keys=None)


@pytest.mark.parametrize("name", ["apache_server", "wsgidav_server"])
def test_webdav_server_demands_the_password(name: str, request: pytest.FixtureRequest) -> None:
    server: WebdavServer = request.getfixturevalue(name)
    context = ssl.create_default_context(cafile=str(server.ca_file))
    path = server.url.split(str(server.port), 1)[1] + f"hello-{name}"
    statuses = []
    for password in ("wrong", server.password):
        token = base64.b64encode(f"{server.username}:{password}".encode()).decode()
        connection = http.client.HTTPSConnection(server.host, server.port, context=context)
        connection.request("PUT", path, body=b"hello", headers={"Authorization": f"Basic {token}"})
        statuses.append(connection.getresponse().status)
        connection.close()
    assert statuses == [401, 201]
    assert (server.root / f"hello-{name}").read_bytes() == b"hello"


@pytest.mark.parametrize("name", ["seaweedfs_server", "seaweedfs_plain_server", "swift_server"])
def test_s3_server_checks_signature_and_content(name: str, request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(name)
    client = server.client()
    client.create_bucket(Bucket="hello")
    client.put_object(Bucket="hello", Key="a", Body=b"hello")
    assert client.get_object(Bucket="hello", Key="a")["Body"].read() == b"hello"
    with pytest.raises(client.exceptions.ClientError, match="BadDigest"):
        client.put_object(
            Bucket="hello", Key="b", Body=b"hello", ContentMD5=base64.b64encode(bytes(16)).decode()
        )
    client.delete_object(Bucket="hello", Key="a")
    client.delete_bucket(Bucket="hello")
    client.close()


def test_swift_demands_a_token_checks_content_and_shows_what_it_can_do(swift_node: SwiftServer) -> None:
    account = swift_node.account()
    account.put("hello")
    account.put("hello/a", b"hello")
    assert account.get("hello/a") == b"hello"
    assert account.call("PUT", "hello/b", body=b"hello", ETag="0" * 32).status == 422
    assert account.call("GET", "hello/a", X_Auth_Token="wrong").status == 401
    account.delete(["hello/a", "hello"])
    context = ssl.create_default_context(cafile=str(swift_node.ca_file))
    connection = http.client.HTTPSConnection(swift_node.host, swift_node.port, context=context)
    connection.request("GET", "/info")
    info = json.loads(connection.getresponse().read())
    connection.close()
    assert {"tempauth", "slo", "bulk_delete", "container_quotas", "account_quotas"} <= info.keys()
    assert accepts_connections(swift_node.plain_port)


def test_mariadb_keeps_tables_for_its_own_client_over_tls(mariadb_server: MariaDbServer) -> None:
    mariadb_server.load(
        "mysql", b"CREATE DATABASE hello; CREATE TABLE hello.t (id int); INSERT INTO hello.t VALUES (7);"
    )
    query = [*mariadb_server.client(), "--batch", "--skip-column-names", "-e"]
    for asked, answer in (
        ("SELECT id FROM hello.t", "7"),
        ("SHOW STATUS LIKE 'Ssl_version'", "Ssl_version\tTLSv1.3"),
    ):
        done = subprocess.run(
            [*query, asked], env=mariadb_server.environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == answer
    mariadb_server.execute("DROP DATABASE hello")


@pytest.mark.parametrize("name", ["squid_proxy", "dante_proxy"])
def test_proxy_demands_the_password(
    name: str, request: pytest.FixtureRequest, apache_server: WebdavServer
) -> None:
    proxy: Proxy = request.getfixturevalue(name)
    for url, outcome in ((proxy.url, 0), (proxy.url_without_password, 97 if "socks" in proxy.url else 56)):
        command = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "--noproxy",
            "",
            "-x",
            url,
            "--cacert",
            str(apache_server.ca_file),
            apache_server.url,
        ]
        assert subprocess.run(command, check=False).returncode == outcome
    assert str(apache_server.port) in proxy.requests.read_text()


def test_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.servers.webdav import wsgidav
        with wsgidav(Path(sys.argv[1])) as server:
            print(server.port, flush=True)
            sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        port = int(starter.stdout.readline())
        with socket.create_connection((LOOPBACK, port), timeout=20) as connection:
            os.kill(starter.pid, signal.SIGKILL)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    deadline = time.monotonic() + 20
    while accepts_connections(port):  # its sockets close one after the other
        assert time.monotonic() < deadline
