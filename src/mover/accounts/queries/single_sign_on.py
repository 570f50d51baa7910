"""How organisations' people come in through their own provider, and who they are there."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, insert, select

from mover.accounts.actor import Role
from mover.accounts.records import SingleSignOnSettings
from mover.accounts.tables import organisations, single_sign_on, single_sign_on_identities
from mover.database.upsert import upsert


def settings(transaction: Connection, organisation_id: str) -> SingleSignOnSettings | None:
    """Read an organisation's settings."""
    query = (
        select(single_sign_on)
        .join(organisations, organisations.c.id == single_sign_on.c.organisation_id)
        .where(single_sign_on.c.organisation_id == organisation_id, organisations.c.deleted_ns.is_(None))
    )
    row = transaction.execute(query).one_or_none()
    if row is None:
        return None
    return SingleSignOnSettings(
        issuer=row.issuer,
        client_id=row.client_id,
        domains=tuple(json.loads(row.domains)),
        default_role=None if row.default_role is None else Role(row.default_role),
        required=row.required,
    )


def put(transaction: Connection, organisation_id: str, changed: SingleSignOnSettings, now_ns: int) -> None:
    """Keep an organisation's settings."""
    transaction.execute(
        upsert(transaction, single_sign_on, ["organisation_id"]),
        {
            "organisation_id": organisation_id,
            "issuer": changed.issuer,
            "client_id": changed.client_id,
            "domains": json.dumps(changed.domains),
            "default_role": None if changed.default_role is None else changed.default_role.value,
            "required": changed.required,
            "changed_ns": now_ns,
        },
    )


def remove(transaction: Connection, organisation_id: str) -> bool:
    """Forget an organisation's settings and who is who at its provider; false if there are none."""
    transaction.execute(
        delete(single_sign_on_identities).where(
            single_sign_on_identities.c.organisation_id == organisation_id
        )
    )
    gone = transaction.execute(
        delete(single_sign_on).where(single_sign_on.c.organisation_id == organisation_id)
    )
    return gone.rowcount == 1


def of_domain(transaction: Connection, domain: str) -> list[str]:
    """List the organisations whose provider vouches for addresses of a domain."""
    query = (
        select(single_sign_on.c.organisation_id, single_sign_on.c.domains)
        .join(organisations, organisations.c.id == single_sign_on.c.organisation_id)
        .where(
            organisations.c.deleted_ns.is_(None),
            single_sign_on.c.domains.contains(json.dumps(domain), autoescape=True),
        )
    )
    return [row.organisation_id for row in transaction.execute(query) if domain in json.loads(row.domains)]


def person_of(transaction: Connection, organisation_id: str, issuer: str, subject: str) -> str | None:
    """Tell who somebody at a provider is here; None if they come for the first time."""
    query = select(single_sign_on_identities.c.person_id).where(
        single_sign_on_identities.c.organisation_id == organisation_id,
        single_sign_on_identities.c.issuer == issuer,
        single_sign_on_identities.c.subject == subject,
    )
    return transaction.execute(query).scalar_one_or_none()


def has_identity(transaction: Connection, organisation_id: str, issuer: str, person_id: str) -> bool:
    """Tell whether a person here is somebody at the provider already."""
    query = select(single_sign_on_identities.c.subject).where(
        single_sign_on_identities.c.organisation_id == organisation_id,
        single_sign_on_identities.c.issuer == issuer,
        single_sign_on_identities.c.person_id == person_id,
    )
    return transaction.execute(query).first() is not None


def add_identity(
    transaction: Connection, organisation_id: str, issuer: str, subject: str, person_id: str, now_ns: int
) -> None:
    """Remember who somebody at a provider is here."""
    transaction.execute(
        insert(single_sign_on_identities),
        {
            "organisation_id": organisation_id,
            "issuer": issuer,
            "subject": subject,
            "person_id": person_id,
            "created_ns": now_ns,
        },
    )
