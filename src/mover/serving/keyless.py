"""What keeps `mover web` honest: it refuses to start with a key, or with a database role that reads too much."""

from __future__ import annotations

from sqlalchemy import Connection, text

from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.settings import VENDORS, Settings

_NOT_ITS_BUSINESS = (
    *("global_key", "global_key_file", "global_key_source", "global_key_previous", "payload_keys"),
    *("temporal_api_key", "temporal_key_file", "smtp_url", "proxy"),
    *(f"{vendor}_client_secret" for vendor in VENDORS),
)
_RIGHTS = text(
    "SELECT rolsuper OR has_any_column_privilege('secrets', 'SELECT') OR has_any_column_privilege('person_keys', 'SELECT')"
    " OR has_column_privilege('people', 'password_hash', 'SELECT') OR has_any_column_privilege('sessions', 'INSERT')"
    " FROM pg_roles WHERE rolname = current_user"
)


def expect_no_keys(settings: Settings) -> None:
    """Raise InvalidConfiguration if the settings hold a key or secret that pages have no use for, or lead to one."""
    given = [f"MOVER_{name.upper()}" for name in _NOT_ITS_BUSINESS if getattr(settings, name) is not None]
    if settings.previous_global_keys:
        given.append("MOVER_PREVIOUS_GLOBAL_KEYS")
    if given:
        raise InvalidConfiguration(
            f"mover web shows pages and must have no keys; take away from it: {', '.join(given)}"
        )
    for path in (settings.global_key_path, settings.keys_path / "payloads.key"):
        if path.exists():
            raise InvalidConfiguration(
                f"mover web must have no keys, but {str(path)!r} is in its MOVER_HOME; give it one of its own"
            )


async def expect_few_rights(database: Database) -> None:
    """Raise InvalidConfiguration if the database lets this process read what is sealed, or let people in."""

    def too_many(connection: Connection) -> bool:
        return bool(connection.execute(_RIGHTS).scalar_one())

    if await database.read(too_many):
        raise InvalidConfiguration(
            "the database's user may read stored secrets, which mover web must not; have it sign in as mover_web "
            "(mover db roles)"
        )
