r"""The filter box: what people type to find pairs, parsed.

    filter  = { [ "-" ] term }                          all of them; "-" means: not
    term    = column compare value | pattern | quoted | word
    compare = ":" | "=" | "!=" | ">" | ">=" | "<" | "<="  (":>" and the like are taken as well)
    value   = pattern | one { "," one }                 one of several
    one     = quoted | word
    quoted  = '"' characters '"'                        \" and \\ stand for a quote and a backslash
    pattern = "/" expression "/"                        see `patterns.py`; a slash in it is \/
    word    = characters without blanks

    status:failed,paused tags:"a b" files>1000 bytes>=1.5G ended<7d -source:archive /^\/users\/[a-f]/ "exact text"

A word or quoted text alone is looked for in paths, tags and notes. `:` with text means that it is contained, `=` that
it is the whole; of tags always whole ones. Times are dates, or ages that count back from now (`started>24h`: since
then). Sizes take K, M, G and T. Case is disregarded throughout.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mover.errors import InvalidConfiguration
from mover.migrations.patterns import BadExpression, Expression
from mover.migrations.refusals import FilterMistake
from mover.migrations.states import Status
from mover.transfer.measures import parse_moment, parse_size

_LONGEST = 2_000
_MOST_TERMS = 50
_COMPARISONS = (":>=", ":<=", ":>", ":<", ":=", "!=", ">=", "<=", ":", "=", ">", "<")


class Kind(enum.Enum):
    """What a column holds."""

    TEXT = "text"
    TAGS = "tags"
    STATUS = "status"
    NUMBER = "number"
    SIZE = "size"
    TIME = "time"


COLUMNS = {
    "id": Kind.NUMBER,
    "status": Kind.STATUS,
    "code": Kind.NUMBER,
    "source": Kind.TEXT,
    "destination": Kind.TEXT,
    "path": Kind.TEXT,
    "tags": Kind.TAGS,
    "tag": Kind.TAGS,
    "notes": Kind.TEXT,
    "message": Kind.TEXT,
    "queue": Kind.TEXT,
    "priority": Kind.NUMBER,
    "runs": Kind.NUMBER,
    "seen": Kind.NUMBER,
    "files": Kind.NUMBER,
    "skipped": Kind.NUMBER,
    "failed": Kind.NUMBER,
    "folders": Kind.NUMBER,
    "size": Kind.SIZE,
    "bytes": Kind.SIZE,
    "started": Kind.TIME,
    "ended": Kind.TIME,
    "created": Kind.TIME,
}
"""Columns that can be named, and what they hold. `files` and `bytes` were copied, `seen` and `size` are there."""


class Compare(enum.Enum):
    """How a column is compared."""

    HAS = ":"
    IS = "="
    IS_NOT = "!="
    MORE = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="


@dataclass(frozen=True)
class Term:
    """One condition. `column` is empty for free text; `values` are text, or numbers, by the column's kind."""

    negated: bool
    column: str
    compare: Compare
    values: tuple[str | int, ...] = ()
    pattern: Expression | None = None


def parse_filter(text: str, *, now_ns: int) -> tuple[Term, ...]:
    """Parse what stands in a filter box. Raises FilterMistake, which says where."""
    if len(text) > _LONGEST:
        raise FilterMistake(f"a filter has at most {_LONGEST} characters", _LONGEST)
    if "\0" in text or (not text.isprintable() and any(ord(c) < 32 and c not in "\t\r\n" for c in text)):  # noqa: PLR2004 - controls
        raise FilterMistake("there is a control character in the filter", 1)
    return tuple(_Parser(text, now_ns).terms())


