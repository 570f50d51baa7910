"""How this installation sends mail, as its operator decided."""

from __future__ import annotations

from mover.errors import InvalidConfiguration
from mover.mail.message import Mail
from mover.mail.outbox import OutboxMail
from mover.settings import Settings
from mover.transport.egress import Egress


def mail_from_settings(settings: Settings, egress: Egress) -> Mail | None:
    """Make the way that mail goes: `MOVER_SMTP_URL`, or `MOVER_MAIL_OUTBOX`; None: this installation sends none.

    Raises InvalidConfiguration.
    """
    if settings.smtp_url is None and settings.mail_outbox is None:
        return None
    if settings.smtp_url is None:
        assert settings.mail_outbox is not None
        return OutboxMail(settings.mail_outbox, settings.mail_from or "Mover <mover@localhost>")
    if not settings.mail_from:
        raise InvalidConfiguration("MOVER_MAIL_FROM: name the address that mail comes from")
    # Imported here since only the service sends mail, and few installations of the command line do.
    from mover.mail.smtp import SmtpMail, SmtpServer  # noqa: PLC0415

    return SmtpMail(
        SmtpServer.parse(settings.smtp_url),
        settings.mail_from,
        connect=egress.connect,
        tls=egress.tls(),
        silence_s=settings.read_timeout_s,
    )
