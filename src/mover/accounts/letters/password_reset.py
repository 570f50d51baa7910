"""Somebody does not know their password any more."""

from __future__ import annotations

from mover.mail.message import Message


def password_reset_letter(email: str, name: str, link: str, address: str) -> Message:
    """Write it; `address` is from where it was asked for."""
    return Message(
        to=email,
        subject="Set a new password for Mover",
        paragraphs=(
            f"Hello {name},",
            f"somebody, probably you, asked for a new password for your account on Mover (from the address {address}).",
            "To set one, open this page within an hour:",
        ),
        link=link,
        link_label="Set a new password",
        after=("If it was not you, do nothing: your password stays as it is.",),
    )


def password_was_reset_letter(email: str, name: str, address: str) -> Message:
    """Write that it was done, so that nobody loses an account without hearing of it."""
    return Message(
        to=email,
        subject="Your password for Mover was changed",
        paragraphs=(
            f"Hello {name},",
            f"the password of your account on Mover was set anew from the address {address}, and all browsers were signed out.",
            "If it was not you, somebody reads your mail: tell an administrator of your organisation at once.",
        ),
    )
