"""A call of Graph and its answer, whether it came by itself or in a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from simulators.accounts import Person, Token


@dataclass(frozen=True)
class Call:
    """What is asked.

    Attributes:
        path: Decoded, behind `/v1.0`.
        query: Its parameters; of repeated ones the last.
        headers: In lower case.
        body: Read whole.
        token: Of whoever asks.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    token: Token

    @property
    def person(self) -> Person | None:
        """Who asks; None: an app in its own name."""
        return self.token.person

    def json(self) -> dict[str, Any]:
        """The body as an object. Raises ValueError."""
        return msgspec.json.decode(self.body or b"{}", type=dict[str, Any])


@dataclass(frozen=True)
class Answer:
    """What is answered: JSON, nothing, or bytes as they come."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None
