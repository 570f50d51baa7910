"""A mail as the rooms above write it, and as it goes out (RFC 5322)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """A mail to one person. `link` stands below the text as a line of its own, and as a button in the HTML part."""

    to: str
    subject: str
    paragraphs: tuple[str, ...]
    link: str | None = None
    link_label: str = ""


class Mail(Protocol):
    """Sends mail."""

    async def send(self, message: Message) -> None:
        """Hand a mail over; returns when the next server has taken it.

        Raises InvalidConfiguration (an address that cannot be written to), Unreachable, TimedOut, UntrustedServer,
        SignInFailed, AddressRefused, ServiceFault (try later), PermissionDenied (the server does not want it).
        """
