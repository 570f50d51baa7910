"""S3 servers: what each is, and SeaweedFS, which checks signatures and checksums. `openstack.py` has another one."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
from botocore.config import Config  # type: ignore[import-untyped]  # likewise
from tests.servers.certificates import make_certificates
from tests.servers.processes import LOOPBACK, free_port, running, tool

ACCESS_KEY = "AKIATESTTESTTEST0001"
SECRET_KEY = "secretsecretsecretsecretsecretsecret0001"
READ_ONLY_ACCESS_KEY = "AKIATESTTESTTESTRO01"


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running S3 server without buckets.

    Attributes:
        url: The endpoint, for path style.
        ca_file: Who signed its certificate; None if it has no TLS.
        read_only_access_key: A second account with the same secret key that may only read and list; None without one.
        log: What the server prints.
    """

    host: str
    port: int
    url: str
    region: str
    access_key: str
    secret_key: str
    ca_file: Path | None
    read_only_access_key: str | None
    log: Path

    def client(self) -> Any:
        """Return a boto3 client that is signed in, to set the stage with and to look at the result."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=str(self.ca_file) if self.ca_file else None,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )


@contextlib.contextmanager
def seaweedfs(
    folder: Path, *, tls: bool = True, port: int | None = None, metrics_port: int | None = None
) -> Iterator[S3Server]:
    """Run SeaweedFS, all in one process. Started again on the same folder it has the same buckets.

    At `metrics_port`, if given, it tells by plain HTTP (`/metrics`) how many requests it has answered.
    """
    port = port or free_port()
    certificates = make_certificates(folder / "tls")
    (folder / "volumes").mkdir(exist_ok=True)
    accounts = [
        (ACCESS_KEY, ["Admin", "Read", "Write", "List", "Tagging"]),
        (READ_ONLY_ACCESS_KEY, ["Read", "List"]),
    ]
    identities = [
        {
            "name": key.lower(),
            "credentials": [{"accessKey": key, "secretKey": SECRET_KEY}],
            "actions": actions,
        }
        for key, actions in accounts
    ]
    (folder / "accounts.json").write_text(json.dumps({"identities": identities}))
    options = {
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "dir": folder / "volumes",
        "master.port": free_port(),
        "master.port.grpc": free_port(),
        "master.volumeSizeLimitMB": 256,
        "master.telemetry": "false",
        "master.peers": "none",
        "volume.port": free_port(),
        "volume.port.grpc": free_port(),
        "volume.max": 100,
        "volume.preStopSeconds": 0,
        "filer.port": free_port(),
        "filer.port.grpc": free_port(),
        "s3.port": port,
        "s3.port.grpc": free_port(),
        "s3.port.iceberg": 0,  # fixed by default, so that two servers would collide
        "s3.port.lance": 0,  # likewise
        "s3.config": folder / "accounts.json",
    }
    if metrics_port is not None:
        options["metricsPort"] = metrics_port
    if tls:
        options |= {"s3.cert.file": certificates.certificate, "s3.key.file": certificates.key}
    command = [
        tool("weed"),
        "server",
        "-filer",
        "-s3",
        *(f"-{name}={value}" for name, value in options.items()),
    ]
    log = folder / "log"
    ca_file = certificates.ca_file if tls else None
    ready = answers(port, ca_file, "/", {200, 403})  # the port is open long before the filer behind it works
    # Its graceful stop takes 16 s; what it has confirmed survives a kill.
    with running(command, log=log, ready=ready, environment={"HOME": str(folder)}, end_with=signal.SIGKILL):
        yield S3Server(
            host=LOOPBACK,
            port=port,
            url=f"{'https' if tls else 'http'}://{LOOPBACK}:{port}",
            region="us-east-1",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            ca_file=ca_file,
            read_only_access_key=READ_ONLY_ACCESS_KEY,
            log=log,
        )


def answers(port: int, ca_file: Path | None, path: str, statuses: set[int]) -> Callable[[], bool]:
    """Make a check that a server answers a request without sign-in as it does when it is up."""
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None

    def ready() -> bool:
        connection = (
            http.client.HTTPSConnection(LOOPBACK, port, timeout=5, context=context)
            if context
            else http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        )
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                return connection.getresponse().status in statuses
            except (OSError, http.client.HTTPException):
                return False

    return ready
