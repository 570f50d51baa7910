"""What a person fills in to connect a service, as data: CLI keys, prompts and later forms are generated from it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from mover.vault.secret import Secret


class Reach(enum.StrEnum):
    """What of this machine a value of a configuration can reach; a service with many users allows none of it."""

    FILE = "file"  # the value is the path of a file
    KEY_FILE = "key_file"  # the value is a key in PEM form, or the path of its file
    JSON_KEY_FILE = "json_key_file"  # the value is a key as a JSON object, or the path of its file
    AGENT = "agent"  # true: keys of the agent of whoever runs Mover


class ConnectorConfig(BaseModel):
    """Base of every connector's configuration: one field a key, unknown keys refused, secrets typed as `Secret`.

    Make fields with `setting(...)`. The same word means the same thing in every connector: `host port username
    password private_key passphrase url token ca_file endpoint region access_key secret_key bucket container`; `plain`
    is the consent to a connection that is not encrypted.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=False
    )

    @classmethod
    def keys(cls) -> Iterator[Key]:
        """Describe the fields in their order."""
        for name, info in cls.model_fields.items():
            extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
            yield Key(
                name=name,
                help=info.description or "",
                required=info.is_required(),
                secret=_holds_secret(info),
                ask=bool(extra.get("ask")),
                internal=bool(extra.get("internal")),
                reach=_reach(info, extra.get("reach")),
            )


@dataclass(frozen=True)
class Key:
    """One key of a configuration.

    Attributes:
        name: As typed in `mover connect SERVICE NAME key=value`.
        help: One line for people.
        required: Without it the connection cannot work.
        secret: Its value is hidden when typed and kept in the vault.
        ask: `mover connect` asks for it on a terminal when it is missing, though it may be left empty.
        internal: Filled in by Mover itself (a pinned host key); shown, never asked for.
        reach: What of this machine its value can reach; None: nothing.
    """

    name: str
    help: str
    required: bool
    secret: bool
    ask: bool
    internal: bool
    reach: Reach | None = None


def setting(
    default: Any = ...,
    *,
    help: str,  # noqa: A002 - the word that everybody uses for it
    ask: bool = False,
    internal: bool = False,
    reach: Reach | None = None,
    **constraints: Any,
) -> Any:
    """Declare a field of a `ConnectorConfig`; without `default` it is required. `constraints` are pydantic's.

    A field of the type Path reaches a file without saying so.
    """
    return Field(
        default,
        description=help,
        json_schema_extra={"ask": ask, "internal": internal, "reach": reach},
        **constraints,
    )


def _reach(info: FieldInfo, declared: object) -> Reach | None:
    if isinstance(declared, str):
        return Reach(declared)
    return Reach.FILE if info.annotation is Path or Path in get_args(info.annotation) else None


def _holds_secret(info: FieldInfo) -> bool:
    return info.annotation is Secret or Secret in get_args(info.annotation)
