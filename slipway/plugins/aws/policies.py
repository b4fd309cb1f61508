"""Policy documents, written as the official plugin's `aws.iam.getPolicyDocument` writes them. Pure functions.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

_LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def policy_document(args: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as JSON.

    Args:
        args: `policyId`, `statements` and `version`, as the function takes them.

    Returns:
        The function's results: `json`, `minifiedJson`, `id`, `version`, and what was given.
    """
    version = args.get("version") or "2012-10-17"
    document: dict[str, Any] = {"Version": version}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    document["Statement"] = [_statement(each) for each in args.get("statements") or []]
    text = _variables(json.dumps(document, indent=2))
    return {
        **args,
        "version": version,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": _variables(json.dumps(document, separators=(",", ":"))),
    }


def _variables(text: str) -> str:
    """Variables of IAM are written `&{aws:username}`, as the official plugin has another use for `${`."""
    return text.replace("&{", "${")


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": given["sid"]} if given.get("sid") else {}
    statement["Effect"] = given.get("effect") or "Allow"
    for name, key in _LISTS.items():
        if given.get(name):
            statement[key] = _one_or_all(given[name])
    for name, key in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if given.get(name):
            statement[key] = _principals(given[name])
    for condition in given.get("conditions") or []:
        values = condition["values"]
        value = values[0] if len(values) == 1 else values
        statement.setdefault("Condition", {}).setdefault(condition["test"], {})[condition["variable"]] = value
    return statement


def _principals(principals: list[Mapping[str, Any]]) -> Any:
    if any(each["type"] == "*" for each in principals):
        return "*"
    together: dict[str, list[str]] = {}
    for each in principals:
        together.setdefault(each["type"], []).extend(each["identifiers"])
    return {kind: _one_or_all(identifiers) for kind, identifiers in together.items()}


def _one_or_all(values: list[str]) -> Any:
    """The official plugin writes one value alone, and several in reverse order."""
    return values[0] if len(values) == 1 else sorted(values, reverse=True)
