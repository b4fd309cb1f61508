"""The values of the `aws:` keys: where AWS is, and the accounts that a stack may touch.

https://www.pulumi.com/registry/packages/aws/installation-configuration/#configuration-options
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from infra.settings.wording import shown

_ACCOUNT = re.compile(r"[0-9]{12}")
# The longest there is, ap-southeast-1, has 14 characters; names of buckets, which have room for 63, are made with it.
_REGION = re.compile(r"[a-z]{2,4}-([a-z]{2,4}-)?[a-z]{4,9}-[0-9]{1,2}")
_TAG_KEY = re.compile(r"(?!aws:)[^\x00-\x1f]{1,128}")


def _account(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        msg = f"{shown(value)} is a number, which loses leading zeros; write the twelve digits in quotes"
        raise ValueError(msg)  # noqa: TRY004  # pydantic tells a ValueError with its key
    if not isinstance(value, str) or not _ACCOUNT.fullmatch(value):
        msg = f'{shown(value)} is not an account id; write its twelve digits in quotes, such as "111122223333"'
        raise ValueError(msg)
    return value


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        msg = f"{shown(text)} is not a region; write its code, such as eu-central-1"
        raise ValueError(msg)
    return text


def _tag_key(text: str) -> str:
    # https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
    if not _TAG_KEY.fullmatch(text):
        msg = f"{shown(text)} cannot be a tag; use 1 to 128 characters that do not begin with `aws:`"
        raise ValueError(msg)
    return text


def queues_of(region: str, account: str) -> str:
    """What the URLs of an account's queues begin with (https://docs.aws.amazon.com/general/latest/gr/sqs-service.html).

    Args:
        region: Where they are.
        account: Whose they are.
    """
    return f"https://sqs.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/{account}/"


AccountId = Annotated[str, BeforeValidator(_account), WithJsonSchema({"type": "string", "pattern": "^[0-9]{12}$"})]
Region = Annotated[str, AfterValidator(_region), WithJsonSchema({"type": "string", "pattern": f"^{_REGION.pattern}$"})]
TagKey = Annotated[str, AfterValidator(_tag_key), WithJsonSchema({"type": "string", "pattern": "^(?!aws:).{1,128}$"})]
TagValue = Annotated[str, Field(max_length=256)]
