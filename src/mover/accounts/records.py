"""What the accounts' services hand out. None of these holds a hash, a token or another secret."""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.vault.secret import Secret

DEFAULT_KEPT_DAYS = 90
LEAST_KEPT_DAYS = 1
MOST_KEPT_DAYS = 3_650


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything belongs to one. `kept_days`: how long runs, items and reports are kept after their end."""

    id: str
    name: str
    second_factor_required: bool
    created_ns: int
    kept_days: int = DEFAULT_KEPT_DAYS


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can sign in; may belong to several organisations."""

    id: str
    email: str
    name: str
    email_verified_ns: int | None
    created_ns: int
    last_sign_in_ns: int | None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in an organisation, as the others there see them."""

    person_id: str
    email: str
    name: str
    role: Role
    joined_ns: int
    last_sign_in_ns: int | None
    has_second_factor: bool


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation of a person, as that person sees it."""

    organisation_id: str
    organisation_name: str
    role: Role


class Method(enum.StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105 - a word, not one
    PASSKEY = "passkey"
    SINGLE_SIGN_ON = "single_sign_on"


class SecondFactor(enum.StrEnum):
    """What was shown beside the password. A passkey that verified its user is both factors at once."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"
    PASSKEY = "passkey"


class Requirement(enum.StrEnum):
    """What stands between a session and the permissions of its person's role; until then it may do nothing."""

    SECOND_FACTOR = "second_factor"  # the organisation demands one: set one up or sign in with it
    SINGLE_SIGN_ON = "single_sign_on"  # the organisation lets people in only that way
    ORGANISATION = "organisation"  # the person belongs to none, or no longer to this one


@dataclass(frozen=True)
class Client:
    """Where a request comes from.

    Attributes:
        address: IP address, as the server saw it.
        device: What the browser calls itself; from outside, shortened and made safe when it is stored.
    """

    address: str
    device: str = ""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that lasts. Its token is only with the browser."""

    id: str
    person_id: str
    organisation_id: str | None
    method: Method
    second_factor: SecondFactor | None
    second_factor_ns: int | None
    address: str
    device: str
    created_ns: int
    signed_in_ns: int
    last_seen_ns: int
    expires_ns: int


@dataclass(frozen=True)
class SignedIn:
    """Who sits behind a session's token.

    Attributes:
        session: The session.
        person: Whose it is.
        actor: What they may do now, in the session's organisation; no permissions while `requirement` is not met.
        requirement: What is missing, None if nothing is.
        csrf_token: What a form of this session has to send along; see `csrf_matches`.
    """

    session: Session
    person: Person
    actor: Actor
    requirement: Requirement | None
    csrf_token: Secret = field(repr=False)

    def csrf_matches(self, presented: str) -> bool:
        """Tell whether a form was made for this session; takes the same time for all that are wrong."""
        return hmac.compare_digest(
            self.csrf_token.reveal().encode(), presented.encode("utf-8", "surrogatepass")
        )


def csrf_token(session_token: Secret, session_id: str) -> Secret:
    """Derive a session's CSRF token: HMAC-SHA-256 of the session's id, keyed with the token that only the browser has.

    Whoever knows the database can therefore not make one, and it changes whenever the session's token does.
    """
    mac = hmac.new(session_token.reveal().encode(), b"mover csrf\0" + session_id.encode(), hashlib.sha256)
    return Secret(mac.hexdigest())


@dataclass(frozen=True)
class Entrance:
    """A successful sign-in, for the browser: `token` becomes the session cookie, `device` the long-lived one.

    `device` marks a browser in which this person has signed in before. It opens nothing; it only keeps a stranger's
    wrong guesses from slowing down the one who is known. It is the new one or None: keep the old one.
    """

    token: Secret
    signed_in: SignedIn
    device: Secret | None


@dataclass(frozen=True)
class SecondFactorNeeded:
    """The first half of a sign-in succeeded; `ticket` (single browser, ten minutes) is needed for the second."""

    ticket: Secret
    ways: frozenset[SecondFactor]
    expires_ns: int


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An open, accepted, expired or revoked invitation."""

    id: str
    organisation_id: str
    organisation_name: str
    email: str
    role: Role
    invited_by_name: str
    created_ns: int
    expires_ns: int
    accepted_ns: int | None
    revoked_ns: int | None


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of a person, as the list shows it."""

    id: str
    name: str
    backed_up: bool
    created_ns: int
    last_used_ns: int | None


@dataclass(frozen=True)
class Ceremony:
    """What the browser is asked to do with passkeys: `options` (JSON) go to `navigator.credentials`, `ticket` comes back."""

    ticket: Secret
    options: str


@dataclass(frozen=True)
class TotpSetup:
    """A new TOTP secret, to be scanned: shown once, counts after the first code. `svg` is a QR code of `uri`."""

    secret: Secret
    uri: Secret
    svg: Secret


class SingleSignOnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an organisation's people come in through its OpenID provider.

    Attributes:
        issuer: The provider's issuer identifier, `https://...`, exactly as it calls itself.
        client_id: Of Mover at the provider.
        domains: Addresses of these domains may come in.
        default_role: Of people who come for the first time; None: only people who are members already.
        required: Nobody but owners comes in another way.
    """

    issuer: str
    client_id: str
    domains: tuple[str, ...]
    default_role: Role | None
    required: bool


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key, as the list shows it.

    Attributes:
        scopes: What it was made for.
        permissions: What of that its maker may still do: what it can do now.
        networks: From where it works; empty: from anywhere.
        previous_until_ns: After a rotation: until when the secret before works too.
    """

    id: str
    name: str
    person_id: str
    person_name: str
    scopes: frozenset[Permission]
    permissions: frozenset[Permission]
    networks: tuple[str, ...]
    calls_per_minute: int
    burst: int
    created_ns: int
    rotated_ns: int | None
    previous_until_ns: int | None
    expires_ns: int | None
    revoked_ns: int | None
    last_used_ns: int | None
    last_used_address: str | None


@dataclass(frozen=True)
class KeyUse:
    """A call with an API key, let in."""

    key: ApiKey
    actor: Actor


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log. `number`: its place in the organisation's chain; None: it is not sealed yet."""

    id: int
    number: int | None
    happened_ns: int
    actor_kind: ActorKind
    actor_id: str
    actor_name: str
    action: str
    subject: str
    details: Mapping[str, str]
