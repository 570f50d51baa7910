"""What people of a service may fill in: nothing that reads the files of the machine it runs on, or uses its agent.

On the command line whoever types a path could read that file anyway. In the service it would be the server's file and the
user's reading: `private_key=/etc/shadow` quotes nothing, but `ca_file` tells whether a file exists, and `local` is all of
the disk. The rule is by a key's `Reach`, so that the next connector's `Path` is covered on the day it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mover.connections.pasted_keys import expect_modest_key
from mover.connectors.configuration import Key, Reach
from mover.connectors.registry import ConnectorType
from mover.errors import InvalidConfiguration
from mover.settings import Settings
from mover.vault.secret import Secret

_LOCAL = "local"
_BEGINNING_OF_PEM = "-----BEGIN"
_BEGINNING_OF_JSON = "{"
_PASTED = frozenset({None, Reach.KEY_FILE, Reach.JSON_KEY_FILE})


class NotAllowed(InvalidConfiguration):
    """What the operator's rules forbid."""

    advice = "Ask the operator of Mover to allow it, or connect another service."


class ServiceRules(msgspec.Struct, frozen=True):
    """The operator's rules for connections of the service.

    Attributes:
        local_folders: Folders of this machine that may be connected by the service `local`, and all below them.
        account_domains: Mail domains of the accounts that may be signed in to with a browser, in lower case; empty: any.
    """

    local_folders: tuple[Path, ...] = ()
    account_domains: tuple[str, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> ServiceRules:
        """As the operator decided."""
        return cls(settings.local_folders, settings.account_domains)

    def offers(self, service: str) -> bool:
        """Tell whether people may connect that service here at all."""
        return service != _LOCAL or bool(self.local_folders)

    def keys(self, kind: ConnectorType) -> list[Key]:
        """The keys that people may fill in, in order."""
        if kind.name == _LOCAL:
            return list(kind.config.keys())
        return [key for key in kind.config.keys() if key.reach in _PASTED]  # noqa: SIM118 - not a dictionary's `keys`

    def check(self, kind: ConnectorType, values: Mapping[str, Any]) -> None:
        """Look at what was filled in, or saved, before anything is made of it. It touches no file but those of `local`.

        Raises NotAllowed that names the key and repeats no value, and InvalidConfiguration for a private key that takes too
        long to open.
        """
        if not self.offers(kind.name):
            raise NotAllowed(
                "folders of the machine that Mover runs on cannot be connected here; "
                "its operator can allow some by MOVER_LOCAL_FOLDERS"
            )
        if kind.name == _LOCAL:
            self._check_folder(values.get("path"))
            return
        for key in kind.config.keys():  # noqa: SIM118 - as above
            value = _text(values.get(key.name))
            if not value:
                continue
            expect_modest_key(key.name, value)
            match key.reach:
                case Reach.FILE:
                    raise NotAllowed(
                        f"{key.name!r} names a file, and files of the machine that Mover runs on cannot be used here"
                    )
                case Reach.KEY_FILE if not value.lstrip().startswith(_BEGINNING_OF_PEM):
                    raise NotAllowed(
                        f"{key.name!r} has to be the key itself, beginning with {_BEGINNING_OF_PEM}; "
                        "files of the machine that Mover runs on cannot be used here"
                    )
                case Reach.JSON_KEY_FILE if not value.lstrip().startswith(_BEGINNING_OF_JSON):
                    raise NotAllowed(
                        f"{key.name!r} has to be the key itself, beginning with {_BEGINNING_OF_JSON}; "
                        "files of the machine that Mover runs on cannot be used here"
                    )
                case Reach.AGENT if value.strip().lower() not in {"false", "0", "no", "off", "n", "f"}:
                    raise NotAllowed(f"{key.name!r} cannot be used here: the agent is the operator's own")
                case _:
                    pass

    def _check_folder(self, given: object) -> None:
        text = _text(given)
        try:
            # Links are followed: what counts is where the folder is. `~` would be the operator's home folder.
            folder = Path(text).resolve() if text.startswith("/") else None
            allowed = folder is not None and any(
                folder.is_relative_to(permitted.resolve()) for permitted in self.local_folders
            )
        except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL character
            allowed = False
        if not allowed:
            raise NotAllowed(
                "'path' is not in one of the folders that the operator allows by MOVER_LOCAL_FOLDERS"
            )


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case Secret():
            return value.reveal()
        case _:
            return str(value)
