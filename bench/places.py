"""The ends of a move: real servers, how each client is told of them, and what a look from outside finds there."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.servers.ftp import FtpServer, pure_ftpd
from tests.servers.openstack import SwiftServer, swift
from tests.servers.processes import LOOPBACK, free_port
from tests.servers.s3 import S3Server, seaweedfs
from tests.servers.ssh import SftpServer, sshd
from tests.servers.webdav import WebdavServer, apache

from bench.measuring import run
from bench.rclone import RCLONE, environment, obscured

_S3_REQUESTS = "SeaweedFS_s3_request_total{"


class Place(Protocol):
    """An account at a server. Trees stand side by side in it, each under a name of its own."""

    @property
    def name(self) -> str:
        """What both clients call the connection."""

    @property
    def service(self) -> str:
        """`sftp`, `ftp`, `webdav`, `s3` or `swift`."""

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """Keys of `mover connect`."""

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """Keys of rclone's remote."""

    def path(self, tree: str) -> str:
        """Where a tree stands, for both clients."""

    def fill(self, tree: Path) -> None:
        """Put a local tree there under its own name."""

    def make_room(self, tree: str) -> None:
        """Make what has to exist before a client can write a tree of that name."""

    def found(self, tree: str) -> tuple[int, int]:
        """Count the files of a tree and their bytes, without either client."""

    def remove(self, tree: str) -> None:
        """Remove a tree, and free its space."""

    def requests(self) -> int | None:
        """Requests that the server has counted so far; None where it counts none."""


@dataclass(frozen=True)
class _OnDisk:
    """What servers have in common whose files lie on this disk."""

    root: Path

    def fill(self, tree: Path) -> None:
        """Link the files, which every server may read, into a folder of the server."""
        shutil.copytree(tree, self.root / tree.name, copy_function=os.link)

    def make_room(self, tree: str) -> None:
        """Nothing: both clients make the folder."""

    def found(self, tree: str) -> tuple[int, int]:
        """Walk the folder."""
        sizes = [file.stat().st_size for file in (self.root / tree).rglob("*") if file.is_file()]
        return len(sizes), sum(sizes)

    def remove(self, tree: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root / tree)


@dataclass(frozen=True)
class SftpPlace(_OnDisk):
    """An account at OpenSSH's sshd."""

    server: SftpServer
    name: str = "sftp"
    service: str = "sftp"

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """With a password."""
        server = self.server
        return {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "password": server.password,
        }

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """With the same password; `none`, since the account runs no commands."""
        server = self.server
        return {
            "type": "sftp",
            "host": server.host,
            "port": str(server.port),
            "user": server.username,
            "pass": obscured(server.password),
            "shell_type": "none",
        }

    def path(self, tree: str) -> str:
        """Below the user's folder."""
        return f"{self.server.path}/{tree}"

    def requests(self) -> int | None:
        """Unknown: sshd would log requests only at a level that slows it down."""
        return None


@dataclass(frozen=True)
class FtpPlace(_OnDisk):
    """An account at Pure-FTPd, in the clear: rclone has no way to a server that wants its TLS sessions resumed."""

    server: FtpServer
    name: str = "ftp"
    service: str = "ftp"

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """With a password."""
        server = self.server
        return {
            "host": server.host,
            "port": str(server.port),
            "username": server.username,
            "password": server.password,
            "plain": "true",
        }

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """With the same password."""
        server = self.server
        return {
            "type": "ftp",
            "host": server.host,
            "port": str(server.port),
            "user": server.username,
            "pass": obscured(server.password),
        }

    def path(self, tree: str) -> str:
        """At the top."""
        return f"/{tree}"

    def requests(self) -> int | None:
        """Unknown: it counts none."""
        return None


