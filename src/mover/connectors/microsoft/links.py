"""URLs that the service names. They are from outside: nothing secret goes to one that leads elsewhere."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mover.errors import ProtocolViolation

_GRAPH_HOST = "graph.microsoft.com"
_WORK = "*.sharepoint.com"
_PERSONAL = ("api.onedrive.com", "*.1drv.com", "*.livefilestore.com", "*.microsoftpersonalcontent.com")

HOSTS = ("login.microsoftonline.com", _GRAPH_HOST, _WORK)
"""Where connections lead: uploads and downloads go to hosts that Graph names ("Office 365 URLs and IP address ranges")."""
HOSTS_WITH_PERSONAL = (*HOSTS, *_PERSONAL)
"""Likewise where personal accounts may sign in ("Required URLs and ports for OneDrive")."""

_LONGEST = 16 * 1024
_FIT = re.compile(r"https://[A-Za-z0-9.-]+(:443)?(/[!-\"$-~]*)?")


def graph_link(url: str) -> str:
    """Check the address of a next page or of changes: the token is shown there. Raises ProtocolViolation."""
    checked = https_link(url)
    if urlsplit(checked).hostname != _GRAPH_HOST:
        raise ProtocolViolation("the service names a next page at another host")
    return checked


def https_link(url: str) -> str:
    """Check an address that carries its own right. Raises ProtocolViolation."""
    if len(url) > _LONGEST or not _FIT.fullmatch(url):
        raise ProtocolViolation("the service names an address that cannot be used")
    return url
