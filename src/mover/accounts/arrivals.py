"""Somebody comes from an organisation's provider: who is that here?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mover.accounts.queries import organisations, passkeys, people
from mover.accounts.queries import single_sign_on as queries
from mover.accounts.records import Person, SingleSignOnSettings
from mover.accounts.refusals import MayNot
from mover.accounts.typed import LONGEST_NAME, email_address, shown_name
from mover.errors import InvalidConfiguration, one_line


@dataclass(frozen=True)
class Arrival:
    """What a provider vouches for: its own name for somebody, an address that it has verified, a name."""

    subject: str
    email: str
    name: str

    @classmethod
    def of(cls, claims: Mapping[str, Any], domains: Sequence[str]) -> Arrival:
        """Read verified claims. Raises PermissionDenied: no verified address, or not one of these domains."""
        given = claims.get("email")
        # Some providers spell the boolean as text; anything but a clear yes is a no.
        if not isinstance(given, str) or claims.get("email_verified") not in (True, "true"):
            raise MayNot("your organisation's provider does not vouch for your e-mail address")
        try:
            email = email_address(given)
        except InvalidConfiguration:
            raise MayNot("your organisation's provider names an address that is none") from None
        if email.rpartition("@")[2] not in domains:
            raise MayNot(f"{email} is not of a domain from which people may come in")
        try:
            name = shown_name(str(claims.get("name") or "")[:LONGEST_NAME], "a person")
        except InvalidConfiguration:
            name = one_line(email.rpartition("@")[0], limit=LONGEST_NAME)
        return cls(str(claims["sub"]), email, name)


def arrived_person(
    transaction: Connection,
    organisation_id: str,
    settings: SingleSignOnSettings,
    arrival: Arrival,
    new_person_id: str,
    now_ns: int,
) -> tuple[Person, bool]:
    """Find the person, or make one; the second value tells whether the person joined the organisation just now.

    Who came before is recognised by the provider's own name for them, whatever became of the address; who comes for the
    first time by the address. A person who is made here has no verified address and no password: it was this
    organisation's provider that vouched, and that is good for this organisation only.

    Raises PermissionDenied: not a member, and nobody joins by coming; the address is another identity's; or it belongs to
    an account that opens by a password or passkey of whoever made it, without that one having shown that the address is
    theirs: if that became a member by this, so would its maker.
    """
    known = queries.person_of(transaction, organisation_id, settings.issuer, arrival.subject)
    person = people.find(transaction, known) if known is not None else None
    if person is None:
        person = _by_address(transaction, organisation_id, settings, arrival, new_person_id, now_ns)
    if organisations.role_of(transaction, organisation_id, person.id) is not None:
        return person, False
    if settings.default_role is None:
        raise _not_a_member(arrival)
    if _is_somebody_elses_word(transaction, person):
        raise MayNot(
            f"there is an account of {person.email} already, and nobody has shown that it is yours; "
            "ask an administrator for an invitation"
        )
    organisations.add_member(transaction, organisation_id, person.id, settings.default_role, now_ns)
    return person, True


def _by_address(
    transaction: Connection,
    organisation_id: str,
    settings: SingleSignOnSettings,
    arrival: Arrival,
    new_person_id: str,
    now_ns: int,
) -> Person:
    found = people.by_email(transaction, arrival.email)
    if found is not None:
        person = found.person
        if queries.has_identity(transaction, organisation_id, settings.issuer, person.id):
            # An address that was given to somebody else at the provider must not bring them into the old one's account.
            raise MayNot(f"{arrival.email} belongs to somebody else at your organisation's provider")
    elif settings.default_role is None:
        raise _not_a_member(arrival)
    else:
        person = Person(
            id=new_person_id,
            email=arrival.email,
            name=arrival.name,
            email_verified_ns=None,
            created_ns=now_ns,
            last_sign_in_ns=None,
        )
        people.add(transaction, person, None)
    queries.add_identity(transaction, organisation_id, settings.issuer, arrival.subject, person.id, now_ns)
    return person


def _is_somebody_elses_word(transaction: Connection, person: Person) -> bool:
    opens_by_itself = people.has_password(transaction, person.id) or bool(
        passkeys.of_person(transaction, person.id)
    )
    return opens_by_itself and person.email_verified_ns is None


def _not_a_member(arrival: Arrival) -> MayNot:
    return MayNot(
        f"{arrival.email} does not belong to this organisation; ask an administrator for an invitation"
    )
