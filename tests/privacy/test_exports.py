"""Everything that is kept of somebody is in their archive; nobody else's, and nothing that opens anything."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from sqlalchemy import insert
from tests.accounts.house import OWNER, PASSWORD, House
from tests.runner.stage import filled

from mover.accounts.actor import Permission, Role
from mover.accounts.records import Requirement
from mover.accounts.refusals import RecentSignInNeeded
from mover.audit.reading import parts_of_file
from mover.audit.sealing import Sealer
from mover.audit.verifying import verify
from mover.connections.tables import connections
from mover.errors import NotFound, PermissionDenied
from mover.migrations.tables import migrations
from mover.privacy.exports import DataExports

pytestmark = pytest.mark.promise("privacy")


@pytest.fixture
def exports(house: House) -> DataExports:
    return DataExports(house.database, house.accounts.sessions, house.accounts.audit, now=house.clock)


async def unpacked(content: AsyncIterator[bytes]) -> dict[str, Any]:
    """The files of an archive: rows of JSON, or text."""
    with zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in content]))) as archive:
        assert archive.testzip() is None
        raw = {name: archive.read(name) for name in archive.namelist()}
    return {
        name: [json.loads(line) for line in content.splitlines()]
        if name.endswith(".jsonl")
        else content.decode()
        for name, content in raw.items()
    } | {"raw": raw}


async def test_a_persons_archive_has_what_is_theirs_and_nothing_of_others(
    house: House, exports: DataExports
) -> None:
    signed_in = await house.add_person("ben@example.org", Role.ADMINISTRATOR)
    key = await house.accounts.api_keys.make(signed_in.actor, "bens script", frozenset({Permission.READ}))
    await house.accounts.api_keys.authenticate(key.text, ip_address("203.0.113.9"))
    await house.accounts.api_keys.make(house.owner, "anns script", frozenset({Permission.READ}))
    entrance = await house.enter("ben@example.org")

    files = await unpacked(await exports.own(entrance.signed_in))

    assert [one["email"] for one in files["people.jsonl"]] == ["ben@example.org"]
    assert [one["name"] for one in files["api_keys.jsonl"]] == ["bens script"]
    assert [one["network"] for one in files["api_key_networks.jsonl"]] == ["203.0.113.9"]
    assert {one["address"] for one in files["sessions.jsonl"]} == {"198.51.100.7"}
    actions = [one["action"] for one in files["audit_events.jsonl"]]
    assert {"person.joined", "session.signed_in", "person.data_exported"} <= set(actions)
    assert "ben@example.org" in files["about.txt"]
    everything = b"".join(files["raw"].values())
    assert b"anns script" not in everything
    for secret in (PASSWORD, key.text, entrance.token, entrance.signed_in.csrf_token):
        assert secret.reveal().encode() not in everything
    assert b"argon2" not in everything
    assert not any("hash" in name for name in files["sessions.jsonl"][0] | files["api_keys.jsonl"][0])


async def test_who_sits_at_an_old_session_or_came_by_another_door_is_asked_again(
    house: House, exports: DataExports
) -> None:
    signed_in = await house.sign_in()
    house.clock.at += 3600
    with pytest.raises(RecentSignInNeeded):
        await exports.own(signed_in)

    unmet = replace(await house.sign_in(), requirement=Requirement.SECOND_FACTOR)
    with pytest.raises(PermissionDenied, match="second factor"):
        await exports.own(unmet)


async def test_the_operator_exports_for_somebody_and_the_log_says_so(
    house: House, exports: DataExports
) -> None:
    files = await unpacked(await exports.of_person(OWNER.upper()))

    assert [one["email"] for one in files["people.jsonl"]] == [OWNER]
    page = await house.accounts.audit.page(house.owner)
    assert (page.events[0].action, page.events[0].actor_name) == ("person.data_exported", "the operator")
    with pytest.raises(NotFound):
        await exports.of_person("nobody@example.org")


async def test_an_organisations_archive_has_all_of_it_and_nothing_of_the_other_one(
    house: House, exports: DataExports
) -> None:
    stranger = await house.other_organisation()
    mine, theirs = house.founded.organisation.id, stranger.actor.organisation_id
    made = [(mine, f"migration {number:04}") for number in range(1_200)]  # more than a page
    made.append((theirs, "migration of strangers"))

    def fill(connection: Any) -> None:
        rows = [
            filled(migrations, id=f"{number:032}", organisation_id=chain, name=name, mail_to="[]")
            for number, (chain, name) in enumerate(made)
        ]
        connection.execute(insert(migrations), rows)
        for chain in (mine, theirs):
            connection.execute(
                insert(connections).values(
                    filled(connections, id=chain, person=f"organisation:{chain}", name="shelf", config={})
                )
            )

    await house.database.write(fill)
    await Sealer(house.database, house.vault).seal_due()

    files = await unpacked(await exports.organisation(house.owner))

    assert [one["name"] for one in files["migrations.jsonl"]] == [f"migration {n:04}" for n in range(1_200)]
    assert [one["id"] for one in files["connections.jsonl"]] == [mine]
    assert [set(one) for one in files["people.jsonl"]] == [
        {"id", "email", "name", "created_ns", "last_sign_in_ns"}
    ]
    everything = b"".join(files["raw"].values())
    assert b"of strangers" not in everything
    assert stranger.person.email.encode() not in everything
    report = verify(parts_of_file(io.BytesIO(files["raw"]["audit_log.jsonl"])))
    assert report.intact
    assert report.events >= 1
    page = await house.accounts.audit.page(house.owner)
    assert {one.action for one in page.events[:2]} == {"organisation.exported", "audit.exported"}


async def test_only_owners_export_an_organisation(house: House, exports: DataExports) -> None:
    ben = await house.add_person("ben@example.org", Role.ADMINISTRATOR)

    with pytest.raises(PermissionDenied):
        await exports.organisation(ben.actor)
