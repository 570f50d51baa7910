"""No exception without two people, a reason, a scope and an expiry; and everybody who has to know of it does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete
from tests.staff.office import DAY_NS, REASON, StaffOffice

from mover.accounts.actor import Role
from mover.accounts.refusals import MayNot, NoSuchThing, NotPossible
from mover.errors import InvalidConfiguration
from mover.notices.tables import run_mails
from mover.staff.records import RequestKind, RequestState, Scope, StaffMember
from mover.staff.requests import NotApproved
from mover.staff.tables import staff_people

pytestmark = pytest.mark.promise("P9")


async def test_one_other_person_opens_it_and_nobody_approves_their_own(office: StaffOffice) -> None:
    asked = await office.ask()
    with pytest.raises(NotApproved, match="waits for the approval of one other person"):
        await office.requests.standing(asked.id)
    with pytest.raises(MayNot, match="somebody else"):
        await office.requests.approve(office.sam, asked)
    with pytest.raises(NotApproved):
        await office.requests.standing(asked.id)

    await office.requests.approve(office.tess, asked)

    standing = await office.requests.standing(asked.id)
    assert standing.state is RequestState.APPROVED
    assert [one.email for one in standing.approvals] == [office.tess.email]


async def test_a_legal_export_takes_two_others(office: StaffOffice) -> None:
    asked = await office.ask(RequestKind.LEGAL_EXPORT)
    after = await office.requests.approve(office.tess, asked)
    assert after.state is RequestState.OPEN
    with pytest.raises(NotPossible, match="approved this already"):
        await office.requests.approve(office.tess, asked)
    with pytest.raises(NotApproved, match="one other person"):
        await office.requests.standing(asked.id)

    await office.requests.approve(office.uma, asked)

    assert len((await office.requests.standing(asked.id)).approvers) == 2


async def test_an_account_made_anew_for_the_same_person_is_still_that_person(office: StaffOffice) -> None:
    asked = await office.ask()
    again = StaffMember(
        id="f" * 32,
        email=office.sam.email,
        name="Sam again",
        created_ns=0,
        last_sign_in_ns=None,
        has_second_factor=True,
        password_given=False,
    )
    with pytest.raises(MayNot):  # not of the staff under this id
        await office.requests.approve(again, asked)
    await office.directory.remove(office.sam.email)
    anew = await office.directory.add(office.sam.email, "Sam")
    with pytest.raises(MayNot):
        await office.requests.approve(anew.member, asked)


async def test_it_is_over_when_it_expires_open_or_approved(office: StaffOffice) -> None:
    waiting, approved = await office.ask(), await office.ask()
    await office.requests.approve(office.tess, approved)
    office.house.clock.at += 86_400

    for request in (waiting, approved):
        with pytest.raises(NotApproved, match="expired"):
            await office.requests.standing(request.id)
    with pytest.raises(NotPossible, match="expired"):
        await office.requests.approve(office.tess, waiting)


async def test_what_was_approved_can_be_stopped_by_anybody(office: StaffOffice) -> None:
    refused, withdrawn = await office.ask(), await office.ask()
    for request in (refused, withdrawn):
        await office.requests.approve(office.tess, request)
    with pytest.raises(MayNot, match="withdraw it instead"):
        await office.requests.refuse(office.sam, refused.id, "no")
    with pytest.raises(MayNot, match="only the one who asked"):
        await office.requests.withdraw(office.tess, withdrawn.id)
    with pytest.raises(InvalidConfiguration):
        await office.requests.refuse(office.uma, refused.id, " \n")

    await office.requests.refuse(office.uma, refused.id, "the ticket was closed")
    await office.requests.withdraw(office.sam, withdrawn.id)

    for request, word in ((refused, "refused"), (withdrawn, "withdrawn")):
        with pytest.raises(NotApproved, match=word):
            await office.requests.standing(request.id)
        with pytest.raises(NotPossible, match=word):
            await office.requests.approve(office.uma, request)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": "because"}, "at least 10"),
        ({"reason": "x" * 1001}, "longer than 1000"),
        ({"case": "x" * 101}, "longer than 100"),
        ({"case": " ", "kind": RequestKind.LEGAL_EXPORT}, "name of the case"),
        ({"days": 0}, "passed already"),
        ({"days": 3.01}, "at most 3 days"),
        ({"days": 30.01, "kind": RequestKind.LEGAL_EXPORT}, "at most 30 days"),
        ({"period": (1, 2)}, "for a legal export"),
        ({"period": (2, 2), "kind": RequestKind.LEGAL_EXPORT}, "ends before it begins"),
    ],
)
async def test_what_is_not_said_in_full_is_not_asked_for(
    office: StaffOffice, changed: dict, said: str
) -> None:
    first, last = changed.get("period", (None, None))
    scope = Scope(organisation_id=office.organisation_id, from_ns=first, until_ns=last)
    with pytest.raises(InvalidConfiguration, match=said):
        await office.requests.ask(
            office.sam,
            changed.get("kind", RequestKind.BREAK_GLASS),
            scope,
            changed.get("reason", REASON),
            changed.get("case", "17"),
            office.house.clock.ns + int(changed.get("days", 1) * DAY_NS),
        )
    assert await office.requests.newest() == []


async def test_a_scope_names_what_is_there_and_of_that_organisation(office: StaffOffice) -> None:
    eve = await office.house.other_organisation()
    here = office.organisation_id
    for scope, word in (
        (Scope(organisation_id="0" * 32), "organisation"),
        (Scope(organisation_id=here, person_id=eve.person.id), "person"),
        (Scope(organisation_id=here, connection_id="0" * 32), "connection"),
        (Scope(organisation_id=here, pair_id="1 OR 1=1"), "pair"),
    ):
        with pytest.raises(NoSuchThing, match=f"no such {word}"):
            await office.ask(scope=scope)

    owner = Scope(organisation_id=here, person_id=office.house.owner.id, from_ns=1, until_ns=2)
    assert (await office.ask(RequestKind.LEGAL_EXPORT, scope=owner)).scope == owner


async def test_owners_are_told_by_mail_and_read_every_step_in_their_log(office: StaffOffice) -> None:
    second = await office.house.add_person("olga@example.org", Role.OWNER)
    await office.house.add_person("vic@example.org", Role.ADMINISTRATOR)
    asked = await office.ask()
    assert await office.house.rows(run_mails) == []
    await office.requests.approve(office.tess, asked)
    await office.requests.withdraw(office.sam, asked.id)

    mails = await office.house.rows(run_mails)
    assert {mail["person_id"] for mail in mails} == {office.house.owner.id, second.person.id}
    text = json.loads(mails[0]["paragraphs"])
    assert mails[0]["subject"].startswith("Staff may look into Example until 2023-11-15")
    assert office.sam.email in text[0]
    assert office.tess.email in text[0]
    assert REASON in text[1]

    steps = [row for row in await office.log() if row.action.startswith("exception.")]
    assert [(row.action, row.actor_kind, row.actor_name) for row in steps] == [
        ("exception.asked", "staff", office.sam.email),
        ("exception.approved", "staff", office.tess.email),
        ("exception.withdrawn", "staff", office.sam.email),
    ]
    assert all(json.loads(row.details)["reason"] == REASON for row in steps)
    page = await office.house.accounts.audit.page(office.house.owner)
    assert page.events[0].action == "exception.withdrawn"


async def test_of_a_legal_export_the_organisation_learns_when_it_may(office: StaffOffice) -> None:
    asked = await office.ask(RequestKind.LEGAL_EXPORT)
    await office.requests.approve(office.tess, asked)
    await office.requests.approve(office.uma, asked)

    def told(log: list) -> list[str]:
        return [row.action for row in log if row.action.startswith("exception.")]

    assert told(await office.log()) == []
    assert await office.house.rows(run_mails) == []
    assert told(await office.staff_log()) == ["exception.asked", *["exception.approved"] * 2]
    assert await office.disclosures.tell_due() == 0  # nobody said when

    await office.disclosures.set(office.tess, asked.id, office.house.clock.ns + DAY_NS)
    assert await office.disclosures.tell_due() == 0
    assert told(await office.log()) == []
    office.house.clock.at += 86_400
    assert [await office.disclosures.tell_due() for _ in range(2)] == [1, 0]

    (event,) = [row for row in await office.log() if row.action == "exception.disclosed"]
    details = json.loads(event.details)
    assert set(details["approved_by"].split(", ")) == {office.tess.email, office.uma.email}
    assert details["case"] == "4 Js 17/26"
    with pytest.raises(NotPossible, match="told already"):
        await office.disclosures.set(office.tess, asked.id, 1)
    with pytest.raises(NotPossible, match="from the start"):
        await office.disclosures.set(office.tess, (await office.ask()).id, 1)


async def test_nothing_stands_for_an_account_that_is_not_there(office: StaffOffice) -> None:
    """However it went: removing somebody withdraws their requests, but rows can be taken away by other means."""
    asked = await office.ask()
    await office.requests.approve(office.tess, asked)
    query = delete(staff_people).where(staff_people.c.id == office.sam.id)
    await office.house.database.write(lambda transaction: transaction.execute(query))
    with pytest.raises(NotApproved, match="not of the staff any more"):
        await office.requests.standing(asked.id)


async def test_who_leaves_takes_requests_and_open_approvals_along(office: StaffOffice) -> None:
    approved, waiting = await office.ask(), await office.ask(RequestKind.LEGAL_EXPORT, by=office.uma)
    await office.requests.approve(office.tess, approved)
    await office.requests.approve(office.sam, waiting)

    await office.directory.remove(office.sam.email)

    assert (await office.requests.find(approved.id)).state is RequestState.WITHDRAWN
    assert (await office.requests.find(waiting.id)).approvals == ()
    with pytest.raises(MayNot, match="not of the staff"):
        await office.requests.approve(office.sam, waiting)
    with pytest.raises(MayNot, match="not of the staff"):
        await office.ask(by=office.sam)


@pytest.mark.parametrize("moment", [2**63, 253_402_300_799 * 10**9, -(2**63) - 1])
async def test_a_moment_that_no_column_holds_is_refused_in_words(office: StaffOffice, moment: int) -> None:
    asked = await office.ask(RequestKind.LEGAL_EXPORT)

    with pytest.raises(InvalidConfiguration, match="too far off"):
        await office.disclosures.set(office.tess, asked.id, moment)
    periods: tuple[dict[str, Any], ...] = ({"from_ns": moment}, {"until_ns": moment})
    for period in periods:
        with pytest.raises(InvalidConfiguration, match="too far off"):
            await office.ask(
                RequestKind.LEGAL_EXPORT, scope=Scope(organisation_id=office.organisation_id, **period)
            )


async def test_what_is_over_does_not_stand_whoever_asks_the_request_itself(office: StaffOffice) -> None:
    """Runners look at nothing else."""
    request = await office.requests.approve(office.tess, await office.ask())

    assert request.stands(request.expires_ns - 1)
    assert not request.stands(request.expires_ns)
