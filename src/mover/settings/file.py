"""The settings file, which nobody else may read if it holds a secret."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import platformdirs

from mover.errors import InvalidConfiguration
from mover.vault.given_files import readable_by_others
from mover.vault.sources import has_secrets

_FILE_VARIABLE = "MOVER_SETTINGS_FILE"
_PLACE = re.compile(r" \(at (?:line \d+, column \d+|end of document)\)")
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
    except UnicodeDecodeError:
        raise InvalidConfiguration(f"{str(path)!r} is not a TOML file: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # Its own words may repeat a line that holds a secret; where it stands is enough.
        place = _PLACE.search(str(error))
        raise InvalidConfiguration(f"{str(path)!r} is not a TOML file{place[0] if place else ''}") from None
    secret = not values.keys().isdisjoint(_SECRETS)
    sources = [values.get("global_key_source"), values.get("previous_global_keys")]
    if readable_by_others(status) and (secret or has_secrets(sources)):
        raise InvalidConfiguration(
            f"{str(path)!r} holds a secret and can be read by others; run: chmod 600 on it"
        )
    if unknown := sorted(values.keys() - set(known)):
        raise InvalidConfiguration(
            f"{str(path)!r} has unknown keys: {', '.join(_with_what_is_meant(name, known) for name in unknown)}; "
            "docs/operating.md lists all that there are"
        )
    return values


def _with_what_is_meant(name: str, known: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - takes milliseconds to load, and every command reads the settings

    near = difflib.get_close_matches(name.lower().removeprefix("mover_"), known, n=1)
    return f"{name} (is {near[0]} meant?)" if near else name
