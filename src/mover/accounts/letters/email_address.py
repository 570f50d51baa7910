"""Is this address the person's?"""

from __future__ import annotations

from mover.mail.message import Message


def verification_letter(email: str, name: str, link: str) -> Message:
    """Write to the address in question."""
    return Message(
        to=email,
        subject="Is this your address?",
        paragraphs=(
            f"Hello {name},",
            "this address was given for an account on Mover. If it is yours, open this page within a day:",
        ),
        link=link,
        link_label="Yes, this is my address",
        after=("If you have no such account, do nothing.",),
    )


def address_changed_letter(old: str, name: str, new: str) -> Message:
    """Write to the old address that it was replaced."""
    return Message(
        to=old,
        subject="The address of your account on Mover was changed",
        paragraphs=(
            f"Hello {name},",
            f"from now on your account on Mover belongs to the address {new}; this one is not used any more.",
            "If that was not you, tell an administrator of your organisation at once.",
        ),
    )
