"""Runners as operators run them: processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.database_url import as_runner
from tests.e2e.command import Mover, Running
from tests.e2e.places import files_below, put
from tests.runner.conftest import Service
from tests.runner.stage import Organisation
from tests.runner.test_runs import files_arrived, reached, some_files
from tests.runner.watching import listening, until
from tests.servers.processes import accepts_connections, free_port

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]


@contextmanager
def runner(service: Service, folder: Path, *arguments: str, **variables: str) -> Iterator[Running]:
    """`mover runner` on the service's state."""
    mover = Mover(
        folder / "mover",
        MOVER_HOME=str(service.place.settings.home),
        MOVER_DATABASE_URL=as_runner(service.place.settings.database_url.reveal()),
        MOVER_TEMPORAL_ADDRESS=service.temporal.address,
        MOVER_LOCAL_FOLDERS=str(folder),
        **variables,
    )
    running = mover.start("runner", *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def shown_at(url: str, ca_file: Path | None = None) -> str:
    context = ssl.create_default_context(cafile=ca_file) if ca_file else None
    with urllib.request.urlopen(url, timeout=60, context=context) as answer:  # noqa: S310 - of loopback, made above
        text: str = answer.read().decode()
        return text


@pytest.mark.promise("P7")
async def test_it_listens_nowhere_and_hands_over_in_order(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    files = some_files(600, 20_000)  # a minute's work: however late this test looks, it is not done
    put(organisation.source, files)
    with runner(service, tmp_path) as process:
        (run,) = await organisation.start("/", options='{"bandwidth": "200K"}')
        await service.orchestration.nudge(organisation.id)
        await files_arrived(organisation, 3)
        assert listening(process.pid) == []
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait().code == 0
    left = await organisation.run(run)
    assert (left["state"], left["runner"], left["wish"]) == ("queued", "", "run")
    arrived = files_below(organisation.destination)
    assert 3 <= len(arrived) < len(files)
    assert arrived.items() <= files.items()  # between files: nothing half-sent is left behind


async def test_a_second_signal_hurries(service: Service, tmp_path):
    organisation = await Organisation.make(service.place, tmp_path)
    put(organisation.source, {"/large": bytes(20 << 20)})  # some minutes' work
    with runner(service, tmp_path, MOVER_RUNNER_DRAIN_S="3600") as process:
        (run,) = await organisation.start("/", options='{"bandwidth": "50K"}')
        await service.orchestration.nudge(organisation.id)
        await reached(organisation, run, "running")
        os.kill(process.pid, signal.SIGTERM)
        # Two signals that come before either is looked at are one: the second one is sent until it has arrived.
        while process.process.poll() is None:
            await asyncio.sleep(0.2)
            process.send(signal.SIGTERM)
        assert process.wait().code == 0
    assert (await organisation.run(run))["state"] == "queued"


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
async def test_it_shows_figures_on_loopback_only_if_asked(service: Service, tmp_path, over_tls):
    port = free_port()
    variables = {"MOVER_METRICS_TLS": "true"} if over_tls else {}
    with runner(service, tmp_path, "--metrics-port", str(port), **variables) as process:
        await until(lambda: accepts_connections(port))
        assert listening(process.pid) == [f"0100007F:{port:04X}"]
        ca_file = service.place.settings.tls_path / "ca.pem" if over_tls else None
        told = await asyncio.to_thread(shown_at, f"http{'s' * over_tls}://127.0.0.1:{port}/metrics", ca_file)
    assert 'mover_files_total{outcome="copied"} 0.0' in told
    assert "mover_staged_bytes" in told


def test_what_cannot_work_is_said_at_once(tmp_path):
    done = Mover(tmp_path / "mover").run("runner", "--queue", "Site A", code=2)
    assert "a queue's name" in done.err
