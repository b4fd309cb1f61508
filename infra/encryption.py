"""Keys of KMS as data: one for each purpose, so that the right to read logs is not the right to read data. Pure.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from dataclasses import dataclass
from typing import Any

from infra.iam import Statement, allow, document, let
from infra.place import Place


@dataclass(frozen=True, kw_only=True)
class KeySpec:
    """A key.

    Attributes:
        name: Its purpose.
        description: The same for people.
        policy: Who may use it.
        alias: What it is called.
        tags: Its tags.
    """

    name: str
    description: str
    policy: dict[str, Any]
    alias: str
    tags: dict[str, str]


def key(place: Place, name: str, description: str, *statements: Statement) -> KeySpec:
    """A key that the account's policies decide about, and services that are named.

    Args:
        place: Where it is.
        name: Its purpose.
        description: The same for people.
        statements: What services may do with it.
    """
    account_decides = let({"AWS": place.root}, allow("kms:*", "*", sid="AccountDecides"))
    return KeySpec(
        name=name,
        description=description,
        policy=document(account_decides, *statements),
        alias=f"alias/{place.prefix}-{name}",
        tags=place.tags(name),
    )


def using(place: Place, name: str, *actions: str, via: str = "") -> Statement:
    """The statement of an identity that may use one of the keys, which is meant by its alias.

    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html

    Args:
        place: Where it is.
        name: The key's purpose.
        actions: What may be done with it.
        via: Only through this service.
    """
    when: dict[str, dict[str, Any]] = {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": f"alias/{place.prefix}-{name}"}
    }
    if via:
        when["StringEquals"] = {"kms:ViaService": f"{via}.{place.region}.amazonaws.com"}
    return allow(list(actions), place.arn("kms", "key/*"), sid=f"Uses{name.title()}Key", when=when)
