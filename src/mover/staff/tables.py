"""Tables of the staff. Tokens are kept as SHA-256 in hexadecimal digits; times are nanoseconds since 1970 UTC.

Requests name people and organisations by id and word, without foreign keys: who approved what stays known after they left.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from mover.database.base import metadata

staff_people = Table(
    "staff_people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", String(254), nullable=False, unique=True),  # lower case
    Column("name", String(200), nullable=False),
    Column("password_hash", String(255), nullable=False),  # argon2id in its own notation
    Column("password_given_ns", BigInteger),  # the operator knows it: to be changed first; NULL: their own
    Column("created_ns", BigInteger, nullable=False),
    Column("last_sign_in_ns", BigInteger),
)

staff_totp = Table(
    "staff_totp",  # the secret is in the vault of `staff:<id>`
    metadata,
    Column("staff_id", ForeignKey("staff_people.id", ondelete="CASCADE"), primary_key=True),
    Column("setup_id", String(32), nullable=False),  # names the secret in the vault
    Column("last_step", BigInteger, nullable=False),  # the latest 30 s for which a code was taken
    Column("created_ns", BigInteger, nullable=False),
    Column("confirmed_ns", BigInteger),  # NULL: shown, but no code was seen yet; does not count
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("staff_id", ForeignKey("staff_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("second_factor_ns", BigInteger),  # NULL: only the password was shown; opens nothing yet
    Column("address", String(45), nullable=False),
    Column("device", String(200), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("last_seen_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),  # whatever happens
    Column("seal", String(64)),  # of seals.py; NULL: of an earlier Mover, and nobody's
)

staff_requests = Table(
    "staff_requests",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # break_glass, legal_export
    Column("organisation_id", String(32), nullable=False, index=True),
    Column("organisation_name", String(200), nullable=False),
    Column("person_id", String(32)),
    Column("connection_id", String(32)),
    Column("pair_id", String(32)),
    Column("from_ns", BigInteger),
    Column("until_ns", BigInteger),
    Column("reason", Text, nullable=False),
    Column("case_name", String(100), nullable=False),  # of a court, an authority, a ticket; may be empty
    Column("asked_by", String(32), nullable=False),
    Column("asked_by_email", String(254), nullable=False),
    Column("asked_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("state", String(12), nullable=False),  # records.RequestState
    Column("bound", String(64)),  # SHA-256 of what else was asked for along with it; NULL: nothing else
    Column("approved_ns", BigInteger),  # when the last approval that it needed came
    Column("ended_by_email", String(254)),  # who refused or withdrew it
    Column("ended_ns", BigInteger),
    Column("ended_why", Text, nullable=False),
    Column("disclosed_ns", BigInteger),  # of a legal export: from when on its organisation may know
    Column("told_ns", BigInteger),  # when it was told
)
Index("ix_staff_requests_state", staff_requests.c.state, staff_requests.c.asked_ns)

staff_approvals = Table(
    "staff_approvals",
    metadata,
    Column("request_id", ForeignKey("staff_requests.id", ondelete="CASCADE"), primary_key=True),
    Column("staff_id", String(32), primary_key=True),
    Column("email", String(254), nullable=False),
    Column("approved_ns", BigInteger, nullable=False),
    Column(
        "signature", String(88)
    ),  # of approving.py, in base64; NULL: of an earlier Mover, and does not count
)

staff_keys = Table(
    "staff_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("staff_id", ForeignKey("staff_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("networks", Text, nullable=False),  # JSON; empty: from anywhere
    Column("secret_hash", String(64), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False, index=True),
    Column("revoked_ns", BigInteger),
    Column("last_used_ns", BigInteger),
    Column("last_used_address", String(45)),
    Column("arrival_ns", BigInteger, nullable=False),  # theoretical arrival time, see accounts/rates.py
    Column("seal", String(64)),  # of seals.py; NULL: of an earlier Mover, and opens nothing
)
