"""What keys a run needs, by its options, and what a person gave."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import msgspec

from mover.errors import InvalidConfiguration
from mover.migrations.options import PairOptions
from mover.sealing.age.identities import read_identities
from mover.sealing.crypt.settings import read_crypt_settings
from mover.vault.secret import Secret

LONGEST = 8_000
"""Characters of one that is given; an SSH key of 4096 bits has 3,400."""


_LONGEST_RSA = 4_096  # bits; each file that opens with one keeps a runner, which others share, for so long


class Wanted(enum.StrEnum):
    """What can be needed. The values are names of options, and of fields of `GivenKeys`."""

    OPEN_WITH = "open_with"
    CRYPT_FROM = "crypt_from"
    CRYPT_TO = "crypt_to"


WORDS = {
    Wanted.OPEN_WITH: "the private key that opens its files",
    Wanted.CRYPT_FROM: "the password of rclone's crypt that it reads",
    Wanted.CRYPT_TO: "the password of rclone's crypt that it writes",
}
"""For people: what a run waits for."""


def wanted_by(options: PairOptions) -> frozenset[Wanted]:
    """What runs with these effective options need."""
    return frozenset(one for one in Wanted if getattr(options, one.value))


def words_for(wanted: frozenset[Wanted]) -> str:
    """What a run waits for, in words: `... and ...`."""
    return " and ".join(WORDS[one] for one in Wanted if one in wanted)


@dataclass(frozen=True, kw_only=True)
class GivenKeys:
    """What a person gave for a run.

    Attributes:
        open_with: Private keys of age or SSH, a line each, or one in the PEM form.
        crypt_from: A password, with its salt in a second line, or a section of rclone's configuration.
        crypt_to: Likewise.
    """

    open_with: Secret | None = None
    crypt_from: Secret | None = None
    crypt_to: Secret | None = None

    @property
    def given(self) -> frozenset[Wanted]:
        """Which of them there are."""
        return frozenset(one for one in Wanted if getattr(self, one.value))

    def check(self) -> None:
        """Raise InvalidConfiguration that names the one which cannot be understood, and repeats nothing of it."""
        if not self.given:
            raise InvalidConfiguration("no key was given")
        for one in self.given:
            secret: Secret = getattr(self, one.value)
            if len(secret.reveal()) > LONGEST:
                raise InvalidConfiguration(f"{one.value}: at most {LONGEST} characters")
            try:
                secret.reveal().encode()
                if one is Wanted.OPEN_WITH:
                    read_identities([secret], longest_rsa=_LONGEST_RSA)
                else:
                    read_crypt_settings(secret)
            except UnicodeEncodeError:
                raise InvalidConfiguration(f"{one.value}: it has characters that cannot be written") from None
            except InvalidConfiguration as error:
                raise InvalidConfiguration(f"{one.value}: {error.message}") from None

    def packed(self, wanted: frozenset[Wanted]) -> bytes:
        """Those that are wanted, for sealing."""
        return msgspec.json.encode(
            {one.value: getattr(self, one.value).reveal() for one in self.given & wanted}
        )

    @classmethod
    def unpacked(cls, packed: bytes) -> GivenKeys:
        """Read what `packed` made."""
        found = msgspec.json.decode(packed, type=dict[str, str])
        return cls(**{name: Secret(text) for name, text in found.items()})
