"""Every address of the staff's API in every state of who comes, from the table of routes itself."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import httpx
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.requests import Request
from tests.api.installation import Running
from tests.staff.callers import StaffCaller, has_app, is_in
from tests.staff.furnishing import CANARIES, furnish, log, places

from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.accounts.key_text import Prefix
from mover.accounts.refusals import (
    KeyRefused,
    MayNot,
    NoSuchThing,
    NotAcceptable,
    NotPossible,
    TooManyAttempts,
)
from mover.api.operations import Audience, Open
from mover.api.routes import OperationRoute
from mover.api.staff.calls import StaffCall
from mover.api.staff.lines import answer_of
from mover.api.staff.operations import StaffOperation
from mover.api.staff.resources import STAFF_RESOURCES
from mover.api.staff.routes import STAFF, StaffOperationRoute, staff_routes
from mover.staff import metadata
from mover.staff.keys import BURST, CALLS_PER_MINUTE, MadeStaffKey, StaffKeys
from mover.staff.looks import Look
from mover.staff.records import STAFF_LOG
from mover.staff.tables import staff_keys
from mover.vault.providers import FileKeyProvider
from mover.vault.vault import Vault
from mover.web.staff.cookies import STAFF_COOKIE

pytestmark = pytest.mark.promise("P9")

_PARAMETER = re.compile(r"\{(\w+)\}")
ROUTES = staff_routes()
CLIENT_ADDRESS = ipaddress.ip_address("192.0.2.7")
LINES = (
    metadata.Figures,
    metadata.MemberLine,
    metadata.ConnectionLine,
    metadata.MigrationLine,
    metadata.PairLine,
    metadata.RunLine,
    metadata.ItemLine,
    metadata.EventLine,
)


@dataclass(frozen=True)
class Program:
    """A program of somebody of the staff."""

    caller: StaffCaller
    made: MadeStaffKey

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.made.text.reveal()}"}


async def program(mover: Running, name: str = "sam", **how: Any) -> Program:
    caller = await is_in(mover.services, name)
    made = await mover.services.staff.keys.make(caller.entrance.signed_in, "watching", **{"days": 7, **how})
    return Program(caller, made)


def operation_of(route: StaffOperationRoute) -> StaffOperation:
    assert isinstance(route.operation, StaffOperation)
    return route.operation


def address(route: StaffOperationRoute, known: Mapping[str, str]) -> str:
    return _PARAMETER.sub(lambda found: known[found[1]], route.path_format)


async def ask(mover: Running, path: str, headers: Mapping[str, str]) -> httpx.Response:
    return await mover.client.get(path, headers=dict(headers))


def test_each_operation_looks_declares_it_and_changes_nothing(mover: Running) -> None:
    mounted = {
        route.path for route in mover.app.routes if isinstance(route, OperationRoute)
        and route.path.startswith("/staff")
    }  # fmt: skip
    assert mounted == {route.path for route in ROUTES}
    assert len(mounted) == len(ROUTES) == sum(len(resource.operations) for resource in STAFF_RESOURCES)
    for route in ROUTES:
        operation = operation_of(route)
        assert (operation.method, operation.need) == ("GET", Open.SIGNED_IN), route.path
        assert operation.audiences == {Audience.STAFF}
        assert route.door.audience is Audience.STAFF
        of_one = "{organisation_id}" in route.path
        assert operation.look is (Look.ORGANISATION if of_one else Look.INSTALLATION), route.path
        assert operation.what


async def test_nobody_else_is_let_in(mover: Running, samples: dict[str, str]) -> None:
    known = places(mover, samples)
    sam = await program(mover)
    token = sam.caller.entrance.token.reveal()
    key = sam.made.text.reveal()
    gone = await program(mover, "gone")
    await mover.services.staff.directory.remove("gone@staff.example")
    anew = await program(mover, "anew")
    await mover.services.staff.directory.reset("anew@staff.example")
    revoked = await program(mover, "revoked")
    await mover.services.staff.keys.revoke(revoked.made.key.id)
    strangers: dict[str, dict[str, str]] = {
        "nobody": {},
        "a person's session": mover.owner.browser,
        "an organisation's key": mover.owner.bearer,
        "an organisation's key, spelled as the staff's": {
            "Authorization": mover.owner.bearer["Authorization"].replace("mvr_", "mvs_")
        },
        "a session of the staff": sam.caller.browser,
        "a session of the staff as a key": {"Authorization": f"Bearer {token}"},
        "a key as a session of the staff": {"Cookie": f"{STAFF_COOKIE}={key}"},
        "a key twice": {"Authorization": f"Bearer {key}, Bearer {key}"},
        "a key with another secret": {"Authorization": f"Bearer {key[:-1]}_"},
        "a key of somebody who left": gone.bearer,
        "a key of somebody whose account was reset": anew.bearer,
        "a revoked key": revoked.bearer,
    }
    wrong = []
    for who, headers in strangers.items():
        for route in ROUTES:
            answer = await ask(mover, address(route, known), headers)
            # So many wrong keys from one address are not even looked at any more.
            if (
                answer.status_code not in {401, 429}
                or "application/problem+json" not in answer.headers["content-type"]
            ):
                wrong.append((who, route.path, answer.status_code))
    assert wrong == []
    first = await ask(mover, f"{STAFF}/organisations", {})
    assert (first.status_code, first.headers["www-authenticate"]) == (401, 'Bearer realm="Mover"')
    assert await log(mover, mover.owner.organisation_id) == []
    assert [row for row in await log(mover, STAFF_LOG) if row.action == "staff.looked"] == []


async def test_a_key_of_the_staff_opens_nothing_else(mover: Running, samples: dict[str, str]) -> None:
    sam = await program(mover)
    for route in mover.app.routes:
        if not isinstance(route, OperationRoute) or route.door.audience is Audience.STAFF:
            continue
        if route.operation.method == "GET":
            path = _PARAMETER.sub(lambda found: samples[found[1]], route.path_format)
            assert (await ask(mover, path, sam.bearer)).status_code == 401, path


@pytest.mark.slow
async def test_each_look_is_kept_and_shows_metadata_alone(mover: Running, samples: dict[str, str]) -> None:
    await furnish(mover, samples)
    known = places(mover, samples)
    sam = await program(mover)
    for route in ROUTES:
        operation = operation_of(route)
        whose = mover.owner.organisation_id if operation.look is Look.ORGANISATION else STAFF_LOG
        before = await log(mover, whose)
        answer = await ask(mover, address(route, known), sam.bearer)
        assert answer.status_code == 200, (route.path, answer.text)
        assert answer.headers["cache-control"] == "no-store"
        assert not any(canary in answer.text for canary in CANARIES), route.path
        (kept,) = (await log(mover, whose))[len(before) :]
        assert (kept.action, kept.actor_name, kept.subject) == (
            "staff.looked",
            sam.caller.member.email,
            operation.what,
        )
        page = address(route, known)
        assert json.loads(kept.details) == {"page": page, "key": "watching"}
    nothing = known | {"organisation_id": mover.installation.stranger.organisation_id}
    for route in ROUTES:
        if len(_PARAMETER.findall(route.path)) > 1:
            assert (await ask(mover, address(route, nothing), sam.bearer)).status_code == 404, route.path


async def test_what_is_not_there_is_kept_nowhere(mover: Running, samples: dict[str, str]) -> None:
    sam = await program(mover)
    for odd in ("f" * 32, "x", "%00", "%ff", "'%20OR%201=1"):
        for route in ROUTES:
            if "{organisation_id}" in route.path:
                known = dict.fromkeys(_PARAMETER.findall(route.path), "1") | {"organisation_id": odd}
                answer = await ask(mover, address(route, known), sam.bearer)
                assert answer.status_code in {404, 422}, (route.path, odd)
    known = places(mover, samples)
    sam = await program(mover, "tess")  # another rate
    for odd in ("0", "-1", "x", "9" * 40, "%00"):
        for route in ROUTES:
            if names := {"pair_id", "run_id"} & set(_PARAMETER.findall(route.path)):
                answer = await ask(mover, address(route, known | dict.fromkeys(names, odd)), sam.bearer)
                assert answer.status_code in {404, 422}, (route.path, odd)
    looked = [row for row in await log(mover, STAFF_LOG) if row.action == "staff.looked"]
    assert looked == []


async def test_the_look_is_kept_before_or_nothing_is_shown(
    mover: Running, samples: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = await program(mover)
    known = places(mover, samples)

    async def full(*_: object) -> None:
        raise RuntimeError("the log cannot be written")

    monkeypatch.setattr(mover.services.staff.exceptions, "looked", full)
    for route in ROUTES:
        answer = await ask(mover, address(route, known), sam.bearer)
        assert answer.status_code == 500
        assert set(answer.json()) >= {"type", "reason", "request_id"}


def test_metadata_cannot_be_reached_past_the_guard() -> None:
    with pytest.raises(RuntimeError, match="before the look"):
        _ = StaffCall(Request({"type": "http"})).lists


@pytest.mark.parametrize("line", LINES)
def test_an_answer_has_the_fields_of_its_type_and_no_other(line: type[msgspec.Struct]) -> None:
    made = answer_of(line, line.__name__)
    shown = {
        f"{name.removesuffix('_ns')}_at" if name.endswith("_ns") else name for name in line.__struct_fields__
    }
    assert set(made.model_fields) == shown
    for name, hint in get_type_hints(line).items():
        if not name.endswith("_ns"):
            assert made.model_fields[name].annotation == hint
    names = {model.__struct_fields__ for model in LINES}
    closed = {"options", "note", "notes", "tags", "message", "config", "content_hash", "secret"}
    assert not closed & {name for fields in names for name in fields}


@pytest.mark.slow
async def test_lists_have_pages(mover: Running, samples: dict[str, str]) -> None:
    await furnish(mover, samples)
    known = places(mover, samples)
    sam = await program(mover)
    lists = [route for route in ROUTES if route.operation.name.startswith("list_")]
    assert len(lists) == 9
    for route in lists:
        whole = (await ask(mover, address(route, known) + "?limit=200", sam.bearer)).json()
        assert whole["next_cursor"] is None
        first = (await ask(mover, address(route, known) + "?limit=1", sam.bearer)).json()
        assert len(first["items"]) == min(1, len(whole["items"])), route.path
        found, cursor = first["items"], first["next_cursor"]
        while cursor and len(found) < 4:
            page = await ask(mover, f"{address(route, known)}?limit=1&cursor={cursor}", sam.bearer)
            found, cursor = [*found, *page.json()["items"]], page.json()["next_cursor"]
        if "audit-events" not in route.path:  # which grow by each look
            assert found == whole["items"][:4], route.path
        foreign = await ask(
            mover, f"{STAFF}/audit-events?cursor={first['next_cursor'] or 'AAAA'}", sam.bearer
        )
        if route.path != f"{STAFF}/audit-events":
            assert foreign.status_code == 400
    items = f"{STAFF}/organisations/{known['organisation_id']}/runs/{known['run_id']}/items"
    bad = (await ask(mover, f"{items}?problems=true", sam.bearer)).json()["items"]
    assert [(item["path"], item["reason"]) for item in bad] == [("/plan 7.pdf", "locked")]
    tess = await program(mover, "tess")
    sams = (await ask(mover, f"{items}?limit=1", sam.bearer)).json()["next_cursor"]
    assert (await ask(mover, f"{items}?limit=1&cursor={sams}", tess.bearer)).status_code == 400
    assert (await ask(mover, f"{items}?colour=red", sam.bearer)).status_code == 422


async def test_what_one_gets_is_said_once_when_it_is_the_same(
    mover: Running, samples: dict[str, str]
) -> None:
    sam = await program(mover)
    path = f"{STAFF}/organisations/{mover.owner.organisation_id}/migrations/{samples['migration_id']}"
    first = await ask(mover, path, sam.bearer)
    again = await ask(mover, path, sam.bearer | {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.json()["created_at"].endswith("Z")


async def test_a_key_has_a_rate_an_end_and_a_place(mover: Running) -> None:
    services = mover.services
    sam = await program(mover, networks=["198.51.100.0/24"])
    path = f"{STAFF}/organisations"
    elsewhere = await ask(mover, path, sam.bearer)
    assert elsewhere.status_code == 401
    assert "is not accepted from 192.0.2." in elsewhere.json()["detail"]
    tess = await program(mover, "tess")
    assert (await ask(mover, path, tess.bearer)).status_code == 200
    (used,) = await services.staff.keys.of(tess.caller.member)
    assert (used.last_used_address or "").startswith("192.0.2.")
    assert used.last_used_ns is not None

    began = services.now()

    def later(days: float) -> StaffKeys:
        database, clock = services.database, lambda: began + days * 86_400
        vault = Vault(database, FileKeyProvider(services.settings.global_key_path))
        return StaffKeys(database, vault, Attempts(database, now=clock), AuditLog(database), now=clock)

    use = await later(6.9).authenticate(tess.made.text, CLIENT_ADDRESS)
    assert use.member.email == "tess@staff.example"
    with pytest.raises(KeyRefused):
        await later(7.1).authenticate(tess.made.text, CLIENT_ADDRESS)
    assert await later(36).remove_ended() == 0
    assert await later(38).remove_ended() == 2

    uma = await program(mover, "uma")
    standing_still = later(1)
    for _ in range(BURST):
        await standing_still.authenticate(uma.made.text, CLIENT_ADDRESS)
    with pytest.raises(TooManyAttempts) as refused:
        await standing_still.authenticate(uma.made.text, CLIENT_ADDRESS)
    assert refused.value.retry_after_s == pytest.approx(60 / CALLS_PER_MINUTE)
    limited = await ask(mover, path, uma.bearer)  # what is used up, is so in every process
    assert (limited.status_code, limited.json()["reason"]) == (429, "throttled")
    assert int(limited.headers["retry-after"]) > 80_000


async def test_a_key_is_made_by_whoever_is_wholly_signed_in_and_never_for_long(mover: Running) -> None:
    keys = mover.services.staff.keys
    half = await has_app(mover.services, "cas")
    with pytest.raises(MayNot):
        await keys.make(half.entrance.signed_in, "too early", days=1)
    sam = await program(mover)
    signed_in = sam.caller.entrance.signed_in
    for days in (0, -1, 31, 10**9):
        with pytest.raises(NotAcceptable):
            await keys.make(signed_in, "x", days=days)
    for name, networks in (("", []), ("x", ["anywhere"])):
        with pytest.raises(NotAcceptable):
            await keys.make(signed_in, name, days=1, networks=networks)
    for number in range(9):
        await keys.make(signed_in, f"key {number}", days=1)
    with pytest.raises(NotPossible):
        await keys.make(signed_in, "one more", days=1)
    text = sam.made.text.reveal()
    assert text.startswith(Prefix.STAFF)
    rows = await mover.services.database.read(lambda c: list(c.execute(staff_keys.select())))
    assert text not in str(rows)
    assert text.rpartition("_")[2][:43] not in str(rows) + repr(sam.made)
    tess = await is_in(mover.services, "tess")
    with pytest.raises(NoSuchThing):
        await keys.revoke(sam.made.key.id, by=tess.member)
    for _ in range(2):
        assert (await keys.revoke(sam.made.key.id, by=sam.caller.member)).id == sam.made.key.id
    acts = [(row.action, row.actor_name) for row in await log(mover, STAFF_LOG)]
    assert acts.count(("staff.key_made", "sam@staff.example")) == 10
    assert acts.count(("staff.key_revoked", "sam@staff.example")) == 1
    await mover.services.staff.directory.remove("sam@staff.example")
    assert await keys.all() == []


async def test_the_description_is_open_whole_and_says_nothing_of_other_apis(mover: Running) -> None:
    answer = await mover.client.get(f"{STAFF}/openapi.json")
    document = answer.json()
    OpenAPIV31SpecValidator(document).validate()
    assert set(document["paths"]) == {route.path_format for route in ROUTES}
    assert document["components"]["securitySchemes"]["apiKey"]["bearerFormat"] == "mvs_..."
    schemas = document["components"]["schemas"]
    assert {"Organisation", "Person", "Connection", "Migration", "Pair", "Run", "Item", "AuditEvent"} <= set(
        schemas
    )
    assert set(schemas["Organisation"]["properties"]) == set(answer_of(metadata.Figures, "x").model_fields)
    public = (await mover.client.get("/api/v1/openapi.json")).json()
    assert not [path for path in public["paths"] if path.startswith("/staff")]
    page = await mover.client.get(f"{STAFF}/docs")
    assert (page.status_code, "<script" in page.text) == (200, False)
    assert "Mover for its staff" in page.text
    assert (await mover.client.get(f"{STAFF}/docs/style.css")).status_code == 200


async def test_over_plain_http_it_is_refused_rather_than_redirected(mover: Running) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(mover.app), base_url="http://mover.example.org"
    ) as plain:
        answer = await plain.get(f"{STAFF}/organisations", headers={"Authorization": "Bearer mvs_x"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "not_encrypted")
