"""Secrets of the operator that can stand in files, as containers are given them."""

from __future__ import annotations

from pathlib import Path

from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

_SECRET_FILE_LIMIT = 64 * 1024


def read_secret(given: Secret | None, file: Path | None, what: str) -> Secret:
    """Return a secret that was given itself or in a file, whose last line break does not count.

    Raises InvalidConfiguration naming `what`.
    """
    if given is not None or file is None:
        if given is None:
            raise InvalidConfiguration(f"{what} is missing")
        return given
    try:
        with file.open("rb") as opened:
            text = opened.read(_SECRET_FILE_LIMIT + 1)
    except OSError as error:
        raise InvalidConfiguration(
            f"{what} cannot be read from the file {str(file)!r}: {error.strerror}"
        ) from None
    try:
        spelled = text.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        spelled = ""
    if not spelled or len(text) > _SECRET_FILE_LIMIT:
        raise InvalidConfiguration(f"{what}: the file {str(file)!r} holds no text that could be one")
    return Secret(spelled)
