"""A mail as the rooms above write it, and as it goes out (RFC 5322): text and a plain HTML part that say the same."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Protocol

from mover.errors import InvalidConfiguration, one_line

_LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Message:
    """A mail to one person.

    Attributes:
        to: An e-mail address.
        subject: One line.
        paragraphs: What it says.
        link: Stands below the text, on a line of its own; in the HTML part with `link_label`.
        link_label: What the link does (`Set a new password`).
        after: Paragraphs below the link.
    """

    to: str
    subject: str
    paragraphs: tuple[str, ...] = field(repr=False)
    link: str | None = field(default=None, repr=False)
    link_label: str = ""
    after: tuple[str, ...] = field(default=(), repr=False)


class Mail(Protocol):
    """Sends mail."""

    async def send(self, message: Message) -> None:
        """Hand a mail over; returns when the next server has taken it.

        Raises InvalidConfiguration (an address that cannot be written to), Unreachable, TimedOut, UntrustedServer,
        SignInFailed, AddressRefused, ServiceFault (try later), PermissionDenied (the server does not want it),
        ProtocolViolation.
        """


def spelled_out(message: Message, *, sender: str, message_id: str, at: dt.datetime) -> EmailMessage:
    """Write a mail for the wire.

    Args:
        message: What to say to whom.
        sender: `address@host` or `Name <address@host>`.
        message_id: What stands between the angle brackets of `Message-ID`, unique.
        at: When, with a time zone.

    Raises InvalidConfiguration if an address is none. Line ends in what goes into headers become blanks.
    """
    mail = EmailMessage(policy=SMTP)
    mail["From"] = mailbox(sender, "MOVER_MAIL_FROM")
    mail["To"] = mailbox(message.to, "the recipient")
    mail["Subject"] = one_line(message.subject, limit=_LONGEST_SUBJECT)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nothing should answer by itself
    mail.set_content(_text(message), cte="quoted-printable")
    mail.add_alternative(_html(message), subtype="html", cte="quoted-printable")
    return mail


def mailbox(text: str, what: str) -> Address:
    """Read `address@host` or `Name <address@host>`. Raises InvalidConfiguration that names `what`."""
    name, bracket, rest = text.rpartition("<")
    address = rest.removesuffix(">") if bracket else text
    try:
        # Refuses line ends and whatever else does not belong there, so nothing can be slipped into a header.
        address.encode("ascii")
        read = Address(display_name=one_line(name.strip().strip('"'), limit=100), addr_spec=address.strip())
    except (ValueError, IndexError, MessageError):
        read = None
    if read is None or not read.username or not read.domain:
        raise InvalidConfiguration(f"{what}: {one_line(text, limit=80)!r} is not an e-mail address")
    return read


def _text(message: Message) -> str:
    parts = [*message.paragraphs, *([message.link] if message.link else []), *message.after]
    return "\n\n".join(parts) + "\n"


def _html(message: Message) -> str:
    before = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in message.paragraphs)
    after = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in message.after)
    link = ""
    if message.link:
        address = escape(message.link, quote=True)
        link = (
            f'<p><a href="{address}">{escape(message.link_label or message.link)}</a></p>\n<p>{address}</p>\n'
        )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>'
        f"{escape(one_line(message.subject))}</title></head>\n<body>\n{before}{link}{after}</body></html>\n"
    )
