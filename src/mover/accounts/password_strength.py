"""Is a password among the first that somebody would try? Common words, the person's own, rows of the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from mover.accounts.refusals import NotAcceptable

_FEWEST_DIFFERENT = 5
_FEWEST_OF_ITS_OWN = 6
_SHORTEST_OWN_WORD = 4
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
_DISGUISES = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"}
)


def check_guessable(password: str, own_words: Iterable[str] = ()) -> None:
    """Raise InvalidConfiguration if too little is left of a password without what everybody would try first.

    Common passwords and the person's own words (of four letters and more) are taken out wherever they stand, also in
    the usual disguise (`p@ssw0rd`); six characters have to be left: `password1234` has four, `correct horse battery` many.
    """
    if len(set(password)) < _FEWEST_DIFFERENT:
        raise NotAcceptable("the password has too few different characters")
    plain = password.casefold()
    for reading in (plain, plain.translate(_DISGUISES)):
        rest = _without(reading, _common())
        if len(rest) < _FEWEST_OF_ITS_OWN:
            raise NotAcceptable(
                "the password is one of the most common, or hardly more than one; choose another"
            )
        if len(_without(rest, _own(own_words))) < _FEWEST_OF_ITS_OWN:
            raise NotAcceptable(
                "the password is made of your name, address or organisation, which others know; choose another"
            )


def _without(text: str, words: Iterable[str]) -> str:
    bare = _NO_LETTER_OR_DIGIT.sub("", text)
    for word in words:
        bare = bare.replace(word, "")
    return bare


def _own(given: Iterable[str]) -> list[str]:
    words = list(given)
    pieces = {piece for word in words for piece in _NO_LETTER_OR_DIGIT.split(word.casefold())}
    pieces |= {_NO_LETTER_OR_DIGIT.sub("", word.casefold()) for word in words}
    return sorted((piece for piece in pieces if len(piece) >= _SHORTEST_OWN_WORD), key=len, reverse=True)


@cache
def _common() -> tuple[str, ...]:
    """The common ones, longest first, so that a long one is not spoilt by a short one inside of it."""
    text = (files("mover.accounts") / "common_passwords.txt").read_text("ascii")
    words = {line for line in text.split() if not line.startswith("#")}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))
