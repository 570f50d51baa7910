from __future__ import annotations

import pytest
from tests.accounts.house import CLIENT, House

from mover.accounts.actor import Permission, Role
from mover.accounts.audit import Action
from mover.accounts.audit_log import AuditLog
from mover.audit.custody import DAY_NS, Custodian
from mover.audit.sealing import Sealer
from mover.audit.tables import audit_events
from mover.errors import PermissionDenied, SignInFailed
from mover.vault.secret import Secret


async def test_an_act_that_fails_leaves_no_event(house: House) -> None:
    class BoomError(Exception):
        pass

    def act(transaction) -> None:
        AuditLog(house.database).record(
            transaction, house.owner, Action.INVITED, "person x", now_ns=house.clock.ns
        )
        raise BoomError

    with pytest.raises(BoomError):
        await house.database.write(act)

    assert await house.actions(house.owner) == ["organisation.founded"]


async def test_only_those_who_administer_read_it_and_only_their_own(house: House) -> None:
    stranger = await house.other_organisation()
    ben = await house.add_person("ben@example.org", Role.OPERATOR)

    with pytest.raises(PermissionDenied):
        await house.accounts.audit.page(ben.actor)
    theirs = await house.accounts.audit.page(stranger.actor)

    assert "ben@example.org" not in repr(theirs)


async def test_it_is_read_page_by_page(house: House) -> None:
    for number in range(5):
        await house.accounts.organisations.change(house.owner, name=f"Name {number}")

    seen, before = [], None
    while True:
        page = await house.accounts.audit.page(house.owner, before=before, limit=2)
        seen += [event.details.get("name") for event in page.events]
        if (before := page.before) is None:
            break

    assert seen == ["Name 4", "Name 3", "Name 2", "Name 1", "Name 0", None]


async def test_what_people_type_stays_on_one_line_and_no_secret_is_in_it(house: House) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    made = await house.accounts.api_keys.make(ben.actor, "a\nb", frozenset({Permission.READ}))
    await house.accounts.sign_in.with_password("ben@example.org", Secret("violet teapot gravity"), CLIENT)

    rows = repr(await house.rows(audit_events))

    assert "API key a b" in rows
    assert "\\n" not in rows
    assert made.text.reveal() not in rows
    assert "violet" not in rows


async def test_what_strangers_tried_is_forgotten_after_a_while(house: House) -> None:
    for number in range(3):
        with pytest.raises(SignInFailed, match="wrong"):
            await house.accounts.sign_in.with_password(f"x{number}@example.net", Secret("x"), CLIENT)
    assert len(await house.rows(audit_events)) == 4
    house.clock.at += 91 * 24 * 3600

    custodian = Custodian(house.database, house.vault, now_ns=lambda: house.clock.ns)
    await Sealer(house.database, house.vault, now_ns=lambda: house.clock.ns - 91 * DAY_NS).seal_due()
    await custodian.remove_old(days=400, days_of_nobody=90)

    assert [row["action"] for row in await house.rows(audit_events)] == ["organisation.founded"]
