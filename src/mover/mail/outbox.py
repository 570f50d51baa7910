"""Mail that nobody sends: files in a folder, for the demo, for tests, and for who has no mail server."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

from mover.errors import InvalidConfiguration
from mover.mail.message import Message, spelled_out


class OutboxMail:
    """Writes each mail into a file of its own (`.eml`, mode 0600) that any mail program opens.

    Args:
        folder: Made if it is not there (0700).
        sender: `address@host` or `Name <address@host>`.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, folder: Path, sender: str, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._sender = sender
        self._now = now

    async def send(self, message: Message) -> None:
        """See `Mail`. Raises InvalidConfiguration: a bad address, or the folder cannot be written to."""
        at = dt.datetime.fromtimestamp(self._now(), dt.UTC)
        unique = f"{at:%Y%m%dT%H%M%S.%f}-{token_hex(4)}"
        mail = spelled_out(message, sender=self._sender, message_id=f"{unique}@mover.invalid", at=at)
        await asyncio.to_thread(self._write, f"{unique}.eml", mail.as_bytes())

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Under another name until it is whole, so that who watches the folder reads no half of it.
            unfinished = self._folder / f".{name}"
            with open(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor, for its mode
                file.write(content)
            unfinished.rename(path)
        except OSError as error:
            raise InvalidConfiguration(
                f"no mail can be written into {str(self._folder)!r}: {error.strerror}"
            ) from None
