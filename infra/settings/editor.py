"""The JSON Schema of a stack file, by which editors complete, explain and check it: `stacks/schema.json`.

Draft 2020-12 (https://json-schema.org/draft/2020-12). It accepts whatever `load_file` accepts; what a schema cannot
say, such as 64Mi being the least memory, only `load_file` refuses.
"""

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from infra.settings.configuration import NAMESPACE, OTHERS
from infra.settings.schema import StackFile

FILE = "schema.json"
"""Its name in stacks/."""


class _Generator(GenerateJsonSchema):
    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Say no default that means "not given": an editor would write it into the file, and it would be refused."""
        if schema.get("default") in (None, "", ()):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def rendered() -> str:
    """The schema as it stands in the file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """The schema of a whole stack file."""
    schema = StackFile.model_json_schema(by_alias=True, schema_generator=_Generator)
    schema["properties"]["environment"]["anyOf"] = [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "$ref": "#/$defs/Plain"},
    ]
    parts: dict[str, Any] = schema.pop("$defs")
    parts["Settings"] = _with_other_keys(parts["Settings"])
    parts["Plain"] = _plain()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_closed(schema), "$defs": _closed(parts)}


def _with_other_keys(settings: dict[str, Any]) -> dict[str, Any]:
    """Add what Pulumi makes of keys: those of other plugins, and the project's own without its name."""
    keys: dict[str, Any] = settings["properties"]
    bare = {key.removeprefix(f"{NAMESPACE}:"): key for key in keys if key.startswith(f"{NAMESPACE}:")}
    needed = {name: key for name, key in bare.items() if key in settings.get("required", ())}
    either = [{"anyOf": [{"required": [key]}, {"required": [name]}]} for name, key in needed.items()]
    not_both = [{"not": {"required": [key, name]}} for name, key in bare.items()]
    return {
        **{key: value for key, value in settings.items() if key != "required"},
        "properties": {**keys, **{name: keys[key] for name, key in bare.items()}},
        "patternProperties": {f"^(?:{'|'.join(OTHERS)}):": {"$ref": "#/$defs/Plain"}},
        "allOf": [*either, *not_both],
    }


def _plain() -> dict[str, Any]:
    """Anything without a secret in it."""
    again = {"$ref": "#/$defs/Plain"}
    return {
        "description": "A value for a plugin or the engine; never a secret, not even encrypted.",
        "properties": {"secure": {"type": "object"}, "fn::secret": False},
        "additionalProperties": again,
        "items": again,
    }


def _closed(schema: Any) -> Any:
    """Refuse names that match no pattern: pydantic writes the pattern of a map's keys, and leaves it open."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if "patternProperties" in closed else closed
