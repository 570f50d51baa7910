"""Answers of the staff's API, made of the types of `staff/metadata.py` themselves.

`Annotated[Figures, Line("Organisation")]` is `Figures` to handlers, and to clients an object that has its fields and no other:
a time `created_ns` is shown as `created_at`, all else under its own name.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema

from mover.api.models import Answer, Moment


@dataclass(frozen=True)
class Line:
    """Says under which name clients know a type.

    Attributes:
        name: In the description.
    """

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Describe and check the type as the answer that is made of it."""
        return handler.generate_schema(answer_of(source, self.name))


@functools.cache
def answer_of(shown: type[msgspec.Struct], name: str) -> type[Answer]:
    """Make the answer that shows exactly the fields of a type."""
    hints = get_type_hints(shown)
    fields: dict[str, Any] = {}
    for field in shown.__struct_fields__:
        if field.endswith("_ns"):
            moment = Moment | None if NoneType in _options(hints[field]) else Moment
            fields[f"{field.removesuffix('_ns')}_at"] = (moment, ...)
        else:
            fields[field] = (hints[field], ...)
    # The first paragraph: what comes after speaks of names in the code.
    described = (shown.__doc__ or "").partition("\n\n")[0]
    return create_model(name, __base__=Answer, __doc__=described, **fields)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
