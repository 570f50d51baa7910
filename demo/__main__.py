"""Start everything, make a first move, and stay up for the browser; without a terminal, end when the move is verified."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from demo.clouds import clouds
from demo.files import fill_cloud, fill_nas
from demo.first_move import MIGRATION, OFFICE, connect_and_plan, differences, plan_office, run_mover
from demo.servers import storage
from demo.service import Access, environment, prepare, serving
from mover.settings import Settings

HOME = Path("demo-home")
console = Console(highlight=False)


def main() -> int:
    """Run the demo. Returns the exit code: 0 if every byte of the first move arrived."""
    signal.signal(signal.SIGTERM, _interrupt)
    home = HOME.absolute()
    with _alone(home.with_name(home.name + ".lock")):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700)
        try:
            return _run(home, stays=sys.stdin.isatty() and sys.stdout.isatty())
        except KeyboardInterrupt:
            console.print("\nThe demo was interrupted.")
            return 130


def _run(home: Path, *, stays: bool) -> int:
    console.print(
        "\n[bold]Mover[/bold] moves files between storage services: verified, encrypted, keeping nothing.\n"
    )
    began = time.monotonic()
    console.print(
        "Starting three storage servers, SFTP (nas), S3 (archive) and WebDAV (cloud), "
        "and simulated cloud services: Box, Google and Microsoft 365 for 25 people ..."
    )
    with storage(home / "storage") as places, clouds(home / "clouds") as offices:
        departments = fill_nas(places.nas_root)
        extra = fill_cloud(places.cloud_root)
        console.print(
            f"Filled them with {sum(departments.values()) + extra} files of a company of forty people."
        )
        console.print("Starting the service: web pages and API, Temporal, one runner ...")
        variables = environment(home, places, offices)
        os.environ |= variables
        access = asyncio.run(prepare(Settings()))
        with serving(home, variables, access) as service:
            console.print(f"It is up after {time.monotonic() - began:.0f} s.\n")
            _tell(access)
            console.print(
                f"Meanwhile a first move, {MIGRATION}, through the public API and the command line:"
            )
            asyncio.run(connect_and_plan(access, places, departments))
            asyncio.run(plan_office(access, offices))
            moved = run_mover(console, access, "start", MIGRATION, "--watch")
            for arguments in (["pairs", MIGRATION], ["runs", MIGRATION]):
                run_mover(console, access, *arguments)
            found = differences(places) if moved == 0 else []
            if moved != 0 or found:
                console.print("[red]The first move did not go well.[/red]\n" + "\n".join(found[:20]))
            else:
                console.print(
                    "\n[bold green]✓[/bold green] Compared both ends byte by byte, past Mover: identical.\n"
                )
            if stays:
                _tell(access)
                _tell_of_office()
                console.print("Ctrl-C ends the demo.")
                try:
                    service.wait()
                except KeyboardInterrupt:
                    console.print("\nThe demo has ended; what it left is in demo-home/ until the next one.")
                    return 0
                console.print("[red]The service has ended by itself; see demo-home/serve.log.[/red]")
                return 1
            return 0 if moved == 0 and not found else 1


def _tell(access: Access) -> None:
    text = Text()
    text.append("Open      ").append(access.url + "\n", style="bold")
    text.append("E-mail    ").append(access.email + "\n", style="bold")
    text.append("Password  ").append(access.password.reveal() + "\n\n", style="bold")
    text.append(
        "The certificate is of the demo's own authority, so the\nbrowser asks once; it shows SHA-256\n",
        style="dim",
    )
    middle = len(access.fingerprint) // 2 + 1
    text.append(f"{access.fingerprint[:middle]}\n{access.fingerprint[middle:]}", style="dim")
    console.print(Panel(text, title="In the browser", expand=False, padding=(1, 2)))
    console.print(f"The authority itself, for programs: {access.ca_file}", style="dim", soft_wrap=True)


def _tell_of_office() -> None:
    console.print(
        f"\n[bold]Now you.[/bold] Two migrations wait in the browser: [bold]{'[/bold] and [bold]'.join(OFFICE.values())}"
        "[/bold].\nThe cloud services are simulated: 25 people, each with some files and a folder that a colleague uses."
    )
    for number, step in enumerate(
        (
            "Open one, then [bold]Add pairs[/bold] and [bold]Look for pairs[/bold]: Mover finds the 25 people on both sides.",
            "[bold]Add the chosen pairs[/bold], then [bold]Scan all[/bold]: nothing is copied yet.",
            "Open a pair and its [bold]Permissions[/bold]: who will be able to use what there.",
            "Back in the migration, [bold]Start all[/bold]. Nobody gets mail; started again, nothing is copied twice.",
        ),
        1,
    ):
        console.print(f"  {number}. {step}")
    console.print()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One demo at a time in this folder; the lock goes with the process."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Another demo runs in this folder; end that one first.")
            sys.exit(2)
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
