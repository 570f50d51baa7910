"""AWS KMS as moto has it: real AES-256-GCM, encryption contexts, aliases; it does not look at signatures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

ACCESS_KEY = "AKIATESTTESTTEST0001"
SECRET_KEY = "secretsecretsecretsecretsecretsecret0001"
REGION = "eu-central-1"


@dataclass(frozen=True)
class KmsServer:
    """A running server."""

    url: str

    def client(self) -> Any:
        """Return a boto3 client to make keys with."""
        return boto3.client(
            "kms",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )


@contextlib.contextmanager
def moto_kms(folder: Path) -> Iterator[KmsServer]:
    """Run moto for the time of a `with` block."""
    port = free_port()
    command = [tool("moto_server"), "-H", LOOPBACK, "-p", str(port)]
    with running(command, log=folder / "log", ready=lambda: accepts_connections(port)):
        yield KmsServer(f"http://{LOOPBACK}:{port}")
