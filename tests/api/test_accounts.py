"""Both APIs against the real accounts."""

from __future__ import annotations

import pytest
from tests.api.installation import Running

from mover.accounts.actor import Role


async def test_a_program_sees_its_organisation(mover: Running) -> None:
    answer = await mover.client.get("/api/v1/organisation", headers=mover.owner.bearer)

    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "Example Ltd"
    assert answer.json()["id"] == mover.owner.organisation_id


async def test_a_browser_is_told_who_sits_there_and_its_token(mover: Running) -> None:
    answer = await mover.client.get("/app/v1/session", headers=mover.owner.cookie)

    assert answer.status_code == 200, answer.text
    assert answer.json()["email"] == "owner@example.org"
    assert answer.json()["csrf_token"] == mover.owner.session.signed_in.csrf_token.reveal()
    assert [one["organisation_name"] for one in answer.json()["memberships"]] == ["Example Ltd", "Other Ltd"]


async def test_signing_out_ends_the_session_and_takes_the_cookie_back(mover: Running) -> None:
    answer = await mover.client.delete("/app/v1/session", headers=mover.owner.browser)

    assert answer.status_code == 204, answer.text
    assert 'mover=""' in answer.headers["set-cookie"] or "Max-Age=0" in answer.headers["set-cookie"]
    assert (await mover.client.get("/app/v1/session", headers=mover.owner.cookie)).status_code == 401


@pytest.mark.parametrize(
    "changed",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "\N{LATIN SMALL LETTER U WITH DIAERESIS}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://mover.example.org"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_a_page_of_another_site_changes_nothing(mover: Running, changed: dict[str, str]) -> None:
    headers = [(name.encode(), value.encode()) for name, value in (mover.owner.browser | changed).items()]

    answer = await mover.client.delete("/app/v1/session", headers=headers)

    assert answer.status_code == 403
    assert answer.json()["reason"] in {"csrf", "cross_site"}
    assert (await mover.client.get("/app/v1/session", headers=mover.owner.cookie)).status_code == 200


async def test_the_token_of_another_session_is_none(mover: Running) -> None:
    other = mover.installation.callers[Role.VIEWER].browser["X-CSRF-Token"]

    answer = await mover.client.delete(
        "/app/v1/session", headers=mover.owner.browser | {"X-CSRF-Token": other}
    )

    assert answer.status_code == 403


async def test_neither_api_takes_the_credentials_of_the_other(mover: Running) -> None:
    public = await mover.client.get("/api/v1/organisation", headers=mover.owner.cookie)
    own = await mover.client.get("/app/v1/organisation", headers=mover.owner.bearer)
    both = await mover.client.get("/app/v1/organisation", headers=mover.owner.bearer | mover.owner.cookie)

    assert [answer.status_code for answer in (public, own, both)] == [401, 401, 401]
    assert public.headers["www-authenticate"].startswith("Bearer")
    assert not own.headers["www-authenticate"].startswith(("Bearer", "Basic"))


async def test_a_cookie_beside_a_key_is_not_looked_at(mover: Running) -> None:
    viewer = mover.installation.callers[Role.VIEWER]

    answer = await mover.client.get("/api/v1/webhooks", headers=viewer.bearer | mover.owner.cookie)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a b",
        "Bearer \t",
        "bearer nonsense",
        "Bearer mvr_" + "0" * 600,
    ],
)
async def test_what_is_no_key_is_refused(mover: Running, value: str) -> None:
    answer = await mover.client.get("/api/v1/organisation", headers={"Authorization": value})

    assert answer.status_code == 401
    assert answer.json()["reason"] == "not_signed_in"


async def test_two_keys_at_once_are_none(mover: Running) -> None:
    headers = [("Authorization", f"Bearer {mover.owner.key.reveal()}")] * 2

    assert (await mover.client.get("/api/v1/organisation", headers=headers)).status_code == 401


async def test_a_key_is_made_once_however_often_it_is_asked_for(mover: Running) -> None:
    headers = mover.owner.browser | {"Idempotency-Key": "one"}
    body = {"name": "for the nightly job", "scopes": ["read"]}

    first = await mover.client.post("/app/v1/api-keys", headers=headers, json=body)
    second = await mover.client.post("/app/v1/api-keys", headers=headers, json=body)
    keys = (await mover.client.get("/app/v1/api-keys", headers=mover.owner.cookie)).json()["items"]

    assert first.status_code == second.status_code == 201, first.text
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["location"] == f"/app/v1/api-keys/{first.json()['key']['id']}"
    assert [key["name"] for key in keys].count("for the nightly job") == 1
    assert "text" not in keys[0]


async def test_a_refused_request_leaves_its_key_free(mover: Running) -> None:
    headers = mover.owner.browser | {"Idempotency-Key": "one"}

    refused = await mover.client.post("/app/v1/api-keys", headers=headers, json={"name": "x", "scopes": []})
    made = await mover.client.post(
        "/app/v1/api-keys", headers=headers, json={"name": "x", "scopes": ["read"]}
    )

    assert (refused.status_code, made.status_code) == (422, 201)


