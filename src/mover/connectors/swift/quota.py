"""Room in the account and in the container, where an administrator has set a limit.

Source: Swift's middlewares account_quotas and container_quotas. What is used is counted with some delay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mover.connectors.swift.api import SwiftApi
from mover.entries import ROOT, EntryRef
from mover.errors import PermissionDenied

_NUMBER = re.compile(r"[0-9]{1,18}")
_LIMITS_OF_ACCOUNT = ("x-account-quota-bytes", "x-account-meta-quota-bytes")
_LIMITS_OF_CONTAINER = ("x-container-meta-quota-bytes",)


class SwiftQuota:
    """As `contract.Quota`.

    Args:
        api: The calls.
        container: The connection's; None for the account.
    """

    def __init__(self, api: SwiftApi, container: str | None) -> None:
        self._api = api
        self._container = container

    async def free_bytes(self, _folder: EntryRef = ROOT) -> int | None:
        """See the contract. One call, two with a container."""
        left: list[int] = []
        try:
            told = await self._api.head(None, operation="free_bytes", path="/")
        except PermissionDenied:
            pass  # an account may be allowed to use a container and not to look at what is around it
        else:
            left += _left(told, _LIMITS_OF_ACCOUNT, "x-account-bytes-used")
        if self._container is not None:
            told = await self._api.head(self._container, operation="free_bytes", path="/")
            left += _left(told, _LIMITS_OF_CONTAINER, "x-container-bytes-used")
        return min(left, default=None)


def _left(headers: Mapping[str, str], limits: tuple[str, ...], used: str) -> list[int]:
    taken = _number(headers.get(used)) or 0
    found = [_number(headers.get(name)) for name in limits]
    return [max(limit - taken, 0) for limit in found if limit is not None]


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None
