"""aiohttp, loaded without the system's certificates.

It reads them twice for contexts of its own, which takes a quarter of the time that it takes to load, and which no
connection of Mover's uses: each brings that of `tls_context`. What else needs aiohttp is imported after this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_DEFAULT_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # OpenSSL's variables


@contextmanager
def _no_default_certificates() -> Iterator[None]:
    usual = {name: os.environ.get(name) for name in _DEFAULT_CERTIFICATES}
    os.environ.update(dict.fromkeys(_DEFAULT_CERTIFICATES, os.devnull))
    try:
        yield
    finally:
        for name, value in usual.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


with _no_default_certificates():
    import aiohttp

__all__ = ["aiohttp"]
