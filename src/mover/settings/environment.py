"""Settings in the environment: `MOVER_CA_FILE=...`; of a table one value, `MOVER_RETENTION__AUDIT_DAYS=...`, or all as JSON.

Upper and lower case do not count. An empty variable is as good as none, and one that is no setting is somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

_WITHIN = "__"


def from_environment(
    environment: Mapping[str, str], prefix: str, known: Collection[str], tables: Collection[str]
) -> dict[str, Any]:
    """Read the settings that the environment has, as text: whoever takes them knows what they have to be.

    Args:
        environment: All variables.
        prefix: That of Mover's, in upper case.
        known: Names of settings.
        tables: Those of them that have values within.
    """
    given: dict[str, Any] = {}
    within: dict[str, Any] = {}
    for variable, value in environment.items():
        name, *inner = variable.lower().removeprefix(prefix.lower()).split(_WITHIN)
        if not value or not variable.upper().startswith(prefix) or name not in known:
            continue
        if not inner:
            given[name] = _decoded(value) if name in tables else value
        elif name in tables:
            table: Any = value
            for key in reversed(inner):
                table = {key: table}
            within = over(within, {name: table})
    return over(given, within)


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, `above` where both have something; tables are put together likewise."""
    both = dict(below)
    for name, value in above.items():
        under = both.get(name)
        both[name] = over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


def _decoded(text: str) -> Any:
    """What is no JSON stays what it is, and is refused as such."""
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text
