"""Every route x every role x the other organisation, from the route table itself: a new route is covered from its first day."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.api.examples import body_of
from tests.api.installation import Caller, Running

from mover.accounts.actor import Permission, Role
from mover.api.operations import EVERYBODY, Audience, Open
from mover.api.routes import OperationRoute

pytestmark = pytest.mark.promise("P8")

_PARAMETER = re.compile(r"\{(\w+)\}")
_DESCRIPTIONS = ("openapi", "reference", "reference_style")
_OPEN_TO_ANYBODY = {"healthz", "readyz", *_DESCRIPTIONS, *(f"staff_{name}" for name in _DESCRIPTIONS)}
"""By name; each is looked at in a test of its own."""
_STREAMS = {"watch_runs"}
_DECIDED_INSIDE = {"delete_view"}  # one's own needs READ, one that all share PLAN


def _operations(app: FastAPI) -> Iterator[OperationRoute]:
    """All for people and programs of organisations; those of the staff are in `test_staff_api.py`."""
    for route in app.routes:
        if isinstance(route, OperationRoute) and route.door.audience in EVERYBODY:
            yield route


def _address(route: OperationRoute, samples: dict[str, str]) -> str:
    """A new parameter has to be given a sample: a KeyError says so."""
    return _PARAMETER.sub(lambda found: samples[found[1]], route.path_format)


def _credentials(route: OperationRoute, caller: Caller) -> dict[str, str]:
    return caller.bearer if route.door.audience is Audience.KEYS else caller.browser


async def _ask(
    mover: Running, route: OperationRoute, address: str, headers: dict[str, str], *, body: bool = True
) -> httpx.Response:
    content, headers = b"", dict(headers)
    example = body_of(route) if body else None
    if example is not None:
        value, media_type = example
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        headers["Content-Type"] = media_type
    if route.operation.conditional:
        headers["If-Match"] = "*"
    return await mover.client.request(route.operation.method, address, headers=headers, content=content)


async def _wrong(
    mover: Running,
    samples: dict[str, str],
    credentials: Callable[[OperationRoute], dict[str, str] | None],
    expected: tuple[int, str | None],
    **how: Any,
) -> tuple[list[str], int]:
    """Ask every route; tell which answered something else, and how many were asked."""
    wrong, asked = [], 0
    for route in _operations(mover.app):
        headers = credentials(route)
        if headers is None:
            continue
        asked += 1
        answer = await _ask(mover, route, _address(route, samples), headers, **how)
        status, reason = expected
        problem = answer.json() if answer.headers.get("content-type") == "application/problem+json" else {}
        if answer.status_code != status or (reason and problem.get("reason") != reason):
            wrong.append(f"{route.operation.method} {route.path}: {answer.status_code} {answer.text[:200]}")
    return wrong, asked


async def test_every_route_declares_what_it_needs(mover: Running) -> None:
    strangers = {
        getattr(route, "name", "") for route in mover.app.routes if not isinstance(route, OperationRoute)
    }

    assert strangers <= _OPEN_TO_ANYBODY
    for route in _operations(mover.app):
        assert isinstance(route.operation.need, Permission | Open), route.path
        assert route.operation.need is not Open.ANYBODY, (
            f"{route.path} is open to anybody: look at it here first"
        )
        if route.operation.need is Open.SIGNED_IN:
            assert route.door.audience is Audience.SESSIONS, route.path
        if route.operation.unsafe and route.operation.need is Permission.READ:
            assert route.operation.name in {"preview_map", "save_view", "delete_view"}, route.path


async def test_operations_have_names_of_their_own_and_descriptions(mover: Running) -> None:
    for audience in EVERYBODY:
        names = [route.operation.name for route in _operations(mover.app) if route.door.audience is audience]
        assert len(names) == len(set(names)) > 50
    assert all(route.description for route in _operations(mover.app))


async def test_without_credentials_nobody_gets_in(mover: Running, samples: dict[str, str]) -> None:
    for body in (True, False):
        wrong, asked = await _wrong(mover, samples, lambda _route: {}, (401, "not_signed_in"), body=body)

        assert wrong == []
        assert asked > 150


async def test_the_other_apis_credentials_let_nobody_in(mover: Running, samples: dict[str, str]) -> None:
    def others(route: OperationRoute) -> dict[str, str]:
        return mover.owner.browser if route.door.audience is Audience.KEYS else mover.owner.bearer

    wrong, _ = await _wrong(mover, samples, others, (401, "not_signed_in"))

    assert wrong == []


async def test_wrong_credentials_let_nobody_in(mover: Running, samples: dict[str, str]) -> None:
    def guessed(route: OperationRoute) -> dict[str, str]:
        if route.door.audience is Audience.SESSIONS:
            return mover.owner.browser | {"Cookie": "__Host-mover=" + "0" * 43}
        return {"Authorization": mover.owner.bearer["Authorization"][:-1] + "_"}

    wrong, _ = await _wrong(mover, samples, guessed, (401, "not_signed_in"))

    # So many wrong keys from one address are not even looked at any more; that lets nobody in either.
    assert [line for line in wrong if ": 429 " not in line] == []


async def test_a_browser_without_the_token_changes_nothing(mover: Running, samples: dict[str, str]) -> None:
    def without(route: OperationRoute) -> dict[str, str] | None:
        unsafe = route.operation.unsafe and route.door.audience is Audience.SESSIONS
        return mover.owner.cookie | {"Origin": "https://mover.example.org"} if unsafe else None

    wrong, asked = await _wrong(mover, samples, without, (403, "csrf"))

    assert wrong == []
    assert asked > 50


async def test_a_role_without_the_permission_is_refused(mover: Running, samples: dict[str, str]) -> None:
    total = 0
    for caller in mover.installation.callers.values():

        def lacking(route: OperationRoute, caller: Caller = caller) -> dict[str, str] | None:
            need = route.operation.need
            lacks = isinstance(need, Permission) and need not in caller.role.permissions
            return _credentials(route, caller) if lacks else None

        wrong, asked = await _wrong(mover, samples, lacking, (403, "permission_denied"))

        assert wrong == []
        total += asked
    assert total > 100


@pytest.mark.slow
async def test_a_role_with_the_permission_is_let_in(mover: Running, samples: dict[str, str]) -> None:
    wrong = []
    for caller in (
        mover.installation.callers[role]
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR, Role.OWNER)
    ):
        for route in _operations(mover.app):
            need = route.operation.need
            if not isinstance(need, Permission) or need not in caller.role.permissions:
                continue
            if route.operation.name in _STREAMS | _DECIDED_INSIDE:
                continue
            answer = await _ask(
                mover, route, _address(route, samples), _credentials(route, caller), body=False
            )
            if answer.status_code in {401, 403} or answer.status_code >= 500:
                wrong.append(f"{caller.role} {route.operation.method} {route.path}: {answer.text[:200]}")

    assert wrong == []


async def test_what_belongs_to_another_organisation_is_not_there(
    mover: Running, samples: dict[str, str]
) -> None:
    stranger = mover.installation.stranger

    def named(route: OperationRoute) -> dict[str, str] | None:
        names = set(_PARAMETER.findall(route.path)) - {"kind"}
        return _credentials(route, stranger) if names else None

    wrong, asked = await _wrong(mover, samples, named, (404, "gone"))

    assert wrong == []
    assert asked > 100


@pytest.mark.slow
async def test_what_never_existed_is_gone_in_the_same_words(mover: Running, samples: dict[str, str]) -> None:
    stranger = mover.installation.stranger
    nothing = {
        name: "9" * 18 if value.isdigit() and len(value) < 32 else "f" * 32 for name, value in samples.items()
    }
    different = []
    for route in _operations(mover.app):
        if not set(_PARAMETER.findall(route.path)) - {"kind"}:
            continue
        headers = _credentials(route, stranger)
        theirs = await _ask(mover, route, _address(route, samples), headers)
        nobodys = await _ask(mover, route, _address(route, nothing | {"kind": "summary"}), headers)
        words = [
            re.sub(
                "|".join(f"{re.escape(value)}(?!\\w)" for value in ids.values()),
                "ID",
                answer.json()["detail"],
            )
            for answer, ids in ((theirs, samples), (nobodys, nothing))
        ]
        if words[0] != words[1] or theirs.status_code != nobodys.status_code:
            different.append(f"{route.path}: {theirs.text} {nobodys.text}")

    assert different == []


async def test_lists_show_nothing_of_another_organisation(mover: Running, samples: dict[str, str]) -> None:
    stranger = mover.installation.stranger
    ids = [value for value in samples.values() if len(value) == 32]
    leaks = []
    for route in _operations(mover.app):
        if (
            route.operation.method == "GET"
            and not _PARAMETER.findall(route.path)
            and route.operation.name not in _STREAMS
        ):
            answer = await _ask(mover, route, route.path, _credentials(route, stranger))
            assert answer.status_code == 200, answer.text
            leaks += [f"{route.path}: {found}" for found in ids if found in answer.text]

    assert leaks == []


@pytest.mark.slow
async def test_ids_that_cannot_be_are_gone_too(mover: Running) -> None:
    wrong = []
    for nonsense in (
        "x",
        "-1",
        "0",
        "1.5",
        "%00",
        "%ff",
        "9" * 40,
        "..%2f..",
        "'",
        "*",
        "A" * 32,
        "a" * 31 + "%0a",
    ):
        for route in _operations(mover.app):
            names = set(_PARAMETER.findall(route.path))
            if not names or route.door.audience is Audience.SESSIONS:
                continue
            address = _address(route, dict.fromkeys(names, nonsense))
            answer = await _ask(mover, route, address, _credentials(route, mover.owner), body=False)
            if answer.status_code not in {404, 405, 422, 415}:
                wrong.append(f"{route.operation.method} {address}: {answer.status_code} {answer.text[:200]}")

    assert wrong == []
