"""The one place where libcurl is loaded."""

from __future__ import annotations

import os

# libcurl writes the keys of TLS sessions wherever this points, from the moment that it is loaded.
os.environ.pop("SSLKEYLOGFILE", None)

import pycurl

__all__ = ["pycurl"]
