"""Who belongs to whom, when administrators' connections tell people and sites."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.migrations.office import Office

from mover.accounts.actor import Actor
from mover.connectors.contract import Place, PlaceKind
from mover.migrations.discovery import Discovery, Match, Why, matches_in_folders, matches_of_places
from mover.transfer.grantees import GranteeMap

NOBODY: set[tuple[str, str]] = set()


def person(email: str, name: str = "", *, ready: bool | None = True) -> Place:
    return Place(path=f"/Users/{email}", kind=PlaceKind.PERSON, name=name or email, email=email, ready=ready)


def site(name: str) -> Place:
    return Place(path=f"/Sites/{name}", kind=PlaceKind.SITE, name=name)


def seen(found: Sequence[Match]) -> dict[str, tuple[str, Why]]:
    return {match.source_path: (match.destination_path, match.why) for match in found}


def test_people_are_matched_by_map_then_address_then_user_then_name() -> None:
    sources = [
        person("mia@old.example"),
        person("same@both.example"),
        person("Zoe@old.example"),
        person("x17@old.example", "Ada Byron"),
        person("left@old.example"),
    ]
    targets = [
        person("maria@new.example"),
        person("same@both.example"),
        person("same@new.example"),
        person("zoe@new.example"),
        person("ada@new.example", "Ada Byron"),
    ]
    users = GranteeMap({"mia@old.example": ("mia@old.example", "maria@new.example")})
    assert seen(matches_of_places(sources, targets, users, NOBODY)) == {
        "/Users/mia@old.example": ("/Users/maria@new.example", Why.MAPPED),
        "/Users/same@both.example": ("/Users/same@both.example", Why.SAME_ADDRESS),
        "/Users/Zoe@old.example": ("/Users/zoe@new.example", Why.SAME_USER),
        "/Users/x17@old.example": ("/Users/ada@new.example", Why.SAME_NAME),
        "/Users/left@old.example": ("", Why.NOBODY),
    }


def test_whom_the_map_drops_or_sends_to_nobody_is_not_matched_by_anything_else() -> None:
    users = GranteeMap(
        {"a@old.example": ("a@old.example", ""), "b@old.example": ("b@old.example", "x@new.example")}
    )
    sources, targets = (
        [person("a@old.example"), person("b@old.example")],
        [
            person("a@new.example"),
            person("b@new.example"),
        ],
    )
    found = matches_of_places(sources, targets, users, NOBODY)
    assert [(match.destination_path, match.why) for match in found] == [("", Why.NOBODY)] * 2


def test_several_that_fit_are_left_to_a_person() -> None:
    [match] = matches_of_places(
        [person("ann@old.example")],
        [person("ann@one.example"), person("ann@two.example")],
        GranteeMap(),
        NOBODY,
    )
    assert (match.ambiguous, match.matched, match.destination_path) == (True, False, "")


def test_sites_fit_sites_only() -> None:
    sources, targets = [site("Sales"), site("ann")], [site("SALES"), person("ann@new.example", "ann")]
    assert seen(matches_of_places(sources, targets, GranteeMap(), NOBODY)) == {
        "/Sites/Sales": ("/Sites/SALES", Why.SAME_NAME),
        "/Sites/ann": ("", Why.NOBODY),
    }


@pytest.mark.parametrize(("here", "there"), [(False, True), (True, False), (None, False)])
def test_who_is_suspended_or_not_provisioned_is_told(*, here: bool | None, there: bool | None) -> None:
    [match] = matches_of_places(
        [person("a@x.example", ready=here)], [person("a@x.example", ready=there)], GranteeMap(), NOBODY
    )
    assert match.matched
    assert not match.ready


def test_people_get_folders_of_their_addresses_where_there_is_nobody() -> None:
    found = matches_in_folders(
        [person("ann@old.example"), site("Sales")],
        ["ANN@old.example"],
        {("/Sites/Sales", "/Sales")},
    )
    assert seen(found) == {
        "/Users/ann@old.example": ("/ANN@old.example", Why.SAME_NAME),
        "/Sites/Sales": ("/Sales", Why.NEW_FOLDER),
    }
    assert [match.known for match in found] == [False, True]


async def test_folders_named_like_people_fit_them(office: Office, ann: Actor) -> None:
    class Half:
        async def places(self, actor: Actor, connection_id: str) -> list[Place] | None:
            assert actor is ann
            return [person("bob@new.example", "Bob Bones")] if connection_id == "acme-target" else None

        async def top_folders(self, actor: Actor, connection_id: str) -> list[str]:
            assert (actor, connection_id) == (ann, "acme-source")
            return ["bob", "Bob Bones", "scans"]

    migration = await office.migration(ann)
    found = await Discovery(office.database, Half()).propose(ann, migration.id)
    assert seen(found) == {
        "/bob": ("/Users/bob@new.example", Why.SAME_USER),
        "/Bob Bones": ("/Users/bob@new.example", Why.SAME_NAME),
        "/scans": ("", Why.NOBODY),
    }


def test_what_stands_within_a_place_is_moved_with_it_or_finds_a_place_of_its_own() -> None:
    def below(path: str, name: str) -> Place:
        return Place(path=f"{path}/{name}", kind=PlaceKind.SITE, name=name, within=path)

    sources = [
        site("Sales"),
        below("/Sites/Sales", "EU"),
        below("/Sites/Sales/EU", "Deep"),
        site("Old"),
        below("/Sites/Old", "EU"),
    ]
    targets = [site("Sales"), site("EU"), site("Deep"), below("/Sites/Sales", "EU")]
    assert seen(matches_of_places(sources, targets, GranteeMap(), NOBODY)) == {
        "/Sites/Sales": ("/Sites/Sales", Why.SAME_NAME),
        "/Sites/Old": ("", Why.NOBODY),
        "/Sites/Old/EU": ("/Sites/EU", Why.SAME_NAME),
    }
    folders = matches_in_folders(sources, ["Sales"], NOBODY)
    assert [match.source_path for match in folders] == ["/Sites/Sales", "/Sites/Old"]
