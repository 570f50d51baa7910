"""What a person fills in to connect a service, as JSON Schema (2020-12): forms and clients are generated from it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from mover.connections.service_rules import ServiceRules
from mover.connectors.registry import ConnectorType


class _WithSecrets(GenerateJsonSchema):
    """Knows that the only type with a validator of its own is `Secret`."""

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:  # noqa: ARG002 - of the base class
        return {"type": "string", "format": "password", "writeOnly": True}


def configuration_schema(kind: ConnectorType, rules: ServiceRules) -> dict[str, Any]:
    """The JSON Schema of a connector's configuration, without what people of the service may not fill in.

    Rules that hold between fields (a token or a password, not both) are not in it: they are told when it is sent.
    """
    whole = kind.config.model_json_schema(schema_generator=_WithSecrets)
    definitions = whole.get("$defs", {})
    allowed = [key for key in rules.keys(kind) if not key.internal]
    properties = {}
    for key in allowed:
        schema = _inlined(whole["properties"][key.name], definitions)
        for ours in ("ask", "internal", "reach"):
            schema.pop(ours, None)
        schema["description"] = key.help
        properties[key.name] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.title,
        "type": "object",
        "properties": properties,
        "required": [key.name for key in allowed if key.required],
        "additionalProperties": False,
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A copy without references, so that it can be read by itself."""
    match schema:
        case {"$ref": str() as reference, **rest}:
            return {
                **_inlined(definitions[reference.rpartition("/")[2]], definitions),
                **_inlined(rest, definitions),
            }
        case dict():
            return {name: _inlined(value, definitions) for name, value in schema.items()}
        case list():
            return [_inlined(value, definitions) for value in schema]
        case _:
            return schema
