"""Certificates that nobody should serve with any more, from OpenSSL, since libraries refuse to make some."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.servers.processes import tool


def made(folder: Path, *how: str) -> tuple[Path, Path]:
    """A self-signed certificate and its key, made as the arguments of `openssl req` say."""
    certificate, key = folder / "weak.pem", folder / "weak-key.pem"
    files = ("-keyout", str(key), "-out", str(certificate))
    command = (
        tool("openssl"),
        "req",
        "-x509",
        "-nodes",
        "-days",
        "20",
        "-subj",
        "/CN=localhost",
        *files,
        *how,
    )
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


def weak_rsa(folder: Path) -> tuple[Path, Path]:
    """RSA of 1024 bits."""
    return made(folder, "-newkey", "rsa:1024", "-sha256")
