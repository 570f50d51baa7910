"""Every page of the staff in every state of who comes, from the table of pages itself, so that a new one is covered."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select
from tests.api.installation import Running
from tests.staff.callers import PASSWORD, StaffCaller, has_app, has_password, is_in, needs_code
from tests.staff.furnishing import CANARIES, furnish, log, places
from tests.web.test_every_page import HTML, Inline

from mover.accounts.actor import Permission
from mover.lawful.tables import legal_collections
from mover.staff.approving import asked_digest
from mover.staff.looks import Look
from mover.staff.records import STAFF_LOG, Request, RequestKind, Scope, Step
from mover.web.app import WAYS
from mover.web.staff.cookies import STAFF_COOKIE
from mover.web.staff.pages import STAFF_WAYS
from mover.web.staff.ways import Reach, StaffWay

pytestmark = [pytest.mark.slow, pytest.mark.promise("P9")]

_PARAMETER = re.compile(r"\{(\w+)\}")
REASON = "Their runs stand still since noon"
HOUR_NS = 3_600 * 1_000_000_000


def named(way: StaffWay) -> str:
    return f"{way.method} {way.path}"


def address(way: StaffWay, known: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: known[found[1]], way.path)


async def ask(mover: Running, way: StaffWay, known: dict[str, str], headers: dict[str, str]) -> Any:
    return await mover.client.request(way.method, address(way, known), headers=headers | HTML)


async def asked(mover: Running, caller: StaffCaller, **scope: Any) -> Request:
    return await mover.services.staff.requests.ask(
        caller.member,
        RequestKind.BREAK_GLASS,
        Scope(organisation_id=mover.owner.organisation_id, **scope),
        REASON,
        "",
        int(mover.services.now() * 1e9) + HOUR_NS,
    )


def test_each_way_declares_its_look() -> None:
    """What is of an organisation is kept in its log; what is more than metadata needs an exception."""
    assert len({(way.method, way.path) for way in STAFF_WAYS}) == len(STAFF_WAYS)
    assert not {way.path for way in STAFF_WAYS} & {way.path for way in WAYS}
    for way in STAFF_WAYS:
        of_one = "{organisation_id}" in way.path
        assert of_one is (way.look in {Look.ORGANISATION, Look.EXCEPTION}), way.path
        if way.look is not Look.NONE:
            assert way.reach is Reach.STAFF, way.path
            assert way.what, way.path
        deeper = way.path.endswith(("/full", "/pause", "/resume", "/cancel"))
        assert deeper is (way.look is Look.EXCEPTION), way.path
        assert way.path.startswith("/staff"), way.path


async def test_strangers_people_keys_and_swapped_cookies_get_nowhere(
    mover: Running, samples: dict[str, str]
) -> None:
    known = places(mover, samples)
    staff = await is_in(mover.services, "sam")
    their_token = mover.owner.session.token.reveal()
    strangers = {
        "nobody": {},
        "an owner": mover.owner.browser,
        "an API key": mover.owner.bearer,
        "an owner's token in our cookie": {"Cookie": f"{STAFF_COOKIE}={their_token}"},
        "our token in people's cookie": {"Cookie": f"__Host-mover={staff.entrance.token.reveal()}"},
        "our token as a key": {"Authorization": f"Bearer {staff.entrance.token.reveal()}"},
        "a guess": {"Cookie": f"{STAFF_COOKIE}={'0' * 43}"},
    }
    wrong = []
    for who, headers in strangers.items():
        for way in STAFF_WAYS:
            if way.reach is Reach.ANYBODY:
                continue
            answer = await ask(mover, way, known, headers)
            if (answer.status_code, answer.headers.get("location")) != (303, "/staff/sign-in"):
                wrong.append((who, named(way), answer.status_code))
    assert wrong == []
    assert await log(mover, mover.owner.organisation_id) == []


async def test_staff_get_nowhere_among_the_pages_and_apis_of_organisations(
    mover: Running, samples: dict[str, str]
) -> None:
    staff = await is_in(mover.services, "sam")
    token = staff.entrance.token.reveal()
    for way in WAYS:
        if not isinstance(way.need, Permission) or "/live" in way.path:
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: samples.get(found[1], "0" * 32), way.path)
        answer = await mover.client.request(way.method, path, headers=staff.browser | HTML)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in"), way.path
    for headers in (staff.browser, {"Authorization": f"Bearer {token}"}, {"Cookie": f"__Host-mover={token}"}):
        for path in ("/api/v1/migrations", "/app/v1/migrations", "/app/v1/session"):
            assert (await mover.client.get(path, headers=headers)).status_code == 401


async def test_half_a_sign_in_leads_to_its_next_step_only(mover: Running, samples: dict[str, str]) -> None:
    known = places(mover, samples)
    halves = {
        Step.SET_UP: (await has_password(mover.services, "ann"), "/staff/authenticator"),
        Step.CODE: (await needs_code(mover.services, "ben"), "/staff/code"),
        Step.NEW_PASSWORD: (await has_app(mover.services, "cas"), "/staff/password"),
    }
    before = len(await log(mover, STAFF_LOG))
    for step, (caller, where) in halves.items():
        assert caller.entrance.signed_in.step is step
        for way in STAFF_WAYS:
            if way.reach is not Reach.STAFF:
                continue
            answer = await ask(mover, way, known, caller.browser)
            assert (answer.status_code, answer.headers.get("location")) == (303, where), named(way)
        assert (await mover.client.get(where, headers=caller.cookie | HTML)).status_code == 200
    assert await log(mover, mover.owner.organisation_id) == []
    assert len(await log(mover, STAFF_LOG)) == before
    for page in ("/staff/code", "/staff/authenticator", "/staff/password"):  # of another step
        caller = halves[Step.SET_UP if page != "/staff/authenticator" else Step.CODE][0]
        answer = await mover.client.get(page, headers=caller.cookie | HTML)
        assert answer.status_code == 303, page


async def test_staff_see_metadata_and_each_look_is_kept_in_the_log_of_the_organisation(
    mover: Running, samples: dict[str, str]
) -> None:
    await furnish(mover, samples)
    known = places(mover, samples)
    staff = await is_in(mover.services, "sam")
    known["request_id"] = (await asked(mover, staff)).id
    for way in STAFF_WAYS:
        if way.reach is not Reach.STAFF or way.method != "GET":
            continue
        whose = mover.owner.organisation_id if "{organisation_id}" in way.path else STAFF_LOG
        before = await log(mover, whose)
        answer = await ask(mover, way, known, staff.browser)
        after = await log(mover, whose)
        assert not any(canary in answer.text for canary in CANARIES), named(way)
        if way.look is Look.EXCEPTION:
            assert answer.status_code == 403, named(way)
            assert "This needs an exception" in answer.text
            assert f"/staff/organisations/{known['organisation_id']}/ask" in answer.text
            assert after == before
            continue
        assert answer.status_code == 200, (named(way), answer.text[:300])
        look = Inline()
        look.feed(answer.text)
        assert (look.found, look.titles) == ([], 1), named(way)
        kept = [(row.action, row.actor_name, row.subject) for row in after[len(before) :]]
        assert kept == ([] if way.look is Look.NONE else [("staff.looked", staff.member.email, way.what)])
    page = await mover.client.get("/audit", headers=mover.owner.cookie | HTML)
    assert "Staff looked at metadata" in page.text
    assert staff.member.email in page.text


async def test_with_an_approved_exception_more_is_seen_done_and_kept(
    mover: Running, samples: dict[str, str]
) -> None:
    await furnish(mover, samples)
    known = places(mover, samples)
    sam, tess = await is_in(mover.services, "sam"), await is_in(mover.services, "tess")
    request = await asked(mover, sam)
    deeper = [way for way in STAFF_WAYS if way.look is Look.EXCEPTION]
    for way in deeper:
        answer = await ask(mover, way, known, sam.browser)
        assert answer.status_code == 403, named(way)  # asked for, but not approved
    nothing = [row for row in await log(mover, mover.owner.organisation_id) if row.action == "exception.used"]
    assert nothing == []

    page = f"/staff/requests/{request.id}"
    for unseen in ({}, {"shown": asked_digest(replace(request, reason="something else"))}):
        answer = await mover.client.post(f"{page}/approve", headers=tess.browser | HTML, data=unseen)
        assert answer.status_code == 409
    seen = {"shown": asked_digest(request)}
    assert seen["shown"] in (await mover.client.get(page, headers=tess.browser | HTML)).text
    approved = await mover.client.post(f"{page}/approve", headers=sam.browser | HTML, data=seen)
    assert approved.status_code == 403
    approved = await mover.client.post(f"{page}/approve", headers=tess.browser | HTML, data=seen)
    assert approved.status_code == 303

    shown = ""
    for way in deeper:
        before = await log(mover, mover.owner.organisation_id)
        answer = await ask(mover, way, known, sam.browser)
        assert answer.status_code == (200 if way.method == "GET" else 303), (named(way), answer.text[:300])
        kept = (await log(mover, mover.owner.organisation_id))[len(before) :]
        assert kept[0].action == "exception.used", named(way)
        details = json.loads(kept[0].details)
        assert (details["what"], details["request"], details["reason"]) == (way.what, request.id, REASON)
        shown += answer.text
        refused = await ask(mover, way, known, tess.browser)
        assert refused.status_code == 403, named(way)  # it was approved for the one who asked
    for canary in CANARIES[1:]:
        assert canary in shown, canary
    for secret in ("canary-password", "$argon2id$", "sha256:CANARY", "mvr_"):
        assert secret not in shown
    acts = [row.action for row in await log(mover, mover.owner.organisation_id)]
    assert {"runs.paused", "runs.resumed", "runs.canceled"} <= set(acts)
    assert mover.orchestration.nudges.count(mover.owner.organisation_id) >= 3

    await mover.services.staff.requests.refuse(tess.member, request.id, "seen enough")
    for way in deeper:
        assert (await ask(mover, way, known, sam.browser)).status_code == 403, named(way)


async def test_an_exception_covers_what_it_names_and_no_other_organisation(
    mover: Running, samples: dict[str, str]
) -> None:
    known = places(mover, samples)
    sam, tess = await is_in(mover.services, "sam"), await is_in(mover.services, "tess")
    deeper = [way for way in STAFF_WAYS if way.look is Look.EXCEPTION and way.method == "GET"]
    covers = {
        "pair_id": {"pair_id": known["pair_id"]},
        "connection_id": {"connection_id": known["connection_id"]},
        "person_id": {"person_id": known["person_id"]},
    }
    expected = {
        "pair_id": {"pair_id"},
        "connection_id": {"pair_id", "connection_id", "migration_id"},
        "person_id": {"person_id"},
    }
    for part, scope in covers.items():
        request = await asked(mover, sam, **scope)
        await mover.services.staff.requests.approve(tess.member, request)
        opened = set()
        for way in deeper:
            answer = await ask(mover, way, known, sam.browser)
            assert answer.status_code in {200, 403}
            if answer.status_code == 200:
                opened |= set(_PARAMETER.findall(way.path)) - {"organisation_id"}
        assert opened == expected[part], part
        await mover.services.staff.requests.withdraw(sam.member, request.id)

    whole = await asked(mover, sam)
    await mover.services.staff.requests.approve(tess.member, whole)
    elsewhere = known | {"organisation_id": mover.installation.stranger.organisation_id}
    for way in deeper:
        assert (await ask(mover, way, elsewhere, sam.browser)).status_code == 403, named(way)
    request = await mover.services.staff.requests.ask(
        sam.member,
        RequestKind.BREAK_GLASS,
        Scope(organisation_id=elsewhere["organisation_id"]),
        REASON,
        "",
        int(mover.services.now() * 1e9) + HOUR_NS,
    )
    await mover.services.staff.requests.approve(tess.member, request)
    for way in deeper:  # approved there, but the things are another organisation's
        assert (await ask(mover, way, elsewhere, sam.browser)).status_code == 404, named(way)
    for way in STAFF_WAYS:
        if way.look is Look.ORGANISATION and way.method == "GET" and len(_PARAMETER.findall(way.path)) > 1:
            assert (await ask(mover, way, elsewhere, sam.browser)).status_code == 404, named(way)
    nowhere = known | {"organisation_id": "' OR 1=1 --"}
    for way in STAFF_WAYS:
        if "{organisation_id}" in way.path:
            answer = await ask(mover, way, nowhere, sam.browser)
            assert answer.status_code in {403, 404}, named(way)


async def test_without_the_sessions_token_or_from_elsewhere_no_form_is_taken(
    mover: Running, samples: dict[str, str]
) -> None:
    known = places(mover, samples)
    staff = await is_in(mover.services, "sam")
    bare = {name: value for name, value in staff.browser.items() if name != "X-CSRF-Token"}
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for way in STAFF_WAYS:
        if way.method != "POST" or way.reach is Reach.ANYBODY:
            continue
        assert (await ask(mover, way, known, bare)).status_code == 403, named(way)
        people = {"X-CSRF-Token": mover.owner.browser["X-CSRF-Token"]}
        assert (await ask(mover, way, known, bare | people)).status_code == 403, named(way)
        assert (await ask(mover, way, known, staff.browser | elsewhere)).status_code == 403, named(way)


async def test_one_signs_in_through_the_pages(mover: Running) -> None:
    await is_in(mover.services, "sam")
    forms = {"Origin": "https://mover.example.org", "Sec-Fetch-Site": "same-origin"} | HTML
    wrong = await mover.client.post(
        "/staff/sign-in", headers=forms, data={"email": "sam@staff.example", "password": "no"}
    )
    assert wrong.status_code == 422
    assert "is not right" in wrong.text
    right = await mover.client.post(
        "/staff/sign-in", headers=forms, data={"email": "SAM@staff.example", "password": PASSWORD.reveal()}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/staff/code")
    cookie = right.headers["set-cookie"]
    assert cookie.startswith(f"{STAFF_COOKIE}=")
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in cookie


async def test_what_one_asks_and_refuses_through_the_forms(mover: Running, samples: dict[str, str]) -> None:
    sam, tess = await is_in(mover.services, "sam"), await is_in(mover.services, "tess")
    where = f"/staff/organisations/{mover.owner.organisation_id}/ask"
    fields = {"reason": REASON, "hours": "4", "pair": samples["pair_id"]}
    for changed, said in (
        ({"reason": ""}, "Say why."),
        ({"hours": "99999"}, "expiry"),
        ({"pair": "999999"}, "no such pair"),
        ({"case": "x" * 101}, "longer than 100"),
    ):
        answer = await mover.client.post(where, headers=sam.browser | HTML, data=fields | changed)
        assert answer.status_code == 422, changed
        assert said.lower() in answer.text.lower(), changed
    made = await mover.client.post(where, headers=sam.browser | HTML, data=fields)
    assert made.status_code == 303
    page = made.headers["location"]
    shown = await mover.client.get(page, headers=sam.browser | HTML)
    assert "Waits for approval" in shown.text
    assert f'action="{page}/approve"' not in shown.text  # one's own
    assert f'action="{page}/approve"' in (await mover.client.get(page, headers=tess.browser | HTML)).text
    no_word = await mover.client.post(f"{page}/refuse", headers=tess.browser | HTML, data={"why": ""})
    assert no_word.status_code == 422
    refused = await mover.client.post(f"{page}/refuse", headers=tess.browser | HTML, data={"why": "not now"})
    assert refused.status_code == 303
    assert "not now" in (await mover.client.get(page, headers=sam.browser | HTML)).text
    seen = asked_digest(await mover.services.staff.requests.find(page.rpartition("/")[2]))
    again = await mover.client.post(f"{page}/approve", headers=tess.browser | HTML, data={"shown": seen})
    assert again.status_code == 409
    legal = await mover.services.staff.requests.ask(
        sam.member,
        RequestKind.LEGAL_EXPORT,
        Scope(organisation_id=mover.owner.organisation_id),
        REASON,
        "4 Js 17/26",
        int(mover.services.now() * 1e9) + HOUR_NS,
    )
    page = f"/staff/requests/{legal.id}"
    shown = await mover.client.get(page, headers=tess.browser | HTML)
    assert "mover legal approve" in shown.text
    blind = await mover.client.post(
        f"{page}/approve", headers=tess.browser | HTML, data={"shown": asked_digest(legal)}
    )
    assert blind.status_code == 409  # its recipients are not shown here
    assert (await mover.services.staff.requests.find(legal.id)).approvals == ()
    for day, status in (("soon", 422), ("9999-12-31", 422), ("2027-01-31", 303)):
        answer = await mover.client.post(
            f"{page}/disclose", headers=tess.browser | HTML, data={"disclosed": day}
        )
        assert answer.status_code == status, day
    collected = {"id": "c" * 32, "request_id": legal.id, "organisation_id": mover.owner.organisation_id}
    moments = {"opened_ns": 0, "deadline_ns": 0, "expires_ns": 2**62, "most_bytes": 1}
    await mover.services.database.write(lambda c: c.execute(insert(legal_collections), collected | moments))
    await mover.client.post(f"{page}/refuse", headers=tess.browser | HTML, data={"why": "not now"})
    left = await mover.services.database.read(lambda c: c.execute(select(legal_collections)).all())
    assert left == []  # what runners had handed over went with it


async def test_lists_have_pages_and_problems_can_be_picked_out(
    mover: Running, samples: dict[str, str]
) -> None:
    await furnish(mover, samples)
    staff = await is_in(mover.services, "sam")
    pair = f"/staff/organisations/{mover.owner.organisation_id}/pairs/{samples['pair_id']}"

    async def text(path: str) -> str:
        answer = await mover.client.get(path, headers=staff.cookie | HTML)
        assert answer.status_code == 200, path
        return str(answer.text)

    first = await text(pair)
    assert "plan 99.pdf" in first
    assert "plan 100.pdf" not in first
    following = re.search(r'href="([^"]*after=\d+)"', first)
    assert following
    second = await text(following[1].replace("&amp;", "&"))
    assert "plan 119.pdf" in second
    assert "plan 99.pdf" not in second
    problems = await text(f"{pair}?items=problems")
    assert problems.count("plan ") >= 1
    assert "plan 7.pdf" in problems
    assert "plan 8.pdf" not in problems
    assert "In use by somebody else" in problems
    for odd in ("0", "-1", "x", "9" * 19, "9" * 6000, "%F0%9F%98%80", "1%2F2", "%27%20OR%201=1"):
        for end in ("", "/full"):
            odd_pair = f"/staff/organisations/{mover.owner.organisation_id}/pairs/{odd}{end}"
            answer = await mover.client.get(odd_pair, headers=staff.cookie | HTML)
            assert answer.status_code in {403, 404}, odd
    for rubbish in ("?after=-1", "?after=x", f"?after={'9' * 40}", "?run=0", "?run=x", "?items=%00"):
        answer = await mover.client.get(pair + rubbish, headers=staff.cookie | HTML)
        assert answer.status_code in {200, 422}, rubbish


async def test_a_key_is_made_shown_once_and_revoked_on_the_pages(mover: Running) -> None:
    sam, tess = await is_in(mover.services, "sam"), await is_in(mover.services, "tess")
    where = "/staff/keys/new"
    fields = {"name": "watching", "life": "7", "networks": "192.0.2.0/24"}
    for changed, said in (
        ({"name": ""}, "Give the key a name."),
        ({"life": "3650"}, "Choose how long"),
        ({"life": ""}, "Choose how long"),
        ({"networks": "anywhere"}, "is not a network"),
    ):
        answer = await mover.client.post(where, headers=sam.browser | HTML, data=fields | changed)
        assert (answer.status_code, said in answer.text) == (422, True), changed
    made = await mover.client.post(where, headers=sam.browser | HTML, data=fields)
    (text,) = set(re.findall(r"mvs_[0-9a-f]{32}_[0-9A-Za-z]{49}", made.text))
    assert made.headers["cache-control"] == "no-store"
    bearer = {"Authorization": f"Bearer {text}"}
    assert (await mover.client.get("/staff/api/v1/organisations", headers=bearer)).status_code == 200
    # It opens no page, in whatever way it is shown.
    for headers in (bearer, {"Cookie": f"{STAFF_COOKIE}={text}"}):
        page = await mover.client.get("/staff", headers=headers | HTML)
        assert (page.status_code, page.headers["location"]) == (303, "/staff/sign-in")

    listed = await mover.client.get("/staff/keys", headers=sam.cookie | HTML)
    assert "watching" in listed.text
    assert text[:50] not in listed.text
    assert "watching" not in (await mover.client.get("/staff/keys", headers=tess.cookie | HTML)).text
    key_id = text.split("_")[1]
    theirs = await mover.client.post(f"/staff/keys/{key_id}/revoke", headers=tess.browser | HTML)
    assert theirs.status_code == 404
    mine = await mover.client.post(f"/staff/keys/{key_id}/revoke", headers=sam.browser | HTML)
    assert (mine.status_code, mine.headers["location"]) == (303, "/staff/keys")
    assert (await mover.client.get("/staff/api/v1/organisations", headers=bearer)).status_code == 401
    assert "Revoked" in (await mover.client.get("/staff/keys", headers=sam.cookie | HTML)).text
