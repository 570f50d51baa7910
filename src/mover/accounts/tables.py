"""Tables of the accounts. Tokens are kept as SHA-256 in hexadecimal digits; times are nanoseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from mover.database.base import metadata

organisations = Table(
    "organisations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("first", Boolean, unique=True),  # true for the one made while there was none; else NULL
    Column("second_factor_required", Boolean, nullable=False),
    Column("kept_days", Integer, nullable=False, server_default="90"),  # of runs, items and reports
    Column("created_ns", BigInteger, nullable=False),
    Column("deleted_ns", BigInteger),  # its rows go in batches
)

people = Table(
    "people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # lower case
    Column("name", String(200), nullable=False),
    Column("password_hash", String(255)),  # argon2id in its own notation; NULL: signs in by other means only
    Column("email_verified_ns", BigInteger),
    Column("created_ns", BigInteger, nullable=False),
    Column("last_sign_in_ns", BigInteger),
)

memberships = Table(
    "memberships",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), index=True),
    Column("method", String(16), nullable=False),  # password, passkey, single_sign_on
    Column("second_factor", String(16)),  # NULL: none was used
    Column("second_factor_ns", BigInteger),
    Column("address", String(45), nullable=False),
    Column("device", String(200), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("signed_in_ns", BigInteger, nullable=False),  # when it was last shown who sits there
    Column("last_seen_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),  # whatever happens
)

known_devices = Table(
    "known_devices",  # browsers in which a person has signed in: their attempts are counted apart from strangers'
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("last_used_ns", BigInteger, nullable=False),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("key", String(96), primary_key=True),  # "account:<hash>", "device:<id>", "address:<network>", ...
    Column("failures", Integer, nullable=False),
    Column("last_ns", BigInteger, nullable=False, index=True),
    Column("blocked_until_ns", BigInteger, nullable=False),
)

tickets = Table(
    "tickets",  # something that was begun and waits for its second half: once, and not for long
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("purpose", String(24), nullable=False),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), index=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), index=True),
    Column("details", Text, nullable=False),  # JSON; no secret
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("email", String(254), nullable=False),
    Column("role", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("invited_by", ForeignKey("people.id", ondelete="SET NULL"), index=True),
    Column("invited_by_name", String(200), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("accepted_ns", BigInteger),
    Column("revoked_ns", BigInteger),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),
    Column("used_ns", BigInteger),
)

totp = Table(
    "totp",  # the secret is in the vault of `person:<id>`
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("setup_id", String(32), nullable=False),  # names the secret in the vault
    Column("last_step", BigInteger, nullable=False),  # the latest 30 s for which a code was taken
    Column("created_ns", BigInteger, nullable=False),
    Column("confirmed_ns", BigInteger),  # NULL: shown, but no code was seen yet; does not count
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("code_hash", String(64), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("used_ns", BigInteger),
    UniqueConstraint("person_id", "code_hash"),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", String(1400), nullable=False, unique=True),  # base64url
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("transports", Text, nullable=False),  # JSON, as the browser named them
    Column("backed_up", Boolean, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("last_used_ns", BigInteger),
)

single_sign_on = Table(
    "single_sign_on",  # the client secret is in the vault of `organisation:<id>`
    metadata,
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(500), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("domains", Text, nullable=False),  # JSON: addresses of these may come in
    Column(
        "default_role", String(16)
    ),  # of people who come for the first time; NULL: only people who are members
    Column("required", Boolean, nullable=False),  # no other way in but for owners
    Column("changed_ns", BigInteger, nullable=False),
)

single_sign_on_identities = Table(
    "single_sign_on_identities",
    metadata,
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True),
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_ns", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation_id", ForeignKey("organisations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False, index=True),  # its maker
    Column("name", String(100), nullable=False),
    Column("scopes", Text, nullable=False),  # JSON
    Column("networks", Text, nullable=False),  # JSON; empty: from anywhere
    Column("calls_per_minute", Integer, nullable=False),
    Column("burst", Integer, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("previous_hash", String(64)),
    Column("previous_until_ns", BigInteger),
    Column("created_ns", BigInteger, nullable=False),
    Column("rotated_ns", BigInteger),
    Column("expires_ns", BigInteger),
    Column("revoked_ns", BigInteger),
    Column("last_used_ns", BigInteger),
    Column("last_used_address", String(45)),
    Column("arrival_ns", BigInteger, nullable=False),  # GCRA's theoretical arrival time, see rates.py
)

api_key_networks = Table(
    "api_key_networks",  # from where a key was used: an address, or a /64 of IPv6
    metadata,
    Column("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    Column("network", String(49), primary_key=True),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
)
