"""A valid body for each operation, from its own description: what the reference shows has to work."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from mover.api.routes import OperationRoute

# Where one field depends on another, or on what there is, a description alone does not say enough.
_CHOSEN = {"pairs": {"all": True}}
_BODIES: dict[str, Any] = {
    "start_pairs": _CHOSEN,
    "retry_pairs": _CHOSEN,
    "pause_pairs": _CHOSEN,
    "resume_pairs": _CHOSEN,
    "cancel_pairs": _CHOSEN,
    "give_keys": _CHOSEN | {"keys": {"crypt_to": "a password"}},
    "tag_pairs": _CHOSEN | {"add": ["finance"]},
    "note_pairs": _CHOSEN | {"notes": "Looked at."},
    "prioritise_pairs": _CHOSEN | {"priority": 5},
    "duplicate_pairs": _CHOSEN,
    "delete_pairs": _CHOSEN,
    "preview_schedule": {"every": "daily", "at": "02:30"},
    "create_schedule": {"name": "Weekly", "timing": {"every": "weekly", "at": "18:00", "weekdays": [5]}},
    "update_schedule": {"name": "Weekly", "timing": {"every": "weekly", "at": "18:00", "weekdays": [5]}},
    "read_import": "Source Path,Destination Path,Tags\r\n/c,/d,\r\n",
    "import_map": "Source User,Destination User\r\nbob@old.example,bob@new.example\r\n",
    "delete_organisation": {"typed_name": "not its name"},
    "invite": {"email": "somebody@example.org", "role": "viewer"},
}


def body_of(route: OperationRoute) -> tuple[Any, str] | None:
    """A body and its media type; None if the operation takes none."""
    if route.body_field is None:
        return None
    media_type = getattr(route.body_field.field_info, "media_type", "application/json")
    if route.operation.name in _BODIES:
        return _BODIES[route.operation.name], media_type
    model: Any = route.body_field.field_info.annotation
    schema = TypeAdapter(model).json_schema()
    return _example(schema, schema.get("$defs", {})), media_type


def _example(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:  # noqa: PLR0911 - one for each kind of schema
    match schema:
        case {"examples": [first, *_]}:
            return first
        case {"$ref": reference}:
            return _example(definitions[reference.rpartition("/")[2]], definitions)
        case {"const": value} | {"enum": [value, *_]} | {"default": value}:
            return value
        case {"anyOf": [first, *_]}:
            return _example(first, definitions)
        case {"type": "object", "properties": properties}:
            return {name: _example(properties[name], definitions) for name in schema.get("required", ())}
        case {"type": "array", "items": items}:
            return [_example(items, definitions)] * schema.get("minItems", 0)
        case {"type": "string"}:
            return "x" * max(1, schema.get("minLength", 1))
        case {"type": "integer"}:
            return schema.get("minimum", 0)
        case {"type": "boolean"}:
            return False
        case _:
            return {}
