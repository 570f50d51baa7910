"""Everything that the audit log can hold has words for people."""

from __future__ import annotations

import pytest
from tests.api.installation import Running

from mover.accounts.audit import Action
from mover.api import organisation_connections
from mover.migrations.acts import Act
from mover.migrations.records import NewMigration, NewPair
from mover.migrations.selection import Selection
from mover.notices import webhooks
from mover.vault.secret import Secret
from mover.web.action_words import ACTION_WORDS
from mover.web.words import action_word

SFTP = {"host": Secret("127.0.0.1"), "username": Secret("ann"), "password": Secret("hidden")}
HTML = {"Accept": "text/html,*/*"}


def test_every_action_has_words_and_no_words_are_left_over() -> None:
    rooms = [
        value
        for module, start in ((webhooks, "WEBHOOK_"), (organisation_connections, "CONNECTION_"))
        for name, value in vars(module).items()
        if name.startswith(start)
    ]

    assert set(ACTION_WORDS) == {*(str(one) for one in Action), *(str(one) for one in Act), *rooms}
    assert len(rooms) == 8
    assert len(set(ACTION_WORDS.values())) == len(ACTION_WORDS)


def test_an_action_of_a_newer_mover_is_readable_all_the_same() -> None:
    assert action_word("moon.flown_to") == "Moon: flown to"


@pytest.mark.slow
async def test_page_and_api_show_what_was_done_to_migrations(mover: Running) -> None:
    actor = mover.owner.session.signed_in.actor
    services = mover.services
    connection = await services.connections.add(actor, "shelf", "sftp", SFTP)
    made = await services.migrations.create(
        actor,
        NewMigration(
            name="<b>Bold</b>",
            source_connection_id=connection.id,
            destination_connection_id=connection.id,
        ),
    )
    await services.pairs.add(
        actor, made.id, [NewPair(source_path=f"/s{n}", destination_path=f"/d{n}") for n in range(7)]
    )
    await services.pairs.delete(actor, Selection.matching(made.id))

    page = await mover.client.get("/audit", headers=mover.owner.cookie | HTML)
    assert "Pairs deleted" in page.text
    assert "Connection added" in page.text
    assert "pairs: <bdi>7</bdi>" in page.text
    assert "<b>Bold" not in page.text
    log = await mover.client.get("/api/v1/audit-events", headers=mover.owner.bearer)
    listed = log.json()["items"]
    assert [one["action"] for one in listed[:2]] == ["api_key.new_address", "pairs.deleted"]
    newest = listed[1]
    assert newest["subject"] == "migration <b>Bold</b>"
    assert newest["details"] == {"pairs": "7"}
