"""Many calls in one request ("Combine multiple HTTP requests using JSON batching").

Each has its outcome: a 200 of the whole says nothing of the calls in it, and one of them may be throttled alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.microsoft.addressing import GRAPH
from mover.connectors.microsoft.calls import Caller
from mover.errors import ProtocolViolation, Throttled, Transient

MOST = 20


class Outcome(msgspec.Struct, frozen=True):
    """What became of one call."""

    id: str
    status: int
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def succeeded(self) -> bool:
        """It did."""
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP statuses are best known as numbers


class _Outcomes(msgspec.Struct, frozen=True):
    responses: list[Outcome]


async def get_all(caller: Caller, urls: Sequence[str], *, operation: str, path: str) -> list[Outcome]:
    """GET many, 20 a request; the outcomes in the order of `urls`.

    Raises Throttled or another Transient error if one of them met it: the whole can be repeated.
    """
    found: list[Outcome] = []
    for start in range(0, len(urls), MOST):
        found += await _some(caller, urls[start : start + MOST], operation=operation, path=path)
    return found


async def _some(caller: Caller, urls: Sequence[str], *, operation: str, path: str) -> list[Outcome]:
    asked = [
        {"id": str(number), "method": "GET", "url": url.removeprefix(GRAPH)}
        for number, url in enumerate(urls, start=1)
    ]
    answer = await caller.ask(
        "POST", f"{GRAPH}/$batch", _Outcomes, body={"requests": asked}, operation=operation, path=path
    )
    by_id = {outcome.id: outcome for outcome in answer.responses}
    outcomes = [by_id.get(str(number)) for number in range(1, len(urls) + 1)]
    passing: list[Transient] = []
    told: list[Outcome] = []
    for outcome in outcomes:
        if outcome is None:
            raise ProtocolViolation(
                "the service leaves calls of a batch without an answer",
                service=caller.service,
                operation=operation,
                path=path,
            )
        told.append(outcome)
        if not outcome.succeeded:
            error = caller.meaning(
                outcome.status, _Caseless(outcome.headers), outcome.body, operation=operation, path=path
            )
            if isinstance(error, Transient):
                passing.append(error)
    if passing:
        raise max(passing, key=lambda error: (isinstance(error, Throttled), error.retry_after_s or 0.0))
    return told


class _Caseless(dict[str, str]):
    """Headers of a call in a batch, looked up without regard to case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Look one up."""
        return super().get(key.lower(), default)
