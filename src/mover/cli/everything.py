"""What `mover serve` runs: Temporal, API and runner, watched over by this process."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mover.accounts.organisations import Founded
from mover.cli.faults import say
from mover.cli.loop import loop_factory
from mover.cli.process import collect_rarely
from mover.cli.screen import out, words
from mover.runner.embedded import embedded_temporal
from mover.serving.certificates import OwnCertificate, name_of_this_machine, own_certificate
from mover.serving.children import Part, mover_command
from mover.serving.first_owner import first_owner, keep_for_owner
from mover.serving.log_events import message_of
from mover.serving.logs import log_service
from mover.serving.memory import keep_out_of_swap
from mover.serving.server_certificate import server_names
from mover.serving.supervision import Parts, running_parts
from mover.serving.tls import check_operators_files
from mover.settings import Settings
from mover.workplace.workplace import open_workplace

_DRAIN_S = 5.0
_API_ENDS_WITHIN_S = 12.0
_SPARE_S = 8.0  # after the drain a runner has a few last words
_PASSWORD_FILE = "first-owner.txt"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class _Begun:
    """What a start has brought about."""

    founded: Founded | None
    certificate: OwnCertificate | None


def run_everything(
    settings: Settings, sockets: Sequence[socket.socket], email: str, *, on_terminal: bool
) -> None:
    """Serve until SIGTERM or Ctrl-C; a second signal hurries. Raises InvalidConfiguration and Locked."""
    log_file = _log_file(settings, "serve", on_terminal)
    log_service("serve", settings.model_copy(update={"log_file": log_file}))
    if on_terminal:
        logging.getLogger().addHandler(_OnTerminal(logging.ERROR))
    keep_out_of_swap(settings.lock_memory)
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(settings, sockets, email, on_terminal=on_terminal))


async def _serve(
    settings: Settings, sockets: Sequence[socket.socket], email: str, *, on_terminal: bool
) -> None:
    ending = _Ending()
    if on_terminal:
        say("starting API, runner and what they need ...", style="dim")
    begun = await _begin(settings, email)
    async with AsyncExitStack() as stack:
        if settings.temporal_address is None:
            starting = asyncio.ensure_future(stack.enter_async_context(embedded_temporal(settings)))
            if not await ending.before(starting):
                return
        parts = running_parts(_parts(settings, sockets, on_terminal=on_terminal))
        running = asyncio.ensure_future(stack.enter_async_context(parts))
        if not await ending.before(running):
            return
        _tell(settings, begun, running.result())
        await ending.wait(running.result(), on_terminal=on_terminal)
        if on_terminal:
            say(
                "ending: requests and pairs come to a good moment to stop (Ctrl-C again hurries)",
                style="bold yellow",
            )


async def _begin(settings: Settings, email: str) -> _Begun:
    """Make what the first start makes: certificate, database, owner."""
    certificate = None
    if settings.tls_cert_file is None:
        certificate = own_certificate(
            settings.tls_path, server_names(settings), wished=name_of_this_machine()
        )
    else:
        check_operators_files(settings.tls_cert_file, settings.tls_key_file)
    async with open_workplace(settings) as place:
        return _Begun(await first_owner(place, email), certificate)


def _parts(settings: Settings, sockets: Sequence[socket.socket], *, on_terminal: bool) -> list[Part]:
    descriptors = tuple(each.fileno() for each in sockets)
    drain_s = settings.runner_drain_s if "runner_drain_s" in settings.model_fields_set else _DRAIN_S
    listening = [part for descriptor in descriptors for part in ("--listening-on", str(descriptor))]
    return [
        Part(
            "API",
            mover_command("api", "--host", settings.listen.host, "--port", str(_port(sockets)), *listening),
            environment=_environment(settings, "api", on_terminal=on_terminal),
            descriptors=descriptors,
            end_within_s=settings.api_drain_s + _API_ENDS_WITHIN_S,
            tells_ready=True,
        ),
        Part(
            "runner",
            mover_command("runner"),
            environment={
                **_environment(settings, "runner", on_terminal=on_terminal),
                "MOVER_RUNNER_DRAIN_S": str(drain_s),
            },
            end_within_s=drain_s + _SPARE_S,
            tells_ready=True,
        ),
    ]


def _environment(settings: Settings, name: str, *, on_terminal: bool) -> Mapping[str, str]:
    file = _log_file(settings, name, on_terminal)
    return {"MOVER_HOME": str(settings.home), **({"MOVER_LOG_FILE": str(file)} if file else {})}


def _log_file(settings: Settings, name: str, on_terminal: bool) -> Path | None:  # noqa: FBT001 - one caller a line
    """Where a process logs: on a terminal people want to read, and not lines of JSON."""
    if settings.log_file is not None or not on_terminal:
        return settings.log_file
    return settings.home / "logs" / f"{name}.jsonl"


def _port(sockets: Sequence[socket.socket]) -> int:
    port: int = sockets[0].getsockname()[1]
    return port


def _tell(settings: Settings, begun: _Begun, parts: Parts) -> None:
    console = out()
    console.print(words(f"Mover is at {settings.public_url}", "bold green"))
    if begun.founded is not None:
        _tell_owner(settings, begun.founded)
    if begun.certificate is not None:
        console.print(
            words(
                f"  its certificate is of an authority of its own; browsers and programs may trust {begun.certificate.ca_file}"
            )
        )
        console.print(words(f"  SHA-256 {begun.certificate.fingerprint}", "dim"))
    numbers = ", ".join(f"{name} {pid}" for name, pid in parts.pids.items())
    console.print(words(f"  processes: {numbers}; state: {settings.home}; Ctrl-C ends it", "dim"))
    sys.stdout.flush()


def _tell_owner(settings: Settings, founded: Founded) -> None:
    assert founded.password is not None
    if not sys.stdout.isatty():
        path = settings.home / _PASSWORD_FILE
        keep_for_owner(path, founded)
        out().print(words(f"  sign in for the first time with what {path} says, then remove that file"))
        return
    line = words("  sign in for the first time as ")
    line.append_text(words(founded.owner.email, "bold"))
    line.append_text(words(" with the password "))
    line.append_text(words(founded.password.reveal(), "bold"))
    out().print(line)
    out().print(words("  it is shown this once; change it when you are in", "dim"))


class _OnTerminal(logging.Handler):
    """Tells the person at the terminal what must not only stand in a file: parts that die."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it in a line."""
        say(message_of(record), style="bold red")


class _Ending:
    """Whether somebody wants this process to end."""

    def __init__(self) -> None:
        self._wanted = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._want)

    async def before(self, work: asyncio.Future[Any]) -> bool:
        """Wait for work to be done; if somebody wants an end first, it is given up, and False returned."""
        wanted: asyncio.Future[Any] = asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait({work, wanted}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
                return False
            work.result()
            return not self._wanted.is_set()
        finally:
            wanted.cancel()

    async def wait(self, parts: Parts, *, on_terminal: bool) -> None:
        """Wait until somebody wants an end; from then on the next who does ends the parts on the spot.

        SIGHUP is the end of a terminal; without one it asks the API to look at its certificate anew.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(
            signal.SIGHUP, self._want if on_terminal else lambda: parts.send("API", signal.SIGHUP)
        )
        await self._wanted.wait()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, parts.kill)

    def _want(self) -> None:
        self._wanted.set()
