"""A service that asks for fewer calls gets fewer, and everything arrives all the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.e2e.command import Mover
from tests.e2e.places import files_below, put, webdav_values
from tests.e2e.throttling import Throttle, throttling
from tests.servers.webdav import WebdavServer

FILES = {f"/{n}": random.Random(n).randbytes(2_000) for n in range(30)}

pytestmark = pytest.mark.slow


def moved(mover: Mover, source: Path, throttle: Throttle, server: WebdavServer, folder: str) -> None:
    assert server.plain_url is not None
    port = urlsplit(server.plain_url).port
    assert port is not None
    with throttling(throttle, port):
        url = server.plain_url.replace(f":{port}", f":{throttle.port}")
        mover.connect("webdav", "cloud", webdav_values(server, url))
        throttle.calls.clear()
        result = mover.copy(source, f"cloud:/{folder}")
    assert (result["copied"], result["failed"]) == (len(FILES), 0)
    assert files_below(server.root / folder) == FILES


def once_at(number: int) -> Callable[[int, str, str], bool]:
    """One call too many: the `number`-th PUT."""
    puts = 0

    def too_many(_at_once: int, method: str, _path: str) -> bool:
        nonlocal puts
        puts += method == "PUT"
        return method == "PUT" and puts == number

    return too_many


@pytest.mark.parametrize(("status", "form"), [(429, "date"), (503, "seconds")])
def test_retry_after_is_obeyed_by_the_whole_account(
    status: int, form: str, mover: Mover, tmp_path: Path, apache_server: WebdavServer
) -> None:
    put(tmp_path / "source", FILES)
    throttle = Throttle(status, form == "date", 2, once_at(10))

    moved(mover, tmp_path / "source", throttle, apache_server, f"throttled-{status}-{form}")

    (index,) = (number for number, call in enumerate(throttle.calls) if call.throttled_s)
    refused, *later = throttle.calls[index:]
    again = next(call for call in later if (call.method, call.path) == (refused.method, refused.path))
    assert again.at - refused.at >= throttle.wait_s
    times = [call.at for call in throttle.calls]
    longest_silence_s = max(b - a for a, b in itertools.pairwise(times))
    assert longest_silence_s >= throttle.wait_s / 2  # nobody else called meanwhile


def test_a_service_that_bears_two_calls_at_once_soon_gets_no_more(
    mover: Mover, tmp_path: Path, apache_server: WebdavServer
) -> None:
    put(tmp_path / "source", FILES)
    throttle = Throttle(429, False, 0, lambda at_once, _method, _path: at_once > 2)

    moved(mover, tmp_path / "source", throttle, apache_server, "two-at-once")

    refused = [call for call in throttle.calls if call.throttled_s is not None]
    assert 0 < len(refused) < len(throttle.calls) / 3