@dataclass(frozen=True)
class WebdavPlace(_OnDisk):
    """An account at Apache's mod_dav, over TLS."""

    server: WebdavServer
    name: str = "webdav"
    service: str = "webdav"

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """With a password."""
        server = self.server
        return {
            "url": server.url,
            "username": server.username,
            "password": server.password,
            "ca_file": str(server.ca_file),
        }

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """With the same password."""
        server = self.server
        return {
            "type": "webdav",
            "url": server.url,
            "vendor": "other",
            "user": server.username,
            "pass": obscured(server.password),
        }

    def path(self, tree: str) -> str:
        """At the top."""
        return f"/{tree}"

    def requests(self) -> int | None:
        """Lines of the access log."""
        with (self.server.log.with_name("log.requests")).open("rb") as log:
            return sum(1 for _ in log)


@dataclass(frozen=True)
class S3Place:
    """An account at SeaweedFS, over TLS. A tree is a bucket, which is quick to drop."""

    server: S3Server
    client: Any
    metrics_port: int
    name: str
    scratch: Path
    service: str = "s3"

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """Without a bucket: the top folders are the buckets."""
        server = self.server
        return {
            "endpoint": server.url,
            "region": server.region,
            "access_key": server.access_key,
            "secret_key": server.secret_key,
            "ca_file": str(server.ca_file),
        }

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """Likewise."""
        server = self.server
        return {
            "type": "s3",
            "provider": "SeaweedFS",
            "endpoint": server.url,
            "region": server.region,
            "access_key_id": server.access_key,
            "secret_access_key": server.secret_key,
        }

    def path(self, tree: str) -> str:
        """The bucket."""
        return f"/{tree}"

    def fill(self, tree: Path) -> None:
        """Let rclone copy it, which keeps modified times the way that both clients understand."""
        self.make_room(tree.name)
        quickly = ["--transfers", "16", "--checkers", "16", "--no-check-dest", "--retries", "1"]
        run(
            [RCLONE, "copy", "--ca-cert", str(self.server.ca_file), *quickly, tree, f"fill:{tree.name}"],
            environment=environment(self.scratch, {"fill": self.rclone_keys}),
            log=self.scratch / "fill.log",
        )

    def make_room(self, tree: str) -> None:
        """Create the bucket."""
        self.client.create_bucket(Bucket=tree)

    def found(self, tree: str) -> tuple[int, int]:
        """List the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=tree)
        sizes = [
            item["Size"]
            for page in pages
            for item in page.get("Contents", ())
            if not item["Key"].endswith("/")
        ]
        return len(sizes), sum(sizes)

    def remove(self, tree: str) -> None:
        """Drop the bucket: SeaweedFS drops its volumes with it."""
        self.client.delete_bucket(Bucket=tree)

    def requests(self) -> int | None:
        """Sum of the server's counters of S3 requests, by the text format of Prometheus."""
        with contextlib.closing(http.client.HTTPConnection(LOOPBACK, self.metrics_port, timeout=10)) as asked:
            asked.request("GET", "/metrics")
            lines = asked.getresponse().read().decode().splitlines()
        return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(_S3_REQUESTS)))


