"""Three real storage servers on loopback: SFTP (asyncssh), S3 (SeaweedFS) and WebDAV (WsgiDAV), the last two over TLS."""

from __future__ import annotations

import contextlib
import secrets
import ssl
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running
from tests.servers.s3 import S3Server, seaweedfs
from tests.servers.webdav import WebdavServer, wsgidav

from demo.sftp_server import USERNAME

BUCKET = "company-archive"


@dataclass(frozen=True)
class Storage:
    """The servers, running.

    Attributes:
        nas_root: The files of the SFTP server on disk.
        cloud_root: Those of the WebDAV server.
        ca_file: Who signed the certificates of S3 and WebDAV, and the system's authorities.
        connections: By name, what connects to each; the service and its keys, secrets included.
    """

    nas_root: Path
    cloud_root: Path
    s3: S3Server
    ca_file: Path
    connections: Mapping[str, tuple[str, Mapping[str, str | int]]]


@contextlib.contextmanager
def storage(folder: Path) -> Iterator[Storage]:
    """Run the servers for the time of a `with` block, with all that is theirs below `folder`."""
    password = secrets.token_urlsafe(12)
    for name in ("nas", "s3", "cloud"):
        (folder / name).mkdir(parents=True)
    secret_file = folder / "nas-password"
    secret_file.touch(mode=0o600)
    secret_file.write_text(password)
    port = free_port()
    sftp = [sys.executable, "-m", "demo.sftp_server", str(port), str(folder / "nas"), str(secret_file)]
    with (
        running(sftp, log=folder / "nas.log", ready=lambda: accepts_connections(port)),
        seaweedfs(folder / "s3") as s3,
        wsgidav(folder / "cloud") as webdav,
    ):
        s3.client().create_bucket(Bucket=BUCKET)
        yield Storage(
            nas_root=folder / "nas",
            cloud_root=webdav.root,
            s3=s3,
            ca_file=_authorities(folder / "authorities.pem", s3, webdav),
            connections={
                "nas": (
                    "sftp",
                    {"host": LOOPBACK, "port": port, "username": USERNAME, "password": password},
                ),
                "archive": (
                    "s3",
                    {
                        "endpoint": s3.url,
                        "bucket": BUCKET,
                        "access_key": s3.access_key,
                        "secret_key": s3.secret_key,
                    },
                ),
                "cloud": (
                    "webdav",
                    {"url": webdav.url, "username": webdav.username, "password": webdav.password},
                ),
            },
        )


def _authorities(path: Path, s3: S3Server, webdav: WebdavServer) -> Path:
    """Trust the servers' authorities beside the system's, so that real services can be connected, too."""
    files = [s3.ca_file, webdav.ca_file, ssl.get_default_verify_paths().cafile]
    path.write_bytes(b"\n".join(Path(each).read_bytes() for each in files if each and Path(each).is_file()))
    return path
