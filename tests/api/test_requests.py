"""What happens around every operation: bodies, parameters, repetition, conditions, time."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest
from tests.api.installation import Running

from mover.api import problems
from mover.api.routes import OperationRoute
from mover.errors import Locked, MoverError, Unreachable
from mover.migrations.refusals import Overtaken

_MAP = {"name": "Staff", "kind": "users"}


async def _post(
    mover: Running, content: bytes | str, *, address: str = "/api/v1/maps", **headers: str
) -> httpx.Response:
    sent = (
        mover.owner.bearer
        | {"Content-Type": "application/json"}
        | {k.replace("_", "-"): v for k, v in headers.items()}
    )
    return await mover.client.post(address, headers=sent, content=content)


@pytest.mark.parametrize("content", [b"", b"{", b"nonsense", b"\xff", b'{"name": NaN}', b"[" * 100_000])
async def test_what_is_no_json_changes_nothing(mover: Running, content: bytes) -> None:
    answer = await _post(mover, content)

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await mover.client.get("/api/v1/maps", headers=mover.owner.bearer)).json()["items"] == []


@pytest.mark.parametrize(
    "content",
    [
        '{"name": "a", "name": "b", "kind": "users"}',
        r'{"name": "a\u0000b", "kind": "users"}',
        r'{"name": "\ud800", "kind": "users"}',
        '{"name": "a", "kind": "users", "more": 1}',
        '{"name": 1, "kind": "users"}',
        '{"name": null, "kind": "users"}',
        '{"name": "", "kind": "users"}',
        '{"name": "a", "kind": "nonsense"}',
        '{"kind": "users"}',
        "[]",
        "null",
        '"text"',
    ],
)
async def test_json_that_cannot_be_is_refused_with_its_place(mover: Running, content: str) -> None:
    answer = await _post(mover, content)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "invalid"
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "text", ["\N{GRINNING FACE}", "=cmd|' /C calc'!A0", "a'b\"c", "\u202e", "\x7f", "x" * 200]
)
async def test_odd_text_is_kept_as_it_is_or_refused(mover: Running, text: str) -> None:
    answer = await mover.client.post(
        "/api/v1/maps", headers=mover.owner.bearer, json={"name": text, "kind": "users"}
    )

    assert answer.status_code in {201, 422}
    if answer.status_code == 201:
        shown = await mover.client.get(answer.headers["location"], headers=mover.owner.bearer)
        assert shown.json()["name"] == answer.json()["name"]


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "text/csv", "nonsense", "application/jsonx"],
)
async def test_a_body_of_another_kind_is_refused(mover: Running, media_type: str) -> None:
    answer = await _post(mover, b'{"name": "a", "kind": "users"}', Content_Type=media_type)

    assert answer.status_code == 415
    assert answer.headers["accept-post"] == "application/json"


async def test_the_character_set_may_be_named(mover: Running) -> None:
    answer = await _post(
        mover, b'{"name": "a", "kind": "users"}', Content_Type="application/json; charset=utf-8"
    )

    assert answer.status_code == 201


async def test_a_body_beyond_what_an_operation_takes_is_refused(mover: Running) -> None:
    answer = await _post(mover, b'{"name": "' + b"x" * (1 << 20) + b'", "kind": "users"}')

    assert answer.status_code == 413


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1&limit=2",
        "limits=5",
        "cursor=%00",
        "limit=1&x=y",
        "limit=" + "9" * 5000,
    ],
)
async def test_parameters_that_cannot_be_are_named(mover: Running, query: str) -> None:
    answer = await mover.client.get(f"/api/v1/runs?{query}", headers=mover.owner.bearer)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] in {"limit", "limits", "cursor", "x"}


async def test_a_refusal_never_repeats_a_secret(mover: Running) -> None:
    body = {
        "name": "nas",
        "service": "sftp",
        "configuration": {"host": "h", "password": ["canary"], "private_key": {"a": "canary"}},
    }

    answer = await mover.client.post("/api/v1/connections", headers=mover.owner.bearer, json=body)

    assert answer.status_code == 422
    assert "canary" not in answer.text


@pytest.mark.parametrize("address", ["/api/v1/maps", "/api/v1/connections/" + "0" * 32])
async def test_a_method_that_is_none_is_told_which_are(mover: Running, address: str) -> None:
    answer = await mover.client.request("TRACE", address, headers=mover.owner.bearer)

    assert answer.status_code == 405
    assert answer.headers["allow"] == ("GET, POST" if address.endswith("maps") else "DELETE, GET")


async def test_no_other_site_may_read_answers(mover: Running) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}

    preflight = await mover.client.options("/api/v1/maps", headers=asked)
    answer = await mover.client.get("/api/v1/maps", headers=mover.owner.bearer | asked)

    assert preflight.status_code == 405
    assert not any(name.startswith("access-control-") for name in [*preflight.headers, *answer.headers])


async def test_changing_needs_to_say_what_is_changed(mover: Running) -> None:
    made = await mover.client.post("/api/v1/maps", headers=mover.owner.bearer, json=_MAP)
    address, tag = made.headers["location"], made.headers["etag"]

    without = await mover.client.patch(address, headers=mover.owner.bearer, json={"name": "B"})
    right = await mover.client.patch(
        address, headers=mover.owner.bearer | {"If-Match": tag}, json={"name": "B"}
    )
    late = await mover.client.patch(
        address, headers=mover.owner.bearer | {"If-Match": tag}, json={"name": "C"}
    )
    deleted = await mover.client.delete(
        address, headers=mover.owner.bearer | {"If-Match": right.headers["etag"]}
    )

    assert [without.status_code, right.status_code, late.status_code, deleted.status_code] == [
        428,
        200,
        412,
        204,
    ]
    assert right.json()["name"] == "B"
    assert right.json()["version"] == made.json()["version"] + 1


async def test_of_two_changes_at_once_one_wins(mover: Running) -> None:
    made = await mover.client.post("/api/v1/maps", headers=mover.owner.bearer, json=_MAP)
    headers = mover.owner.bearer | {"If-Match": made.headers["etag"]}

    answers = await asyncio.gather(
        *(
            mover.client.patch(made.headers["location"], headers=headers, json={"name": f"N{n}"})
            for n in range(6)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


async def test_what_is_sent_twice_at_once_happens_once(mover: Running) -> None:
    headers = mover.owner.bearer | {"Idempotency-Key": "one"}

    answers = await asyncio.gather(
        *(mover.client.post("/api/v1/maps", headers=headers, json=_MAP) for _ in range(6))
    )
    maps = (await mover.client.get("/api/v1/maps", headers=mover.owner.bearer)).json()["items"]

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(maps) == 1


def _operation(mover: Running, name: str) -> OperationRoute:
    return next(r for r in mover.app.routes if isinstance(r, OperationRoute) and r.operation.name == name)


async def test_a_defect_leaves_the_outcome_unknown_and_is_never_repeated(
    mover: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def breaks(*_given: Any) -> Any:
        nonlocal calls
        calls += 1
        raise RuntimeError("canary in a message")

    monkeypatch.setattr(mover.services.maps, "create", breaks)
    headers = mover.owner.bearer | {"Idempotency-Key": "one"}

    first = await mover.client.post("/api/v1/maps", headers=headers, json=_MAP)
    second = await mover.client.post("/api/v1/maps", headers=headers, json=_MAP)

    assert (first.status_code, second.status_code) == (500, 409)
    assert second.json()["reason"] == "outcome_unknown"
    assert calls == 1
    assert "POST /api/v1/maps failed: RuntimeError" in caplog.text
    assert "canary" not in first.text + caplog.text


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Locked("the database is busy", retry_after_s=2.5), 503, "3"),
        (Locked("the database is busy"), 503, "5"),
        (Overtaken("it was changed"), 412, None),
        (Unreachable("away"), 503, "5"),
    ],
)
async def test_errors_of_the_rooms_say_whether_to_come_back(
    mover: Running, monkeypatch: pytest.MonkeyPatch, error: MoverError, status: int, retry: str | None
) -> None:
    async def fails(*_given: Any) -> Any:
        raise error

    monkeypatch.setattr(mover.services.maps, "all" if hasattr(mover.services.maps, "all") else "list", fails)

    answer = await mover.client.get("/api/v1/maps", headers=mover.owner.bearer)

    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
    assert answer.json()["advice"]


async def test_what_takes_too_long_is_given_up(mover: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_given: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(mover.services.maps, "create", never)
    route = _operation(mover, "create_map")
    object.__setattr__(route.operation, "limit_s", 0.01)
    try:
        answer = await mover.client.post("/api/v1/maps", headers=mover.owner.bearer, json=_MAP)
    finally:
        object.__setattr__(route.operation, "limit_s", 30.0)

    assert answer.status_code == 503
    assert answer.json()["reason"] == "timed_out"


async def test_runners_that_cannot_be_told_do_not_fail_a_request(
    mover: Running, samples: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(_organisation_id: str) -> None:
        raise Unreachable("the orchestration is away")

    monkeypatch.setattr(mover.orchestration, "nudge", away)

    with caplog.at_level(logging.WARNING):
        answer = await mover.client.post(
            f"/api/v1/migrations/{samples['migration_id']}/start",
            headers=mover.owner.bearer,
            json={"pairs": {"all": True}},
        )

    assert answer.status_code == 202
    assert answer.json() == {
        "migration_run_id": answer.json()["migration_run_id"],
        "started": 2,
        "already_running": 1,
    }
    assert "the orchestration is away" in caplog.text


async def test_of_a_body_that_is_wrong_everywhere_only_what_is_shown_is_made(
    mover: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    field_error = problems._field_error

    def counted(error: Any) -> problems.FieldError:
        made.append(1)
        return field_error(error)

    monkeypatch.setattr(problems, "_field_error", counted)
    names = ",".join(f'"n{number}":1' for number in range(70_000))

    answer = await _post(mover, f'{{"name":"a","kind":"users",{names}}}')

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == len(made) == 50