@dataclass(frozen=True)
class SwiftPlace:
    """An account at OpenStack Swift, over TLS. A tree is a container."""

    server: SwiftServer
    scratch: Path
    name: str = "swift"
    service: str = "swift"

    @property
    def mover_keys(self) -> Mapping[str, str]:
        """Without a container: the top folders are the containers."""
        server = self.server
        return {
            "url": server.auth_url,
            "username": server.username,
            "password": server.password,
            "ca_file": str(server.ca_file),
        }

    @property
    def rclone_keys(self) -> Mapping[str, str]:
        """Likewise."""
        server = self.server
        return {
            "type": "swift",
            "auth": server.auth_url,
            "auth_version": "1",
            "user": server.username,
            "key": server.password,
        }

    def path(self, tree: str) -> str:
        """The container."""
        return f"/{tree}"

    def fill(self, tree: Path) -> None:
        """Let rclone copy it, which keeps modified times the way that both clients understand."""
        self.make_room(tree.name)
        run(
            [
                RCLONE,
                "copy",
                "--ca-cert",
                str(self.server.ca_file),
                "--retries",
                "1",
                tree,
                f"fill:{tree.name}",
            ],
            environment=environment(self.scratch, {"fill": self.rclone_keys}),
            log=self.scratch / "fill.log",
        )

    def make_room(self, tree: str) -> None:
        """Create the container."""
        self.server.account().put(tree)

    def found(self, tree: str) -> tuple[int, int]:
        """List the container."""
        lines = [line for line in self.server.account().listed(tree) if not line["name"].endswith("/")]
        return len(lines), sum(line["bytes"] for line in lines)

    def remove(self, tree: str) -> None:
        """Delete everything in it and in that of its segments, and both."""
        account = self.server.account()
        for container in (tree, f"{tree}_segments"):
            places = [f"{container}/{line['name']}" for line in account.listed(container)] + [container]
            account.delete(places)

    def requests(self) -> int | None:
        """Unknown: the proxy would log requests only at a level that slows it down."""
        return None


@dataclass(frozen=True, kw_only=True)
class Places:
    """Everything that runs."""

    sftp: SftpPlace
    ftp: FtpPlace
    webdav: WebdavPlace
    s3: S3Place
    other_s3: S3Place
    swift: SwiftPlace

    @property
    def all(self) -> tuple[Place, ...]:
        """Each place once."""
        return (self.sftp, self.ftp, self.webdav, self.s3, self.other_s3, self.swift)

    @property
    def ca_files(self) -> tuple[Path, ...]:
        """Who signed the certificates of the servers that have one."""
        files = (self.webdav.server.ca_file, self.s3.server.ca_file, self.swift.server.ca_file)
        return tuple(file for file in files if file is not None)

    def pair(self, name: str) -> tuple[Place, Place]:
        """Source and destination of a pair such as `webdav-s3`."""
        source, _, destination = name.partition("-")
        if source == destination:
            return self.s3, self.other_s3
        places = (self.sftp, self.ftp, self.webdav, self.s3, self.swift)
        by_service: dict[str, Place] = {place.service: place for place in places}
        return by_service[source], by_service[destination]


@contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Run sshd, Pure-FTPd, Apache, SeaweedFS and Swift. `folder` is throwaway and on the disk that has the room."""
    with ExitStack() as stack:
        for name in ("sftp", "ftp", "webdav", "s3", "swift", "scratch"):
            (folder / name).mkdir()
        ssh_server = stack.enter_context(sshd(folder / "sftp"))
        ftp_server = stack.enter_context(pure_ftpd(folder / "ftp"))
        metrics_port = free_port()
        webdav_server = stack.enter_context(apache(folder / "webdav"))
        s3_server = stack.enter_context(seaweedfs(folder / "s3", metrics_port=metrics_port))
        swift_server = stack.enter_context(swift(folder / "swift"))
        client = stack.enter_context(_closing(s3_server))
        scratch = folder / "scratch"
        yield Places(
            sftp=SftpPlace(ssh_server.root, ssh_server),
            ftp=FtpPlace(ftp_server.root, ftp_server),
            webdav=WebdavPlace(webdav_server.root, webdav_server),
            s3=S3Place(s3_server, client, metrics_port, "s3", scratch),
            other_s3=S3Place(s3_server, client, metrics_port, "other", scratch),
            swift=SwiftPlace(swift_server, scratch),
        )


@contextmanager
def s3_place(folder: Path, scratch: Path) -> Iterator[S3Place]:
    """Run SeaweedFS alone."""
    metrics_port = free_port()
    with seaweedfs(folder, metrics_port=metrics_port) as server, _closing(server) as client:
        yield S3Place(server, client, metrics_port, "s3", scratch)


@contextmanager
def _closing(server: S3Server) -> Iterator[Any]:
    client = server.client()
    try:
        yield client
    finally:
        client.close()
