"""Start three real servers, move a folder through all of them with the real command, and compare both ends."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from demo.servers import Storage, storage
from rich.console import Console

from tour.files import differences, make_files

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
        with storage(folder / "servers") as places:
            return _journey(folder, places)


def _journey(folder: Path, places: Storage) -> int:
    company, back = folder / "company", folder / "came back"
    # Servers on this very machine are what the address rules are meant to refuse; the tour permits loopback alone.
    os.environ |= {
        "MOVER_HOME": str(folder / "home"),
        "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "MOVER_CA_FILE": str(places.ca_file),
    }
    for name, (service, values) in places.connections.items():
        if _mover("connect", service, name, *_keys(name, values)) != 0:
            return 1
    legs = [
        (str(company), "nas:/company"),
        ("nas:/company", "archive:/company"),
        ("archive:/company", "cloud:/company"),
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


def _keys(name: str, values: Mapping[str, str | int]) -> list[str]:
    """The arguments of `mover connect`, with secrets in variables, where others on this machine do not see them."""
    keys = []
    for key, value in values.items():
        if key in {"password", "secret_key"}:
            variable = f"{name.upper()}_SECRET"
            os.environ[variable] = str(value)
            value = f"@env:{variable}"  # noqa: PLW2901 - what stands in the command line instead
        keys.append(f"{key}={value}")
    return keys


def _title(text: str) -> None:
    console.print(f"\n[bold green]✓[/bold green] {text}")


def _mover(*arguments: str) -> int:
    console.print(f"\n[bold cyan]$ mover {shlex.join(arguments)}[/bold cyan]", soft_wrap=True)
    sys.stdout.flush()
    return subprocess.run([str(Path(sys.executable).with_name("mover")), *arguments], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