async def test_a_key_that_is_rotated_works_with_its_new_text(mover: Running) -> None:
    body = {
        "name": "x",
        "scopes": ["read"],
        "expires_at": "2100-01-01T00:00:00Z",
        "networks": ["192.0.2.0/24"],
    }
    made = (await mover.client.post("/app/v1/api-keys", headers=mover.owner.browser, json=body)).json()
    address = f"/app/v1/api-keys/{made['key']['id']}/rotation"

    rotated = await mover.client.post(address, headers=mover.owner.browser, json={"overlap_s": 0})

    old, new = ({"Authorization": f"Bearer {text}"} for text in (made["text"], rotated.json()["text"]))
    assert made["key"]["expires_at"] == "2100-01-01T00:00:00Z"
    assert (await mover.client.get("/api/v1/organisation", headers=old)).status_code == 401
    assert (await mover.client.get("/api/v1/organisation", headers=new)).status_code == 200


async def test_too_many_calls_are_told_when_to_come_back(mover: Running) -> None:
    body = {"name": "slow", "scopes": ["read"], "calls_per_minute": 1, "burst": 1}
    text = (await mover.client.post("/app/v1/api-keys", headers=mover.owner.browser, json=body)).json()[
        "text"
    ]
    headers = {"Authorization": f"Bearer {text}"}

    first = await mover.client.get("/api/v1/organisation", headers=headers)
    second = await mover.client.get("/api/v1/organisation", headers=headers)

    assert first.status_code == 200
    assert first.headers["ratelimit-policy"].startswith('"key";q=1;w=60')
    assert second.status_code == 429
    assert 1 <= int(second.headers["retry-after"]) <= 61


async def test_what_the_client_has_already_is_not_sent_again(mover: Running) -> None:
    first = await mover.client.get("/api/v1/organisation", headers=mover.owner.bearer)

    second = await mover.client.get(
        "/api/v1/organisation", headers=mover.owner.bearer | {"If-None-Match": first.headers["etag"]}
    )

    assert second.status_code == 304
    assert second.content == b""
    assert second.headers["etag"] == first.headers["etag"]


async def test_people_of_other_organisations_are_nobody(mover: Running) -> None:
    stranger = mover.installation.stranger
    address = f"/api/v1/people/{stranger.person_id}"

    theirs = await mover.client.get(address, headers=mover.owner.bearer)
    nobodys = await mover.client.get(f"/api/v1/people/{'0' * 32}", headers=mover.owner.bearer)

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert (await mover.client.get(address, headers=stranger.bearer)).status_code == 200


async def test_the_audit_log_comes_in_pages(mover: Running) -> None:
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = await mover.client.get("/api/v1/audit-events", headers=mover.owner.bearer, params=query)
        assert page.status_code == 200, page.text
        seen += [event["id"] for event in page.json()["items"]]
        cursor = page.json()["next_cursor"]

    assert len(seen) > 6
    assert seen == sorted(set(seen), reverse=True)


async def test_a_cursor_of_one_list_is_none_of_another(mover: Running) -> None:
    page = await mover.client.get("/api/v1/audit-events?limit=1", headers=mover.owner.bearer)
    cursor = page.json()["next_cursor"]

    of_stranger = await mover.client.get(
        "/api/v1/audit-events", params={"cursor": cursor}, headers=mover.installation.stranger.bearer
    )
    changed = await mover.client.get(
        "/api/v1/audit-events", params={"cursor": cursor[:-4] + "AAAA"}, headers=mover.owner.bearer
    )

    assert (of_stranger.status_code, changed.status_code) == (400, 400)


async def test_retention_is_changed_by_those_who_administer_within_bounds(mover: Running) -> None:
    callers = mover.installation.callers
    path = "/app/v1/organisation/retention"
    refused = await mover.client.put(path, headers=callers[Role.OPERATOR].browser, json={"kept_days": 30})
    assert refused.status_code == 403
    for wrong in (0, 3_651, "30", 1.5, True, None):
        answer = await mover.client.put(path, headers=mover.owner.browser, json={"kept_days": wrong})
        assert answer.status_code == 422, (wrong, answer.text)

    changed = await mover.client.put(
        path, headers=callers[Role.ADMINISTRATOR].browser, json={"kept_days": 365}
    )

    assert (changed.status_code, changed.json()["kept_days"]) == (200, 365)
    seen = await mover.client.get("/api/v1/organisation", headers=mover.owner.bearer)
    assert seen.json()["kept_days"] == 365
    log = await mover.client.get("/api/v1/audit-events", headers=mover.owner.bearer)
    (told,) = [one for one in log.json()["items"] if one["action"] == "organisation.retention_changed"]
    assert told["details"] == {"days_before": "90", "days": "365"}
