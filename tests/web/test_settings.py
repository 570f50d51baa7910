"""The settings of the organisation, as forms."""

from __future__ import annotations

import pytest
from tests.api.installation import Running

from mover.accounts.actor import Role

HTML = {"Accept": "text/html,*/*"}


async def test_an_administrator_changes_how_long_reports_are_kept(mover: Running) -> None:
    caller = mover.installation.callers[Role.ADMINISTRATOR]
    before = await mover.client.get("/organisation", headers=caller.cookie | HTML)
    assert 'name="kept_days"' in before.text
    assert 'value="90"' in before.text

    saved = await mover.client.post(
        "/organisation/retention", headers=caller.browser | HTML, data={"kept_days": " 365 "}
    )

    assert (saved.status_code, saved.headers["location"]) == (303, "/organisation")
    for who in (caller, mover.owner):
        after = await mover.client.get("/organisation", headers=who.cookie | HTML)
        assert 'value="365"' in after.text


@pytest.mark.parametrize("days", ["", "0", "3651", "-3", "1.5", "ten", "9" * 5_000, "\u0663"])
async def test_what_is_no_number_of_days_is_said_beside_the_field(mover: Running, days: str) -> None:
    answer = await mover.client.post(
        "/organisation/retention", headers=mover.owner.browser | HTML, data={"kept_days": days}
    )

    assert answer.status_code == 422
    assert "from 1 to 3650 days" in answer.text
    kept = await mover.services.organisations.get(mover.owner.session.signed_in.actor)
    assert kept.kept_days == 90
