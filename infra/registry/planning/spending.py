"""What the account may cost in a month, and who is told.

https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
"""

from dataclasses import dataclass
from typing import Any

from infra.encryption import KeySpec, key
from infra.iam import allow, document, let
from infra.place import Place
from infra.settings import Settings

KEY = "alerts"
"""The purpose of the key that alerts are encrypted with on their way."""
_BUDGETS = {"Service": "budgets.amazonaws.com"}


@dataclass(frozen=True, kw_only=True)
class BudgetSpec:
    """A budget.

    Attributes:
        name: Its name.
        dollars: Of a month.
        shares: Percentages of it at which people are told.
        topic: Name of the topic that alerts go to.
        topic_policy: Who may write to it.
        key: What they are encrypted with.
        notify: E-mail addresses.
        tags: Tags of all of it.
    """

    name: str
    dollars: str
    shares: tuple[int, ...]
    topic: str
    topic_policy: dict[str, Any]
    key: KeySpec
    notify: tuple[str, ...]
    tags: dict[str, str]


def plan_budget(settings: Settings, place: Place) -> BudgetSpec | None:
    """Plan the budget; None for a stack without one."""
    budget = settings.budget
    if budget is None:
        return None
    topic = f"{place.prefix}-alerts"
    ours = {
        "StringEquals": {"aws:SourceAccount": place.account},
        "ArnLike": {"aws:SourceArn": place.arn("budgets", "*", region="")},
    }
    arn = place.arn("sns", topic)
    encrypts = allow(["kms:GenerateDataKey*", "kms:Decrypt"], "*", sid="BudgetsEncrypt", when=ours)
    return BudgetSpec(
        name=f"{place.prefix}-monthly",
        dollars=budget.dollars,
        shares=tuple(budget.shares),
        topic=topic,
        topic_policy=document(let(_BUDGETS, allow("sns:Publish", arn, sid="BudgetsAlert", when=ours))),
        key=key(place, KEY, f"Alerts of {place.stack}", let(_BUDGETS, encrypts)),
        notify=budget.notify,
        tags=place.tags("alerts"),
    )
