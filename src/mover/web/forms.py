"""A form between a person and a service: what was filled in, and what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mover.errors import MoverError


@dataclass
class Form:
    """What a page shows in its fields, and beside them.

    Attributes:
        values: Text by field name; a secret is never put back into a page.
        faults: What is wrong by field name, in whole sentences; the empty name stands for the form as a whole.
    """

    values: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    def blame(self, error: MoverError, *, fields: Mapping[str, str] | None = None) -> None:
        """Put an error beside the field that it names.

        Args:
            error: Of a service.
            fields: Words of the message (lower case) and the fields that they speak of; the first that occurs counts.
        """
        text = sentence(error)
        lowered = error.message.lower()
        for word, name in (fields or {}).items():
            if word in lowered:
                self.faults.setdefault(name, text)
                return
        self.faults[""] = f"{text} {error.advice}" if error.advice else text

    def require(self, **names: str) -> bool:
        """Note for each empty field what to do (`name="Give it a name."`); tells whether nothing is wrong so far."""
        for name, what_to_do in names.items():
            if not self.values.get(name, "").strip():
                self.faults.setdefault(name, what_to_do)
        return not self.faults


def sentence(error: MoverError) -> str:
    """What an error says, as a sentence: a capital letter, a full stop."""
    return capitalised(str(error))


def capitalised(text: str) -> str:
    """A sentence of a message: a capital letter, a full stop."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
