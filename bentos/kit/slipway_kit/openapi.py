"""The API's description, from the types of `predict_batch`: OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

import msgspec

from slipway_kit.answers import Refusal
from slipway_kit.model import Contract

_REFERENCE = "#/components/schemas/{name}"
_FAULTS = {
    "400": "The body is no JSON, or a header says what cannot be.",
    "408": "The body did not arrive in time.",
    "413": "The body, the list or an item is too large.",
    "415": "The body is said to be something else than JSON.",
    "422": "The body is not what is expected; or the model refuses this item.",
    "429": "It could not be answered in time, and was not computed. `error.reason` says why.",
    "500": "The model failed.",
    "503": "The model is being loaded, keeps failing, or this replica is about to end.",
}
_PARAMETERS = [
    {
        "name": "x-slipway-deadline-ms",
        "in": "header",
        "description": "Milliseconds from arrival within which an answer is of use; it can only shorten the objective.",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    },
    {
        "name": "x-slipway-priority",
        "in": "header",
        "description": "Which requests go first, and which are refused first.",
        "schema": {"enum": ["high", "normal", "low"], "default": "normal"},
    },
]
_METRICS = {"description": "Its text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}


def description(contract: Contract, version: str, most_items: int) -> bytes:
    """The document, as JSON."""
    (given, answered, refusal), schemas = msgspec.json.schema_components(
        [contract.input, contract.output, Refusal], ref_template=_REFERENCE
    )
    result = {"oneOf": [_object(output=answered), {"$ref": _REFERENCE.format(name="Refusal")}]}
    many = {"type": "array", "items": given, "minItems": 1, "maxItems": most_items}
    several = _object(results={"type": "array", "items": result})
    document = {
        "openapi": "3.1.0",
        "info": {"title": contract.name, "version": version, "description": contract.documentation},
        "paths": {
            "/predict": {"post": _operation("predict", "Answer one item.", given, answered, refusal)},
            "/predict/batch": {
                "post": _operation("predict_batch", "Answer several items; each on its own.", many, several, refusal)
            },
            **{
                path: {"get": {"operationId": path[1:], "summary": summary, "responses": responses}}
                for path, summary, responses in (
                    ("/livez", "Does the process live?", {"200": _state("live"), "500": _json("No.", refusal)}),
                    (
                        "/readyz",
                        "Is the model ready?",
                        {"200": _state("ready"), "503": _json("Not yet, or no more.", refusal)},
                    ),
                    ("/metrics", "What Prometheus scrapes.", {"200": _METRICS}),
                )
            },
        },
        "components": {"schemas": schemas},
    }
    return msgspec.json.encode(document)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _state(name: str) -> dict[str, Any]:
    return _json("Yes.", _object(status={"const": name}))


def _json(says: str, schema: Any) -> dict[str, Any]:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def _operation(name: str, summary: str, given: Any, answered: Any, refusal: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": _PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": given}}},
        "responses": {
            "200": _json("The answer.", answered),
            **{status: _json(says, refusal) for status, says in _FAULTS.items()},
            "4XX": _json("What the model says of this item.", refusal),
        },
    }
