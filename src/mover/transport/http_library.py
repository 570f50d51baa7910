"""The one place where aiohttp is loaded."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

_READS_ALL = "set_default_verify_paths"


@contextmanager
def _without_certificates() -> Iterator[None]:
    """Keep aiohttp from reading all of the system's certificates when it is loaded, twice, which takes as long as all else.

    They are for two TLS contexts that it makes for whoever brings none. Mover always brings its own (`transport/tls.py`).
    aiohttp's trust nobody now; so would one that another thread made in this very moment.
    """
    assert _READS_ALL not in vars(
        ssl.SSLContext
    )  # it is inherited, so that what is put before it can be taken away
    setattr(ssl.SSLContext, _READS_ALL, lambda _context: None)
    try:
        yield
    finally:
        delattr(ssl.SSLContext, _READS_ALL)


with _without_certificates():
    import aiohttp
    import aiohttp.abc
    import aiohttp.client_proto
    import aiohttp.client_reqrep
    import aiohttp.http_writer
    import aiohttp.payload

__all__ = ["aiohttp"]
