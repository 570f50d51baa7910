"""The way out for key providers that speak HTTP: what they need of it. `mover.transport` has the one that is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What a key service answered; its body may hold a key or a token, so it is not shown."""

    status: int
    body: bytes = field(repr=False)


class KeyServiceDoor(Protocol):
    """Sends requests to key services, by TLS, through the operator's proxy if there is one."""

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        ca_file: Path | None = None,
        allow_plain: bool = False,
    ) -> Answer:
        """Send a POST and return the answer, whatever its status; no redirect is followed.

        It may be sent again if no answer came, so it must do no harm twice. `ca_file` (PEM) names who signed the
        service's certificate, if the operator's or the system's authorities did not. With `allow_plain` http is spoken
        too. Raises Unreachable, TimedOut, UntrustedServer, ProtocolViolation, InvalidConfiguration.
        """
