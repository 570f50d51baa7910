"""The admin form: all users and shared drives of a domain, each in somebody's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.contract import google as people
from tests.contract.acts import listed, names, need, put, read, ref_of
from tests.transfer.uploading import upload_keys
from tests.transfer.workbench import MEMORY_BYTES, NO_WAIT, signed_in, workbench

from mover.connectors.contract import Connector, Place, PlaceKind
from mover.connectors.paced import Paced
from mover.entries import EntryRef
from mover.errors import (
    AccountSuspended,
    InvalidConfiguration,
    NotFound,
    PermissionDenied,
    Reason,
    SignInFailed,
    UserNotFound,
)
from mover.ledger.ledger import Ledger
from mover.ledger.states import ItemState, RunMode
from mover.migrations.states import RunCode
from mover.runner.codes import code_of
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.vault.secret import Secret
from simulators.google import Google

pytestmark = pytest.mark.servers


async def _places(connector: Connector) -> list[Place]:
    assert connector.places is not None
    return [place async for places in connector.places.all() for place in places]


async def test_people_and_shared_drives_are_places(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    bob = google.accounts.person_of(people.BOB)
    assert bob is not None
    simulators.inside(lambda: setattr(bob, "is_active", False))
    simulators.inside(lambda: google.add_person("eve@elsewhere.example"))
    found = await _places(domain)
    assert [(place.path, place.kind, place.ready) for place in found] == [
        ("/Users/alice@example.org", PlaceKind.PERSON, True),
        ("/Users/bob@example.org", PlaceKind.PERSON, False),
        ("/Users/carol@example.org", PlaceKind.PERSON, True),
        ("/Shared drives/Team", PlaceKind.SITE, True),
    ]
    assert found[1].email == people.BOB


async def test_thousand_users_are_told_in_pages(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    simulators.inside(lambda: [google.accounts.add_person(f"user{n}@example.org") for n in range(1200)])
    assert len(await _places(domain)) == 1204
    assert google.tally.calls["directory.users.list"] == 3


async def test_each_user_is_asked_for_in_his_own_name(google: Google, domain: Connector) -> None:
    for email in (people.BOB, people.CAROL):
        home = await domain.look_up(f"/Users/{email}")
        ref = EntryRef(f"/Users/{email}", home.id)
        file = await put(domain, ref, "file", email.encode())
        assert file.owner == email
        assert await read(domain, ref_of(ref, file), version=file.version) == email.encode()
        node = google.drive_of(email).at("/file")
        assert node is not None
    assert google.tally.calls["oauth.token"] == 2
    root = EntryRef("/")
    assert await names(domain, root) == ["Shared drives", "Users"]
    users = await domain.look_up("/Users")
    assert await names(domain, EntryRef("/Users", users.id)) == [people.ALICE, people.BOB, people.CAROL]


async def test_unknown_user_and_suspended_user_are_told_apart(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    bob = google.accounts.person_of(people.BOB)
    assert bob is not None
    simulators.inside(lambda: setattr(bob, "is_active", False))
    with pytest.raises(UserNotFound) as unknown:
        await domain.look_up("/Users/nobody@example.org")
    with pytest.raises(AccountSuspended) as suspended:
        await domain.look_up("/Users/bob@example.org/folder")
    assert unknown.value.advice != suspended.value.advice
    with pytest.raises(NotFound):
        await domain.look_up("/Users/no address")


async def test_user_who_is_suspended_in_the_middle_is_told(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    home = EntryRef("/Users/bob@example.org", (await domain.look_up("/Users/bob@example.org")).id)
    await put(domain, home, "file", b"x")
    bob = google.accounts.person_of(people.BOB)
    assert bob is not None
    simulators.inside(lambda: setattr(bob, "is_active", False))
    with pytest.raises(AccountSuspended):
        await listed(domain, home)


async def test_who_is_suspended_is_listed_and_a_run_over_all_users_says_so(
    simulators: RunningFront, google: Google, domain: Connector, tmp_path: Path
) -> None:
    for email in (people.BOB, people.CAROL):
        home = await domain.look_up(f"/Users/{email}")
        await put(domain, EntryRef(f"/Users/{email}", home.id), "file", email.encode())
    bob = google.accounts.person_of(people.BOB)
    assert bob is not None
    simulators.inside(lambda: setattr(bob, "is_active", False))
    async with workbench(tmp_path) as bench, signed_in(bench.destination) as memory:
        engine = Engine(
            ledger=Ledger(bench.database),
            staging=bench.staging,
            staging_memory_bytes=MEMORY_BYTES,
            retries=NO_WAIT,
        )

        async def moved(root: str) -> RunResult:
            connector = people.connects(simulators, "google-admin", people.administrator(simulators))()
            await connector.sign_in()
            paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=NO_WAIT)
            try:
                return await run_pair(
                    engine,
                    Side("domain", "domain", paced, root),
                    Side("memory", "memory", memory, "/into"),
                    RunMode.COPY,
                    Options(),
                    Progress(),
                    shown_options={},
                    upload_keys=upload_keys(bench.database),
                )
            finally:
                await paced.close()

        result = await moved("/Users")
        assert result.finished
        rows = await bench.rows(result.run)
        of_bob = rows.pop(f"/{people.BOB}")
        assert (of_bob["state"], of_bob["reason"]) == (ItemState.FAILED, Reason.ACCOUNT_SUSPENDED)
        assert "suspended" in of_bob["message"]
        assert bench.destination.tree() == {f"/into/{people.CAROL}/file": people.CAROL.encode()}
        with pytest.raises(AccountSuspended) as alone:
            await moved(f"/Users/{people.BOB}")
        assert "activate the account again" in (alone.value.advice or "")
        assert code_of(alone.value) is RunCode.SIGN_IN_FAILED


async def test_shared_drive_is_used_in_the_name_of_a_member_who_may_most(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    simulators.inside(
        lambda: google.state.share_drive("Secret", {people.BOB: "reader", people.CAROL: "fileOrganizer"})
    )
    found = await domain.look_up("/Shared drives/Secret")
    ref = EntryRef("/Shared drives/Secret", found.id)
    await put(domain, ref, "file", b"x")
    assert await names(domain, ref) == ["file"]
    assert found.id is not None
    members = google.state.shared[found.id.partition("!")[0]].drive.root.grants
    assert {grant.identity for grant in members} == {people.BOB, people.CAROL}  # Mover made itself no member


async def test_shared_drive_without_a_member_who_may_write_is_denied(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    simulators.inside(lambda: google.state.share_drive("Closed", {people.BOB: "reader"}))
    closed = await domain.look_up("/Shared drives/Closed")
    with pytest.raises(PermissionDenied, match="manager"):
        await listed(domain, EntryRef("/Shared drives/Closed", closed.id))


async def test_all_of_a_domain_is_followed_through_the_feeds_of_its_users_and_drives(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    assert domain.changes is not None
    root = await domain.look_up("/")
    cursor = await domain.changes.cursor(EntryRef("/", root.id))
    google.tally.clear()
    pages = [page async for page in domain.changes.since(cursor)]
    assert [change for changes, _ in pages for change in changes] == []
    feeds = google.tally.calls["changes.list"]
    assert google.tally.calls.total() == feeds + 2  # the users, the shared drives
    home = await domain.look_up("/Users/bob@example.org")
    file = await put(domain, EntryRef("/Users/bob@example.org", home.id), "file", b"x")
    made = simulators.inside(lambda: google.state.share_drive("New", {people.BOB: "organizer"}))
    lines = [change async for changes, _ in domain.changes.since(pages[-1][1]) for change in changes]
    new = f"{made.drive.id}!{made.drive.id}"
    assert [(change.id, change.parent_id) for change in lines] == [
        (new, None),
        (new, ":drives"),
        (file.id, home.id),
    ]


async def test_a_suspended_user_ends_nobody_elses_feed(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    assert domain.changes is not None
    users = await domain.look_up("/Users")
    cursor = await domain.changes.cursor(EntryRef("/Users", users.id))
    home = await domain.look_up("/Users/carol@example.org")
    file = await put(domain, EntryRef("/Users/carol@example.org", home.id), "file", b"x")
    bob = google.state.accounts.person_of(people.BOB)
    assert bob is not None

    def suspend() -> None:
        bob.is_active = False

    simulators.inside(suspend)
    later = people.connects(simulators, "google-admin", people.administrator(simulators))()
    try:
        await later.sign_in()
        assert later.changes is not None
        lines = [change async for changes, _ in later.changes.since(cursor) for change in changes]
    finally:
        await later.close()
    assert {change.id: change.entry is None for change in lines} == {
        "bob@example.org!root": True,
        file.id: False,
    }


async def test_feed_is_of_one_user_or_drive(google: Google, domain: Connector) -> None:
    need(domain.changes is not None, "changes")
    assert domain.changes is not None
    home = await domain.look_up("/Users/bob@example.org")
    ref = EntryRef("/Users/bob@example.org", home.id)
    cursor = await domain.changes.cursor(ref)
    file = await put(domain, ref, "file", b"x")
    found = [change async for changes, _ in domain.changes.since(cursor) for change in changes]
    assert [(change.id, change.parent_id) for change in found] == [(file.id, home.id)]
    assert google.tally.calls["changes.list"] == 1


async def test_scopes_that_were_not_delegated_are_a_failed_sign_in(
    simulators: RunningFront, google: Google
) -> None:
    account = simulators.inside(
        lambda: google.sign_in.add_service_account(
            frozenset({"https://www.googleapis.com/auth/drive.readonly"}),
            next(iter(google.sign_in.service_accounts.values())).key
            if google.sign_in.service_accounts
            else None,
        )
    )
    given = {"service_account": Secret(account.key_file), "admin": people.ALICE}
    connector = people.connects(simulators, "google-admin", given)()
    with pytest.raises(SignInFailed) as caught:
        await connector.sign_in()
    assert "unauthorized_client" in caught.value.said
    await connector.close()


@pytest.mark.parametrize(
    "key", ["{}", "{", '{"client_email": "a@b", "private_key": "none"}', "/no/such/file"]
)
async def test_key_that_is_none_is_told_without_quoting_it(simulators: RunningFront, key: str) -> None:
    given = {"service_account": Secret(key), "admin": people.ALICE}
    connector = people.connects(simulators, "google-admin", given)()
    with pytest.raises(InvalidConfiguration) as caught:
        await connector.sign_in()
    assert key in {"{}", "{"} or key not in str(caught.value)
    await connector.close()


async def test_expired_token_is_replaced_on_the_way(
    simulators: RunningFront, google: Google, domain: Connector
) -> None:
    home = EntryRef("/Users/bob@example.org", (await domain.look_up("/Users/bob@example.org")).id)
    await put(domain, home, "file", b"x")
    simulators.inside(lambda: google.accounts.revoke_all(google.accounts.people[_id(google, people.BOB)]))
    assert await names(domain, home) == ["file"]
    assert google.tally.calls["oauth.token"] == 2


def _id(google: Google, email: str) -> str:
    person = google.accounts.person_of(email)
    assert person is not None
    return person.id
