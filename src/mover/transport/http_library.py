"""The one place where aiohttp is loaded."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager


def _trusts_nobody(*_arguments: object, **_options: object) -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@contextmanager
def _without_a_context_of_its_own() -> Iterator[None]:
    """Keep aiohttp from making the TLS context that it makes when it is loaded, for whoever brings none.

    Mover always brings its own (`transport/tls.py`). aiohttp's would read all of the system's certificates, some 20 ms, and
    write session keys wherever SSLKEYLOGFILE points. What it gets instead trusts nobody; so does what another thread would
    get that asks in this very moment.
    """
    usual = ssl.create_default_context
    ssl.create_default_context = _trusts_nobody
    try:
        yield
    finally:
        ssl.create_default_context = usual


with _without_a_context_of_its_own():
    import aiohttp
    import aiohttp.abc
    import aiohttp.client_proto
    import aiohttp.client_reqrep
    import aiohttp.http_writer
    import aiohttp.payload

__all__ = ["aiohttp"]
