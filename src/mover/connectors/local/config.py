"""What a person fills in to use a local folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from mover.connectors.configuration import ConnectorConfig, setting


class LocalConfig(ConnectorConfig):
    """Keys of `mover connect local NAME`; a plain path on the command line makes one, too."""

    path: Path = setting(help="Folder on this machine that becomes the root; ~ is your home folder")
    sync: bool = setting(
        True, help="Wait until the disk has each new file, so that a power failure loses none"
    )

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: Path) -> Path:
        if "\0" in str(path):
            raise ValueError("a path must not contain a NUL character")
        try:
            expanded = path.expanduser()
        except RuntimeError as error:
            raise ValueError("there is no such home folder") from error
        if not expanded.is_absolute():
            raise ValueError("expected a path that starts with / or ~")
        return expanded
