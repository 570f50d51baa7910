"""Who may export what, what becomes of it when something goes wrong, and what the organisation knows of it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage  # type: ignore[import-untyped] # no stubs are published
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import select, update
from tests.lawful.court import CASE, NS, REASON, Court, some_bytes
from tests.staging.streams import MIB

from mover.accounts.refusals import MayNot
from mover.errors import Conflict, InvalidConfiguration, PermissionDenied
from mover.lawful.recipients import recipients_digest
from mover.lawful.records import AnswerState
from mover.lawful.refusals import NoSuchCase, OutputRefused
from mover.lawful.tables import legal_orders
from mover.migrations.tables import signing_keys
from mover.staff.tables import staff_requests
from mover.staging.held import Held

pytestmark = pytest.mark.promise("P10")


async def test_the_manifest_names_every_file_and_is_signed_with_the_organisations_key(court: Court) -> None:
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), some_bytes(100_000))
        await court.export(await court.approved(), one)
    files = court.open().files
    manifest = court.open().manifest
    told = {one["name"]: (one["size"], one["sha256"]) for one in manifest["files"]}
    assert told == {
        name: (len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
        if name not in {"manifest.json", "manifest.sig", "public-key.pem"}
    }
    public = load_pem_public_key(files["public-key.pem"])
    assert isinstance(public, Ed25519PublicKey)
    public.verify(files["manifest.sig"], files["manifest.json"])
    published = await court.database.read(lambda c: c.execute(select(signing_keys)).one())
    assert base64.b64decode(published.public_key) == public.public_bytes_raw()
    assert manifest["signed_with"] == {"key": published.id, "public_key": published.public_key}


async def test_when_nothing_is_held_that_is_said_signed_and_audited(court: Court) -> None:
    await court.under_way("one", state="ended", ended_ns=court.now_ns() - NS)
    async with court.station("one") as one:
        exported = await court.export(await court.approved(), one)
    assert exported.findings.nothing_held
    assert exported.findings.sentence == "Nothing is held: no run in scope was under way."
    manifest = court.open().manifest
    assert manifest["held"] == {
        "sentence": exported.findings.sentence,
        "nothing": True,
        "parts": 0,
        "bytes": 0,
    }
    assert len(court.open().lines("items")) == 1  # its metadata is there
    used = [event for event in await court.office.staff_log() if event.action == "exception.used"]
    assert "Nothing is held" in used[-1].details


async def test_a_runner_that_holds_nothing_says_so(court: Court) -> None:
    await court.under_way("one")
    async with court.station("one") as one:
        exported = await court.export(await court.approved(), one)
    assert exported.findings.sentence == "Nothing is held."
    assert [answer.state for answer in exported.findings.runners] == [AnswerState.ANSWERED]


async def test_only_a_silent_runner_is_not_nothing(court: Court) -> None:
    await court.under_way("dead")
    exported = await court.export(await court.approved())
    assert not exported.findings.nothing_held
    assert exported.findings.sentence.startswith("Nothing was handed over. 1 runner gave no full answer")


async def test_it_takes_two_others(court: Court) -> None:
    sam, tess, uma = court.office.everybody
    order = await court.ask()
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        for _ in range(2):
            with pytest.raises(PermissionDenied):
                await court.export(order, one)
            with pytest.raises(MayNot):
                await court.orders.approve(sam, order)
            order = await court.orders.find(CASE)
            if not order.request.approvals:
                await court.orders.approve(tess, order)
                with pytest.raises(Conflict):
                    await court.orders.approve(tess, order)
        assert await court.rows_left() == 0  # nobody was asked
        order = await court.orders.approve(uma, order)
        for other in (tess, uma):
            with pytest.raises(MayNot):
                await court.export(order, one, by=other)
        await court.export(order, one)
    assert court.open().contents() == {("/folder/plan.docx", 0): b"held"}


async def test_what_is_approved_is_sealed_to_those_who_were_shown(court: Court) -> None:
    """Whoever writes to the tables puts in other recipients: for the digest first, or while somebody reads."""
    order = await court.ask()
    thief = [str(pyrage.x25519.Identity.generate().to_public())]
    bound = update(staff_requests).values(bound=recipients_digest(thief))
    await court.database.write(lambda c: c.execute(bound))
    shown = await court.orders.find(CASE)
    assert shown.recipients == (court.recipient,)
    with pytest.raises(Conflict, match="not those that it was asked for with"):
        await court.orders.approve(court.office.tess, shown)

    swapped = update(legal_orders).values(recipients=json.dumps(thief))
    await court.database.write(lambda c: c.execute(swapped))
    with pytest.raises(Conflict, match="not what you were shown"):
        await court.orders.approve(court.office.tess, order)
    assert (await court.orders.find(CASE)).request.approvals == ()


@pytest.mark.parametrize("how", ["refused", "withdrawn", "expired"])
async def test_an_order_that_is_over_is_not_carried_out(court: Court, how: str) -> None:
    order = await court.approved()
    match how:
        case "refused":
            await court.orders.stop(court.office.uma, order, "the court has lifted it")
        case "withdrawn":
            await court.orders.stop(court.office.sam, order, "")
        case _:
            court.office.house.clock.at += 2 * 86_400
    with pytest.raises(PermissionDenied):
        await court.export(order)
    assert not court.output.exists()


async def test_a_full_disk_loses_nothing_of_what_was_held(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = some_bytes(2 * MIB)
    room = MIB

    def write(descriptor: int, data: Any) -> int:
        nonlocal room
        room -= len(data)
        if room < 0:
            raise OSError(28, "No space left on device")
        return int(real(descriptor, data))

    real = os.write
    order = await court.approved()
    async with court.station("one") as one:
        held = await court.under_way("one")
        await one.hold(held, content)
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            with pytest.raises(OutputRefused, match="No space left"):
                await court.export(order, one)
        assert list(court.folder.glob("*export*")) == []
    exported = await court.export(order)  # the runner is gone, and what it held
    assert exported.resumed
    assert court.open().contents() == {(held.path, 0): content}
    assert await court.rows_left() == 0


async def test_nothing_is_overwritten(court: Court) -> None:
    order = await court.approved()
    court.output.write_bytes(b"mine")
    with pytest.raises(InvalidConfiguration, match="is there already"):
        await court.export(order)
    assert court.output.read_bytes() == b"mine"
    with pytest.raises(OutputRefused):
        await court.export(order, output=court.folder / "no" / "such" / "folder")


async def test_parts_that_go_meanwhile_and_damage_are_told_apart(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with court.station("one", on_disk=True) as one:
        first = await court.under_way("one", name="1 cut")
        second = await court.under_way("one", name="2 gone")
        third = await court.under_way("one", name="3 damaged")
        fourth = await court.under_way("one", name="4 large")
        cut = await one.hold(first, some_bytes(3 * MIB))
        gone = await one.hold(second, b"gone")
        await one.hold(third, b"damaged" * 1000)
        await one.hold(fourth, some_bytes(4 * MIB))
        damage(court.folder / "staging", size=7016)
        pieces = Held.pieces

        def meanwhile(held: Held) -> Iterator[bytes]:
            read = 0
            for piece in pieces(held):
                read += len(piece)
                if read == 2 * MIB:
                    cut.close()
                    gone.close()
                yield piece

        monkeypatch.setattr(Held, "pieces", meanwhile)
        await court.export(await court.approved(), one, most_bytes=6 * MIB)
    outcomes = {p["path"]: (p["outcome"].split(":")[0], p["size"]) for p in court.open().manifest["parts"]}
    assert outcomes == {
        "/folder/1 cut": ("sealed as far as it was read", 2 * MIB),
        "/folder/2 gone": ("it was sent and removed before it was read", None),
        "/folder/3 damaged": ("it was damaged where it rested, and could not be decrypted", None),
        "/folder/4 large": ("the limit of the export left no room for it", None),
    }
    assert court.open().contents() == {("/folder/1 cut", 0): some_bytes(3 * MIB)[: 2 * MIB]}


def damage(staging: Path, *, size: int) -> None:
    (file,) = [path for path in staging.glob("process-*/part-*") if path.stat().st_size == size]
    raw = bytearray(file.read_bytes())
    raw[10] ^= 1
    file.write_bytes(raw)


async def test_the_organisation_knows_of_it_from_the_day_that_was_set_and_not_before(court: Court) -> None:
    async with court.station("one") as one:
        await one.hold(await court.under_way("one"), b"held")
        order = await court.approved()
        await court.export(order, one)
    disclosures = court.office.disclosures
    seen = [event.action for event in await court.office.log()]
    assert not any(action.startswith("exception") for action in seen)
    steps = [event.action for event in await court.office.staff_log() if event.action.startswith("exception")]
    assert steps == [
        "exception.asked",
        "exception.approved",
        "exception.approved",
        "exception.used",
        "exception.used",
    ]
    await disclosures.set(court.office.sam, order.request.id, court.now_ns() + 86_400 * NS)
    assert await disclosures.tell_due() == 0
    court.office.house.clock.at += 86_400
    assert await disclosures.tell_due() == 1
    assert [event.action for event in await court.office.log()][-1] == "exception.disclosed"


async def test_a_case_that_nobody_asked_for_is_not_found(court: Court) -> None:
    with pytest.raises(NoSuchCase):
        await court.orders.find("4 Js 99/26")
    first, second = await court.ask(), await court.ask()
    with pytest.raises(InvalidConfiguration, match="2 requests"):
        await court.orders.find(CASE)
    assert (await court.orders.find(CASE, second.request.id)).request.id == second.request.id
    assert {order.request.id for order in await court.orders.all()} == {first.request.id, second.request.id}


async def test_rubbish_is_no_recipient_and_nothing_is_asked_for(court: Court) -> None:
    for bad in (["age1xyz"], ["ssh-ed25519 AAAA"], ["\x00"], [str(court.identity)], [], [""]):
        with pytest.raises(InvalidConfiguration) as raised:
            await court.orders.ask(
                court.office.sam,
                (await court.ask()).request.scope,
                REASON,
                "other case",
                bad,
                court.now_ns() + NS * 3600,
            )
        assert "AGE-SECRET-KEY" not in str(raised.value)
    with pytest.raises(NoSuchCase):
        await court.orders.find("other case")
