"""Start three real servers, move a folder through all of them with the real command, and compare both ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from tests.servers.processes import accepts_connections, free_port, running
from tests.servers.s3 import seaweedfs
from tests.servers.webdav import wsgidav

from tour.files import differences, make_files
from tour.sftp_server import USERNAME

REPORT = Path("tour-output")
console = Console(highlight=False)


def main() -> int:
    """Run the tour. Returns the exit code: 0 if every byte came back."""
    with tempfile.TemporaryDirectory(prefix="mover-tour-") as name:
        folder = Path(name)
        console.print(
            "\n[bold]Mover[/bold] moves files between storage services: verified, encrypted, keeping nothing.\n"
            "This tour sends a folder on a journey: local → SFTP → S3 → WebDAV → local.\n"
        )
        files, size = make_files(folder / "company")
        console.print(f"Made {files} files, {size / 2**20:.0f} MiB: odd names, empty, deep, large.")
        console.print("Starting an SFTP server (asyncssh), S3 (SeaweedFS) and WebDAV over TLS (WsgiDAV) ...")
        with _servers(folder) as connections:
            return _journey(folder, connections)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Start the servers; yields what `mover connect` needs for each, and the variables that hold its secrets."""
    password = secrets.token_urlsafe(12)
    (folder / "password").write_text(password)
    (folder / "sftp").mkdir()
    port = free_port()
    sftp = [
        sys.executable,
        "-m",
        "tour.sftp_server",
        str(port),
        str(folder / "sftp"),
        str(folder / "password"),
    ]
    for name in ("s3", "webdav"):
        (folder / name).mkdir()
    with (
        running(sftp, log=folder / "sftp.log", ready=lambda: accepts_connections(port)),
        seaweedfs(folder / "s3") as s3,
        wsgidav(folder / "webdav") as webdav,
    ):
        s3.client().create_bucket(Bucket="company-archive")
        os.environ |= {
            "NAS_PASSWORD": password,
            "S3_SECRET": s3.secret_key,
            "CLOUD_PASSWORD": webdav.password,
        }
        yield {
            "nas": {
                "service": "sftp",
                "host": "127.0.0.1",
                "port": str(port),
                "username": USERNAME,
                "password": "@env:NAS_PASSWORD",
            },
            "cold": {
                "service": "s3",
                "endpoint": s3.url,
                "bucket": "company-archive",
                "access_key": s3.access_key,
                "secret_key": "@env:S3_SECRET",
                "ca_file": str(s3.ca_file),
            },
            "cloud": {
                "service": "webdav",
                "url": webdav.url,
                "username": webdav.username,
                "password": "@env:CLOUD_PASSWORD",
                "ca_file": str(webdav.certificates.ca_file),
            },
        }


def _journey(folder: Path, connections: dict[str, dict[str, str]]) -> int:
    company, back = folder / "company", folder / "came back"
    # Servers on this very machine are what the address rules are meant to refuse; the tour permits loopback alone.
    os.environ |= {"MOVER_HOME": str(folder / "home"), "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8"}
    for name, values in connections.items():
        keys = [f"{key}={value}" for key, value in values.items() if key != "service"]
        if _mover("connect", values["service"], name, *keys) != 0:
            return 1
    legs = [
        (str(company), "nas:/company"),
        ("nas:/company", "cold:/company"),
        ("cold:/company", "cloud:/company"),
    ]
    for source, destination in [*legs, ("cloud:/company", str(back))]:
        if _mover("copy", source, destination) != 0:
            return 1
    _title("The same command again: everything is there already, nothing is sent.")
    if _mover("copy", str(company), "nas:/company") != 0 or _mover("runs") != 0:
        return 1
    _mover("report", "3", "--format", "csv", "--output", str(REPORT))
    _mover("report", "3", "--format", "html", "--output", str(REPORT))
    found = differences(company, back)
    if found:
        console.print("[red]The ends differ:[/red]\n" + "\n".join(found[:20]))
        return 1
    _title("Compared both ends byte by byte: identical.")
    console.print(
        f"The reports of the run from S3 to WebDAV are in [bold]{REPORT}/[/bold]; open report.html in a browser.\n\n"
        "Try next, with servers of your own:\n"
        "  [bold].venv/bin/mover connect sftp nas host=nas.example.org username=you[/bold]   asks for the password\n"
        "  [bold].venv/bin/mover scan nas:/docs[/bold]                                       looks, moves nothing\n"
        "  [bold].venv/bin/mover copy nas:/docs ./docs --dry-run[/bold]                      says what it would do\n"
        "  [bold].venv/bin/mover --help[/bold]\n"
    )
    return 0


def _title(text: str) -> None:
    console.print(f"\n[bold green]✓[/bold green] {text}")


def _mover(*arguments: str) -> int:
    console.print(f"\n[bold cyan]$ mover {shlex.join(arguments)}[/bold cyan]", soft_wrap=True)
    sys.stdout.flush()
    return subprocess.run([str(Path(sys.executable).with_name("mover")), *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
