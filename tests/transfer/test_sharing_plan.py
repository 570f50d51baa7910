"""What is decided about single permissions, by map, rules and what the destination is known to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.entries import AccessRole, GranteeKind, Permission
from mover.ledger.grants import Grantee, GrantState
from mover.transfer.folding import fold
from mover.transfer.grantees import GranteeMap, grantee
from mover.transfer.sharing_plan import Access, Judge, Seen, in_words
from mover.transfer.sharing_rules import SharingRules

pytestmark = pytest.mark.promise("P13")

READ, WRITE, OWNER = AccessRole.READ, AccessRole.WRITE, AccessRole.OWNER
PERSON, GROUP, DOMAIN = GranteeKind.PERSON, GranteeKind.GROUP, GranteeKind.DOMAIN


def judge(rows: Mapping[str, str] | None = None, **values: Any) -> Judge:
    rules = SharingRules(map=GranteeMap({fold(key): (key, value) for key, value in (rows or {}).items()}))
    return Judge(**{"rules": rules, "kinds": frozenset(GranteeKind), **values})


def to(identity: str, role: AccessRole = READ, kind: GranteeKind = PERSON, **values: Any) -> Permission:
    return Permission(kind=kind, identity=identity, role=role, **values)


@pytest.mark.parametrize(
    ("identity", "becomes"),
    [
        ("ann@old.org", ("zoe@new.org", "Ann@old.org")),
        ("ANN@OLD.ORG", ("zoe@new.org", "Ann@old.org")),
        ("ben@old.org", ("ben@new.org", "old.org")),
        ("Ben@Old.org", ("Ben@new.org", "old.org")),
        ("ben@sub.old.org", None),
        ("dropped@old.org", ("", "dropped@old.org")),
        ("anyone@gone.org", ("", "gone.org")),
        ("old.org", ("new.org", "old.org")),
        ("Sales", ("Staff", "SALES")),
        ("José@old.org", ("pepe@new.org", "jose\N{COMBINING ACUTE ACCENT}@old.org")),
        ("", None),
        ("@old.org", None),
    ],
)
def test_who_becomes_whom(identity: str, becomes: tuple[str, str] | None) -> None:
    rows = {
        "Ann@old.org": "zoe@new.org",
        "dropped@old.org": "",
        "old.org": "new.org",
        "gone.org": "",
        "SALES": "Staff",
        "jose\N{COMBINING ACUTE ACCENT}@old.org": "pepe@new.org",
    }
    found = GranteeMap({fold(key): (key, value) for key, value in rows.items()}).look_up(identity)
    assert (found and (found.destination, found.by)) == becomes


@given(st.permutations(["a@x.org", "b@x.org", "c@x.org"]))
def test_map_is_applied_once_however_its_rows_go_round(order: list[str]) -> None:
    people = ["a@x.org", "b@x.org", "c@x.org"]
    rows = GranteeMap({one: (one, other) for one, other in zip(people, order, strict=True)})
    found = [rows.look_up(one) for one in people]
    assert [one.destination for one in found if one] == order


def test_marks_tell_maps_apart_by_what_they_do() -> None:
    one = GranteeMap({"a@x.org": ("A@x.org", "b@y.org"), "c": ("C", "")})
    assert one.mark == GranteeMap({"c": ("c", ""), "a@x.org": ("a@X.org", "B@y.org")}).mark
    assert one.mark != GranteeMap({"a@x.org": ("a@x.org", ""), "c": ("c", "b@y.org")}).mark
    assert not GranteeMap()
    assert len(one) == 2


def test_people_are_compared_in_lower_case_and_groups_as_they_are() -> None:
    assert grantee(PERSON, "Ann@New.ORG") == Grantee(PERSON, "ann@new.org")
    assert grantee(PERSON, "Sales Team") == Grantee(GROUP, "Sales Team")
    assert grantee(GROUP, "All@New.org") == Grantee(GROUP, "all@new.org")
    assert grantee(DOMAIN, "New.ORG") == Grantee(DOMAIN, "new.org")


def test_unmapped_person_whom_the_destination_does_not_list_is_not_asked_for() -> None:
    by = judge({"ben@old.org": "ben@new.org"}, known=frozenset({"ann@old.org"}))
    assert by.judge(to("ann@old.org"), None).state is GrantState.PLANNED
    unknown = by.judge(to("cleo@old.org"), None)
    assert (unknown.state, unknown.message) == (GrantState.FAILED, "unknown at the destination")
    mapped = by.judge(to("ben@old.org"), None)
    assert (mapped.state, bool(mapped.message)) == (
        GrantState.PLANNED,
        True,
    )  # a person says that he is there
    assert by.judge(to("all@old.org", kind=GROUP), None).state is GrantState.PLANNED


def test_what_belongs_to_somebody_else_is_copied_without_its_own_shares() -> None:
    permissions = [
        to("bob@old.org", OWNER),
        to("ann@old.org", WRITE),
        to("cleo@old.org", READ, inherited=True),
    ]
    above = Access(told=(to("alice@old.org", OWNER), to("cleo@old.org")))
    by = judge(owner="alice@old.org")
    plan = by.plan(Seen(source_key="x", permissions=permissions, above=above, owner="bob@old.org"))
    assert [(line.identity, line.state) for line in plan.lines] == [("ann@old.org", GrantState.LISTED)]
    mine = by.plan(Seen(source_key="x", permissions=permissions, above=above, owner="alice@old.org"))
    assert ("ann@old.org", GrantState.PLANNED) in [(line.identity, line.state) for line in mine.lines]


def test_whole_domain_and_the_whole_world_cover_who_is_of_them() -> None:
    by = judge({"old.org": "new.org"})
    above = Access(audience=((Grantee(PERSON, "ann@new.org"), READ), (Grantee(GROUP, "all@new.org"), READ)))
    everybody = [to("old.org", kind=DOMAIN)]
    assert by.plan(Seen(source_key="x", permissions=everybody, above=above)).wider == ()
    world = [to("", kind=GranteeKind.ANYONE)]
    assert by.plan(Seen(source_key="x", permissions=world, above=above)).wider == ()
    for link in (
        to("", kind=GranteeKind.ANYONE, link=True),
        to("old.org", kind=DOMAIN, link=True),
        to("ann@other.org"),
    ):
        assert len(by.plan(Seen(source_key="x", permissions=[link], above=above)).wider) == 2


def test_owner_of_the_destination_is_never_in_the_way() -> None:
    boss = Grantee(PERSON, "boss@new.org")
    above = Access(audience=((boss, OWNER),))
    assert judge(owners=frozenset({boss})).plan(Seen(source_key="x", permissions=[], above=above)).wider == ()
    assert judge().plan(Seen(source_key="x", permissions=[], above=above)).wider == ((boss, OWNER),)


def test_two_people_who_become_one_are_asked_for_once_with_the_higher_role() -> None:
    by = judge({"ann@old.org": "zoe@new.org", "ben@old.org": "zoe@new.org"})
    plan = by.plan(
        Seen(source_key="x", permissions=[to("ann@old.org"), to("ben@old.org", WRITE)], above=Access())
    )
    assert [(line.state, line.target_role) for line in plan.lines] == [
        (GrantState.PLANNED, WRITE),
        (GrantState.ALREADY_THERE, WRITE),
    ]


def test_many_are_named_by_the_first_few() -> None:
    who = [(Grantee(PERSON, f"p{n}@x.org"), READ) for n in range(7)]
    assert in_words(who).endswith("p4@x.org (read) and 2 more")
    assert in_words([(Grantee(GranteeKind.ANYONE, ""), READ)]) == "whoever has the link (read)"
