"""API keys."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, insert, or_, select, update

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.records import ApiKey
from mover.accounts.tables import api_key_networks, api_keys, memberships, organisations, people


@dataclass(frozen=True)
class StoredKey:
    """A key with what its text is compared with. `alive` is false if its organisation was deleted."""

    key: ApiKey
    organisation_id: str
    alive: bool
    secret_hash: str = field(repr=False)
    previous_hash: str | None = field(repr=False)


def add(transaction: Connection, key: ApiKey, organisation_id: str, secret_hash: str) -> None:
    """Keep a new key."""
    transaction.execute(
        insert(api_keys),
        {
            "id": key.id,
            "organisation_id": organisation_id,
            "person_id": key.person_id,
            "name": key.name,
            "scopes": json.dumps(sorted(key.scopes)),
            "networks": json.dumps(key.networks),
            "calls_per_minute": key.calls_per_minute,
            "burst": key.burst,
            "secret_hash": secret_hash,
            "previous_hash": None,
            "previous_until_ns": None,
            "created_ns": key.created_ns,
            "rotated_ns": None,
            "expires_ns": key.expires_ns,
            "revoked_ns": None,
            "last_used_ns": None,
            "last_used_address": None,
            "arrival_ns": 0,
        },
    )


def of_organisation(transaction: Connection, organisation_id: str) -> list[ApiKey]:
    """List an organisation's keys, the newest first."""
    query = (
        _keys()
        .where(api_keys.c.organisation_id == organisation_id)
        .order_by(api_keys.c.created_ns.desc(), api_keys.c.id)
    )
    return [_stored(row).key for row in transaction.execute(query)]


def find(transaction: Connection, organisation_id: str, key_id: str) -> ApiKey | None:
    """Find an organisation's key."""
    query = _keys().where(api_keys.c.organisation_id == organisation_id, api_keys.c.id == key_id)
    row = transaction.execute(query).one_or_none()
    return None if row is None else _stored(row).key


def stored(transaction: Connection, key_id: str) -> StoredKey | None:
    """Find a key by its id, whosever it is."""
    row = transaction.execute(_keys().where(api_keys.c.id == key_id)).one_or_none()
    return None if row is None else _stored(row)


def rotate(
    transaction: Connection, key_id: str, secret_hash: str, *, now_ns: int, previous_until_ns: int
) -> bool:
    """Give a key another text, the present one becoming the previous; false if it was revoked meanwhile."""
    rotated = transaction.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.revoked_ns.is_(None))
        .values(
            previous_hash=api_keys.c.secret_hash,
            previous_until_ns=previous_until_ns,
            secret_hash=secret_hash,
            rotated_ns=now_ns,
        )
    )
    return rotated.rowcount == 1


def revoke(transaction: Connection, organisation_id: str, key_id: str, now_ns: int) -> bool:
    """End a key; false if it has ended."""
    revoked = transaction.execute(
        update(api_keys)
        .where(
            api_keys.c.organisation_id == organisation_id,
            api_keys.c.id == key_id,
            api_keys.c.revoked_ns.is_(None),
        )
        .values(revoked_ns=now_ns)
    )
    return revoked.rowcount == 1


def used(transaction: Connection, key_id: str, address: str, now_ns: int, before_ns: int) -> None:
    """Note a use, unless one was noted since `before_ns`."""
    transaction.execute(
        update(api_keys)
        .where(
            api_keys.c.id == key_id,
            or_(api_keys.c.last_used_ns.is_(None), api_keys.c.last_used_ns < before_ns),
        )
        .values(last_used_ns=now_ns, last_used_address=address)
    )


def seen_from(transaction: Connection, key_id: str, network: str, now_ns: int, *, most: int) -> bool:
    """Note from where a key is used; true if it is for the first time. Of places beyond `most` the oldest is forgotten."""
    mine = api_key_networks.c.key_id == key_id
    known = transaction.execute(
        update(api_key_networks).where(mine, api_key_networks.c.network == network).values(last_ns=now_ns)
    )
    if known.rowcount:
        return False
    transaction.execute(
        insert(api_key_networks).values(key_id=key_id, network=network, first_ns=now_ns, last_ns=now_ns)
    )
    newest = (
        select(api_key_networks.c.network)
        .where(mine)
        .order_by(api_key_networks.c.last_ns.desc(), api_key_networks.c.first_ns.desc())
        .limit(most)
    )
    transaction.execute(
        delete(api_key_networks).where(mine, api_key_networks.c.network.not_in(newest.scalar_subquery()))
    )
    return True


def person_behind(transaction: Connection, actor: Actor) -> str | None:
    """The person who acts, or whose key does; None where Mover acts by itself."""
    match actor.kind:
        case ActorKind.PERSON:
            return actor.id
        case ActorKind.API_KEY:
            query = select(api_keys.c.person_id).where(api_keys.c.id == actor.id)
            return transaction.execute(query).scalar_one_or_none()
        case _:
            return None


def _keys() -> Select[Any]:
    return (
        select(
            api_keys,
            people.c.name.label("person_name"),
            memberships.c.role,
            organisations.c.deleted_ns,
        )
        .join(people, people.c.id == api_keys.c.person_id)
        .join(organisations, organisations.c.id == api_keys.c.organisation_id)
        .outerjoin(
            memberships,
            and_(
                memberships.c.organisation_id == api_keys.c.organisation_id,
                memberships.c.person_id == api_keys.c.person_id,
            ),
        )
    )


def _stored(row: Row[Any]) -> StoredKey:
    scopes = frozenset(Permission(scope) for scope in json.loads(row.scopes))
    allowed = Role(row.role).permissions if row.role is not None else frozenset()
    key = ApiKey(
        id=row.id,
        name=row.name,
        person_id=row.person_id,
        person_name=row.person_name,
        scopes=scopes,
        permissions=scopes & allowed,
        networks=tuple(json.loads(row.networks)),
        calls_per_minute=row.calls_per_minute,
        burst=row.burst,
        created_ns=row.created_ns,
        rotated_ns=row.rotated_ns,
        previous_until_ns=row.previous_until_ns,
        expires_ns=row.expires_ns,
        revoked_ns=row.revoked_ns,
        last_used_ns=row.last_used_ns,
        last_used_address=row.last_used_address,
    )
    return StoredKey(key, row.organisation_id, row.deleted_ns is None, row.secret_hash, row.previous_hash)
