"""When the database cannot be used, people are told so in plain words; hosts, users and files of the operator are not theirs."""

from __future__ import annotations

import pytest
from tests.api.installation import Running
from tests.staff.callers import is_in
from tests.web.test_every_page import HTML

from mover.database.failures import DatabaseBusy, DatabaseFull, DatabaseTrouble, DatabaseUnusable

pytestmark = pytest.mark.slow

SECRETLY = "the server of the database 'mover' on db-7.internal.example does not let this user in"


@pytest.mark.parametrize("kind", [DatabaseUnusable, DatabaseFull, DatabaseBusy])
async def test_nobody_learns_where_the_database_is(
    mover: Running,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type[DatabaseTrouble],
) -> None:
    staff = await is_in(mover.services, "sam")

    async def fails(*_: object, **__: object) -> None:
        raise kind(SECRETLY, said='FATAL: role "mover_api" is not permitted to log in')

    monkeypatch.setattr(mover.services.maps, "list", fails)
    monkeypatch.setattr(mover.services.staff.requests, "newest", fails)
    answers = [
        await mover.client.get("/maps", headers=mover.owner.cookie | HTML),
        await mover.client.get("/api/v1/maps", headers=mover.owner.bearer),
        await mover.client.get("/staff/requests", headers=staff.cookie | HTML),
    ]
    monkeypatch.setattr(mover.services.sessions, "find", fails)
    answers.append(await mover.client.get("/maps", headers=mover.owner.cookie | HTML))
    nowhere = await mover.client.get("/nowhere", headers=mover.owner.cookie | HTML)

    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "records just now" in answer.text
    for answer in (*answers, nowhere):
        assert "internal.example" not in answer.text
        assert "mover_api" not in answer.text
    assert (nowhere.status_code, "There is nothing here" in nowhere.text) == (404, True)
    told = [record.getMessage() for record in caplog.records if "cannot be used" in record.getMessage()]
    assert len(told) == len(answers)
    assert all("db-7.internal.example" in line and "not permitted" in line for line in told)
