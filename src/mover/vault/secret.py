"""The type of everything that must not be seen: it does not print, log, pickle or serialise."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@final
class Secret:
    """A password, key or token. `reveal()` is the only way to its text; grep for it to find every use.

    `repr`, `str`, format, pickle, copy and JSON either show `Secret(…)` or fail, so that a secret cannot end up in a
    log, an error, a traceback with locals or a payload by accident. Comparison takes constant time.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Hand it to the protocol library at the last moment, and to nothing else."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        raise TypeError("a Secret is not hashable: it must not become a key of anything")

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")

    def _bytes(self) -> bytes:
        # Text from the environment may hold lone surrogates in place of bytes that are not UTF-8.
        return self._text.encode("utf-8", "surrogatepass")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let configuration models have fields of this type: text becomes a Secret, and is never dumped."""
        return core_schema.no_info_plain_validator_function(
            cls._from_outside,
            serialization=core_schema.plain_serializer_function_ser_schema(
                repr, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def _from_outside(cls, value: object) -> Secret:
        match value:
            case Secret():
                return value
            case str():
                return cls(value)
            case _:
                raise ValueError("expected text")