class _Parser:
    def __init__(self, text: str, now_ns: int) -> None:
        self._text = text
        self._at = 0
        self._now_ns = now_ns

    def terms(self) -> list[Term]:
        found: list[Term] = []
        while True:
            while self._peek().isspace():
                self._at += 1
            if self._at >= len(self._text):
                return found
            if len(found) == _MOST_TERMS:
                raise self._mistake(f"a filter has at most {_MOST_TERMS} conditions")
            found.append(self._term())

    def _term(self) -> Term:
        start = self._at
        negated = self._peek() == "-" and self._text[start + 1 : start + 2].strip() != ""
        self._at += negated
        match self._peek():
            case "/" if self._ends_as_pattern():
                return Term(negated, "", Compare.HAS, pattern=self._pattern())
            case '"':
                return Term(negated, "", Compare.HAS, (self._quoted(),))
        if column := self._column():
            return self._comparison(negated, column)
        return Term(negated, "", Compare.HAS, (self._word(""),))

    def _column(self) -> str:
        """The name of a column, if one is compared here; the position stays before the comparison."""
        end = self._at
        while end < len(self._text) and (self._text[end].isalpha() or self._text[end] == "_"):
            end += 1
        name = self._text[self._at : end].lower()
        if not name or not self._text.startswith(_COMPARISONS, end):
            return ""
        if name not in COLUMNS:
            raise self._mistake(
                f"there is no column {name[:40]!r}; there are {', '.join(COLUMNS)}. Text with a sign is put into quotes"
            )
        self._at = end
        return name

    def _comparison(self, negated: bool, column: str) -> Term:  # noqa: FBT001 - a field handed on
        sign = next(sign for sign in _COMPARISONS if self._text.startswith(sign, self._at))
        place = self._at
        self._at += len(sign)
        compare = Compare(sign.removeprefix(":") or ":")
        kind = COLUMNS[column]
        if kind in {Kind.TEXT, Kind.TAGS, Kind.STATUS} and compare not in {
            Compare.HAS,
            Compare.IS,
            Compare.IS_NOT,
        }:
            raise self._mistake(f"{column} can be compared with : = and != only", place)
        if self._peek() == "/" and kind in {Kind.TEXT, Kind.TAGS} and self._ends_as_pattern():
            return Term(negated, column, compare, pattern=self._pattern())
        values: list[str | int] = []
        while True:
            at = self._at
            quoted = self._peek() == '"'
            text = self._quoted() if quoted else self._word(",")
            if not text and not quoted:
                raise self._mistake(f'{column}{sign} what? (write "" for nothing)', at)
            values.append(self._value(kind, column, text, at))
            if self._peek() != ",":
                break
            self._at += 1
        if len(values) > 1 and compare not in {Compare.HAS, Compare.IS, Compare.IS_NOT}:
            raise self._mistake(f"{sign} compares with one value", place)
        return Term(negated, column, compare, tuple(values))

    def _value(self, kind: Kind, column: str, text: str, at: int) -> str | int:
        try:
            match kind:
                case Kind.TEXT | Kind.TAGS:
                    return text
                case Kind.STATUS:
                    return Status(
                        text.strip().lower().replace(" ", "_").replace("cancelled", "canceled")
                    ).value
                case Kind.NUMBER:
                    return _number(column, text)
                case Kind.SIZE:
                    return parse_size(text)
                case Kind.TIME:
                    return parse_moment(text, now=lambda: self._now_ns / 1e9)
        except InvalidConfiguration as error:
            raise self._mistake(error.message, at) from None
        except ValueError:
            known = ", ".join(status.value for status in Status)
            raise self._mistake(f"there is no status {text[:40]!r}; there are {known}", at) from None

    def _ends_as_pattern(self) -> bool:
        """Paths begin with a slash too: it is an expression if a slash that is not escaped ends the word."""
        at = self._at + 1
        while at < len(self._text):
            if self._text[at] == "\\":
                at += 1
            elif self._text[at] == "/" and self._text[at + 1 : at + 2].strip() == "":
                return True
            elif self._text[at] == "/":
                return False
            at += 1
        return False

    def _pattern(self) -> Expression:
        start = self._at
        self._at += 1
        text = ""
        while self._peek() != "/":
            if self._at >= len(self._text):
                raise self._mistake("this / is not closed (a path is put into quotes)", start)
            if self._text.startswith("\\/", self._at):
                text += "/"
                self._at += 2
                continue
            if self._peek() == "\\":
                text += "\\"
                self._at += 1
            text += self._peek()
            self._at += 1
        self._at += 1
        self._check_end()
        try:
            return Expression(text)
        except BadExpression as error:
            raise self._mistake(f"in the expression: {error}", start + 1 + error.at) from None

    def _quoted(self) -> str:
        start = self._at
        self._at += 1
        text = ""
        while self._peek() != '"':
            if self._at >= len(self._text):
                raise self._mistake("this quote is not closed", start)
            if self._text.startswith(('\\"', "\\\\"), self._at):
                self._at += 1
            text += self._peek()
            self._at += 1
        self._at += 1
        self._check_end()
        return text

    def _check_end(self) -> None:
        if self._peek() not in {"", ","} and not self._peek().isspace():
            raise self._mistake("a blank is missing here")

    def _word(self, stops: str) -> str:
        start = self._at
        while self._at < len(self._text) and not self._peek().isspace() and self._peek() not in stops:
            self._at += 1
        return self._text[start : self._at]

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _mistake(self, message: str, at: int | None = None) -> FilterMistake:
        return FilterMistake(message, (self._at if at is None else at) + 1)


def _number(column: str, text: str) -> int:
    try:
        number = int(text, 10)
    except ValueError:
        raise InvalidConfiguration(f"{column} is compared with a whole number, not {text[:40]!r}") from None
    if not -(2**63) <= number < 2**63:
        raise InvalidConfiguration(f"{text[:40]} is too large a number")
    return number
