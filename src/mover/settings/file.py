"""The settings file, which nobody else may read if it holds a secret."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import platformdirs

from mover.errors import InvalidConfiguration
from mover.vault.given_files import readable_by_others
from mover.vault.sources import has_secrets

_FILE_VARIABLE = "MOVER_SETTINGS_FILE"
VENDORS = ("google", "microsoft", "box", "dropbox", "egnyte")
"""Where Mover can be registered as an app: `<vendor>_client_id` and `<vendor>_client_secret`."""

_SECRETS = {
    "proxy",
    "global_key",
    "global_key_previous",
    "temporal_api_key",
    "payload_keys",
    "database_url",
    "staff_database_url",
    "smtp_url",
    "audit_webhook_secret",
}
_SECRETS |= {f"{vendor}_client_secret" for vendor in VENDORS}


def from_file(known: Collection[str]) -> dict[str, Any]:
    """Read the settings file, if there is one. Raises InvalidConfiguration.

    Args:
        known: Names of settings.
    """
    named = os.environ.get(_FILE_VARIABLE)
    path = Path(named) if named else platformdirs.user_config_path("mover") / "settings.toml"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            values = tomllib.load(file)
    except FileNotFoundError:
        if named:
            raise InvalidConfiguration(f"{_FILE_VARIABLE}: there is no file {str(path)!r}") from None
        return {}
    except OSError as error:
        raise InvalidConfiguration(
            f"the settings in {str(path)!r} cannot be read: {error.strerror}"
        ) from None
    except ValueError:
        raise InvalidConfiguration(f"{str(path)!r} is not a TOML file") from None
    secret = not values.keys().isdisjoint(_SECRETS)
    sources = [values.get("global_key_source"), values.get("previous_global_keys")]
    if readable_by_others(status) and (secret or has_secrets(sources)):
        raise InvalidConfiguration(
            f"{str(path)!r} holds a secret and can be read by others; run: chmod 600 on it"
        )
    if unknown := sorted(values.keys() - set(known)):
        raise InvalidConfiguration(
            f"{str(path)!r} has unknown keys: {', '.join(unknown)}; known are: {', '.join(known)}"
        )
    return values
