"""People, groups and tokens of one organisation at a vendor."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

SECOND_NS = 1_000_000_000


@dataclass(eq=False)
class Person:
    """A user.

    Attributes:
        id: The vendor's.
        email: In lower case.
        name: For people.
        is_admin: May act for others.
        is_active: False: suspended.
        quota: Bytes that may be stored; None: no limit.
        provisioned: Storage was made (OneDrive makes it at the first use).
    """

    id: str
    email: str
    name: str
    is_admin: bool = False
    is_active: bool = True
    quota: int | None = None
    provisioned: bool = True

    @property
    def domain(self) -> str:
        """The part of the address behind the @."""
        return self.email.partition("@")[2]


@dataclass(eq=False)
class Group:
    """Some people under one name."""

    id: str
    email: str
    name: str
    members: list[Person] = field(default_factory=list)


@dataclass(eq=False)
class Token:
    """An access or refresh token, or a code.

    Attributes:
        value: What is shown.
        person: In whose name; None: of an app by itself.
        scopes: What it is good for.
        expires_ns: When it is worthless; None: never.
        kind: `access`, `refresh` or `code`.
        client_id: Of the app that it was given to.
        is_spent: Exchanged already, or revoked.
        details: What a code remembers (redirect address, PKCE challenge).
    """

    value: str
    person: Person | None
    scopes: tuple[str, ...]
    expires_ns: int | None
    kind: str
    client_id: str
    is_spent: bool = False
    details: dict[str, str] = field(default_factory=dict)


class Accounts:
    """People, groups and tokens.

    Args:
        now_ns: The world's clock.
        vendor: Begins all ids and tokens, so that one of another vendor is recognised as strange.
    """

    def __init__(self, now_ns: Callable[[], int], vendor: str) -> None:
        self._now_ns = now_ns
        self._vendor = vendor
        self._numbers = itertools.count(1)
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.tokens: dict[str, Token] = {}

    def add_person(
        self,
        email: str,
        name: str = "",
        *,
        person_id: str | None = None,
        is_admin: bool = False,
        quota: int | None = None,
    ) -> Person:
        """Add a user."""
        email = email.lower()
        made = Person(
            person_id or f"{100_000_000 + next(self._numbers)}",
            email,
            name or email.partition("@")[0].replace(".", " ").title(),
            is_admin=is_admin,
            quota=quota,
        )
        self.people[made.id] = made
        return made

    def add_group(
        self, email: str, name: str = "", members: Iterable[Person] = (), *, group_id: str | None = None
    ) -> Group:
        """Add a group."""
        made = Group(
            group_id or f"{900_000_000 + next(self._numbers)}",
            email.lower(),
            name or email.partition("@")[0],
            list(members),
        )
        self.groups[made.id] = made
        return made

    def person_of(self, email: str) -> Person | None:
        """Find a user by address."""
        email = email.lower()
        return next((person for person in self.people.values() if person.email == email), None)

    def group_of(self, email: str) -> Group | None:
        """Find a group by address."""
        email = email.lower()
        return next((group for group in self.groups.values() if group.email == email), None)

    def issue(
        self,
        person: Person | None,
        *,
        kind: str = "access",
        lifetime_s: float | None = 3600,
        scopes: Iterable[str] = (),
        client_id: str = "test-app",
        details: dict[str, str] | None = None,
    ) -> Token:
        """Make a token that is good for so many seconds (None: for ever)."""
        expires_ns = None if lifetime_s is None else self._now_ns() + int(lifetime_s * SECOND_NS)
        made = Token(
            f"{self._vendor}-{kind}-{next(self._numbers):08d}",
            person,
            tuple(scopes),
            expires_ns,
            kind,
            client_id,
            details=details or {},
        )
        self.tokens[made.value] = made
        return made

    def find(self, value: str, kind: str = "access") -> Token | None:
        """Find a token that is good now."""
        token = self.tokens.get(value)
        if token is None or token.kind != kind or token.is_spent or self.has_expired(token):
            return None
        return token

    def has_expired(self, token: Token) -> bool:
        """Tell whether a token's time is over."""
        return token.expires_ns is not None and token.expires_ns <= self._now_ns()

    def revoke_all(self, person: Person) -> None:
        """Make all tokens of a user worthless."""
        for token in self.tokens.values():
            if token.person is person:
                token.is_spent = True
