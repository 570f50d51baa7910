"""Schemathesis against the APIs for programs, with all its checks: in short and the same each time, or at length.

`make test-thorough` says how many cases of each operation it tries then (`SCHEMATHESIS_CASES`), others each time.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from starlette.types import Receive, Scope, Send
from tests.api.installation import Running
from tests.staff.callers import is_in

from mover.staff import keys

# What has no room in a description is refused when it is seen: a cursor that was not given out (400), a key of a
# configuration that the service does not know (422), a body that is too large (413), a service that is not there (424).
_CONFIG = """
[checks.missing_required_header]
expected-statuses = [400, 401, 403, 404, 415, 422, 428]
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 400, 404, 409, 412, 422, 424]
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 422, 428]
"""
_ENDS_THE_KEY = "revoke_api_key"
_SHORT = 2
_CASES = int(os.environ.get("SCHEMATHESIS_CASES", _SHORT))


@pytest.mark.slow
@pytest.mark.timeout(300 * _CASES)
@pytest.mark.usefixtures("samples")
def test_schemathesis_finds_nothing(mover: Running) -> None:
    assert checked_operations(mover, "/api/v1", mover.owner.bearer) > 80


@pytest.fixture
async def staff_bearer(mover: Running, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Headers of a program of the staff, which may ask as often as it likes."""
    monkeypatch.setattr(keys, "BURST", 100_000)
    sam = await is_in(mover.services, "sam")
    made = await mover.services.staff.keys.make(sam.entrance.signed_in, "searching", days=1)
    return {"Authorization": f"Bearer {made.text.reveal()}"}


@pytest.mark.slow
@pytest.mark.timeout(100 * _CASES)
@pytest.mark.usefixtures("samples")
def test_schemathesis_finds_nothing_at_the_staffs_api(mover: Running, staff_bearer: dict[str, str]) -> None:
    assert checked_operations(mover, "/staff/api/v1", staff_bearer) == 13


def checked_operations(mover: Running, prefix: str, headers: dict[str, str]) -> int:
    """Check every operation, and tell how many there are."""
    numbers = itertools.count()

    async def from_everywhere(scope: Scope, receive: Receive, send: Send) -> None:
        """Over TLS, to the public host, from an address that nobody has guessed keys from before."""
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [*headers, (b"host", b"mover.example.org")]
            scope["scheme"] = "https"
            scope["client"] = (f"2001:db8:{next(numbers) % 65536:x}::1", 1)
        await mover.app(scope, receive, send)

    config = SchemathesisConfig.from_str(_CONFIG)
    schema = schemathesis.openapi.from_asgi(f"{prefix}/openapi.json", from_everywhere, config=config)
    checked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.definition.raw["operationId"] == _ENDS_THE_KEY:
            continue

        @settings(
            max_examples=_CASES,
            derandomize=_CASES == _SHORT,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(headers=headers)

        check()
        checked += 1

    return checked
