"""The search language of `files.list` ("Search query terms and operators" of the Drive guides)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.google import times
from simulators.google.errors import invalid
from simulators.nodes import Node

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<word>[A-Za-z_.]+)|(?P<sign><=|>=|!=|=|<|>|\(|\)|\{|\}))""",
    re.VERBOSE,
)

Test = Callable[[Node], bool]


@dataclass
class Query:
    """A search.

    Attributes:
        test: Whether an entry is found.
        parents: Folders whose children alone can be found; None: anything can.
        asks: Names of folders that the query mentions.
    """

    test: Test
    parents: frozenset[str] | None
    asks: frozenset[str]


@dataclass
class Facts:
    """What of an entry the search needs and the entry does not tell by itself.

    Attributes:
        parent_of: Id of the folder that the caller sees it in; None without one.
        media_type: Of an entry.
        shared_with_me: Somebody shared it with the caller.
        has_role: Somebody has one of these roles.
        me: The caller's address.
    """

    parent_of: Callable[[Node], str | None]
    media_type: Callable[[Node], str]
    shared_with_me: Callable[[Node], bool]
    has_role: Callable[[Node, str, frozenset[str]], bool]
    me: str
    asks: set[str] = field(default_factory=set)


@dataclass
class _Found:
    test: Test
    parents: frozenset[str] | None = None


def parsed(text: str, facts: Facts, alias: Callable[[str], str]) -> Query:
    """Read a query. `alias` turns `root` into an id. Raises Refusal."""
    reader = _Reader(_tokens(text), facts, alias)
    found = reader.either()
    if reader.rest:
        raise invalid("q")
    return Query(found.test, found.parents, frozenset(facts.asks))


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise invalid("q")
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[str], facts: Facts, alias: Callable[[str], str]) -> None:
        self.rest = tokens
        self._facts = facts
        self._alias = alias

    def either(self) -> _Found:
        found = self._all()
        while self._takes("or"):
            one, other = found, self._all()
            both = None
            if one.parents is not None and other.parents is not None:
                both = one.parents | other.parents
            found = _Found(lambda node, a=one.test, b=other.test: a(node) or b(node), both)  # type: ignore[misc]
        return found

    def _all(self) -> _Found:
        found = self._one()
        while self._takes("and"):
            one, other = found, self._one()
            parents = one.parents if other.parents is None else other.parents
            if one.parents is not None and other.parents is not None:
                parents = one.parents & other.parents
            found = _Found(lambda node, a=one.test, b=other.test: a(node) and b(node), parents)  # type: ignore[misc]
        return found

    def _one(self) -> _Found:
        if self._takes("not"):
            inner = self._one()
            return _Found(lambda node: not inner.test(node))
        if self._takes("("):
            found = self.either()
            if not self._takes(")"):
                raise invalid("q")
            return found
        if self.rest and self.rest[0].startswith("'"):
            return self._in(self._text())
        return self._term(self._next())

    def _in(self, value: str) -> _Found:
        if self._next() != "in":
            raise invalid("q")
        match self._next():
            case "parents":
                folder = self._alias(value)
                self._facts.asks.add(folder)
                return _Found(lambda node: self._facts.parent_of(node) == folder, frozenset({folder}))
            case "owners":
                return self._role(value, "owner")
            case "writers":
                return self._role(value, "owner", "organizer", "fileOrganizer", "writer")
            case "readers":
                return self._role(
                    value, "owner", "organizer", "fileOrganizer", "writer", "commenter", "reader"
                )
        raise invalid("q")

    def _role(self, who: str, *roles: str) -> _Found:
        email = self._facts.me if who == "me" else who.lower()
        wanted = frozenset(roles)
        return _Found(lambda node: self._facts.has_role(node, email, wanted))

    def _term(self, name: str) -> _Found:
        if name in {"sharedWithMe", "trashed", "starred"}:
            return self._flag(name)
        if name in {"appProperties", "properties"}:
            return self._has(name)
        operator, value = self._next(), self._text()
        match name:
            case "name" | "fullText" | "mimeType":
                return _Found(self._compared(name, operator, value))
            case "modifiedTime" | "createdTime":
                try:
                    moment = times.parsed(value)
                except ValueError:
                    raise invalid("q") from None
                of_node: Callable[[Node], int] = _modified if name == "modifiedTime" else _created
                return _Found(lambda node: _ordered(of_node(node), operator, moment))
        raise invalid("q")

    def _compared(self, name: str, operator: str, value: str) -> Test:
        folded = value.casefold()
        of: Callable[[Node], str] = self._facts.media_type if name == "mimeType" else lambda node: node.name
        match operator:
            case "=":  # of names without regard to case, which is why clients compare again
                return lambda node: of(node).casefold() == folded
            case "!=":
                return lambda node: of(node).casefold() != folded
            case "contains":
                return lambda node: (
                    any(word.startswith(folded) for word in _words(of(node).casefold()))
                    or of(node).casefold().startswith(folded)
                )
        raise invalid("q")

    def _flag(self, name: str) -> _Found:
        wanted = True
        if self.rest and self.rest[0] in {"=", "!="}:
            same = self._next() == "="
            wanted = (self._next() == "true") == same
        match name:
            case "trashed":
                return _Found(lambda node: _is_trashed(node) == wanted)
            case "sharedWithMe":
                return _Found(lambda node: self._facts.shared_with_me(node) == wanted)
        return _Found(lambda node: bool(node.properties.get("starred")) == wanted)

    def _has(self, name: str) -> _Found:
        if [self._next() for _ in range(4)] != ["has", "{", "key", "="]:
            raise invalid("q")
        key = self._text()
        if [self._next() for _ in range(3)] != ["and", "value", "="]:
            raise invalid("q")
        value = self._text()
        if self._next() != "}":
            raise invalid("q")
        return _Found(lambda node: node.properties.get(name, {}).get(key) == value)

    def _takes(self, word: str) -> bool:
        if self.rest and self.rest[0] == word:
            self.rest = self.rest[1:]
            return True
        return False

    def _next(self) -> str:
        if not self.rest:
            raise invalid("q")
        first, *self.rest = self.rest
        return first

    def _text(self) -> str:
        token = self._next()
        if not token.startswith("'"):
            raise invalid("q")
        return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL)


def _modified(node: Node) -> int:
    return node.modified_ns


def _created(node: Node) -> int:
    return node.created_ns


def _words(text: str) -> list[str]:
    return re.split(r"[\s_.-]+", text)


def _ordered(one: int, operator: str, other: int) -> bool:
    match operator:
        case "<":
            return one < other
        case "<=":
            return one <= other
        case ">":
            return one > other
        case ">=":
            return one >= other
        case "=":
            return one == other
        case "!=":
            return one != other
    raise invalid("q")


def _is_trashed(node: Node) -> bool:
    return node.is_trashed or any(above.is_trashed for above in node.ancestors())
