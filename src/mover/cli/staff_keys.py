"""`mover staff keys` and `revoke-key`: what programs of the staff show metadata to, and an end to it."""

from __future__ import annotations

import time

from mover.accounts.audit_log import AuditLog
from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.cli.screen import out, print_json, words
from mover.cli.workplace import workplace
from mover.staff.assembly import assemble
from mover.staff.keys import StaffKeys
from mover.staff.letters import moment
from mover.staff.records import StaffKey
from mover.workplace.workplace import Workplace


async def list_keys(*, machine: bool) -> int:
    """List all keys, one a line."""
    async with workplace() as place:
        found = await _keys(place).all()
    for key in found:
        if machine:
            print_json(_as_object(key))
        else:
            out().print(words(f"{key.id}  {key.email}  {key.name}  {_state(key)}  {_last_use(key)}"))
    if not found and not machine:
        say("the staff have no API keys", style="bold yellow")
    return ALL_WELL


async def revoke(key_id: str, *, machine: bool) -> int:
    """End a key. Raises NotFound."""
    async with workplace() as place:
        key = await _keys(place).revoke(key_id)
    if machine:
        print_json(_as_object(key))
    else:
        out().print(words(f"The API key {key.name} of {key.email} opens nothing any more."))
    return ALL_WELL


def _keys(place: Workplace) -> StaffKeys:
    return assemble(place.database, place.vault, place.settings, AuditLog(place.database)).keys


def _state(key: StaffKey) -> str:
    if key.revoked_ns is not None:
        return "revoked"
    return f"until {moment(key.expires_ns)}" if key.works(time.time_ns()) else "expired"


def _last_use(key: StaffKey) -> str:
    if key.last_used_ns is None:
        return "never used"
    return f"last used {moment(key.last_used_ns)} from {key.last_used_address}"


def _as_object(key: StaffKey) -> dict[str, object]:
    return {
        "id": key.id,
        "email": key.email,
        "name": key.name,
        "networks": list(key.networks),
        "created_ns": key.created_ns,
        "expires_ns": key.expires_ns,
        "revoked_ns": key.revoked_ns,
        "last_used_ns": key.last_used_ns,
        "last_used_address": key.last_used_address,
    }
